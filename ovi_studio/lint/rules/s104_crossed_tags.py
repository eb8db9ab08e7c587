"""Rule crossed-tags."""

from collections.abc import Iterator

from ovi_studio.lint.diagnostic import Applicability, Edit, Finding, Fix
from ovi_studio.lint.edits import deletion, deletions, insertion
from ovi_studio.lint.subject import Subject
from ovi_studio.prompt.model import (
    AudioCaption,
    Irregularity,
    IrregularityKind,
    Prompt,
    Role,
    Span,
    Speech,
)


def check(subject: Subject) -> Iterator[Finding]:
    """Speech and caption that overlap.

    What it does
        Reports a tag that opens inside one pair of tags and closes outside it, and speech inside
        a tagged caption.

    Why it matters
        Speech belongs to the scene, the caption stands behind it. Where they overlap, the model
        speaks the caption or describes the speech.

    Example (720x720_5s)
        A woman with short black hair stands at the window of a small kitchen in soft morning
        light, a cup of tea in both hands. She looks out at the rain for a moment, turns to the
        camera with a tired smile, and says, <S>We should leave today. <AUDCAP>A calm<E>
        female voice, rain on glass.<ENDAUDCAP>

    Use instead (720x720_5s)
        A woman with short black hair stands at the window of a small kitchen in soft morning
        light, a cup of tea in both hands. She looks out at the rain for a moment, turns to the
        camera with a tired smile, and says, <S>We should leave today.<E> <AUDCAP>A calm female
        voice, rain on glass.<ENDAUDCAP>

    Fix safety
        Unsafe: the outer pair is closed before the inner one opens, or the tags of a speech
        inside the caption are taken out; something else may have been meant.
    """
    prompt = subject.prompt
    partners = _pairs(prompt)
    kinds = (IrregularityKind.CROSSED_TAGS, IrregularityKind.SPEECH_IN_CAPTION)
    for number, found in enumerate(prompt.irregularities_of(*kinds)):
        if found.kind is IrregularityKind.SPEECH_IN_CAPTION:
            pair = [found.span, *partners.get(found.span, ())]
            fix = Fix("Take out the tags", deletions(prompt.text, pair), Applicability.UNSAFE)
            message = "Speech inside the audio caption: move it into the scene."
        else:
            edits = _closed_before(prompt, found, partners) if number == 0 else ()
            fix = Fix("Close the outer pair first", edits, Applicability.UNSAFE)
            message = "Speech and caption overlap: close the one before the other opens."
        yield Finding(message, found.span, fix if fix.edits else None)


def _pairs(prompt: Prompt) -> dict[Span, tuple[Span, ...]]:
    """Each start tag that has an end tag of its kind, with that end tag."""
    opened: dict[Role, list[Span]] = {Role.SPEECH_END: [], Role.CAPTION_END: []}
    pairs: dict[Span, tuple[Span, ...]] = {}
    for mark in prompt.marks:
        if mark.role is Role.SPEECH_START:
            opened[Role.SPEECH_END].append(mark.span)
        elif mark.role is Role.CAPTION_START:
            opened[Role.CAPTION_END].append(mark.span)
        elif opened.get(mark.role):
            pairs[opened[mark.role].pop()] = (mark.span,)
    return pairs


def _closed_before(
    prompt: Prompt, found: Irregularity, partners: dict[Span, tuple[Span, ...]]
) -> tuple[Edit, ...]:
    """Moves the end tag of the pair around the inner start tag to just before that tag."""
    own_end = partners[found.span][0]
    outer: list[Speech | AudioCaption] = [*prompt.speeches, *prompt.captions]
    for part in outer:
        if part.closing and part.span.start < found.span.start < part.span.end < own_end.end:
            place = len(prompt.text[: found.span.start].rstrip())
            ends = insertion(place, part.closing.canonical)
            return ends, deletion(prompt.text, part.closing.span)
    return ()
