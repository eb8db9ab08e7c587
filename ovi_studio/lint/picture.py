"""What the image rules know about a first frame: where it is, and what its file says."""

from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

from ovi.errors import FirstFrameError
from ovi.image_header import open_image, orientation_of, read_image_size
from ovi.spec.geometry import FrameSize
from ovi_studio.lint.diagnostic import Finding
from ovi_studio.lint.subject import Subject
from ovi_studio.prompt.model import Span
from ovi_studio.prompt.prompt_set import IMAGE_COLUMN


@dataclass(frozen=True, slots=True)
class Picture:
    """The head of a picture file."""

    path: Path
    size: FrameSize
    """The right way up."""
    orientation: int
    """EXIF orientation, 1 to 8; 1 is upright."""
    is_transparent: bool
    is_animated: bool


def can_read_pictures() -> bool:
    """True if Pillow is installed."""
    return find_spec("PIL") is not None


def tried_paths(subject: Subject) -> list[Path]:
    """Where the row's first frame is looked for, in this order."""
    written = subject.row.image_path
    return list(dict.fromkeys((folder / written).resolve() for folder in subject.target.folders))


def found_path(subject: Subject) -> Path | None:
    """The file of the row's first frame; None if there is none, or it cannot be a path at all."""
    try:
        return next((path for path in tried_paths(subject) if path.exists()), None)
    except (OSError, ValueError):  # too long, or with a null character
        return None


def picture_of(subject: Subject) -> Picture | None:
    """The row's first frame, if it can be read."""
    path = found_path(subject)
    if path is None or not can_read_pictures():
        return None
    picture = read_picture(path)
    return picture if isinstance(picture, Picture) else None


@lru_cache(maxsize=4096)
def read_picture(path: Path) -> Picture | FirstFrameError:
    """The head of a picture file, or why it cannot be used as a first frame."""
    try:
        size = read_image_size(path)
        with open_image(path) as image:
            is_transparent = "transparency" in image.info
            if image.mode in ("RGBA", "LA", "PA"):
                darkest = image.getchannel("A").getextrema()[0]
                is_transparent = isinstance(darkest, int | float) and darkest < 255
            return Picture(
                path,
                size,
                orientation_of(image, path),
                is_transparent,
                getattr(image, "is_animated", False),
            )
    except FirstFrameError as error:
        return error


def image_finding(subject: Subject, message: str) -> Finding:
    """A finding about the cell that names the first frame."""
    cell = subject.row.values[IMAGE_COLUMN]
    return Finding(message, Span(0, len(cell)), cell=IMAGE_COLUMN)
