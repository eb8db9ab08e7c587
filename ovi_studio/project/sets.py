"""The sets of a project, found by name. What changes them is `set_changes.py`.

A set is named by its path, or by its name inside the project's folder of sets: `people` is
`prompts/people.csv`, `crowd/market` is `prompts/crowd/market.csv`.
"""

import os
from dataclasses import dataclass
from pathlib import Path

from ovi_studio.errors import UsageError
from ovi_studio.project.layout import ProjectLayout, find_layout

SET_SUFFIXES = (".csv", ".tsv")

MAX_NAME_CHARACTERS = 200


@dataclass(frozen=True, slots=True)
class SetRow:
    """What `SET` or `SET:ROW` names."""

    path: Path
    row_id: str | None = None
    """None: the whole set."""


def set_folder(layout: ProjectLayout) -> Path:
    """Where a project keeps its sets."""
    return layout.root / "prompts"


def find_sets(folder: Path) -> list[Path]:
    """The sets in a folder and the folders in it, by name; hidden ones and locks left out."""
    found = []
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        found += [
            Path(place, name)
            for name in sorted(names)
            if not name.startswith(".") and name.lower().endswith(SET_SUFFIXES)
        ]
    return found


def set_name(path: Path, layout: ProjectLayout) -> str:
    """What a set is called: its name in the project's folder of sets, else its path."""
    try:
        return path.resolve().relative_to(set_folder(layout).resolve()).with_suffix("").as_posix()
    except ValueError:
        return str(path)


def existing_set(name: str, working_folder: Path) -> Path | None:
    """The set of that name or path; None if there is none."""
    if not name.strip() or "\n" in name:
        return None
    folder = set_folder(find_layout(working_folder))
    candidates = [working_folder / name]
    candidates += [folder / f"{name}{suffix}" for suffix in ("", *SET_SUFFIXES)]
    for path in candidates:
        try:
            if path.suffix.lower() in SET_SUFFIXES and path.is_file():
                return path
        except (OSError, ValueError):  # longer than a path can be, or with a null character
            return None
    return None


def set_named(name: str, working_folder: Path) -> Path:
    """The set of that name or path. Raises UsageError that offers the nearest."""
    path = existing_set(name, working_folder)
    if path is None:
        raise no_set(name, working_folder)
    return path


def set_or_row_named(name: str, working_folder: Path) -> SetRow:
    """The set, or with `SET:ROW` the row. Raises UsageError for a set that does not exist."""
    found = existing_set_or_row(name, working_folder)
    if found is None:
        raise no_set(name, working_folder)
    return found


def existing_set_or_row(name: str, working_folder: Path) -> SetRow | None:
    """The set, or with `SET:ROW` the row; None if there is no such set."""
    path = existing_set(name, working_folder)
    if path is not None:
        return SetRow(path)
    stem, colon, row_id = name.rpartition(":")
    path = existing_set(stem, working_folder) if colon and row_id.strip() else None
    return SetRow(path, row_id.strip()) if path is not None else None


def no_set(name: str, working_folder: Path) -> UsageError:
    """The error that says a set does not exist, with the names that do."""
    import difflib  # only the few who need it pay for it

    layout = find_layout(working_folder)
    known = [set_name(path, layout) for path in find_sets(set_folder(layout))]
    near = difflib.get_close_matches(name.partition(":")[0], known, n=1)
    if near:
        hint = f"Did you mean {near[0]}?"
    elif known:
        shown = ", ".join(known[:12]) + (" and more" if len(known) > 12 else "")
        hint = f"Known: {shown}."
    else:
        hint = f"{set_folder(layout)} holds none. `ovi init` makes a project."
    return UsageError(f"There is no set {name!r}. {hint}")


def new_set_path(name: str, working_folder: Path) -> Path:
    """Where a set of that name or path would be created.

    Raises UsageError for a name that would leave the project's folder of sets.
    """
    if name.lower().endswith(SET_SUFFIXES):
        return (working_folder / name).resolve()
    folder = set_folder(find_layout(working_folder)).resolve()
    try:
        path = (folder / f"{name}.csv").resolve()
        is_inside = path.is_relative_to(folder) and path.stem.strip(". ") != ""
    except (OSError, ValueError):
        is_inside = False
    if not name.strip() or not is_inside or len(name) > MAX_NAME_CHARACTERS:
        raise UsageError(f"{name!r} is no name for a set. Use letters, digits, - and _.")
    return path
