"""The first frame at hand: a picture of the project, which the page names by its place in it."""

from pathlib import Path
from typing import Any

from ovi_studio.errors import StudioError, UsageError
from ovi_studio.project.image_cells import find_picture
from ovi_studio.web.context import WebContext
from ovi_studio.web.uploads import keep_picture


def picture_path(context: WebContext, name: object) -> Path | None:
    """The picture that the page names, inside the project. Raises UsageError."""
    if not isinstance(name, str) or not name:
        return None
    root = context.working_folder.resolve()
    found = find_picture(name, [root])
    if found is None or not found.is_relative_to(root):
        raise UsageError("The first frame is not in this project any more: choose it again.")
    return found


def picture_name(context: WebContext, path: Path) -> str:
    """A picture as the page names it."""
    return path.resolve().relative_to(context.working_folder.resolve()).as_posix()


def keep_upload(context: WebContext, path: str | None) -> str:
    """The name of the clean copy of what was uploaded to the page; "" for nothing.

    Raises FirstFrameError for what is no picture that can be used.
    """
    return picture_name(context, keep_picture(context, Path(path))) if path else ""


def picture_shown(context: WebContext, name: object) -> Any:
    """The picture itself, for the component that shows it; None if it is not there any more."""
    from PIL import Image

    try:
        path = picture_path(context, name)
        if path is None:
            return None
        with Image.open(path) as image:
            return image.convert("RGB")
    except (StudioError, OSError, Image.DecompressionBombError):
        return None
