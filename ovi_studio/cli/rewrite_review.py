"""Row by row on a terminal: the new prompt beside the old one, and what the user says to it."""

import os
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from ovi_studio.actions.editing import find_editor, run_editor
from ovi_studio.actions.reviewing import REJECTED, rejected, sheet_of, words_of_sheet
from ovi_studio.actions.rewriting import RewriteSession
from ovi_studio.cli.following import talk
from ovi_studio.errors import StudioError
from ovi_studio.report.rewrite_review import show_side_by_side
from ovi_studio.report.rewriting import result_line
from ovi_studio.rewrite.order import RowResult, Task

QUESTION = "[a]ccept  [e]dit  [r]eject  a[g]ain  [A]ll  [q]uit > "


def review(session: RewriteSession, results: Iterable[RowResult]) -> list[RowResult]:
    """The rows as the user wants them. Rows that come after quitting keep their old text."""
    reviewed: list[RowResult] = []
    takes_all = False
    total = len(session.plan.tasks)
    for result in _in_order(session, results):
        if not result.is_rewritten:
            talk(result_line(result))
            reviewed.append(result)
            continue
        if takes_all:
            talk(result_line(result))
            reviewed.append(result)
            continue
        place = f"{sum(r.is_rewritten or r.reason == REJECTED for r in reviewed) + 1} of {total}"
        decided, answer = _decide(session, result, place)
        if answer == "q":
            session.cancel()
            break
        takes_all = answer == "A"
        reviewed.append(decided)
    return reviewed


def _in_order(session: RewriteSession, results: Iterable[RowResult]) -> Iterator[RowResult]:
    """The rows in the order of the set: one that comes early waits for those before it."""
    expected = [task.key for task in session.plan.tasks]
    early: dict[tuple[str, int], RowResult] = {}
    position = 0
    for result in results:
        if result.task.key not in expected:  # it cannot be rewritten
            yield result
            continue
        early[result.task.key] = result
        while position < len(expected) and expected[position] in early:
            yield early.pop(expected[position])
            position += 1
    yield from early.values()


def _decide(session: RewriteSession, result: RowResult, place: str) -> tuple[RowResult, str]:
    """What becomes of a row, and the key that decided it."""
    repetition = 0
    while True:
        show_side_by_side(result, sys.stderr, place=place)
        answer = _ask()
        if answer in ("a", "A", "q"):
            return result, answer
        if answer == "r":
            return rejected(result), answer
        if answer == "g":
            repetition += 1
            talk("Asking again ...")
            new = session.again(result.task, repetition)
            if new.is_rewritten:
                result = new
            else:
                talk(f"No other version: {new.reason}")
        elif answer == "e":
            result = _edit(session, result)


def _ask() -> str:
    while True:
        sys.stderr.write(QUESTION)
        sys.stderr.flush()
        written = sys.stdin.readline()
        if not written:  # the terminal is gone
            raise KeyboardInterrupt
        key = written.strip()[:1]
        if key in ("a", "e", "r", "g", "A", "q"):
            return key


def _edit(session: RewriteSession, result: RowResult) -> RowResult:
    """The row with words that the user wrote in an editor; as it was if they cannot stand."""
    try:
        words = _words_from_editor(result.task, result.words)
    except StudioError as error:
        talk(str(error))
        return result
    if words is None or words == result.words:
        talk("Nothing was changed.")
        return result
    verdict, edited = session.judge_edit(result.task, words)
    if verdict.is_accepted:
        return edited
    talk("This cannot stand:")
    for problem in verdict.problems:
        talk(f"  {problem}")
    return result


def _words_from_editor(task: Task, words: tuple[str, ...]) -> tuple[str, ...] | None:
    """The segments as the user leaves them; None if one is missing. Raises StudioError."""
    handle, name = tempfile.mkstemp(prefix="ovi-rewrite-", suffix=".txt")
    path = Path(name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            stream.write(sheet_of(task, words))
        run_editor(find_editor(os.environ), path)
        written = path.read_text(encoding="utf-8-sig", errors="replace")
    finally:
        path.unlink(missing_ok=True)
    return words_of_sheet(task, written)
