"""Rule caption-not-last."""

from collections.abc import Iterator

from ovi_studio.lint.diagnostic import Edit, Finding, Fix
from ovi_studio.lint.edits import deletions
from ovi_studio.lint.subject import Subject
from ovi_studio.prompt.model import IrregularityKind, Role, Span


def check(subject: Subject) -> Iterator[Finding]:
    """Text after the audio caption.

    What it does
        Reports words, speech or punctuation behind the caption.

    Why it matters
        The model knows the caption as the last thing. Behind `Audio:` everything counts as
        caption, also a scene that goes on.

    Example
        A face says, Audio: A woman's voice. <S>hello yellow<E>

    Use instead
        A face says, <S>hello yellow<E> Audio: A woman's voice.

    Fix safety
        Safe: the caption moves to the end, and every word stays. Of several captions, two-captions
        is mended first.
    """
    prompt = subject.prompt
    for found in prompt.irregularities_of(IrregularityKind.TEXT_AFTER_CAPTION):
        yield Finding(
            "Text after the audio caption: put the caption last.",
            found.span,
            _fix(subject, found.span),
        )


def _fix(subject: Subject, rest: Span) -> Fix | None:
    """Moves the only caption to the end, or takes out what is no word."""
    prompt, text = subject.prompt, subject.text
    roles = (Role.CAPTION_START, Role.CAPTION_END, Role.CAPTION_PREFIX)
    caption = prompt.captions[0]
    own = (caption.opening, caption.closing)
    if not caption.is_exact or any(m.role in roles and m not in own for m in prompt.marks):
        return None
    if not any(character.isalnum() for character in rest.of(text)):
        return Fix("Take it out", deletions(text, [rest]))
    (cut,) = deletions(text, [caption.span])
    end = Span(len(text.rstrip()), len(text))
    return Fix("Move the caption to the end", (cut, Edit(end, f" {caption.span.of(text).strip()}")))
