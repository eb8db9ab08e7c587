"""What a row rule looks at: one prompt with its row, and what it is meant for."""

from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from ovi.spec.variants import VARIANTS, Variant
from ovi_studio.lint.essence import essence_of
from ovi_studio.lint.limits import Limits, limits_of
from ovi_studio.lint.spoken import SpokenLine, spoken_lines
from ovi_studio.prompt.model import Prompt, Span
from ovi_studio.prompt.parse import parse_prompt
from ovi_studio.prompt.prompt_set import PromptRow

VARIANT_COLUMNS = ("variant", "model_name")
MODE_COLUMN = "mode"
MODES = ("t2v", "i2v", "t2i2v")
"""`ovi.spec.request.Mode`, whose module is not worth loading for three words."""


class Target(NamedTuple):
    """What prompts are checked for, as far as it is the same for all rows of a file."""

    variant: Variant | None = None
    """Said by the user; None: the row's own, else `default`."""
    mode: str | None = None
    """Said by the user; None: the row's own, else `default_mode`."""
    default_mode: str | None = None
    """None: what the row's first frame suggests."""
    default: Variant = VARIANTS["nano"]
    folders: tuple[Path, ...] = ()
    """Where a first frame is looked for, in this order; empty: pictures are not looked at."""
    roots: tuple[Path, ...] = ()
    """Folders that first frames should lie in."""
    tokenizer: Path | None = None
    """umT5's tokenizer.json, if it may be there."""


class Subject:
    """A row, its prompt, and the variant and mode that hold for it."""

    def __init__(self, row: PromptRow, target: Target) -> None:
        self.row = row
        self.target = target
        self.text = row.text
        self.prompt: Prompt = parse_prompt(row.text)
        self.variant = target.variant or _variant_of(row) or target.default

    @cached_property
    def mode(self) -> str:
        """`t2v`, `i2v` or `t2i2v`."""
        if self.target.mode is not None:
            return self.target.mode
        written = self.row.values.get(MODE_COLUMN, "").strip()
        if written in MODES:
            return written
        if self.target.default_mode is not None:
            return self.target.default_mode
        return "i2v" if self.row.image_path else "t2v"

    @cached_property
    def limits(self) -> Limits:
        """How much fits into the variant's clips."""
        return limits_of(self.variant)

    @cached_property
    def lines(self) -> tuple[SpokenLine, ...]:
        """The spoken lines that have words."""
        return spoken_lines(self.prompt)

    @cached_property
    def prompt_key(self) -> int:
        """Hash of the prompt's words; see `lint/essence.py`."""
        return hash(essence_of(self.prompt))

    def free_spans(self, spans: list[Span]) -> list[Span]:
        """Those of the spans, given in order, that touch no mark."""
        marks = self.prompt.marks
        free: list[Span] = []
        index = 0
        for span in spans:
            while index < len(marks) and marks[index].span.end <= span.start:
                index += 1
            if index == len(marks) or marks[index].span.start >= span.end:
                free.append(span)
        return free


def _variant_of(row: PromptRow) -> Variant | None:
    for column in VARIANT_COLUMNS:
        written = row.values.get(column)
        if written:
            return VARIANTS.get(written.strip())
    return None
