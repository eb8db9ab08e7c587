"""Rule two-captions."""

from collections.abc import Iterator

from ovi.spec.variants import AudioForm
from ovi_studio.lint.diagnostic import Applicability, Edit, Finding, Fix
from ovi_studio.lint.edits import deletions
from ovi_studio.lint.subject import Subject
from ovi_studio.prompt.model import (
    CAPTION_END,
    CAPTION_PREFIX,
    CAPTION_START,
    AudioCaption,
    IrregularityKind,
    Mark,
    Role,
)

_CAPTION_ROLES = (Role.CAPTION_START, Role.CAPTION_END, Role.CAPTION_PREFIX)


def check(subject: Subject) -> Iterator[Finding]:
    """More than one audio caption.

    What it does
        Reports every caption after the first, in whichever form, and caption marks inside a
        caption. Empty captions are empty-caption's business.

    Why it matters
        The model was trained on one caption at the end. The published engine's conversion between
        the forms swallows whatever stands between two of them.

    Example
        A face says <S>hello yellow<E>. Audio: A woman's voice. Audio: Soft rain.

    Use instead
        A face says <S>hello yellow<E>. Audio: A woman's voice. Soft rain.

    Fix safety
        Unsafe: the captions are joined into one; perhaps one of them was a leftover.
    """
    prompt = subject.prompt
    for number, found in enumerate(prompt.irregularities_of(IrregularityKind.NESTED_CAPTION)):
        fix = _without_inner_marks(subject, found.span.start) if number == 0 else None
        yield Finding(
            "A caption begins inside another one: keep one pair of tags.", found.span, fix
        )
    filled = [caption for caption in prompt.captions if caption.text]
    for number, caption in enumerate(filled[1:]):
        fix = _joined(subject, filled) if number == 0 else None
        yield Finding("A second audio caption: join it with the first.", caption.opening.span, fix)


def _joined(subject: Subject, captions: list[AudioCaption]) -> Fix | None:
    """All captions in one, where the last one stands."""
    text = subject.text
    if not all(caption.is_exact for caption in captions):
        return None
    words = [*dict.fromkeys(caption.text for caption in captions)]
    joined = "".join(f"{part} " if part[-1] in ".!?…" else f"{part}, " for part in words[:-1])
    joined += words[-1]
    if subject.variant.audio_form is AudioForm.TAGGED:
        joined = f"{CAPTION_START}{joined}{CAPTION_END}"
    else:
        joined = f"{CAPTION_PREFIX} {joined}"
    last = captions[-1].span
    edits = (*deletions(text, [c.span for c in captions[:-1]]), Edit(last, joined))
    return Fix("Join the captions", edits, Applicability.UNSAFE)


def _without_inner_marks(subject: Subject, place: int) -> Fix | None:
    """Takes all inner marks out of the caption that covers `place`."""
    for caption in subject.prompt.captions:
        if caption.span.start <= place < caption.span.end:
            inner = [mark.span for mark in subject.prompt.marks if _is_inside(mark, caption)]
            edits = deletions(subject.text, inner)
            return Fix("Take out the inner tags", edits, Applicability.UNSAFE)
    return None


def _is_inside(mark: Mark, caption: AudioCaption) -> bool:
    inside = caption.text_span
    return mark.role in _CAPTION_ROLES and inside.start <= mark.span.start < inside.end
