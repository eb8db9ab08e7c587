"""A clip's recipe as text: JSON in the MP4's comment and in the sidecar, and back."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ovi.errors import MediaError
from ovi.media.mp4_comment import read_comment

_LONE_SURROGATE = re.compile(r"[\ud800-\udfff]")
_NO_COMMENT = "it has no comment, or is no complete MP4 file"
_METADATA_SPECIAL = re.compile(r"[=;#\\\n]")


def recipe_text(recipe: Mapping[str, Any], indent: int | None = None) -> str:
    """The recipe as JSON that can be stored as UTF-8; on one line unless indented.

    Raises TypeError or ValueError for values that JSON does not have, NaN among them.
    """
    text = json.dumps(dict(recipe), ensure_ascii=False, allow_nan=False, indent=indent)
    # Half of a surrogate pair has no UTF-8; inside a JSON string its escape means the same.
    return _LONE_SURROGATE.sub(lambda half: f"\\u{ord(half[0]):04x}", text)


def ffmpeg_metadata(comment: str) -> str:
    """A metadata file for ffmpeg that sets the comment, with its special characters escaped.

    A file and not an argument, because arguments are limited in length.
    """
    escaped = _METADATA_SPECIAL.sub(lambda special: "\\" + special[0], comment)
    return f";FFMETADATA1\ncomment={escaped}\n"


def read_recipe(path: Path, max_bytes: int | None = None) -> dict[str, Any]:
    """The recipe inside an MP4 clip. Raises MediaError when there is none within `max_bytes`."""
    try:
        comment = read_comment(path, max_bytes)
    except OSError as error:
        raise MediaError(
            f"{path} cannot be read ({error.strerror or error}). Check the name and permissions."
        ) from error
    if comment is None:
        raise MediaError(
            _without_recipe(
                path,
                _NO_COMMENT if max_bytes is None else f"{_NO_COMMENT}, or its comment is too long",
            )
        )
    try:
        recipe = json.loads(comment)
    except (ValueError, RecursionError) as error:
        raise MediaError(_without_recipe(path, "its comment is not JSON")) from error
    if not isinstance(recipe, dict):
        raise MediaError(_without_recipe(path, "its comment is not a JSON object"))
    return recipe


def _without_recipe(path: Path, reason: str) -> str:
    return (
        f"{path} holds no recipe: {reason}. Only clips written by Ovi Studio carry one, and "
        "re-encoding or editing a clip can remove it; the .json beside the clip holds it too."
    )
