"""Takes in pictures that somebody uploaded: checked, turned upright, written anew as plain PNG.

Nothing of the file that was sent is kept but its pixels: no metadata, no name. The new file lies in
the project's `uploads/` under the hash of its content, so that the same picture is kept once and
clips made from it can be reproduced.
"""

import hashlib
import io
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ovi.errors import FirstFrameError
from ovi.image_header import SIDEWAYS, open_image, orientation_of
from ovi_studio.web.context import WebContext

MAX_SIDE = 2048
"""Pixels of the longer side that are kept; no variant makes frames as large."""

_TURNS = {2: "FLIP_LEFT_RIGHT", 3: "ROTATE_180", 4: "FLIP_TOP_BOTTOM", 5: "TRANSPOSE",
          6: "ROTATE_270", 7: "TRANSVERSE", 8: "ROTATE_90"}  # fmt: skip
"""EXIF orientation -> how Pillow calls the turn that undoes it."""


def keep_picture(context: WebContext, source: Path | bytes) -> Path:
    """The absolute path of the picture's clean copy in the project.

    Raises FirstFrameError for what is no picture that can be used, or more than the limits allow.
    """
    limits = context.limits
    size = len(source) if isinstance(source, bytes) else source.stat().st_size
    if size > limits.picture_bytes:
        raise FirstFrameError(
            f"The picture has {size / 1e6:.1f} MB: {limits.picture_bytes / 1e6:.1f} MB at most. "
            "Save it smaller; no clip is larger than about 1 million pixels a frame."
        )
    with _as_file(context, source) as path:
        png = _clean_png(path, limits.picture_pixels)
    kept = context.layout.upload_folder / f"{hashlib.sha256(png).hexdigest()[:32]}.png"
    if not kept.is_file():
        _ensure_room(context, len(png))
        kept.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=kept.parent, suffix=".new", delete=False) as file:
            file.write(png)
        Path(file.name).replace(kept)
    return kept.resolve()


def _clean_png(path: Path, max_pixels: int) -> bytes:
    from PIL import Image

    try:
        with open_image(path) as image:
            width, height = image.size
            if height * width > max_pixels:
                raise FirstFrameError(
                    f"The picture has {height * width:,} pixels: {max_pixels:,} at most. "
                    "Save it smaller; no clip is larger than about 1 million pixels a frame."
                )
            turn = orientation_of(image, path)
            is_turned = turn in SIDEWAYS or turn in _TURNS
            image.draft("RGB", (MAX_SIDE, MAX_SIDE))
            pixels = image.convert("RGBA" if _is_see_through(image) else "RGB")
            if is_turned and image.format != "TIFF":  # Pillow turns that format itself
                pixels = pixels.transpose(Image.Transpose[_TURNS[turn]])
            pixels.thumbnail((MAX_SIDE, MAX_SIDE))
            clean = Image.new(pixels.mode, pixels.size)
            clean.paste(pixels)
            written = io.BytesIO()
            clean.save(written, "PNG", compress_level=4)
            return written.getvalue()
    except FirstFrameError as error:
        # The name of our temporary file tells the user nothing.
        raise FirstFrameError(str(error).replace(str(path), "The picture")) from error


def _is_see_through(image: object) -> bool:
    return bool(getattr(image, "has_transparency_data", False))


@contextmanager
def _as_file(context: WebContext, source: Path | bytes) -> Iterator[Path]:
    """The upload as a file, for as long as the block runs."""
    if isinstance(source, Path):
        yield source
        return
    folder = context.layout.state.page_folder
    context.layout.state.create()
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=folder, prefix="upload-") as file:
        file.write(source)
        file.flush()
        yield Path(file.name)


def _ensure_room(context: WebContext, num_bytes: int) -> None:
    folder, most = context.layout.upload_folder, context.limits.upload_folder_bytes
    held = sum(path.stat().st_size for path in folder.glob("*.png")) if folder.is_dir() else 0
    if held + num_bytes > most:
        raise FirstFrameError(
            f"The folder {folder.name} of this project holds {held / 1e9:.1f} GB of uploaded "
            f"pictures, and {most / 1e9:.1f} GB are kept at most. Delete some that no clip needs."
        )
