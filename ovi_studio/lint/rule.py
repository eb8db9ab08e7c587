"""A rule: what it is called, when it applies, and where its check is. The checks are in `rules/`.

Row rules judge one prompt with its row. Set rules do so too, and remember the rows before it. File
rules judge the head of a file, or the error that kept it from being read.
"""

from collections.abc import Callable
from enum import StrEnum
from importlib import import_module
from typing import Any, NamedTuple

from ovi_studio.lint.diagnostic import Severity


class Kind(StrEnum):
    """What a rule looks at, and what its function is called. All functions give findings."""

    ROW = "check"
    """takes a Subject"""
    SET = "start_watch"
    """gives, for one file, a function that takes a Subject"""
    FILE = "check_file"
    """takes a Header"""
    ERROR = "check_error"
    """takes a PromptFileError"""


class Rule(NamedTuple):
    """One entry of the registry. Cheap: the module with the check is imported on first use."""

    code: str
    """A letter for what it looks at, and three digits."""
    name: str
    """The problem, in words joined by hyphens."""
    severity: Severity
    """What most of its findings are."""
    kind: Kind
    clues: int
    """It applies to a row with any of these; see `lint/clues.py`."""

    @property
    def function(self) -> Callable[..., Any]:
        """The check, whose docstring is the rule's help."""
        stem = f"{self.code.lower()}_{self.name.replace('-', '_')}"
        module = import_module(f"ovi_studio.lint.rules.{stem}")
        function: Callable[..., Any] = getattr(module, self.kind)
        return function
