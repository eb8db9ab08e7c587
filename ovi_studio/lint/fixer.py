"""Applies fixes until nothing changes, and none that would bring up anything new.

A fix is tried, the row is checked again by every rule, and the result is kept only if it has fewer
findings and no rule finds more, or worse, than before. So a fix can do no harm, fixing ends, and
fixing twice is fixing once.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import NamedTuple

from ovi_studio.lint.checker import Checker, Found
from ovi_studio.lint.diagnostic import Edit, Fix
from ovi_studio.lint.edits import Claims, apply_edits
from ovi_studio.lint.registry import RULES
from ovi_studio.lint.rule import Kind, Rule
from ovi_studio.lint.subject import Target
from ovi_studio.prompt.prompt_set import TEXT_COLUMN, PromptRow

MAX_PASSES = 100
"""A few do; only what nobody writes by hand takes more."""

MAX_SINGLE_TRIES = 32
"""Fixes of one row that are tried one by one where they do not go together."""

MAX_CHARACTERS_TRIED = 100_000
"""So many characters are checked again for one row at most, beyond its first two fixes."""

_ROW_RULES = tuple(rule for rule in RULES if rule.kind is Kind.ROW)


class FixedRow(NamedTuple):
    """A row after fixing."""

    row: PromptRow
    changes: dict[str, str]
    """The cells that changed, by column."""
    applied: tuple[str, ...]
    """The codes of the findings whose fixes were applied."""


class Fixer:
    """Fixes the rows of one file or text."""

    def __init__(self, target: Target, is_wanted: Callable[[PromptRow, Rule, Fix], bool]) -> None:
        """`is_wanted` says which fixes may be applied."""
        self._checker = Checker(_ROW_RULES, target)
        self._is_wanted = is_wanted

    def fix(self, row: PromptRow) -> FixedRow:
        """The row with all fixes that are wanted and do no harm."""
        now, applied = row, []
        found = self._findings(row)
        for _ in range(MAX_PASSES):
            attempt = self._best_attempt(now, found)
            if attempt is None:
                break
            now, found, codes = attempt
            applied += codes
        changes = {
            cell: value for cell, value in now.values.items() if value != row.values.get(cell)
        }
        return FixedRow(now, changes, tuple(applied))

    def harmless(self, row: PromptRow, found: Sequence[Found]) -> list[Found]:
        """The findings, those fixes left out that would bring up something new on their own.

        Of a row with very many fixes, only the first are looked at; the others are left out.
        """
        if not any(one.finding.fix for one in found):
            return list(found)
        before = self._findings(row)
        kept: list[Found] = []
        num_tries = 0
        max_tries = _max_tries(row)
        for one in found:
            if one.finding.fix is not None:
                num_tries += 1
                if num_tries > max_tries or not self._try(row, before, [one]):
                    one = one._replace(finding=one.finding._replace(fix=None))
            kept.append(one)
        return kept

    def _findings(self, row: PromptRow) -> list[Found]:
        return self._checker.check(row)

    def _best_attempt(
        self, row: PromptRow, found: Sequence[Found]
    ) -> tuple[PromptRow, list[Found], list[str]] | None:
        """The row after the largest group of fixes that does no harm; None if there is none."""
        candidates = [
            one
            for one in found
            if one.finding.fix is not None and self._is_wanted(row, one.rule, one.finding.fix)
        ]
        groups = [candidates]
        codes = dict.fromkeys(one.rule.code for one in candidates)
        if len(codes) > 1:
            groups += [[one for one in candidates if one.rule.code == code] for code in codes]
        groups += [[one] for one in candidates[: _max_tries(row)] if len(candidates) > 1]
        for group in groups:
            together = _without_overlaps(group)
            if together and (attempt := self._try(row, found, together)):
                return (*attempt, [one.rule.code for one in together])
        return None

    def _try(
        self, row: PromptRow, before: Sequence[Found], fixes: Sequence[Found]
    ) -> tuple[PromptRow, list[Found]] | None:
        """The row with these fixes and its findings; None if that is no improvement."""
        changed = _edited(row, [edit for one in fixes for edit in _edits(one)])
        if changed == row:
            return None
        after = self._findings(changed)
        is_better = len(after) < len(before) and not _counts(after) - _counts(before)
        return (changed, after) if is_better else None


def _max_tries(row: PromptRow) -> int:
    """How many fixes of a row are tried one by one."""
    return max(2, min(MAX_SINGLE_TRIES, MAX_CHARACTERS_TRIED // max(1, len(row.text))))


def _edits(found: Found) -> tuple[Edit, ...]:
    return found.finding.fix.edits if found.finding.fix else ()


def _without_overlaps(candidates: Iterable[Found]) -> list[Found]:
    """The first fixes that touch none chosen before them."""
    claims = Claims()
    return [one for one in candidates if claims.claim(_edits(one))]


def _edited(row: PromptRow, edits: Sequence[Edit]) -> PromptRow:
    values = dict(row.values)
    for cell in {edit.cell for edit in edits}:
        values[cell] = apply_edits(values[cell], [e for e in edits if e.cell == cell])
    return replace(row, text=values[TEXT_COLUMN], values=values)


def _counts(found: Sequence[Found]) -> Counter[tuple[str, int]]:
    """How often each rule found something of at least each severity."""
    counts: Counter[tuple[str, int]] = Counter()
    for one in found:
        severity = one.finding.severity or one.rule.severity
        for rank in range(severity.rank + 1):
            counts[one.rule.code, rank] += 1
    return counts
