"""Still pictures on a terminal by textual-image: as kitty graphics, as sixels, or as half-blocks.

On import textual-image asks the terminal what it can do and reads the answer from the keyboard,
which cannot be done while Textual reads it. So what the terminal can do is judged by its
environment, and `OVI_PICTURES` (kitty, sixel, blocks or none) settles it where that is wrong.
"""

import io
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from textual.widget import Widget

PictureKind = Literal["kitty", "sixel", "blocks", "none"]

MAX_SIDE = 640
"""Pixels of what is handed to the screen; more is not seen and takes long to draw."""

MAX_PIXELS = 100_000_000
"""A picture with more is not opened."""

_loading = threading.Lock()


def picture_kind(environment: Mapping[str, str]) -> PictureKind:
    """How pictures are shown, judged by the variables that terminals set."""
    wanted = environment.get("OVI_PICTURES", "").strip().lower()
    if wanted in ("kitty", "sixel", "blocks", "none"):
        return wanted  # type: ignore[return-value]
    terminal = environment.get("TERM", "")
    if "TMUX" in environment or terminal.startswith(("tmux", "screen", "linux", "dumb")):
        return "blocks"
    if "KITTY_WINDOW_ID" in environment or terminal in ("xterm-kitty", "xterm-ghostty"):
        return "kitty"
    program = environment.get("TERM_PROGRAM", "")
    if terminal.startswith(("foot", "mlterm", "contour")) or "KONSOLE_VERSION" in environment:
        return "sixel"
    return "sixel" if program in ("WezTerm", "iTerm.app", "mintty") else "blocks"


def load_picture(path: Path) -> Any:
    """A picture, small enough to be drawn while one types. Call it from a thread.

    Raises ImportError without Pillow, OSError or ValueError for what is no picture.
    """
    from PIL import Image, ImageOps

    with Image.open(path) as opened:
        if opened.width * opened.height > MAX_PIXELS:
            raise ValueError(f"{path.name} is too large to be shown.")
        opened.draft("RGB", (MAX_SIDE, MAX_SIDE))
        turned = ImageOps.exif_transpose(opened)
        turned.thumbnail((MAX_SIDE, MAX_SIDE))
        return turned.convert("RGB")


def picture_widget(kind: PictureKind) -> "type[Widget]":
    """The widget for pictures; it takes one as its first argument. Call it from a thread.

    Raises ImportError where textual-image is not installed.
    """
    with _loading:
        if "textual_image.widget" not in sys.modules:
            _import_quietly()
        from textual_image import widget

        if kind == "kitty":
            return widget.TGPImage
        return widget.SixelImage if kind == "sixel" else widget.HalfcellImage


def _import_quietly() -> None:
    """Imports textual-image without its questions to the terminal."""
    real = sys.__stdout__
    sys.__stdout__ = io.StringIO()  # type: ignore[misc, assignment]
    try:
        import textual_image.widget
    finally:
        sys.__stdout__ = real  # type: ignore[misc]
    size = _cell_size()
    if size is not None:
        from textual_image import _terminal

        _terminal.get_cell_size._result = _terminal.CellSize(*size)  # type: ignore[attr-defined]
    del textual_image


def _cell_size() -> tuple[int, int] | None:
    """Width and height of a terminal cell in pixels, where the system knows."""
    if sys.platform == "win32" or sys.__stdout__ is None:
        return None
    import fcntl
    import struct
    import termios

    try:
        answer = fcntl.ioctl(sys.__stdout__.fileno(), termios.TIOCGWINSZ, bytes(8))
    except (OSError, ValueError):
        return None
    rows, columns, width, height = struct.unpack("HHHH", answer)
    return (width // columns, height // rows) if rows and columns and width and height else None
