"""Rule unbalanced-caption."""

import re
from collections.abc import Iterator

from ovi.spec.variants import AudioForm
from ovi_studio.lint.diagnostic import Applicability, Edit, Finding, Fix
from ovi_studio.lint.edits import deletion, insertion
from ovi_studio.lint.subject import Subject
from ovi_studio.prompt.model import (
    CAPTION_PREFIX,
    CAPTION_START,
    IrregularityKind,
    SegmentKind,
    Span,
)

_SENTENCE_END = re.compile(r"[.!?…][\"')\]]*\s+")


def check(subject: Subject) -> Iterator[Finding]:
    """`<AUDCAP>` without `<ENDAUDCAP>`, or the reverse.

    What it does
        Reports a caption tag whose partner is missing.

    Why it matters
        Half a pair is no caption: the model reads the words as part of the scene, and the published
        engine does not convert them.

    Example (720x720_5s)
        A woman with short black hair stands at the window of a small kitchen in soft morning
        light, a cup of tea in both hands. She looks out at the rain for a moment, turns to the
        camera with a tired smile, and says, <S>We should leave today.<E> <AUDCAP>A calm female
        voice, rain on glass.

    Use instead (720x720_5s)
        A woman with short black hair stands at the window of a small kitchen in soft morning
        light, a cup of tea in both hands. She looks out at the rain for a moment, turns to the
        camera with a tired smile, and says, <S>We should leave today.<E> <AUDCAP>A calm female
        voice, rain on glass.<ENDAUDCAP>

    Fix safety
        Unsafe: the end goes before the next tag or to the end of the prompt; a missing start goes
        before the last sentence. A stray end beside a whole caption is taken out.
    """
    prompt = subject.prompt
    ends = {c.opening.span: c.span.end for c in prompt.captions if not c.is_whole}
    for found in prompt.irregularities_of(IrregularityKind.UNCLOSED_CAPTION):
        edit = deletion(prompt.text, found.span)
        title = "Take out the start tag"
        if found.span in ends:
            words = prompt.text[found.span.end : ends[found.span]]
            if words.strip():
                edit = insertion(found.span.end + len(words.rstrip()), "<ENDAUDCAP>")
                title = "Close the caption"
        yield Finding(
            "This caption is never closed: write <ENDAUDCAP> behind it.",
            found.span,
            Fix(title, (edit,), Applicability.UNSAFE),
        )
    scenes = {s.span.end: s.span for s in prompt.segments if s.kind is SegmentKind.SCENE}
    for found in prompt.irregularities_of(IrregularityKind.UNOPENED_CAPTION):
        yield Finding(
            "This end tag closes no caption: write <AUDCAP> where the caption begins.",
            found.span,
            _fix_of_stray_end(subject, found.span, scenes.get(found.span.start)),
        )


def _fix_of_stray_end(subject: Subject, end_tag: Span, scene: Span | None) -> Fix:
    """Opens a caption before the last sentence, if there is none yet and words stand there."""
    prompt = subject.prompt
    words = scene.of(prompt.text) if scene else ""
    if prompt.captions or scene is None or not words.strip():
        edits: tuple[Edit, ...] = (deletion(prompt.text, end_tag),)
        return Fix("Take out the end tag", edits, Applicability.UNSAFE)
    start = len(words) - len(words.lstrip())
    for end in _SENTENCE_END.finditer(words.rstrip()):
        start = end.end()
    title = "Begin the caption with the last sentence"
    if subject.variant.audio_form is AudioForm.TAGGED:
        edits = (insertion(scene.start + start, CAPTION_START),)
    else:
        opening = insertion(scene.start + start, f"{CAPTION_PREFIX} ")
        edits = (opening, deletion(prompt.text, end_tag))
    return Fix(title, edits, Applicability.UNSAFE)
