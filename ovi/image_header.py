"""Opens a picture file and reads its size, with nothing but Pillow.

Planning a render needs the size of every first frame, in a process that has neither torch nor
numpy; reading the pixels is `first_frame.py`. Both see a picture the same way up.
"""

import os
import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from ovi.errors import FirstFrameError
from ovi.spec.geometry import FrameSize

if TYPE_CHECKING:
    from PIL.Image import Image

MIN_SIDE = 32
"""A picture must have at least this many pixels on each side: one token of the model."""

FORMATS = ("PNG", "JPEG", "WEBP", "AVIF", "GIF", "BMP", "TIFF", "JPEG2000", "PPM")
"""Named one by one because Pillow hands some other formats to outside programs."""

SIDEWAYS = (5, 6, 7, 8)
"""EXIF orientations whose height and width are exchanged."""

_EXIF_ORIENTATION = 0x0112

_DAMAGE = (OSError, SyntaxError, ValueError, LookupError, TypeError, ArithmeticError, EOFError,
           RuntimeError, struct.error, zlib.error)  # fmt: skip
"""What Pillow's decoders raise on files that are not what they claim to be."""


def read_image_size(path: Path) -> FrameSize:
    """Height and width of the picture the right way up, without decoding its pixels.

    Raises FirstFrameError for whatever `open_image` refuses.
    """
    with open_image(path) as image:
        if image.format == "TIFF":
            image.load()  # Pillow turns this format itself, and knows its size only then
        width, height = image.size
        if orientation_of(image, path) in SIDEWAYS:
            height, width = width, height
        return FrameSize(height, width)


@contextmanager
def open_image(path: Path) -> Iterator["Image"]:
    """The picture, opened but not yet decoded; an animation stands at its first frame.

    Raises FirstFrameError, here or while the picture is in use, when the file is missing, is not
    a picture, is damaged, has a side under `MIN_SIDE`, or more pixels than Pillow holds safe.
    """
    try:
        from PIL import Image, UnidentifiedImageError
    except ImportError as error:
        raise FirstFrameError(
            f"{path} cannot be read: reading pictures needs Pillow. Run: pip install pillow"
        ) from error
    if not path.is_file():
        raise FirstFrameError(_not_a_file(path))
    Image.init()  # registers the formats, so that FORMATS can be cut to those of this Pillow
    known = [name for name in FORMATS if name in Image.OPEN]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # notes on metadata that is not used here
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        try:
            with Image.open(path, formats=known) as image:
                _check_sides(path, *image.size)
                yield image
        except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
            raise FirstFrameError(
                f"{path} has more than {Image.MAX_IMAGE_PIXELS:,} pixels, too many to open "
                "safely. Save it smaller; no clip is larger than about 1 million pixels a frame."
            ) from error
        except UnidentifiedImageError as error:
            raise FirstFrameError(
                f"{path} is not a picture that can be read here. Save it as PNG or JPEG; also "
                f"read are {', '.join(name for name in known if name not in ('PNG', 'JPEG'))}."
            ) from error
        except _DAMAGE as error:
            raise FirstFrameError(_unreadable(path, error)) from error


def orientation_of(image: "Image", path: Path) -> int:
    """EXIF orientation of an opened picture, 1 to 8; 1 when none is given or it makes no sense."""
    from PIL import Image

    try:
        if image.format == "PNG" and "exif" not in image.info:
            late = _exif_after_pixels(path)
            if late:
                image.info["exif"] = late
        # The class's own method, because a PNG's would decode every pixel to look behind them.
        orientation = Image.Image.getexif(image).get(_EXIF_ORIENTATION, 1)
    except _DAMAGE:
        return 1
    return orientation if orientation in range(1, 9) else 1


def _exif_after_pixels(path: Path) -> bytes:
    """The eXIf chunk of a PNG, which may stand behind the pixels; empty when there is none."""
    with path.open("rb") as file:
        file.seek(8)  # past the signature
        while len(head := file.read(8)) == 8:
            length, kind = struct.unpack(">I4s", head)
            if kind == b"eXIf":
                return file.read(length)
            file.seek(length + 4, os.SEEK_CUR)  # past the data and its checksum
    return b""


def _check_sides(path: Path, width: int, height: int) -> None:
    if min(height, width) < MIN_SIDE:
        raise FirstFrameError(
            f"{path} is only {height}x{width} pixels. Use a picture of at least "
            f"{MIN_SIDE}x{MIN_SIDE}; a small one comes out blurred."
        )


def _not_a_file(path: Path) -> str:
    if path.is_dir():
        return f"{path} is a folder. Name one picture inside it."
    if path.exists():
        return f"{path} is not an ordinary file. Name a PNG or JPEG file."
    return f"There is no picture {path}. Check the name, and the folder it is looked up in."


def _unreadable(path: Path, error: BaseException) -> str:
    if isinstance(error, PermissionError):
        return f"{path} may not be read by this user. Change its permissions."
    return f"{path} is damaged or cut short ({error}). Save or download it again."
