"""What one clip of the nano world shows and says, drawn from an integer seed.

A scene names everything that decides its clip. What a caption tells (shape, colour, motion, words
...) is drawn from closed lists; what it does not tell (where, when, how fast) is drawn from short
ranges, in pixels and seconds. Some combinations are held out for the judge: see `is_held_out`.
"""

import random
import zlib
from dataclasses import dataclass
from enum import StrEnum

from ovi.training.world.palette import (
    BACKGROUNDS,
    COLOURS,
    FACE_BACKGROUNDS,
    HAIRS,
    HATS,
    SKINS,
)
from ovi.training.world.vocabulary import VOCABULARY, WORD_GAP_SECONDS

SIDE = 128
"""Pixels of a frame's side."""
NUM_FRAMES = 45
FPS = 24
SAMPLE_RATE = 16_000
NUM_SAMPLES = 30_208
"""59 audio latents of 512 samples; the picture ends 208 samples (13 ms) before the sound."""
CLIP_SECONDS = NUM_FRAMES / FPS

SHAPES = ("circle", "square", "triangle", "star", "ring")
NEW_SHAPES = ("cross",)
"""Never drawn from a seed: for teaching trained weights something new."""
SIZES: dict[str, float] = {"small": 15.0, "medium": 20.0, "big": 26.0}
"""Radius in pixels."""
MOTIONS = (
    "bounce",
    "slide left",
    "slide right",
    "rise",
    "fall",
    "pulse",
    "spin",
    "blink",
    "orbit",
    "still",
)
LAST_WORD_ENDS = 1.84
"""Seconds by which speech is over."""

HELD_OUT_SHARE = 8
"""One in so many combinations is kept for the judge."""

HELD_OUT_KEY = "exam 41"
"""Of the hash that keeps them; chosen so that every value of every attribute is among them."""


class Split(StrEnum):
    """Which scenes to draw: those to learn from, or those kept for the judge."""

    TRAIN = "train"
    JUDGE = "judge"


@dataclass(frozen=True, slots=True)
class ShapeScene:
    """One object that moves in one way."""

    seed: int
    shape: str
    colour: str
    background: str
    motion: str
    size: str
    x: float
    """Centre in pixels from the left, for motions that do not decide it."""
    y: float
    """Centre in pixels from the top, likewise."""
    begin: float
    """Seconds until the motion begins; for a bounce, until the first contact."""
    span: float
    """Seconds the motion takes once: a slide, a bounce, a pulse, a turn, or half a blink."""
    phase: float
    """Where an orbit starts, in turns clockwise from the right."""


@dataclass(frozen=True, slots=True)
class FaceScene:
    """A face that says one to three words."""

    seed: int
    skin: str
    hair: str
    voice: str
    """"woman" (long hair) or "man" (short hair)"""
    hat: str | None
    """The hat's colour."""
    background: str
    words: tuple[str, ...]
    begin: float
    """Seconds until the first word."""
    x: float
    """Centre of the head in pixels from the left."""


Scene = ShapeScene | FaceScene

VOICES = ("woman", "man")


def sample_scene(seed: int, *, split: Split = Split.TRAIN, face_share: float = 0.5) -> Scene:
    """The scene of a seed; `face_share` of the seeds show faces. Equal arguments, equal scenes."""
    draw = random.Random(seed)
    is_face = draw.random() < face_share
    motion = draw.choice(MOTIONS)  # before the loop: held-out or not, motions come equally often
    while True:
        scene = _sample_face(draw, seed) if is_face else _sample_shape(draw, seed, motion)
        if is_held_out(scene) == (split is Split.JUDGE):
            return scene


def is_held_out(scene: Scene) -> bool:
    """Whether a scene is kept for the judge.

    A shape is, by its (shape, colour, motion); a face, by its looks (skin, hair, voice, hat) or by
    its sequence of two or three words. Any two attributes, and any word, are seen in training.
    """
    if isinstance(scene, ShapeScene):
        return _is_kept(scene.shape, scene.colour, scene.motion)
    looks_are_kept = _is_kept(scene.skin, scene.hair, scene.voice, scene.hat or "bare")
    return looks_are_kept or (len(scene.words) > 1 and _is_kept(*scene.words))


def _is_kept(*parts: str) -> bool:
    return zlib.crc32("|".join((HELD_OUT_KEY, *parts)).encode()) % HELD_OUT_SHARE == 0


def _sample_shape(draw: random.Random, seed: int, motion: str) -> ShapeScene:
    begin, span = 0.0, 0.0
    if motion == "bounce":
        span = draw.uniform(0.5, 0.72)
        begin = draw.uniform(0.15, 0.15 + 0.7 * span)
    elif motion in ("slide left", "slide right", "rise", "fall"):
        begin, span = draw.uniform(0.1, 0.45), draw.uniform(1.0, 1.3)
    elif motion == "pulse":
        span = draw.uniform(0.5, 0.7)
    elif motion == "spin":
        span = draw.uniform(1.5, 1.9)
    elif motion == "blink":
        begin, span = draw.randint(6, 11) / FPS, draw.randint(7, 10) / FPS
    elif motion == "orbit":
        span = draw.uniform(1.6, 1.9)
    return ShapeScene(
        seed=seed,
        shape=draw.choice(SHAPES),
        colour=draw.choice(tuple(COLOURS)),
        background=draw.choice(tuple(BACKGROUNDS)),
        motion=motion,
        size=draw.choice(tuple(SIZES)),
        x=64.0 + draw.uniform(-14.0, 14.0),
        y=58.0 + draw.uniform(-6.0, 6.0),
        begin=begin,
        span=span,
        phase=draw.random(),
    )


def _sample_face(draw: random.Random, seed: int) -> FaceScene:
    words = _sample_words(draw)
    seconds = speech_seconds(words)
    return FaceScene(
        seed=seed,
        skin=draw.choice(tuple(SKINS)),
        hair=draw.choice(tuple(HAIRS)),
        voice=draw.choice(VOICES),
        hat=draw.choice((None, *HATS)) if draw.random() < 0.6 else None,
        background=draw.choice(FACE_BACKGROUNDS),
        words=words,
        begin=draw.uniform(0.06, min(0.6, LAST_WORD_ENDS - seconds)),
        x=64.0 + draw.uniform(-3.0, 3.0),
    )


def _sample_words(draw: random.Random) -> tuple[str, ...]:
    """One to three words that fit the clip, no word twice."""
    count = draw.choices((1, 2, 3), weights=(4, 4, 2))[0]
    while True:
        words = tuple(draw.sample(tuple(VOCABULARY), count))
        if speech_seconds(words) < LAST_WORD_ENDS - 0.1:
            return words


def speech_seconds(words: tuple[str, ...]) -> float:
    """Seconds from the first word's start to the last word's end, in the slower voice."""
    return sum(VOCABULARY[word] for word in words) + WORD_GAP_SECONDS * (len(words) - 1)
