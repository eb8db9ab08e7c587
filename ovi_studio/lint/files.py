"""Checks prompt files row by row: a file of any length needs little memory."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from ovi_studio.errors import PromptFileError
from ovi_studio.lint.checker import Checker, diagnostic_of
from ovi_studio.lint.diagnostic import Diagnostic, Finding
from ovi_studio.lint.fixer import Fixer
from ovi_studio.lint.rule import Kind, Rule
from ovi_studio.lint.subject import Target
from ovi_studio.project.prompt_file import iter_rows, read_header


class FileLinter:
    """Checks one file; afterwards `num_rows` says how many rows it has."""

    def __init__(self, path: Path, name: str, rules: Iterable[Rule], target: Target) -> None:
        """`name` is the file's name in diagnostics."""
        self._path = path
        self._name = name
        self._rules = tuple(rules)
        self._checker = Checker(self._rules, target)
        self._fixer = Fixer(target, lambda *_: True)
        self.num_rows = 0

    def diagnostics(self) -> Iterator[Diagnostic]:
        """All findings: those about the file, then row by row."""
        try:
            header = read_header(self._path)
            for rule in self._rules:
                if rule.kind is Kind.FILE:
                    for finding in rule.function(header):
                        yield self._about_file(rule, finding, header.line)
            if header.has_text_column:
                yield from self._about_rows()
        except PromptFileError as error:
            for rule in self._rules:
                if rule.kind is Kind.ERROR:
                    for finding in rule.function(error):
                        yield self._about_file(rule, finding, 1)

    def _about_rows(self) -> Iterator[Diagnostic]:
        for row in iter_rows(self._path):
            self.num_rows += 1
            found = self._checker.check(row)
            if found:
                for one in self._fixer.harmless(row, found):
                    yield diagnostic_of(one, row, self._name)

    def _about_file(self, rule: Rule, finding: Finding, line: int) -> Diagnostic:
        return Diagnostic(
            code=rule.code,
            name=rule.name,
            severity=finding.severity or rule.severity,
            message=finding.message,
            file=self._name,
            line=line,
            column=1,
            row=None,
            span=None,
            fix=None,
        )
