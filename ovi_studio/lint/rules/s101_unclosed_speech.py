"""Rule unclosed-speech."""

from collections.abc import Iterator

from ovi_studio.lint.diagnostic import Applicability, Finding, Fix
from ovi_studio.lint.edits import deletion, insertion
from ovi_studio.lint.spoken import words_span
from ovi_studio.lint.subject import Subject
from ovi_studio.prompt.model import IrregularityKind


def check(subject: Subject) -> Iterator[Finding]:
    """`<S>` without its `<E>`.

    What it does
        Reports a start tag that no end tag belongs to.

    Why it matters
        The model cannot tell where the spoken words end, and speaks the scene as well.

    Example
        A pale face looks at us and says <S>hello yellow. Audio: A clear woman's voice.

    Use instead
        A pale face looks at us and says <S>hello yellow.<E> Audio: A clear woman's voice.

    Fix safety
        Unsafe: the end tag is put behind the first sentence, which is a guess.
    """
    prompt = subject.prompt
    spans = {s.opening.span: words_span(s) for s in prompt.speeches if not s.is_closed}
    for found in prompt.irregularities_of(IrregularityKind.UNCLOSED_SPEECH):
        words = spans.get(found.span)
        if words is None or not words.of(prompt.text).strip():
            edit, title = deletion(prompt.text, found.span), "Take out the start tag"
        else:
            edit, title = insertion(words.end, "<E>"), "Put <E> behind the first sentence"
        yield Finding(
            "This speech is never closed: write <E> where the spoken words end.",
            found.span,
            Fix(title, (edit,), Applicability.UNSAFE),
        )
