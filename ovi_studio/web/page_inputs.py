"""Fields whose content reaches the page as it was written, to be checked here and told in words.

What Gradio says of a number out of range names no field, and fills the log. Nor does it know the
choices that a page has from a server before this one, such as the sets in a page left open.
"""

from typing import Any, TypeVar

_Field = TypeVar("_Field")


def taken_as_written(field: _Field) -> _Field:
    """The component, without Gradio's own check of what a browser sends."""
    field.preprocess = _as_written  # type: ignore[attr-defined]
    return field


def taken_as_file(picture: _Field) -> _Field:
    """The component of pictures, of which an event gets the path of what was uploaded.

    Gradio would open and convert it, whatever it is, before we have looked at it.
    """
    picture.preprocess = _path_of  # type: ignore[attr-defined]
    return picture


def _path_of(upload: Any) -> str | None:
    return None if upload is None else upload.path


def _as_written(content: Any) -> Any:
    return content
