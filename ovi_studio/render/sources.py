"""Turns what the user named into prompts: a text is a prompt, a CSV or TSV file is a set."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ovi_studio.errors import UsageError
from ovi_studio.project.prompt_file import read_prompt_set
from ovi_studio.render.job import ClipSource

SET_SUFFIXES = (".csv", ".tsv")

FILE_SUFFIXES = (
    *SET_SUFFIXES, ".txt", ".yaml", ".yml", ".json", ".toml", ".md", ".xlsx", ".mp4", ".png", ".jpg"
)  # fmt: skip
"""A text that ends like this is meant as a file, even where no such file exists."""

BARE_SET = "prompt"
"""Set name of prompts that come from no file."""


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


@dataclass(frozen=True, slots=True)
class Prompts:
    """All prompts of one command, in order."""

    prompts: tuple[PromptSource, ...]
    columns: Mapping[Path, tuple[str, ...]]
    """columns of each file that was read"""


def read_prompts(sources: Sequence[str], working_folder: Path) -> Prompts:
    """The prompts that the sources name. Paths are relative to the working folder.

    Raises UsageError for a file that does not exist or is no prompt set, and for an empty prompt;
    PromptFileError for a set that cannot be read.
    """
    prompts: list[PromptSource] = []
    columns: dict[Path, tuple[str, ...]] = {}
    num_bare = 0
    for source in sources:
        path = _file_named(source, working_folder)
        if path is None:
            num_bare += 1
            prompts.append(_bare_prompt(source, num_bare))
            continue
        prompt_set = read_prompt_set(path)
        columns[path] = prompt_set.columns
        prompts.extend(
            PromptSource(
                text=row.text,
                source=ClipSource(path.stem, row.id),
                place=f"{source}, line {row.line} (row {row.id})",
                folder=path.parent,
                cells=row.values,
            )
            for row in prompt_set.rows
        )
        if not prompt_set.rows:
            raise UsageError(f"{source} has a header and no rows; add a prompt to it.")
    return Prompts(tuple(prompts), columns)


def _file_named(source: str, working_folder: Path) -> Path | None:
    """The prompt set that the text names; None if the text is a prompt."""
    if "\n" in source or not source.strip():
        return None
    looks_like_file = source.strip().lower().endswith(FILE_SUFFIXES) or (
        ("/" in source or "\\" in source) and not any(c.isspace() for c in source)
    )
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


def _bare_prompt(text: str, number: int) -> PromptSource:
    if not text.strip():
        raise UsageError("The prompt is empty. Write what should be seen and heard.")
    beginning = " ".join(text.split())
    shown = beginning if len(beginning) <= 40 else f"{beginning[:39]}…"
    return PromptSource(text, ClipSource(BARE_SET, str(number)), f'prompt "{shown}"')
