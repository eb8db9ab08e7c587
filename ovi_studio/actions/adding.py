"""Adding a prompt to a set: what `ovi add` does, for every screen."""

import difflib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from ovi_studio.errors import UsageError
from ovi_studio.project.image_cells import find_picture, relative_name
from ovi_studio.project.layout import find_layout
from ovi_studio.project.prompt_file import read_header
from ovi_studio.project.set_changes import append_to_set, create_file, csv_bytes
from ovi_studio.project.sets import existing_set, new_set_path, no_set
from ovi_studio.prompt.prompt_set import ID_COLUMN, IGNORE_COLUMN, IMAGE_COLUMN, TEXT_COLUMN
from ovi_studio.render.choices import COLUMNS, SIDE_COLUMNS

KNOWN_COLUMNS = frozenset((*COLUMNS, *SIDE_COLUMNS, IMAGE_COLUMN, IGNORE_COLUMN))
"""Columns that decide something, and are added to a set that lacks them."""


def add_prompt(
    name: str,
    text: str,
    working_folder: Path,
    *,
    cells: Mapping[str, str],
    image: str | None = None,
    is_new: bool = False,
) -> tuple[Path, int]:
    """Adds a prompt to a set; returns the set and the number of the row.

    Columns that decide something are added where the set lacks them. `image` is relative to the
    working folder, else to the set. `is_new` makes the set. Raises UsageError, PromptFileError.
    """
    if not text.strip():
        raise UsageError("The prompt is empty. Write what should be seen and heard.")
    path = existing_set(name, working_folder)
    if path is None and not is_new:
        raise UsageError(f"{no_set(name, working_folder)} --new makes it.")
    if path is not None and is_new:
        raise UsageError(f"There is a set {name} already ({path}): leave out --new.")
    target = path or new_set_path(name, working_folder)
    row = {TEXT_COLUMN: text, **cells}
    if image is not None:
        row[IMAGE_COLUMN] = _named_image(image, target, working_folder)
    if path is None:
        create_file(target, csv_bytes(tuple(row), [row]))
        return target, 1
    check_columns(path, read_header(path).columns, row)
    return path, append_to_set(path, [row]) + 1


def read_cells(pairs: Iterable[str]) -> dict[str, str]:
    """The cells that `COLUMN=VALUE` pairs give. Raises UsageError."""
    cells: dict[str, str] = {}
    for pair in pairs:
        column, equals, value = pair.partition("=")
        if not equals or not column.strip():
            raise UsageError(f"{pair!r} gives no column a value: write COLUMN=VALUE.")
        if column.strip() == TEXT_COLUMN:
            raise UsageError("The prompt stands after the set's name, not in --set.")
        cells[column.strip()] = value
    return cells


def _named_image(image: str, target: Path, working_folder: Path) -> str:
    """The picture as the set names it. Raises UsageError if it is not there, or outside."""
    found = find_picture(image, (working_folder, target.parent))
    if found is None:
        raise UsageError(
            f"There is no picture {image}; tried {working_folder} and {target.parent}."
        )
    root = find_layout(working_folder).root.resolve()
    if not found.is_relative_to(root):
        raise UsageError(
            f"{found} lies outside the project {root}. Copy it to {root / 'images'} and name that "
            "copy."
        )
    return relative_name(found, target.parent)


def check_columns(path: Path, has: Sequence[str], cells: Iterable[str]) -> None:
    """Raises UsageError for a column that the set lacks and that would decide nothing.

    `has` are the columns of the set, `cells` those that are to be written.
    """
    for column in cells:
        if column in has or column in KNOWN_COLUMNS or column == ID_COLUMN:
            continue
        near = difflib.get_close_matches(column, [*has, *sorted(KNOWN_COLUMNS)], n=1)
        hint = f"Did you mean {near[0]}?" if near else f"It has: {', '.join(has)}."
        raise UsageError(
            f"{path} has no column {column!r}, and it would decide nothing. {hint} To keep notes "
            "in it, add it to the first line of the file."
        )
