"""Tells what a SOURCE on the command line is: a set, a row, a folder, stdin, or a prompt."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ovi_studio.errors import PromptFileError, UsageError
from ovi_studio.project.layout import find_layout
from ovi_studio.project.prompt_file import iter_rows
from ovi_studio.project.sets import (
    SET_SUFFIXES,
    SetRow,
    existing_set_or_row,
    find_sets,
    no_set,
    set_folder,
)
from ovi_studio.prompt.prompt_set import PromptRow

STANDARD_INPUT = "-"

_NAME = re.compile(r"[A-Za-z0-9_./\\:~+-]+")
"""What looks like a file's or set's name. A prompt has blanks, tags or other scripts."""


@dataclass(frozen=True, slots=True)
class TextSource:
    """A prompt that comes from no file."""

    text: str
    name: str = "prompt"
    """`-` for standard input."""


def read_sources(
    names: Sequence[str], working_folder: Path, read_input: Callable[[], str]
) -> list[TextSource | SetRow]:
    """What the names mean, folders as the sets in them; no name: all sets of the project.

    Raises UsageError for a set that does not exist, a file that is none, an empty prompt, and a
    folder without sets.
    """
    if not names:
        folder = set_folder(find_layout(working_folder))
        if not folder.is_dir():
            raise UsageError(f"Name a prompt or a set: there is no project with sets in {folder}.")
        return list(_sets_in(folder))
    sources: list[TextSource | SetRow] = []
    for name in names:
        sources += _read_source(name, working_folder, read_input)
    return list(dict.fromkeys(sources))


def _read_source(
    name: str, working_folder: Path, read_input: Callable[[], str]
) -> Iterator[TextSource | SetRow]:
    if name == STANDARD_INPUT:
        text = read_input()
        if not text.strip():
            raise UsageError("Standard input is empty: pipe a prompt into it.")
        yield TextSource(text, STANDARD_INPUT)
    elif not name.strip():
        raise UsageError("The prompt is empty. Write what should be seen and heard.")
    elif (found := existing_set_or_row(name, working_folder)) is not None:
        yield found
    elif (path := _existing_path(working_folder, name)) is not None and path.is_dir():
        yield from _sets_in(path)
    elif path is not None:
        raise UsageError(f"{name} is no set: sets end in {' or '.join(SET_SUFFIXES)}.")
    elif _NAME.fullmatch(name) or name.strip().lower().endswith(SET_SUFFIXES):
        error = no_set(name, working_folder)
        raise UsageError(f"{error} If it is meant as a prompt, write more than one word.")
    else:
        yield TextSource(name)


def _existing_path(working_folder: Path, name: str) -> Path | None:
    path = working_folder / name
    try:
        return path if path.exists() else None
    except (OSError, ValueError):  # longer than a path can be, or with a null character
        return None


def _sets_in(folder: Path) -> Iterator[SetRow]:
    sets = find_sets(folder)
    if not sets:
        raise UsageError(f"{folder} holds no sets: no {' or '.join(SET_SUFFIXES)} files.")
    yield from map(SetRow, sets)


def rows_of(source: SetRow) -> Iterator[PromptRow]:
    """The rows that are meant. Raises PromptFileError, also for a row that does not exist."""
    if source.row_id is None:
        yield from iter_rows(source.path)
        return
    ids: list[str] = []
    for row in iter_rows(source.path):
        if row.id == source.row_id:
            yield row
            return
        ids.append(row.id)
    known = f"It has {ids[0]} to {ids[-1]}." if ids else "It has none."
    raise PromptFileError(f"{source.path} has no row {source.row_id!r}. {known}")
