"""Deciding about rewritten rows: accept, edit, reject, ask again; kept, so that none is lost.

`Review` holds what the user says of each row of a plan, in the order of the set. Every decision is
added to a file at once (`ReviewFile`); `restore` brings it back when the same order runs again.
"""

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from ovi_studio.actions.rewriting import RewriteOrder, RewritePlan, RewriteSession
from ovi_studio.rewrite.order import Purpose, RowResult, Source, Status, Task, Wish
from ovi_studio.rewrite.part import Part
from ovi_studio.rewrite.records import Records
from ovi_studio.rewrite.secret_keys import Secrets

REJECTED = "rejected by you"
"""The reason of a row that the user did not want."""

UNDECIDED = "not decided"
"""The reason of a row that the user has not looked at."""

Key = tuple[str, int]
"""Row id and version: `Task.key`."""


class Decision(StrEnum):
    """Where a row stands."""

    WAITING = "waiting"
    """Nobody has written anything for it yet."""
    OPEN = "open"
    """It has new words that the user has not judged."""
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    FAILED = "failed"
    """No words passed; it can be asked for again, or written by the user."""
    BARRED = "barred"
    """It cannot be rewritten as it is: its tags are broken, or it lacks the part."""


@dataclass(frozen=True, slots=True)
class ReviewedRow:
    """One row of a review."""

    task: Task
    decision: Decision = Decision.WAITING
    result: RowResult | None = None
    """The words on offer, or why there are none; None while it waits."""
    num_again: int = 0
    """How often the user asked for other words."""
    is_asking: bool = False
    """True while other words are on their way."""

    @property
    def text(self) -> str:
        """The prompt on offer; the old one where there is none."""
        return self.result.text if self.result else self.task.prompt.text

    @property
    def words(self) -> tuple[str, ...]:
        """What fills the segments: new where there is something on offer, else as they stand."""
        if self.result is not None and self.result.words:
            return self.result.words
        return tuple(slot.text for slot in self.task.slots)

    @property
    def has_offer(self) -> bool:
        """True if there are new words to accept or reject."""
        return self.result is not None and self.result.is_rewritten


class Review:
    """What the user says of each row. One thread changes it at a time; see `tui/rewrite_run.py`."""

    def __init__(self, plan: RewritePlan) -> None:
        self.plan = plan
        barred = {result.task.row.id: result for result in plan.kept}
        tasks: dict[str, list[Task]] = {}
        for task in plan.tasks:
            tasks.setdefault(task.row.id, []).append(task)
        self._rows: dict[Key, ReviewedRow] = {}
        for row in plan.rows:
            if row.id in barred:
                result = barred[row.id]
                self._rows[result.task.key] = ReviewedRow(result.task, Decision.BARRED, result)
            for task in tasks.get(row.id, ()):
                self._rows[task.key] = ReviewedRow(task)

    def rows(self) -> list[ReviewedRow]:
        """All rows in the order of the set."""
        return list(self._rows.values())

    def row(self, key: Key) -> ReviewedRow:
        """One row."""
        return self._rows[key]

    def keys(self) -> list[Key]:
        """The keys of all rows, in the order of the set."""
        return list(self._rows)

    def take(self, result: RowResult) -> Key | None:
        """Notes what a run gave for a row; None if it tells nothing new."""
        key = result.task.key
        row = self._rows[key]
        if row.decision is not Decision.WAITING:
            return None
        decision = Decision.OPEN if result.is_rewritten else Decision.FAILED
        self._rows[key] = replace(row, decision=decision, result=result)
        return key

    def accept(self, keys: Iterable[Key]) -> list[Key]:
        """Accepts rows that have an offer; returns those that changed."""
        return self._decide(keys, Decision.ACCEPTED)

    def reject(self, keys: Iterable[Key]) -> list[Key]:
        """Rejects offers; returns the rows that changed."""
        return self._decide(keys, Decision.REJECTED)

    def reopen(self, keys: Iterable[Key]) -> list[Key]:
        """Takes decisions back; returns the rows that changed."""
        return self._decide(keys, Decision.OPEN)

    def edit(self, edited: RowResult) -> Key:
        """Takes words that the user wrote, and that have passed, as accepted."""
        assert edited.is_rewritten, "only words that passed are taken"
        key = edited.task.key
        row = self._rows[key]
        self._rows[key] = replace(row, decision=Decision.ACCEPTED, result=edited, is_asking=False)
        return key

    def ask(self, key: Key) -> int:
        """Notes that other words are wanted; returns how often that is by now."""
        row = self._rows[key]
        self._rows[key] = replace(row, num_again=row.num_again + 1, is_asking=True)
        return row.num_again + 1

    def answer(self, result: RowResult) -> Key:
        """Takes other words that came; where none came, the old offer stays and says so."""
        key = result.task.key
        row = self._rows[key]
        if not row.is_asking:  # the user has written something meanwhile
            return key
        if result.is_rewritten:
            row = replace(row, decision=Decision.OPEN, result=result)
        elif row.result is None or not row.has_offer:
            row = replace(row, decision=Decision.FAILED, result=result)
        else:
            note = f"No other version: {result.reason}"
            row = replace(row, result=replace(row.result, notes=(*row.result.notes, note)))
        self._rows[key] = replace(row, is_asking=False)
        return key

    def waiting(self) -> set[Key]:
        """The rows for which nothing has come yet."""
        return {key for key, row in self._rows.items() if row.decision is Decision.WAITING}

    def count(self, decision: Decision) -> int:
        """How many rows stand there."""
        return sum(row.decision is decision for row in self._rows.values())

    def results(self) -> list[RowResult]:
        """The rows as they are to be written: what was accepted is new, all else as before."""
        return [_settled(row) for row in self._rows.values()]

    def restore(self, records: Iterable[Mapping[str, Any]], session: RewriteSession) -> list[Key]:
        """Brings decisions of an earlier time back; returns the rows that have one.

        The words are judged anew: a row that has changed since, or words that no longer pass, are
        left for the run to ask for.
        """
        last: dict[Key, Mapping[str, Any]] = {}
        for record in records:
            draw = record.get("draw")
            key = (str(record.get("row")), draw if isinstance(draw, int) else 0)
            if key in self._rows:
                last[key] = record
        return [key for key, record in last.items() if self._restore_row(key, record, session)]

    def _restore_row(self, key: Key, record: Mapping[str, Any], session: RewriteSession) -> bool:
        row = self._rows[key]
        words, again = record.get("words"), record.get("again")
        if row.decision is not Decision.WAITING or record.get("old") != _digest(row.task):
            return False
        if not isinstance(words, list) or len(words) != len(row.task.slots):
            return False
        try:
            decision = Decision(str(record.get("decision")))
            source = Source(str(record.get("source")))
        except ValueError:
            return False
        verdict, edited = session.judge_edit(row.task, [str(word) for word in words])
        if not verdict.is_accepted:
            return False
        result = replace(edited, source=source, time=str(record.get("time")))
        self._rows[key] = replace(
            row, decision=decision, result=result, num_again=again if isinstance(again, int) else 0
        )
        return True

    def _decide(self, keys: Iterable[Key], decision: Decision) -> list[Key]:
        changed = []
        for key in keys:
            row = self._rows[key]
            if row.has_offer and row.decision is not decision:
                self._rows[key] = replace(row, decision=decision)
                changed.append(key)
        return changed


def _settled(row: ReviewedRow) -> RowResult:
    if row.decision is Decision.ACCEPTED and row.result is not None:
        return row.result
    if row.decision is Decision.REJECTED and row.result is not None:
        return rejected(row.result)
    old = row.task.prompt.text
    reason = row.result.reason if row.result and not row.has_offer else UNDECIDED
    return RowResult(task=row.task, status=Status.KEPT, text=old, reason=reason)


def rejected(result: RowResult) -> RowResult:
    """A row whose new words the user did not want."""
    return replace(result, status=Status.KEPT, text=result.task.prompt.text, reason=REJECTED)


class ReviewFile:
    """The review that is under way in a project: its order, then every decision, line by line."""

    def __init__(self, state_folder: Path) -> None:
        self.path = state_folder / "rewrite" / "review.jsonl"
        self._records = Records(self.path, Secrets())

    def begin(self, order: RewriteOrder) -> None:
        """Begins a review; what an earlier one had decided is gone. Raises StudioError."""
        self.remove()
        self._records.add({"order": asdict(order)})

    def add(self, rows: Sequence[ReviewedRow]) -> None:
        """Keeps what is decided about rows. Raises StudioError where it cannot be written."""
        self._records.add_all([_record(row) for row in rows if row.has_offer])

    def remove(self) -> None:
        """Forgets the review, because it is written or thrown away."""
        self.path.unlink(missing_ok=True)

    def read(self) -> tuple[RewriteOrder, list[dict[str, Any]]] | None:
        """The order and the decisions; None if no review is under way."""
        records = list(self._records)
        order = _order(records[0].get("order")) if records else None
        return None if order is None else (order, records[1:])


def _record(row: ReviewedRow) -> dict[str, Any]:
    assert row.result is not None, "only rows with an offer are kept"
    return {
        "row": row.task.row.id,
        "draw": row.task.draw,
        "old": _digest(row.task),
        "decision": str(row.decision),
        "words": list(row.result.words),
        "source": str(row.result.source),
        "time": row.result.time,
        "again": row.num_again,
    }


def _digest(task: Task) -> str:
    return hashlib.sha256(task.prompt.text.encode("utf-8", "replace")).hexdigest()[:16]


def _order(value: object) -> RewriteOrder | None:
    """The order as it was written; None for one of another version of this program."""
    if not isinstance(value, dict) or not isinstance(value.get("wish"), dict):
        return None
    try:
        wish = Wish(**value["wish"])
        wish = replace(wish, part=Part(wish.part), purpose=Purpose(wish.purpose))
        return RewriteOrder(**{**value, "wish": wish, "rows": tuple(value.get("rows") or ())})
    except (TypeError, ValueError):
        return None


_NUMBERED = re.compile(r"\s*(\d+)\s*[:.)]\s*(.*)")


def sheet_of(task: Task, words: Sequence[str]) -> str:
    """The segments of a row as lines for the user's editor."""
    lines = [
        f"# Row {task.row.id}. One line for each segment: its number, a colon, the words.",
        "# Lines that begin with # are left out.",
    ]
    for slot, budget, text in zip(task.slots, task.budgets, words, strict=True):
        fits = f"  (at most {budget.words} words, {budget.seconds:.1f} s)" if budget else ""
        lines += [f"# {slot.number} was: {' '.join(slot.text.split())}{fits}",
                  f"{slot.number}: {text}"]  # fmt: skip
    return "\n".join(lines) + "\n"


def words_of_sheet(task: Task, written: str) -> tuple[str, ...] | None:
    """The words of a sheet that came back from an editor; None if a segment is missing."""
    found = {}
    for line in written.splitlines():
        if not line.startswith("#") and (match := _NUMBERED.fullmatch(line)):
            found[int(match[1])] = match[2].strip()
    numbers = [slot.number for slot in task.slots]
    return tuple(found[number] for number in numbers) if set(numbers) <= found.keys() else None
