"""Rule caption-in-speech."""

from collections.abc import Iterator

from ovi_studio.lint.diagnostic import Applicability, Edit, Finding, Fix
from ovi_studio.lint.edits import deletions, insertion
from ovi_studio.lint.subject import Subject
from ovi_studio.prompt.model import IrregularityKind, Mark, Role, Span, Speech


def check(subject: Subject) -> Iterator[Finding]:
    """`Audio:` or a caption tag inside speech.

    What it does
        Reports the beginning of an audio caption between `<S>` and `<E>`.

    Why it matters
        The published engine takes everything behind `Audio:` for the caption, the end of the
        speech included; and whatever stands between the tags is spoken.

    Example
        A face says <S>hello yellow Audio: A quiet room<E>

    Use instead
        A face says <S>hello yellow<E> Audio: A quiet room

    Fix safety
        Unsafe: the caption moves to the end of the prompt; where there is another caption,
        "Audio:" loses its colon and stays spoken.
    """
    prompt = subject.prompt
    speeches = iter(prompt.speeches)
    speech: Speech | None = next(speeches, None)
    for number, found in enumerate(prompt.irregularities_of(IrregularityKind.CAPTION_IN_SPEECH)):
        while speech is not None and speech.span.end <= found.span.start:
            speech = next(speeches, None)
        yield Finding(
            "An audio caption begins inside speech: put it at the end of the prompt.",
            found.span,
            _fix(subject, found.span, speech) if speech and number == 0 else None,
        )


def _fix(subject: Subject, place: Span, speech: Speech) -> Fix | None:
    prompt, text = subject.prompt, subject.text
    marks = [m for m in prompt.marks if place.start <= m.span.start < speech.text_span.end]
    if prompt.captions:
        if marks[0].role is not Role.CAPTION_PREFIX:
            return None
        colon = Span(place.end - 1, place.end)
        return Fix("Take out the colon", (Edit(colon, ","),), Applicability.UNSAFE)
    cut = Span(place.start, _end_of_caption(marks, speech))
    caption = cut.of(text).strip()
    (without,) = deletions(text, [Span(len(text[: cut.start].rstrip()), cut.end)])
    moved = insertion(len(text.rstrip()), f" {caption}")
    return Fix("Move the caption to the end", (without, moved), Applicability.UNSAFE)


def _end_of_caption(marks: list[Mark], speech: Speech) -> int:
    """Where the caption that the first of the marks begins is over."""
    if marks[0].role is Role.CAPTION_START:
        for mark in marks[1:]:
            if mark.role is Role.CAPTION_END:
                return mark.span.end
    return speech.text_span.end
