"""Which stretches of a prompt a rewrite may change, and a prompt put together with new ones.

A stretch is a `Slot`: the words of a spoken line, of the audio caption, or of a piece of the scene.
White space at its edges, tags, stage directions at the head of a line and punctuation that belongs
to a tag lie outside, so that a prompt in which every slot is filled anew differs in words only.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from ovi_studio.prompt.model import Prompt, Role, SegmentKind, Span


class Part(StrEnum):
    """What of a prompt is rewritten."""

    SPEECH = "speech"
    AUDIO = "audio"
    SCENE = "scene"
    ALL = "all"

    @property
    def kinds(self) -> tuple[SegmentKind, ...]:
        """The kinds of segments it consists of."""
        return _KINDS[self]


_KINDS = {
    Part.SPEECH: (SegmentKind.SPEECH,),
    Part.AUDIO: (SegmentKind.CAPTION,),
    Part.SCENE: (SegmentKind.SCENE,),
    Part.ALL: (SegmentKind.SPEECH, SegmentKind.CAPTION, SegmentKind.SCENE),
}

_DIRECTION = re.compile(r"(?:\s*(?:\[[^\[\]<>]*\]|\([^()<>]*\)))*\s*")
"""Stage directions at the head of a line: `[soft whisper]`. They are not spoken."""

_SCENE_HEAD = re.compile(r"[\s.,;:!?…–—-]*")
_SCENE_TAIL = re.compile(r"[\s,;:–—-]*\Z")

MIN_SCENE_WORDS = 3
"""Pieces of scene with fewer words are glue between two lines, such as `. She adds,`: those with
no more than a speaker and a verb stay as they are."""


@dataclass(frozen=True, slots=True)
class Slot:
    """One stretch that is to be written anew."""

    number: int
    """1-based, in order of position: how answers name it."""
    kind: SegmentKind
    """SPEECH, CAPTION or SCENE."""
    span: Span
    text: str
    """As it stands now."""


def find_slots(prompt: Prompt, part: Part) -> tuple[Slot, ...]:
    """The stretches of a prompt that make up a part, in order; those without words left out."""
    found: list[tuple[SegmentKind, Span]] = []
    if SegmentKind.SPEECH in part.kinds:
        found += [
            (SegmentKind.SPEECH, _inside_speech(prompt, s.text_span)) for s in prompt.speeches
        ]
    if SegmentKind.CAPTION in part.kinds:
        found += [(SegmentKind.CAPTION, _stripped(prompt, c.text_span)) for c in prompt.captions]
    if SegmentKind.SCENE in part.kinds:
        found += [(SegmentKind.SCENE, _inside_scene(prompt, span)) for span in prompt.scene]
    worded = [(kind, span) for kind, span in found if _has_words(kind, span.of(prompt.text))]
    worded.sort(key=lambda pair: pair[1].start)
    return tuple(
        Slot(number, kind, span, span.of(prompt.text))
        for number, (kind, span) in enumerate(worded, 1)
    )


def obstacle_to(prompt: Prompt, part: Part) -> str:
    """Why a part of a prompt cannot be rewritten, in a sentence; "" if it can.

    Where a prompt's structure is in doubt, nobody can tell the part from the rest.
    """
    if prompt.irregularities:
        kind = prompt.irregularities[0].kind.replace("-", " ")
        return f"Its tags are not in order ({kind}): run `ovi lint` and mend them first."
    if any(mark.role is not Role.UNKNOWN and not mark.is_exact for mark in prompt.marks):
        return "A tag is misspelt: run `ovi lint --fix` first."
    slots = find_slots(prompt, part)
    if not slots:
        return f"It has no {_NAMES[part]} to rewrite."
    if any(slot.span.start < mark.span.end and mark.span.start < slot.span.end
           for slot in slots for mark in prompt.marks):  # fmt: skip
        return "There is something like a tag in what would be rewritten: run `ovi lint` first."
    return ""


_NAMES = {
    Part.SPEECH: "speech",
    Part.AUDIO: "audio caption",
    Part.SCENE: "scene",
    Part.ALL: "words",
}


def assemble(text: str, slots: Sequence[Slot], words: Sequence[str]) -> str:
    """The prompt with its slots filled by `words`, one for each; all else as it was."""
    pieces: list[str] = []
    position = 0
    for slot, new in zip(slots, words, strict=True):
        pieces += text[position : slot.span.start], new
        position = slot.span.end
    pieces.append(text[position:])
    return "".join(pieces)


def _inside_speech(prompt: Prompt, span: Span) -> Span:
    words = span.of(prompt.text)
    head = _DIRECTION.match(words)
    assert head is not None, "the pattern matches nothing, too"
    return _stripped(prompt, Span(span.start + head.end(), span.end))


def _inside_scene(prompt: Prompt, span: Span) -> Span:
    """Without the punctuation that follows a tag, and the comma or colon that leads up to one."""
    words = span.of(prompt.text)
    head = _SCENE_HEAD.match(words)
    assert head is not None, "the pattern matches nothing, too"
    start = head.end() if span.start > 0 else len(words) - len(words.lstrip())
    tail = _SCENE_TAIL.search(words, start)
    assert tail is not None, "the pattern matches nothing, too"
    return Span(span.start + start, span.start + max(start, tail.start()))


def _stripped(prompt: Prompt, span: Span) -> Span:
    words = span.of(prompt.text)
    start = span.start + len(words) - len(words.lstrip())
    return Span(start, max(start, span.start + len(words.rstrip())))


def _has_words(kind: SegmentKind, text: str) -> bool:
    if not any(character.isalnum() for character in text):
        return False
    return kind is not SegmentKind.SCENE or len(text.split()) >= MIN_SCENE_WORDS
