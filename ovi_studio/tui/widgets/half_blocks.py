"""Turns pictures into lines of half blocks, two pixels a cell: for every terminal with colours.

Pure work on pixels, for a thread. A cell is taken to be twice as high as it is wide.
"""

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from rich.color import Color
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

Picture = Sequence[Strip]
"""One picture, line by line."""

MAX_FRAMES = 96
_STEP = 4
"""Colours are rounded to multiples of it: nobody sees it, and styles are shared."""


def picture_of_pixels(width: int, height: int, pixels: bytes) -> Picture:
    """One picture from RGB pixels, row by row; an odd last row is left out."""
    row_bytes = 3 * width
    lines = []
    for top in range(0, height - 1, 2):
        upper = pixels[top * row_bytes : (top + 1) * row_bytes]
        lower = pixels[(top + 1) * row_bytes : (top + 2) * row_bytes]
        lines.append(_line(upper, lower, width))
    return lines


def read_moving(path: Path, columns: int, rows: int) -> list[Picture]:
    """The frames of an animated picture, each fitted into a box of cells, their shape kept.

    Raises OSError for a file that is gone or no picture.
    """
    from PIL import Image, ImageSequence

    with Image.open(path) as image:
        width, height = fitted(image.width, image.height, columns, rows)
        frames = []
        for number, frame in enumerate(ImageSequence.Iterator(image)):
            if number == MAX_FRAMES:
                break
            small = frame.convert("RGB").resize((width, height), Image.Resampling.BOX)
            frames.append(picture_of_pixels(width, height, small.tobytes()))
        return frames


def read_stretched(path: Path, columns: int, rows: int) -> Picture:
    """A picture stretched to a box of cells: for one that has no shape of its own, as of a sound.

    Raises OSError for a file that is gone or no picture.
    """
    from PIL import Image

    with Image.open(path) as image:
        size = max(1, columns), max(2, 2 * rows)
        small = image.convert("RGB").resize(size, Image.Resampling.BILINEAR)
    return picture_of_pixels(small.width, small.height, small.tobytes())


def fitted(width: int, height: int, columns: int, rows: int) -> tuple[int, int]:
    """Width and height in pixels of a picture within a box of cells; the height is even."""
    scale = min(columns / max(1, width), 2 * rows / max(1, height))
    high = max(2, int(height * scale) // 2 * 2)
    return max(1, min(columns, round(width * scale))), high


def _line(upper: bytes, lower: bytes, width: int) -> Strip:
    segments: list[Segment] = []
    before: tuple[int, ...] | None = None
    run = 0
    for at in range(0, 3 * width, 3):
        colours = tuple(part // _STEP * _STEP for part in (*upper[at : at + 3], *lower[at : at + 3]))
        if colours != before and before is not None:
            segments.append(Segment("▀" * run, _style(*before)))
            run = 0
        before = colours
        run += 1
    if before is not None:
        segments.append(Segment("▀" * run, _style(*before)))
    return Strip(segments, width)


@lru_cache(maxsize=16_384)
def _style(*colours: int) -> Style:
    upper, lower = colours[:3], colours[3:]
    return Style.from_color(Color.from_rgb(*upper), Color.from_rgb(*lower))
