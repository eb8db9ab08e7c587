"""Sees the face of a clip: skin, hair, hat, and how far the mouth is open in every frame.

Every combination of looks is drawn by the world itself, and the nearest in all pixels but the
mouth's is what is seen.

Legend: F frames, H W rows and columns, n looks. Pixels are float32 0..255.
"""

import itertools
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray

from ovi.training.judge.wall import Pixels
from ovi.training.world.batch import pack_scenes
from ovi.training.world.face import draw_faces
from ovi.training.world.palette import HAIRS, HATS, MOUTH_INSIDE, SKINS
from ovi.training.world.picture import draw_wall
from ovi.training.world.scene import VOICES, FaceScene
from ovi.training.world.sound_bank import load_sound_bank
from ovi.training.world.vocabulary import VOCABULARY

CENTRES = (61.0, 64.0, 67.0)
"""Places of the head that are tried, in pixels from the left."""
BLOCK = 4
LEAST_EXPLAINED = 0.6
"""Share of a picture's difference from its bare wall that a face must account for."""
MOUTH_ROWS, MOUTH_COLUMNS = slice(79, 102), slice(50, 78)
MOUTH_GREEN = 60.0
"""Green value below which a pixel is the inside of a mouth: lips have 70, the darkest skin 90."""


@dataclass(frozen=True, slots=True, eq=False)
class SeenFace:
    """What was seen."""

    skin: str
    hair: str
    hair_of: str
    """"woman" (long) or "man" (short)"""
    hat: str | None
    mouth: NDArray[np.float64]
    """(F,) pixels of the open mouth"""


def see_face(frames: Pixels, background: str) -> SeenFace | None:
    """The face in frames (F, H, W, 3) before a wall of that name, or None where there is none."""
    mean = frames.mean(axis=0)
    looks, pictures, bare = _looks_before(background)
    with_mouth = np.zeros(mean.shape, np.float32)
    with_mouth[MOUTH_ROWS, MOUTH_COLUMNS] = 1.0
    kept = _blocks(with_mouth)[..., 0] == 0
    pixels = _blocks(mean)[kept]
    errors = np.square(pictures[:, kept] - pixels).mean(axis=(1, 2))
    nearest = int(errors.argmin())
    if errors[nearest] > (1.0 - LEAST_EXPLAINED) * np.square(bare[kept] - pixels).mean():
        return None
    look = looks[nearest]
    return SeenFace(look.skin, look.hair, look.voice, look.hat, _mouth(frames))


def _mouth(frames: Pixels) -> NDArray[np.float64]:
    green = frames[:, MOUTH_ROWS, MOUTH_COLUMNS, 1]
    darkness = np.clip((MOUTH_GREEN - green) / (MOUTH_GREEN - MOUTH_INSIDE[1]), 0.0, 1.0)
    area: NDArray[np.float64] = darkness.sum(axis=(1, 2)).astype(np.float64)
    return area


@lru_cache(maxsize=8)
def _looks_before(background: str) -> tuple[list[FaceScene], Pixels, Pixels]:
    """All looks, their pictures (n, H/4, W/4, 3) with closed mouths, and the bare wall."""
    word = next(iter(VOCABULARY))
    looks = [
        FaceScene(0, skin, hair, voice, hat, background, (word,), 0.1, centre)
        for skin, hair, voice, hat, centre in itertools.product(
            SKINS, HAIRS, VOICES, (None, *HATS), CENTRES
        )
    ]
    batch = pack_scenes(looks, load_sound_bank())
    batch = replace(batch, mouth=torch.zeros(len(looks), 1))
    wall = draw_wall(batch.background)
    drawn = draw_faces(batch, torch.arange(len(looks)), wall)[:, 0]
    pictures, bare = (
        _blocks(picture.movedim(-3, -1).contiguous().numpy()) for picture in (drawn, wall[0])
    )
    return looks, pictures, bare


def _blocks(picture: Pixels) -> Pixels:
    """Means (..., H/4, W/4, 3) over blocks of pixels, which a little blur hardly changes."""
    *batch, height, width, channels = picture.shape
    cut = (*batch, height // BLOCK, BLOCK, width // BLOCK, BLOCK, channels)
    means: Pixels = picture.reshape(cut).mean(axis=(-4, -2))
    return means
