"""Frame sizes: what comes out when a size, or a first frame, goes in.

The published models make frames whose area is close to the one they were trained for and whose
sides are multiples of 32 (16 pixels a latent, 2 latents a token). Both rules below reproduce the
published choice, rounding included, which is why 720x720 comes out as 704x704.
"""

import math
from dataclasses import dataclass
from typing import Self

from ovi.errors import RequestError

SIZE_STEP = 32
"""Both sides of every frame are multiples of this many pixels."""

PIXELS_PER_LATENT = 16
"""Pixels per latent row or column."""

PICTURE_AREA = 1024 * 1024
"""Area at which the image model draws a first frame."""

PICTURE_STEP = 16
"""Sides of a drawn first frame are multiples of this many pixels."""


@dataclass(frozen=True, slots=True)
class FrameSize:
    """Height and width in pixels, height first as everywhere."""

    height: int
    width: int

    def __post_init__(self) -> None:
        if self.height < 1 or self.width < 1:
            raise RequestError(
                f"A frame of {self.height}x{self.width} pixels cannot be made: "
                "give both height and width as whole numbers of at least 1."
            )

    def __str__(self) -> str:
        return f"{self.height}x{self.width}"

    @property
    def area(self) -> int:
        """Pixels of one frame."""
        return self.height * self.width

    @property
    def latent_shape(self) -> tuple[int, int]:
        """Latent rows and columns."""
        return self.height // PIXELS_PER_LATENT, self.width // PIXELS_PER_LATENT

    @classmethod
    def parse(cls, text: str) -> Self:
        """Reads `HxW`, such as `704x1280`. Raises RequestError for anything else."""
        parts = text.lower().replace("×", "x").split("x")
        if len(parts) == 2 and all(p.strip().isascii() and p.strip().isdigit() for p in parts):
            return cls(int(parts[0]), int(parts[1]))
        raise RequestError(f"{text!r} is not a size. Write height x width, such as 704x1280.")


def _scaled_to_area(height: int, width: int, area: int) -> tuple[float, float]:
    """Both sides, unrounded, of the rectangle of that area with the same shape."""
    if height < 1 or width < 1:
        raise RequestError(f"A size of {height}x{width} has no area: both sides must be positive.")
    factor = math.sqrt(area / (height * width))
    return height * factor, width * factor


def _nearest_multiple(side: float, step: int) -> int:
    """The nearest multiple of `step`, at least one; exact halves go to the even multiple."""
    return max(step, round(side / step) * step)


def scale_to_area(height: int, width: int, area: int, step: int) -> FrameSize:
    """The size of about `area` pixels with the given shape and sides that are multiples of `step`.

    Raises RequestError when a side is not positive. Source: the published rule for the size of a
    picture drawn as first frame (step 16).
    """
    tall, wide = _scaled_to_area(height, width, area)
    return FrameSize(_nearest_multiple(tall, step), _nearest_multiple(wide, step))


def fit_size(height: int, width: int, area: int) -> FrameSize:
    """The size that a text-to-video clip gets when `height` x `width` is asked for.

    Each side is scaled to the area, rounded to a whole pixel and then to a multiple of 32; both
    roundings are the published ones and both matter. Raises RequestError when a side is not
    positive.
    """
    tall, wide = _scaled_to_area(height, width, area)
    return FrameSize(
        _nearest_multiple(round(tall), SIZE_STEP), _nearest_multiple(round(wide), SIZE_STEP)
    )


def fit_size_to_image(height: int, width: int, area: int) -> FrameSize:
    """The size that a clip gets when it starts from a picture of `height` x `width`.

    The picture's shape decides, not a size asked for. Of the plainly scaled size and seven sizes
    whose rows lie around the ideal, the one nearest to the area wins, then the one nearest to the
    picture's shape. Raises RequestError when a side is not positive.
    """
    plain = scale_to_area(height, width, area, SIZE_STEP)
    aspect = width / height
    ideal_rows = round(math.sqrt(area // SIZE_STEP**2 / aspect))
    candidates = [plain]
    for rows in range(max(1, ideal_rows - 3), ideal_rows + 4):
        columns = round(rows * aspect)
        if columns >= 1:
            candidates.append(FrameSize(rows * SIZE_STEP, columns * SIZE_STEP))
    return min(candidates, key=lambda s: (abs(s.area - area), abs(s.width / s.height - aspect)))


def picture_size(height: int, width: int, area: int) -> FrameSize:
    """The size at which the image model draws a first frame for a clip of `height` x `width`.

    The clip itself then follows the picture: `fit_size_to_image` of this size.
    """
    snapped = fit_size(height, width, area)
    return scale_to_area(snapped.height, snapped.width, PICTURE_AREA, PICTURE_STEP)
