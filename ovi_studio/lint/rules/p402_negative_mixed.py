"""Rule negative-mixed."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from ovi_studio.lint.diagnostic import Edit, Finding, Fix
from ovi_studio.lint.edits import insertion
from ovi_studio.lint.subject import Subject
from ovi_studio.prompt.model import Span
from ovi_studio.prompt.prompt_set import AUDIO_NEGATIVE_COLUMNS, VIDEO_NEGATIVE_COLUMNS

_SOUND_WORDS = (
    "robotic muffled echo echoes echoing reverb audio sound sounds voice voices music speech "
    "hiss hissing hum humming crackle crackling mumbling off-key loud clipping microphone"
)
_PICTURE_WORDS = (
    "jitter blur blurry hands hand fingers face faces limbs anatomy pixelated pixelation watermark "
    "subtitles logo camera lighting overexposed underexposed flicker flickering grainy"
)
_HEARD = frozenset(_SOUND_WORDS.split())
_SEEN = frozenset(_PICTURE_WORDS.split())
_ITEM = re.compile(r"[^,;]+")


@dataclass(frozen=True, slots=True)
class _Negative:
    """One of the two negative prompts of a row."""

    cell: str
    text: str


def check(subject: Subject) -> Iterator[Finding]:
    """Words about sound in the negative prompt of the picture, or the reverse.

    What it does
        Reports items such as "echo" in the column of the video negative, and items such as "bad
        hands" in that of the audio negative.

    Why it matters
        Each negative prompt steers its own half of the model: there is no echo to avoid in a
        picture, and no hand in a sound.

    Example (csv)
        text_prompt,video_negative,audio_negative
        A pale face on a blue floor says <S>hello yellow<E>. Audio: A voice.,"blur, echo",robotic

    Use instead (csv)
        text_prompt,video_negative,audio_negative
        A pale face on a blue floor says <S>hello yellow<E>. Audio: A voice.,blur,"robotic, echo"

    Fix safety
        Safe: the item moves to the other column; the prompt stays. There is a fix where the row
        fills both columns and neither becomes empty.
    """
    video = _negative(subject, VIDEO_NEGATIVE_COLUMNS)
    audio = _negative(subject, AUDIO_NEGATIVE_COLUMNS)
    yield from _misplaced(video, audio, _HEARD, "a sound")
    yield from _misplaced(audio, video, _SEEN, "a picture")


def _negative(subject: Subject, columns: tuple[str, ...]) -> _Negative | None:
    for cell in columns:
        text = subject.row.values.get(cell, "")
        if text.strip():
            return _Negative(cell, text)
    return None


def _misplaced(
    here: _Negative | None, there: _Negative | None, words: frozenset[str], what: str
) -> Iterator[Finding]:
    if here is None:
        return
    items = [Span(*match.span()) for match in _ITEM.finditer(here.text)]
    for span in items:
        item = span.of(here.text).strip()
        if words.isdisjoint(item.lower().split()):
            continue
        fix = None
        if there is not None and len(items) > 1:
            fix = Fix(f"Move it to {there.cell}", _move(here, span, item, there))
        start = span.start + span.of(here.text).index(item)
        yield Finding(
            f'"{item}" is about {what}, and the column {here.cell} is not: it belongs in the other '
            "negative prompt.",
            Span(start, start + len(item)),
            fix,
            cell=here.cell,
        )


def _move(here: _Negative, span: Span, item: str, there: _Negative) -> tuple[Edit, ...]:
    if span.start > 0:  # with the comma before it, else with the one behind
        cut = Span(span.start - 1, span.end)
    else:
        behind = here.text[span.end + 1 :]
        cut = Span(0, span.end + 1 + len(behind) - len(behind.lstrip()))
    edits = [Edit(cut, "", here.cell)]
    known = {known.strip().lower() for known in _ITEM.findall(there.text)}
    if item.lower() not in known:
        added = insertion(len(there.text.rstrip().rstrip(",;")), f", {item}")
        edits.append(Edit(added.span, added.replacement, there.cell))
    return tuple(edits)
