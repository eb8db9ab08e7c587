"""What a run offers, as lines to list and decide about: rows of a set, or invented clips alike."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Protocol

from ovi_studio.actions.inventing import IdeaResult
from ovi_studio.actions.reviewing import Decision, Key, ReviewedRow
from ovi_studio.tui.rewrite_runs import IdeaRun, News, RewriteRun
from ovi_studio.tui.widgets.offer_list import OfferLine
from ovi_studio.tui.widgets.row_diff import RowDiff


class Offers(Protocol):
    """A run and what the user says of what it gives."""

    @property
    def run(self) -> RewriteRun | IdeaRun:
        """Where it comes from."""

    @property
    def total(self) -> int:
        """How many lines there will be."""

    def look(self) -> News:
        """What has come since the last look."""

    def lines(self, keys: Iterable[Key] | None = None) -> list[OfferLine]:
        """These lines, or all."""

    def counts(self) -> Counter[Decision]:
        """How many lines stand where."""

    def decide(self, keys: Iterable[Key], decision: Decision) -> list[Key]:
        """Accepts, rejects or reopens; returns what changed."""

    def show(self, key: Key | None, diff: RowDiff) -> None:
        """Shows a line in full."""

    def keys(self) -> list[Key]:
        """All lines, in order."""


class RewriteOffers:
    """The rows of a rewrite."""

    def __init__(self, run: RewriteRun) -> None:
        self.run = run

    @property
    def total(self) -> int:
        """How many rows there are."""
        return len(self.run.review.keys())

    def look(self) -> News:
        """What has come since the last look."""
        return self.run.look()

    def keys(self) -> list[Key]:
        """All rows, in the order of the set."""
        return self.run.review.keys()

    def lines(self, keys: Iterable[Key] | None = None) -> list[OfferLine]:
        """These rows as lines, or all."""
        review = self.run.review
        rows = review.rows() if keys is None else [review.row(key) for key in keys]
        has_versions = self.run.plan.order.num_versions > 1
        return [_line_of(row, has_versions=has_versions) for row in rows]

    def counts(self) -> Counter[Decision]:
        """How many rows stand where."""
        return Counter(row.decision for row in self.run.review.rows())

    def decide(self, keys: Iterable[Key], decision: Decision) -> list[Key]:
        """Accepts, rejects or reopens rows, and writes that down."""
        review = self.run.review
        act = {Decision.ACCEPTED: review.accept, Decision.REJECTED: review.reject}
        changed = act.get(decision, review.reopen)(keys)
        self.run.keep(changed)
        return changed

    def show(self, key: Key | None, diff: RowDiff) -> None:
        """Shows a row before and after."""
        if key is None:
            diff.show_nothing("No row fits the filter.")
        else:
            diff.show_row(self.run.review.row(key))


def _line_of(row: ReviewedRow, *, has_versions: bool) -> OfferLine:
    task = row.task
    label = f"{task.row.id}.{task.draw}" if has_versions else task.row.id
    state = "asking" if row.is_asking else str(row.decision)
    if row.has_offer or row.decision is Decision.WAITING:
        words = " / ".join(row.words)
    else:
        words = row.result.reason if row.result else ""
    return OfferLine(task.key, label, state, words)


class IdeaOffers:
    """The clips that an idea becomes."""

    def __init__(self, run: IdeaRun, count: int) -> None:
        self.run = run
        self._decisions: dict[int, Decision] = {}
        self._count = count

    @property
    def total(self) -> int:
        """How many clips are wanted."""
        return self._count

    @property
    def accepted(self) -> Sequence[IdeaResult]:
        """The clips that the user wants, in order."""
        results = sorted(self.run.results, key=lambda result: result.number)
        return [r for r in results if self._decision_of(r.number) is Decision.ACCEPTED]

    def look(self) -> News:
        """What has come since the last look."""
        news = self.run.look()
        for result in self.run.results:
            first = Decision.OPEN if result.text else Decision.FAILED
            known = self._decisions.setdefault(result.number, first)
            if known is Decision.FAILED and result.text:
                self._decisions[result.number] = Decision.OPEN
        return news

    def keys(self) -> list[Key]:
        """All clips, in order."""
        return [(str(number), 1) for number in range(1, self._count + 1)]

    def lines(self, keys: Iterable[Key] | None = None) -> list[OfferLine]:
        """These clips as lines, or all."""
        return [self._line(int(key[0])) for key in (self.keys() if keys is None else keys)]

    def counts(self) -> Counter[Decision]:
        """How many clips stand where."""
        return Counter(self._decision_of(number) for number in range(1, self._count + 1))

    def decide(self, keys: Iterable[Key], decision: Decision) -> list[Key]:
        """Accepts, rejects or reopens clips that are there."""
        changed = []
        for key in keys:
            number = int(key[0])
            known = self._decision_of(number)
            if known not in (Decision.WAITING, Decision.FAILED, decision):
                self._decisions[number] = decision
                changed.append(key)
        return changed

    def show(self, key: Key | None, diff: RowDiff) -> None:
        """Shows a clip in full."""
        result = self._result(int(key[0])) if key else None
        if result is None:
            diff.show_nothing("Nothing has come yet." if key else "No clip fits the filter.")
        elif not result.text:
            diff.show_nothing(f"None could be made. {result.reason}")
        else:
            notes = [str(self._decision_of(result.number)).capitalize()]
            if result.num_tries > 1:
                notes.append(f"at try {result.num_tries}")
            diff.show_prompt(f"clip {result.number}", result.text, notes)

    def _result(self, number: int) -> IdeaResult | None:
        return next((r for r in self.run.results if r.number == number), None)

    def _decision_of(self, number: int) -> Decision:
        return self._decisions.get(number, Decision.WAITING)

    def _line(self, number: int) -> OfferLine:
        result = self._result(number)
        words = (result.text or result.reason) if result else ""
        return OfferLine((str(number), 1), str(number), str(self._decision_of(number)), words)
