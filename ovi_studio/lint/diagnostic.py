"""A finding as a value: what is wrong, where, how bad, and how to mend it. Knows no rule.

The values are named tuples, here and elsewhere in `lint/`: a frozen dataclass takes seven times as
long to define, and the start of `ovi lint` is counted in milliseconds.
"""

from enum import StrEnum
from typing import NamedTuple

from ovi_studio.prompt.model import Span
from ovi_studio.prompt.prompt_set import TEXT_COLUMN


class Severity(StrEnum):
    """How bad a finding is."""

    ERROR = "error"
    """the render would fail or come out wrong"""
    WARNING = "warning"
    """it would probably disappoint"""
    INFO = "info"
    """worth knowing; nothing fails because of it"""

    @property
    def rank(self) -> int:
        """0 for the mildest."""
        return _RANKS[self]


_RANKS = {Severity.INFO: 0, Severity.WARNING: 1, Severity.ERROR: 2}


class Edit(NamedTuple):
    """Replaces one range of a cell."""

    span: Span
    """Characters of the cell; empty to insert."""
    replacement: str
    """"" deletes."""
    cell: str = TEXT_COLUMN
    """The column of the cell."""


class Applicability(StrEnum):
    """Who may apply a fix."""

    SAFE = "safe"
    """`--fix`: not a word of the prompt changes"""
    UNSAFE = "unsafe"
    """`--unsafe-fixes`: a guess at what was meant"""


class Fix(NamedTuple):
    """Edits that belong together."""

    title: str
    """What it does, in the imperative."""
    edits: tuple[Edit, ...]
    """In order of position, not overlapping."""
    applicability: Applicability = Applicability.SAFE

    @property
    def is_safe(self) -> bool:
        """True if it may be applied without asking."""
        return self.applicability is Applicability.SAFE


class Finding(NamedTuple):
    """What a rule says about one prompt, row or file."""

    message: str
    """Names the thing and the remedy, in a sentence or two."""
    span: Span | None = None
    """Characters of the cell; None for the row or file as a whole."""
    fix: Fix | None = None
    severity: Severity | None = None
    """None: the rule's own."""
    cell: str = TEXT_COLUMN
    """The column that `span` counts in."""


class Diagnostic(NamedTuple):
    """A finding with the rule that made it and its place in a file."""

    code: str
    name: str
    severity: Severity
    message: str
    file: str
    """As the user named it; `prompt` for a text given on the command line, `-` for stdin."""
    line: int
    """1-based, in the file."""
    column: int
    """1-based, in characters of that line."""
    row: str | None
    """The row's stable id; None for the file as a whole."""
    span: Span | None
    """Characters (code points) of the unquoted cell."""
    fix: Fix | None
    cell: str = TEXT_COLUMN
    """The column that `span` counts in."""
    text: str = ""
    """The cell, for reports that show it."""
