"""A set of prompts as values: `PromptRow`, `PromptSet`. Files are `project/prompt_file.py`."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

TEXT_COLUMN = "text_prompt"
"""The one column a set must have."""

IMAGE_COLUMN = "image_path"
"""First frame, relative to the file, else to the working folder."""

ID_COLUMN = "id"
"""Names rows for good, whatever rows come before them."""

IGNORE_COLUMN = "ignore"
"""Lint rules that do not apply to the row: codes or names, apart by commas or blanks."""

VIDEO_NEGATIVE_COLUMNS = ("video_negative", "video_negative_prompt", "negative")
AUDIO_NEGATIVE_COLUMNS = ("audio_negative", "audio_negative_prompt")
"""Ours first, then the published names."""


class RowSource(Protocol):
    """The written record behind a row; `project/delimited.py` has it."""

    @property
    def cells(self) -> Sequence[object]:
        """The cells as written, which may be fewer or more than the columns."""

    def place(self, index: int, offset: int) -> tuple[int, int]:
        """1-based line and column of the file at character `offset` of cell `index`."""


@dataclass(frozen=True, slots=True)
class PromptRow:
    """One prompt of a set, with everything its file says about it."""

    id: str
    """Stable: the cell in column `id`, else the 1-based number of the data row."""
    line: int
    """1-based line of the file at which the row begins."""
    text: str
    """The prompt cell as is, unquoted."""
    values: Mapping[str, str] = field(default_factory=dict)
    """All cells by column, the prompt's included; a missing cell is ""."""
    columns: tuple[str, ...] = (TEXT_COLUMN,)
    """The columns of the file, in order."""
    source: RowSource | None = field(default=None, repr=False, compare=False)
    """None for a prompt that comes from no file."""

    @property
    def image_path(self) -> str:
        """The cell that names a first frame, or ""."""
        return self.values.get(IMAGE_COLUMN, "").strip()

    @property
    def ignore(self) -> tuple[str, ...]:
        """The lint rules this row opts out of, as written in its cell."""
        return tuple(re.findall(r"[^\s,;]+", self.values.get(IGNORE_COLUMN, "")))

    @property
    def num_cells(self) -> int:
        """Cells the row has in its file: a ragged row has more or fewer than there are columns."""
        return len(self.source.cells) if self.source else len(self.columns)

    def place(self, column: str = TEXT_COLUMN, offset: int = 0) -> tuple[int, int]:
        """1-based line and column of the file at character `offset` of the row's cell in `column`.

        Of a cell the row lacks: where the row begins. Without a file, lines of the text count.
        """
        if self.source is None:
            before = self.values.get(column, self.text)[:offset]
            return self.line + before.count("\n"), offset - before.rfind("\n")
        index = self.columns.index(column)
        if index >= self.num_cells:
            return self.line, 1
        return self.source.place(index, offset)


@dataclass(frozen=True, slots=True)
class PromptSet:
    """The rows of one file, in order."""

    path: Path | None
    columns: tuple[str, ...]
    rows: tuple[PromptRow, ...]
    version: str = ""
    """Names the bytes that were read: `save_edits` wants it back."""

    def __iter__(self) -> Iterator[PromptRow]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)
