"""What is heard in a scene: a steady sound, and recorded sounds at their times.

| motion | sound |
| --- | --- |
| bounce | a thud at every contact, lower the bigger the object |
| blink | a click at every change |
| rise, fall | while it moves, a tone whose pitch follows the height, over two octaves |
| slide | while it moves, a whoosh |
| pulse | a hum as loud as the object is large |
| orbit | an even hum |
| spin, still | silence |
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ovi.training.world.motion import PULSE_DEPTH, Track
from ovi.training.world.scene import (
    NUM_FRAMES,
    NUM_SAMPLES,
    SAMPLE_RATE,
    SIZES,
    FaceScene,
    ShapeScene,
)
from ovi.training.world.sound_bank import SoundBank
from ovi.training.world.vocabulary import WORD_GAP_SECONDS

LOWEST_TONE_HZ = 220.0
TONE_OCTAVES = 2.0
HUM_HZ = 130.0
TONE = (0.34, 0.1, 0.04, 0.0)
HUM = (0.3, 0.16, 0.08, 0.0)
WHOOSH = (0.0, 0.0, 0.0, 1.0)
SILENCE = (0.0, 0.0, 0.0, 0.0)

Placed = tuple[int, int, int]
"""Offset in the bank, length, and first sample in the clip."""


@dataclass(frozen=True, slots=True, eq=False)
class Score:
    """One clip's sound; see `SceneBatch` for units."""

    timbre: tuple[float, float, float, float]
    pitch: NDArray[np.float64]
    level: NDArray[np.float64]
    gate: tuple[float, float]
    noise_shift: int
    placed: tuple[Placed, ...]


def score_shape(scene: ShapeScene, course: Track, bank: SoundBank) -> Score:
    """The sound of a moving object."""
    timbre, gate = SILENCE, (0.0, NUM_SAMPLES / SAMPLE_RATE)
    pitch, level = np.full(NUM_FRAMES + 1, HUM_HZ), np.ones(NUM_FRAMES + 1)
    placed: tuple[Placed, ...] = ()
    match scene.motion:
        case "bounce":
            placed = _at_events(course.events, f"thud:{scene.size}", bank)
        case "blink":
            placed = _at_events(course.events, "click", bank)
        case "rise" | "fall":
            timbre, gate = TONE, (scene.begin, scene.begin + scene.span)
            pitch = LOWEST_TONE_HZ * 2.0 ** (TONE_OCTAVES * _with_end(course.height))
        case "slide left" | "slide right":
            timbre, gate = WHOOSH, (scene.begin, scene.begin + scene.span)
        case "pulse":
            timbre = HUM
            growth = course.radius / SIZES[scene.size] - 1.0
            level = _with_end(0.5 + 0.5 * growth / PULSE_DEPTH) ** 1.5
        case "orbit":
            timbre = HUM
        case _:
            pass
    return Score(timbre, pitch, level, gate, scene.seed % NUM_SAMPLES, placed)


def score_face(scene: FaceScene, bank: SoundBank) -> Score:
    """The words of a face, one after another."""
    placed = []
    first = round(scene.begin * SAMPLE_RATE)
    for word in scene.words:
        offset, length = bank.spans[f"{scene.voice}:{word}"]
        placed.append((offset, length, first))
        first += length + round(WORD_GAP_SECONDS * SAMPLE_RATE)
    steady = np.ones(NUM_FRAMES + 1)
    return Score(SILENCE, HUM_HZ * steady, steady, (0.0, 0.0), 0, tuple(placed))


def _at_events(events: tuple[float, ...], name: str, bank: SoundBank) -> tuple[Placed, ...]:
    offset, length = bank.spans[name]
    return tuple((offset, length, round(time * SAMPLE_RATE)) for time in events)


def _with_end(per_frame: NDArray[np.float64]) -> NDArray[np.float64]:
    """Per-frame values and one more at the clip's very end, for interpolation."""
    return np.append(per_frame, per_frame[-1])
