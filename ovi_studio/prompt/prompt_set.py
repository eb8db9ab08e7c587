"""A set of prompts as values: `PromptRow`, `PromptSet`. Files are `project/prompt_file.py`."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

TEXT_COLUMN = "text_prompt"
IMAGE_COLUMN = "image_path"
ID_COLUMN = "id"
IGNORE_COLUMN = "ignore"
SEED_COLUMN = "seed"
VIDEO_NEGATIVE_COLUMN = "video_negative"
AUDIO_NEGATIVE_COLUMN = "audio_negative"


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


@dataclass(frozen=True, slots=True)
class PromptSet:
    """The rows of one file, in order."""

    path: Path | None
    columns: tuple[str, ...]
    rows: tuple[PromptRow, ...]
    version: str = ""
    """Hash of the file's bytes; `save_edits` wants it back."""

    def __iter__(self) -> Iterator[PromptRow]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)
