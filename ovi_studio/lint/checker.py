"""Runs rules over rows: which apply, what they find, in which order."""

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from ovi_studio.lint.clues import IMAGE, clues_of
from ovi_studio.lint.diagnostic import Diagnostic, Finding
from ovi_studio.lint.registry import is_ignored
from ovi_studio.lint.rule import Kind, Rule
from ovi_studio.lint.subject import Subject, Target
from ovi_studio.prompt.prompt_set import TEXT_COLUMN, PromptRow

MAX_PLANS = 4096
"""Combinations of clues for which the rules to run are remembered."""

_RowCheck = Callable[[Subject], Iterator[Finding]]


class Found(NamedTuple):
    """A finding and the rule that made it."""

    rule: Rule
    finding: Finding


class Checker:
    """Checks the rows of one file, in order; set rules remember the rows they have seen."""

    def __init__(self, rules: Iterable[Rule], target: Target) -> None:
        self.target = target
        self.names_pictures = False
        """A row so far starts from a picture."""
        self._rules = [rule for rule in rules if rule.kind in (Kind.ROW, Kind.SET)]
        self._checks: dict[Rule, _RowCheck] = {}
        self._plans: dict[int, list[tuple[Rule, _RowCheck]]] = {}

    def check(self, row: PromptRow) -> list[Found]:
        """What the rules find in a row, by position, without what the row itself opts out of."""
        subject = Subject(row, self.target)
        clues = clues_of(subject)
        plan = self._plans.get(clues)
        if plan is None:
            plan = self._plan_for(clues)
        found = [Found(rule, finding) for rule, check in plan for finding in check(subject)]
        if not found:
            return found
        if ignored := row.ignore:
            found = [one for one in found if not is_ignored(one.rule, ignored)]
        found.sort(key=_place)
        return found

    def _plan_for(self, clues: int) -> list[tuple[Rule, _RowCheck]]:
        if clues & IMAGE:
            self.names_pictures = True
        if len(self._plans) >= MAX_PLANS:
            self._plans.clear()
        plan = []
        for rule in self._rules:
            if rule.clues & clues:
                if rule not in self._checks:
                    function = rule.function
                    self._checks[rule] = function() if rule.kind is Kind.SET else function
                plan.append((rule, self._checks[rule]))
        self._plans[clues] = plan
        return plan


def _place(found: Found) -> tuple[int, int, int, str]:
    """Findings about the prompt come first, in order of position, then those about the row."""
    span = found.finding.span
    if span is None:
        return (1, 0, 0, found.rule.code)
    is_elsewhere = found.finding.cell != TEXT_COLUMN
    return (2 if is_elsewhere else 0, span.start, span.end, found.rule.code)


def diagnostic_of(found: Found, row: PromptRow, file: str) -> Diagnostic:
    """The finding with its place in the file."""
    rule, finding = found.rule, found.finding
    span = finding.span
    if span is None:
        line, column = row.line, 1
    else:
        line, column = row.place(finding.cell, span.start)
    return Diagnostic(
        code=rule.code,
        name=rule.name,
        severity=finding.severity or rule.severity,
        message=finding.message,
        file=file,
        line=line,
        column=column,
        row=row.id,
        span=span,
        fix=finding.fix,
        cell=finding.cell,
        text=row.values.get(finding.cell, row.text),
    )
