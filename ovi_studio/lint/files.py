"""Checks prompt files row by row: a file of any length needs little memory."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from ovi_studio.errors import PromptFileError
from ovi_studio.lint.checker import Checker, Found, diagnostic_of
from ovi_studio.lint.clues import clues_of_header
from ovi_studio.lint.diagnostic import Diagnostic, Finding
from ovi_studio.lint.rule import Kind, Rule
from ovi_studio.lint.subject import Target
from ovi_studio.project.prompt_file import iter_rows, read_header
from ovi_studio.project.prompt_records import Header
from ovi_studio.prompt.prompt_set import PromptRow

if TYPE_CHECKING:
    from ovi_studio.lint.fixer import Fixer


class RowLinter:
    """Checks rows in order, and offers no fix that would do harm."""

    def __init__(self, name: str, rules: Iterable[Rule], target: Target) -> None:
        """`name` is what diagnostics call the file."""
        self.name = name
        self.rules = tuple(rules)
        self.num_rows = 0
        self._checker = Checker(self.rules, target)
        self._target = target
        self._fixer: "Fixer | None" = None

    @property
    def names_pictures(self) -> bool:
        """True if a row so far starts from a picture."""
        return self._checker.names_pictures

    def diagnostics_of(self, row: PromptRow) -> Iterator[Diagnostic]:
        """All findings in a row."""
        self.num_rows += 1
        found = self._checker.check(row)
        if any(one.finding.fix for one in found):
            found = self._harmless(row, found)
        for one in found:
            yield diagnostic_of(one, row, self.name)

    def _harmless(self, row: PromptRow, found: list[Found]) -> list[Found]:
        """The findings without those fixes that would do harm."""
        if self._fixer is None:
            from ovi_studio.lint.fixer import Fixer  # only findings with fixes need it

            self._fixer = Fixer(self._target, lambda *_: True)
        return self._fixer.harmless(row, found)


def lint_file(path: Path, linter: RowLinter, row_id: str | None = None) -> Iterator[Diagnostic]:
    """All findings in a file: those about the file, then row by row; or those about one row."""
    try:
        header = read_header(path)
        if row_id is None:
            yield from _about_header(header, linter)
        if header.has_text_column:
            for row in iter_rows(path):
                if row_id in (None, row.id):
                    yield from linter.diagnostics_of(row)
    except PromptFileError as error:
        for rule in linter.rules:
            if rule.kind is Kind.ERROR:
                for finding in rule.function(error):
                    yield _about_file(linter.name, rule, finding, 1)


def _about_header(header: Header, linter: RowLinter) -> Iterator[Diagnostic]:
    clues = clues_of_header(header)
    for rule in linter.rules:
        if rule.kind is Kind.FILE and rule.clues & clues:
            for finding in rule.function(header):
                yield _about_file(linter.name, rule, finding, header.line)


def _about_file(name: str, rule: Rule, finding: Finding, line: int) -> Diagnostic:
    return Diagnostic(
        code=rule.code,
        name=rule.name,
        severity=finding.severity or rule.severity,
        message=finding.message,
        file=name,
        line=line,
        column=1,
        row=None,
        span=None,
        fix=None,
    )
