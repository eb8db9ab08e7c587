"""Rule unopened-speech."""

from collections.abc import Iterator

from ovi_studio.lint.diagnostic import Applicability, Finding, Fix
from ovi_studio.lint.edits import deletion, insertion
from ovi_studio.lint.spoken import unopened_speeches
from ovi_studio.lint.subject import Subject


def check(subject: Subject) -> Iterator[Finding]:
    """`<E>` without its `<S>`.

    What it does
        Reports an end tag that closes nothing.

    Why it matters
        The words before it are taken for the description of a scene, and nobody speaks them.

    Example
        A pale face looks at us and says, hello yellow<E>. Audio: A clear woman's voice.

    Use instead
        A pale face looks at us and says, <S>hello yellow<E>. Audio: A clear woman's voice.

    Fix safety
        Unsafe: the start tag is put behind the last verb of speaking, else before the last
        sentence, which is a guess. Where no words stand before the end tag, it is taken out.
    """
    for end_tag, start in unopened_speeches(subject.prompt):
        if start is None:
            edit, title = deletion(subject.text, end_tag), "Take out the end tag"
        else:
            edit, title = insertion(start, "<S>"), "Put <S> where the speech probably begins"
        yield Finding(
            "This end tag closes nothing: write <S> where the spoken words begin.",
            end_tag,
            Fix(title, (edit,), Applicability.UNSAFE),
        )
