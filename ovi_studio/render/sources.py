"""Turns what the user named into prompts: a text is one, a set by name or file is its rows."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ovi_studio.errors import UsageError
from ovi_studio.project.layout import find_layout
from ovi_studio.project.prompt_file import read_prompt_set
from ovi_studio.project.sets import (
    SET_SUFFIXES,
    SetRow,
    existing_set_or_row,
    find_sets,
    no_set,
    set_folder,
)
from ovi_studio.prompt.prompt_set import PromptRow
from ovi_studio.render.job import ClipSource

FILE_NAME = re.compile(r"[^\s/\\.][^\s/\\]*\.[A-Za-z][A-Za-z0-9]{0,4}")
"""A last word of this form is a file's name, such as `set.csv`, not the end of a sentence."""

SET_NAME = re.compile(r"[A-Za-z0-9_:~+-]+")
"""One word without a dot or a slash: where a project has sets, it names one of them."""

BARE_SET = "prompt"
"""Set name of prompts that come from no file."""


RowChoice = Callable[[Sequence[PromptRow], str], Sequence[PromptRow]]


@dataclass(frozen=True, slots=True)
class PromptSource:
    """One prompt, and where it was written."""

    text: str
    source: ClipSource
    place: str
    """for messages: the file, line and row, or the prompt's beginning"""
    folder: Path | None = None
    """folder of the file, against which its paths are tried first"""
    cells: Mapping[str, str] = field(default_factory=dict)
    """everything the row says"""
    fault: str | None = None
    """why the row cannot be rendered as it is written"""


@dataclass(frozen=True, slots=True)
class Prompts:
    """All prompts of one command, in order."""

    prompts: tuple[PromptSource, ...]
    columns: Mapping[Path, tuple[str, ...]]
    """columns of each file that was read"""


def read_prompts(
    sources: Sequence[str], working_folder: Path, choose: RowChoice = lambda rows, _: rows
) -> Prompts:
    """The prompts that the sources name: texts, sets and their rows (`people`, `people:3`), files.

    Paths are relative to the working folder. `choose` gets the rows of a set and what the set was
    called, and gives those that are wanted. Raises UsageError for a set, row or file that does not
    exist or is no prompt set, and for an empty prompt; PromptFileError for a set that cannot be
    read.
    """
    prompts: list[PromptSource] = []
    columns: dict[Path, tuple[str, ...]] = {}
    num_bare = 0
    for source in sources:
        named = _set_named(source, working_folder)
        if named is None:
            num_bare += 1
            prompts.append(_bare_prompt(source, num_bare))
            continue
        path = named.path
        prompt_set = read_prompt_set(path)
        columns[path] = prompt_set.columns
        prompts.extend(
            PromptSource(
                text=row.text,
                source=ClipSource(path.stem, row.id),
                place=f"{source}, line {row.line} (row {row.id})",
                folder=path.parent,
                cells=row.values,
                fault=_fault_of(row),
            )
            for row in choose(_rows_named(named, prompt_set.rows), source)
        )
        if not prompt_set.rows:
            raise UsageError(f"{source} has a header and no rows; add a prompt to it.")
    return Prompts(tuple(prompts), columns)


def _set_named(source: str, working_folder: Path) -> SetRow | None:
    """The set or row that the text names; None if the text is a prompt."""
    named = existing_set_or_row(source, working_folder)
    if named is None:
        path = _file_named(source, working_folder)
        named = None if path is None else SetRow(path)
    if named is None and SET_NAME.fullmatch(source):
        folder = set_folder(find_layout(working_folder))
        if find_sets(folder):
            error = no_set(source, working_folder)
            raise UsageError(f"{error} If it is meant as a prompt, write more than one word.")
    return named


def _rows_named(named: SetRow, rows: Sequence[PromptRow]) -> Sequence[PromptRow]:
    if named.row_id is None:
        return rows
    found = [row for row in rows if row.id == named.row_id]
    if not found:
        known = f"It has {rows[0].id} to {rows[-1].id}." if rows else "It has none."
        raise UsageError(f"{named.path} has no row {named.row_id!r}. {known}")
    return found


def _file_named(source: str, working_folder: Path) -> Path | None:
    """The prompt set that the text names; None if the text is a prompt."""
    if "\n" in source or not source.strip():
        return None
    looks_like_file = _looks_like_file(source)
    path = working_folder / source
    try:
        is_file, is_folder = path.is_file(), path.is_dir()
    except (OSError, ValueError):  # longer than any path can be, or with a null character
        is_file = is_folder = False
    if is_folder and (looks_like_file or not any(c.isspace() for c in source)):
        raise UsageError(f"{source} is a folder. Name a CSV or TSV file inside it.")
    if is_file and path.suffix.lower() not in SET_SUFFIXES:
        raise UsageError(
            f"{source} is a file, but not a .csv or .tsv file with a column text_prompt. "
            "A published .yaml goes behind --config."
        )
    if looks_like_file and not is_file:
        raise UsageError(
            f"There is no file {source} in {working_folder}. If it is meant as a prompt, let it "
            "not look like a file name."
        )
    return path if is_file else None


def _fault_of(row: PromptRow) -> str | None:
    """A sentence if words of the row lie outside its columns: they would be lost in silence."""
    surplus = row.num_cells - len(row.columns)
    if surplus <= 0:
        return None
    return (
        f"the row has {row.num_cells} cells and the file {len(row.columns)} columns: put cells "
        "that hold the delimiter in double quotes."
    )


def _looks_like_file(source: str) -> bool:
    """Whether a text is meant as a file: one word that is a path, or a path to a file's name."""
    words = source.split()
    is_path = "/" in source or "\\" in source
    if len(words) == 1:
        return is_path or FILE_NAME.fullmatch(words[0]) is not None
    last = re.split(r"[/\\]", words[-1])[-1]
    # Of several words only the last may name a file, and then a folder's name has the blanks,
    # or the suffix is one of a prompt set.
    return FILE_NAME.fullmatch(last) is not None and (
        is_path or last.lower().endswith(SET_SUFFIXES)
    )


def _bare_prompt(text: str, number: int) -> PromptSource:
    if not text.strip():
        raise UsageError("The prompt is empty. Write what should be seen and heard.")
    beginning = " ".join(text.split())
    shown = beginning if len(beginning) <= 40 else f"{beginning[:39]}…"
    return PromptSource(text, ClipSource(BARE_SET, str(number)), f'prompt "{shown}"')
