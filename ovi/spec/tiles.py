"""Tiles: how one frame is divided for decoding.

The tiles of a frame cover it without overlapping. What a tile needs to see of its neighbours is
the decoder's affair (`ovi/runtime/tiling.py`), which makes the division invisible.
"""

import itertools
import math
from dataclasses import dataclass

from ovi.spec.geometry import PIXELS_PER_LATENT, FrameSize
from ovi.spec.request import VaeTiling


@dataclass(frozen=True, slots=True)
class Tile:
    """One rectangle of a frame; all numbers are pixels and multiples of 16."""

    top: int
    left: int
    height: int
    width: int

    @property
    def bottom(self) -> int:
        """The first row below it."""
        return self.top + self.height

    @property
    def right(self) -> int:
        """The first column right of it."""
        return self.left + self.width

    @property
    def area(self) -> int:
        """Pixels in it."""
        return self.height * self.width


def plan_tiles(size: FrameSize, tiling: VaeTiling | None) -> tuple[Tile, ...]:
    """The tiles of a frame, row by row: as few as keep every side within `tiling.side`.

    Without tiling there is one, the frame. Raises ValueError for sides that are no multiples of 16.
    """
    if tiling is None:
        return grid_tiles(size, 1, 1)
    rows, columns = (math.ceil(side / tiling.side) for side in (size.height, size.width))
    return grid_tiles(size, rows, columns)


def grid_tiles(size: FrameSize, rows: int, columns: int) -> tuple[Tile, ...]:
    """The tiles of a grid, row by row, as equal as whole latents allow.

    A frame too small for the grid gets fewer tiles. Raises ValueError for sides that are no
    multiples of 16.
    """
    return tuple(
        Tile(top, left, bottom - top, right - left)
        for top, bottom in _spans(size.height, rows)
        for left, right in _spans(size.width, columns)
    )


def _spans(length: int, count: int) -> list[tuple[int, int]]:
    """`count` ranges of pixels, or fewer, that make up `length`."""
    num_latents, rest = divmod(length, PIXELS_PER_LATENT)
    if rest or count < 1:
        raise ValueError(f"{length} pixels cannot be divided into {count} rows or columns of tiles")
    count = min(count, num_latents)
    cuts = [index * num_latents // count * PIXELS_PER_LATENT for index in range(count + 1)]
    return list(itertools.pairwise(cuts))
