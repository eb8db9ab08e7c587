"""A rule: what it is called, when it applies, and where its check is. The checks are in `rules/`.

There are three kinds. A row rule judges one prompt with its row; a file rule judges the head of a
file; a set rule watches the rows of a file go by and remembers what it needs.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from importlib import import_module
from typing import TYPE_CHECKING, Any

from ovi_studio.lint.diagnostic import Finding, Severity

if TYPE_CHECKING:
    from ovi_studio.lint.subject import Subject
    from ovi_studio.project.prompt_records import Header

class Kind(StrEnum):
    """What a rule looks at, and what its function is called."""

    ROW = "check"
    FILE = "check_file"
    SET = "start_watch"


@dataclass(frozen=True, slots=True)
class Rule:
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

    def check_row(self) -> "Callable[[Subject], Iterator[Finding]]":
        """The function of a row rule; of a set rule, one that starts with nothing seen."""
        return self.function() if self.kind is Kind.SET else self.function

    def check_file(self) -> "Callable[[Header], Iterator[Finding]]":
        """The function of a file rule."""
        assert self.kind is Kind.FILE
        return self.function
