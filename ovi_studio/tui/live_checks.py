"""Has prompts checked beside the event loop: the one being written, and in the end all of a set.

Of what is asked while a check runs only the last question is answered.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ovi_studio.lint.diagnostic import Severity
from ovi_studio.project.delimited import Record, has_undecodable
from ovi_studio.project.set_document import SetDocument
from ovi_studio.prompt.prompt_set import PromptRow

if TYPE_CHECKING:
    from ovi_studio.actions.live_check import LiveCheck, LiveChecker
    from ovi_studio.tui.screens.base import StudioScreen

BATCH_SECONDS = 0.25
"""How often the list hears of rows that were looked at."""

REST = 3.0
"""After each row of a survey the thread rests so many times as long as the row took, so that keys
are answered as fast as before."""

Severities = Mapping[Record, Severity | None]


@dataclass(frozen=True, slots=True)
class _Question:
    path: Path
    row: PromptRow
    then: "Callable[[LiveCheck], object]"


class LiveChecks:
    """Belongs to the event loop."""

    def __init__(self, view: "StudioScreen") -> None:
        self._view = view
        self._checkers: dict[Path, LiveChecker] = {}
        self._is_busy = False
        self._waiting: _Question | None = None
        self._survey = 0

    def forget_settings(self) -> None:
        """The configuration may have changed: it is read again for the next check."""
        self._checkers.clear()

    def ask(self, path: Path, row: PromptRow, then: "Callable[[LiveCheck], object]") -> None:
        """Has a row of a set checked; `then` gets the answer, unless a later question comes."""
        question = _Question(path, row, then)
        if self._is_busy:
            self._waiting = question
            return
        self._is_busy = True
        self._view.run_in_thread(
            lambda: self._checker(path).check(row),
            lambda check: self._answered(question, check),
            group="check",
            on_error=lambda error: self._failed(error),
        )

    def _answered(self, question: _Question, check: "LiveCheck") -> None:
        self._is_busy = False
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            self.ask(waiting.path, waiting.row, waiting.then)
        else:
            question.then(check)

    def _failed(self, error: Exception) -> None:
        self._is_busy = False
        self._view.complain(error)

    def fix_row(
        self, path: Path, row: PromptRow, then: Callable[[Mapping[str, str]], object]
    ) -> None:
        """Gives the cells that change when all safe fixes are applied to a row."""
        self._view.run_in_thread(
            lambda: self._new_checker(path).fix_safely(row), then, group="fix", exclusive=True
        )

    def fix_rows(
        self,
        document: SetDocument,
        rows: list[int],
        then: Callable[[dict[int, Mapping[str, str]]], object],
    ) -> None:
        """Gives the cells that change when all safe fixes are applied to rows, by row."""

        def fix() -> dict[int, Mapping[str, str]]:
            checker = self._new_checker(document.path)
            fixed = {index: checker.fix_safely(document.row(index)) for index in rows}
            return {index: cells for index, cells in fixed.items() if cells}

        self._view.run_in_thread(fix, then, group="fix")

    def survey(
        self,
        document: SetDocument,
        first: int,
        known: Severities,
        tell: Callable[[Severities], object],
    ) -> None:
        """Checks all rows that are not known yet, from one row on and round; tells batch by batch.

        A new survey ends the one before.
        """
        self._survey += 1
        number = self._survey
        records = [row.record for row in document.rows]
        loop_call = self._view.app.call_from_thread

        def look() -> None:
            checker = self._new_checker(document.path)
            batch: dict[Record, Severity | None] = {}
            told = time.monotonic()
            for index in [*range(first, len(records)), *range(first)]:
                if self._survey != number or not self._view.is_attached:
                    return
                record = records[index]
                if record in known or record in batch:
                    continue
                began = time.monotonic()
                row = document.row(index)
                batch[record] = (
                    Severity.ERROR if has_undecodable(row.text) else checker.severity_of(row)
                )
                time.sleep(REST * (time.monotonic() - began))
                if time.monotonic() - told > BATCH_SECONDS:
                    found, batch = batch, {}
                    loop_call(tell, found)
                    told = time.monotonic()
            if batch:
                loop_call(tell, batch)

        self._view.run_in_thread(look, group="survey", on_error=lambda _: None)

    def stop(self) -> None:
        """Ends the survey."""
        self._survey += 1

    def _checker(self, path: Path) -> "LiveChecker":
        """For the one thread that checks what is being written."""
        if path not in self._checkers:
            self._checkers[path] = self._new_checker(path)
        return self._checkers[path]

    def _new_checker(self, path: Path) -> "LiveChecker":
        from ovi_studio.actions.live_check import LiveChecker

        return LiveChecker(self._view.context.load_config(), self._view.context.root, path=path)
