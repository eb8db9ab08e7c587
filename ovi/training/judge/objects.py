"""Sees the object of a clip: where it is in every frame, its colour, its shape and its size.

The object is what differs from the wall's usual colour. Its shape is the one whose outline, drawn
at the place and size seen, covers the same pixels best.

Legend: F frames, H W rows and columns, n frames looked at, A angles. Pixels are float32 0..255.
"""

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray

from ovi.training.judge.wall import Pixels, nearest_name, row_colours
from ovi.training.world.motion import FLOOR_Y
from ovi.training.world.palette import COLOURS
from ovi.training.world.picture import outline
from ovi.training.world.scene import NEW_SHAPES, SHAPES, SIZES

LEAST_CONTRAST = 26.0
"""Of a pixel against its row, in any channel, to count as an object's."""
LEAST_PIXELS = 90
"""Of an object; the smallest has about 300."""
FRAMES_LOOKED_AT = 7
"""For the shape."""
SYMMETRY = {
    "circle": 0.0,
    "ring": 0.0,
    "square": 90.0,
    "triangle": 120.0,
    "star": 72.0,
    "cross": 90.0,
}
"""Degrees of a turn that a shape does not show; 0: any."""
ANGLE_STEP = 7.5
"""Degrees between the turns that are tried."""


@dataclass(frozen=True, slots=True, eq=False)
class SeenObject:
    """What was seen; arrays are float64 (F,), and not a number where nothing is visible."""

    shape: str
    colour: str
    size: str
    x: NDArray[np.float64]
    y: NDArray[np.float64]
    radius: NDArray[np.float64]
    """of the shape, from its area"""
    visible: NDArray[np.bool_]
    contrast: Pixels
    """(F, H, W) difference from the wall"""


def see_object(frames: Pixels) -> SeenObject | None:
    """The object in frames (F, H, W, 3), or None where there is none in most of a second."""
    wall = row_colours(frames)
    contrast = np.abs(frames - wall[None, :, None]).max(axis=3)
    contrast[_is_shadow(frames, wall)] = 0.0
    strong = contrast[contrast > LEAST_CONTRAST]
    if strong.size < LEAST_PIXELS:
        return None
    mask = contrast > max(LEAST_CONTRAST, 0.5 * float(np.percentile(strong, 80)))
    area = mask.sum(axis=(1, 2)).astype(np.float64)
    visible = area > max(LEAST_PIXELS, 0.3 * float(np.percentile(area, 80)))
    if visible.sum() < 8:
        return None
    x, y = _centres(mask, visible)
    shape = _name_shape(mask, x, y, visible)
    radius = np.where(visible, np.sqrt(area / _unit_area(shape)), np.nan)
    middle = float(np.nanmedian(radius))
    return SeenObject(
        shape=shape,
        colour=_name_colour(frames, mask, visible),
        size=min(SIZES, key=lambda name: abs(SIZES[name] - middle)),
        x=x,
        y=y,
        radius=radius,
        visible=visible,
        contrast=contrast,
    )


def _is_shadow(frames: Pixels, wall: Pixels) -> NDArray[np.bool_]:
    """Where (F, H, W) the floor is only darker, by the same share in every channel."""
    first = int(FLOOR_Y) - 4
    share = (frames[:, first:] + 4.0) / (wall[None, first:, None] + 4.0)
    darker = (share.max(axis=3) < 1.02) & (np.ptp(share, axis=3) < 0.22)
    shadow = np.zeros(frames.shape[:3], np.bool_)
    shadow[:, first:] = darker
    return shadow


def _centres(
    mask: NDArray[np.bool_], visible: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Centres of gravity in pixels."""
    centres = np.arange(mask.shape[1]) + 0.5
    count = np.maximum(mask.sum(axis=(1, 2)), 1)
    x = (mask.sum(axis=1) * centres).sum(axis=1) / count
    y = (mask.sum(axis=2) * centres).sum(axis=1) / count
    return np.where(visible, x, np.nan), np.where(visible, y, np.nan)


def _name_colour(frames: Pixels, mask: NDArray[np.bool_], visible: NDArray[np.bool_]) -> str:
    """From pixels whose four neighbours belong to the object too."""
    inner = mask.copy()
    for axis in (1, 2):
        for shift in (-1, 1):
            inner &= np.roll(mask, shift, axis=axis)
    inner &= visible[:, None, None]
    pixels = frames[inner if inner.any() else mask]
    return nearest_name(np.median(pixels, axis=0), COLOURS)


def _name_shape(
    mask: NDArray[np.bool_],
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    visible: NDArray[np.bool_],
) -> str:
    seen = np.flatnonzero(visible)
    looked_at = seen[np.linspace(0, len(seen) - 1, FRAMES_LOOKED_AT).round().astype(int)]
    masks = torch.from_numpy(mask[looked_at])[:, None]  # (n, 1, H, W)
    area = masks.sum(dim=(2, 3), keepdim=True)
    rest = torch.arange(mask.shape[1]) + 0.5
    across = rest - torch.from_numpy(x[looked_at]).float()[:, None, None, None]
    down = rest[:, None] - torch.from_numpy(y[looked_at]).float()[:, None, None, None]

    def overlap(shape: str) -> float:
        symmetry = SYMMETRY[shape]
        count = max(round(symmetry / ANGLE_STEP), 1)
        turns = torch.arange(count)[None, :, None, None] * math.radians(ANGLE_STEP)
        radius = (area / _unit_area(shape)).sqrt()
        cos, sin = torch.cos(turns) / radius, torch.sin(turns) / radius
        drawn = outline(shape, across * cos + down * sin, down * cos - across * sin) < 0
        both = (drawn & masks).sum(dim=(2, 3)).float()
        either = (drawn | masks).sum(dim=(2, 3)).float()
        return float((both / either).amax(dim=1).mean())

    return max((*SHAPES, *NEW_SHAPES), key=overlap)


@lru_cache(maxsize=len(SHAPES) + len(NEW_SHAPES))
def _unit_area(shape: str) -> float:
    """Area of a shape of radius 1."""
    line = (torch.arange(600) + 0.5) / 200.0 - 1.5
    return float((outline(shape, line, line[:, None]) < 0).float().mean()) * 9.0
