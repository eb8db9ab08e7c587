"""Finds the wall of a clip: what each row looks like where nothing stands before it.

Legend: F frames, H W rows and columns. Pixels are float32 0..255.
"""

import numpy as np
from numpy.typing import NDArray

from ovi.training.world.palette import BACKGROUNDS
from ovi.training.world.picture import WALL_LIGHT

Pixels = NDArray[np.float32]

CORNER_WIDTH = 12
CORNER_HEIGHT = 40
"""Of the two upper corners in pixels, where neither a face nor most objects ever are."""


def row_colours(frames: Pixels) -> Pixels:
    """The usual colour (H, 3) of every row of frames (F, H, W, 3).

    The median over all frames and columns: no object covers half a row for half a clip.
    """
    by_row = frames[::2, :, ::2].transpose(1, 0, 2, 3).reshape(frames.shape[1], -1, 3)
    medians: Pixels = np.median(by_row, axis=1).astype(np.float32)
    return medians


def name_background(frames: Pixels) -> str:
    """The name of the wall's colour, from the upper corners of frames (F, H, W, 3)."""
    rows = slice(0, CORNER_HEIGHT)
    left, right = frames[:, rows, :CORNER_WIDTH], frames[:, rows, -CORNER_WIDTH:]
    light = 1.0 + WALL_LIGHT * (1.0 - 2.0 * (np.arange(CORNER_HEIGHT) + 0.5) / frames.shape[1])
    corners = np.concatenate([left, right], axis=2) / light[:, None, None]
    return nearest_name(np.median(corners.reshape(-1, 3), axis=0), BACKGROUNDS)


def nearest_name(colour: NDArray[np.floating], palette: dict[str, tuple[int, int, int]]) -> str:
    """The palette's name for a colour (3,)."""
    return min(palette, key=lambda name: float(np.sum((colour - np.array(palette[name])) ** 2)))
