"""Marks one clip against the scene its prompt describes.

The scene is used for what the prompt told and for nothing else: events are measured from pixels
and compared with onsets measured from samples.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ovi.training.judge.faces import SeenFace, see_face
from ovi.training.judge.hearing import Heard, Waveform, hear, median_pitch
from ovi.training.judge.motions import changes, contacts, departure, name_motion
from ovi.training.judge.objects import SeenObject, see_object
from ovi.training.judge.speech import Recogniser, words_right
from ovi.training.judge.wall import name_background
from ovi.training.world.scene import FPS, FaceScene, Scene, ShapeScene

SOUND_OF = {
    "bounce": "thud",
    "blink": "click",
    "slide left": "whoosh",
    "slide right": "whoosh",
    "rise": "rising tone",
    "fall": "falling tone",
    "pulse": "hum",
    "orbit": "hum",
    "spin": "silence",
    "still": "silence",
}
ONE_FRAME = 1.0 / FPS
LONGEST_OFFSET = 0.25
"""Seconds beyond which a sound and an event have nothing to do with each other."""
LEAST_LIKENESS = 0.6
"""Correlation from which two courses are said to follow each other."""
LARGEST_LAG = 5
"""Frames by which speech and mouth are shifted against each other, at most."""
VOICE_DIVIDE_HZ = 150.0
"""Between the man's voice (about 115 Hz) and the woman's (about 195 Hz)."""


@dataclass(frozen=True, slots=True)
class Marks:
    """What was right in one clip."""

    seed: int
    kind: str
    """"object" or "face\""""
    motion: str
    """asked for; "" for a face"""
    right: dict[str, bool] = field(default_factory=dict)
    """attribute -> right or wrong; every wrong word of a clip's speech makes "words" wrong"""
    measured: dict[str, float] = field(default_factory=dict)
    """quantity -> value in ms, or a correlation"""
    offsets_ms: tuple[float, ...] = ()
    """sound minus event, for every visible event with a sound near it"""
    num_events: int = 0
    """visible events that should have a sound"""
    words_said: int = 0
    words_right: int = 0
    heard_words: tuple[str, ...] = ()


def mark_clip(
    frames: NDArray[np.uint8], waveform: Waveform, scene: Scene, recogniser: Recogniser | None
) -> Marks:
    """Marks for a clip of frames (F, H, W, 3) and samples (S,)."""
    pixels = frames.astype(np.float32)
    background = name_background(pixels)
    face = see_face(pixels, background)
    heard = hear(waveform)
    if isinstance(scene, ShapeScene):
        seen = see_object(pixels) if face is None else None
        return _mark_object(scene, seen, background, heard)
    words = recogniser.words(waveform) if recogniser else None
    return _mark_face(scene, face, background, heard, words)


def _mark_object(
    scene: ShapeScene, seen: SeenObject | None, background: str, heard: Heard
) -> Marks:
    motion = None if seen is None else name_motion(seen)
    right = {
        "shape": seen is not None and seen.shape == scene.shape,
        "colour": seen is not None and seen.colour == scene.colour,
        "background": background == scene.background,
        "motion": motion == scene.motion,
        "size": seen is not None and seen.size == scene.size,
        "kind of sound": heard.kind == SOUND_OF[scene.motion],
    }
    measured: dict[str, float] = {}
    offsets: list[float] = []
    num_events = 0
    if seen is not None and motion == scene.motion:
        offsets, num_events = _offsets(seen, motion, heard)
        likeness = _likeness(seen, motion, heard)
        if likeness is not None:
            measured["sound follows object (correlation)"] = likeness
            right["sound follows object"] = likeness >= LEAST_LIKENESS
    if num_events:
        right["every event within a frame"] = len(offsets) == num_events and all(
            abs(offset) <= ONE_FRAME for offset in offsets
        )
    return Marks(
        seed=scene.seed,
        kind="object",
        motion=scene.motion,
        right=right,
        measured=measured,
        offsets_ms=tuple(1000.0 * offset for offset in offsets),
        num_events=num_events,
    )


def _offsets(seen: SeenObject, motion: str, heard: Heard) -> tuple[list[float], int]:
    """Sound minus event in seconds, for events with a sound near them; and all events."""
    if motion in ("bounce", "blink"):
        events = list(contacts(seen) if motion == "bounce" else changes(seen))
        sounds = heard.onsets
    elif motion in ("slide left", "slide right", "rise", "fall"):
        start = departure(seen)
        events = [] if start is None else [start]
        sounds = np.array([] if heard.starts is None else [heard.starts])
    else:
        return [], 0
    found = []
    for event in events:
        gaps = sounds - event
        if len(gaps) and np.abs(gaps).min() <= LONGEST_OFFSET:
            found.append(float(gaps[np.abs(gaps).argmin()]))
    return found, len(events)


def _likeness(seen: SeenObject, motion: str, heard: Heard) -> float | None:
    """How well pitch follows height, or loudness follows size, where they should."""
    if motion in ("rise", "fall"):
        known = ~np.isnan(heard.pitch) & ~np.isnan(seen.y)
        if known.sum() < 8:
            return 0.0
        return correlation(np.log2(heard.pitch[known]), -seen.y[known])
    if motion == "pulse":
        known = seen.visible
        return correlation(heard.loudness[known], seen.radius[known])
    return None


def _mark_face(
    scene: FaceScene,
    seen: SeenFace | None,
    background: str,
    heard: Heard,
    words: tuple[str, ...] | None,
) -> Marks:
    pitch = median_pitch(heard)
    voice = None if pitch is None else ("woman" if pitch > VOICE_DIVIDE_HZ else "man")
    right = {
        "face": seen is not None,
        "background": background == scene.background,
        "skin": seen is not None and seen.skin == scene.skin,
        "hair": seen is not None and (seen.hair, seen.hair_of) == (scene.hair, scene.voice),
        "hat": seen is not None and seen.hat == scene.hat,
        "voice": voice == scene.voice,
        "mouth follows speech": False,
    }
    measured: dict[str, float] = {}
    if seen is not None:
        likeness, lag = _mouth_against_speech(seen.mouth, heard.loudness)
        measured["mouth follows speech (correlation)"] = likeness
        measured["mouth behind speech (ms)"] = 1000.0 * lag
        right["mouth follows speech"] = likeness >= LEAST_LIKENESS and abs(lag) <= 1.01 * ONE_FRAME
    if words is not None:
        right["words"] = words == scene.words
    return Marks(
        seed=scene.seed,
        kind="face",
        motion="",
        right=right,
        measured=measured,
        words_said=0 if words is None else len(scene.words),
        words_right=0 if words is None else words_right(scene.words, words),
        heard_words=words or (),
    )


def _mouth_against_speech(
    mouth: NDArray[np.float64], loudness: NDArray[np.float64]
) -> tuple[float, float]:
    """Correlation without a shift, and the shift in seconds at which it is largest."""
    likeness = {
        lag: correlation(
            mouth[max(lag, 0) : len(mouth) + min(lag, 0)],
            loudness[max(-lag, 0) : len(loudness) + min(-lag, 0)],
        )
        for lag in range(-LARGEST_LAG, LARGEST_LAG + 1)
    }
    best = max(likeness, key=lambda lag: likeness[lag])
    return likeness[0], best * ONE_FRAME


def correlation(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    """Pearson's, 0 where either does not vary."""
    if np.ptp(one) < 1e-9 or np.ptp(other) < 1e-9:
        return 0.0
    return float(np.corrcoef(one, other)[0, 1])
