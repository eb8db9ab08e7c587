"""Runs rewrites and inventions beside the event loop; what they give is fetched from time to time.

A run has a thread of its own, and one for each row that is asked for again. They put what comes
into a queue. The event loop calls `look` a few times a second and takes it from there, a bounded
number at a time, so that ten thousand rows that come at once do not stop the screen. Everything
that touches the disk or a server happens in those threads.
"""

import gc
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any, Protocol

from ovi_studio.actions.inventing import IdeaResult, IdeaSession
from ovi_studio.actions.reviewing import Key, Review, ReviewedRow, ReviewFile
from ovi_studio.actions.rewriting import RewritePlan, RewriteSession, kept_result
from ovi_studio.errors import StudioError
from ovi_studio.rewrite.acceptance import Verdict
from ovi_studio.rewrite.calling import Spent
from ovi_studio.rewrite.order import RowResult, Task

MAX_AT_ONCE = 250
"""Results that one look takes."""


MANY_ROWS = 2000


@dataclass(frozen=True, slots=True)
class News:
    """What has happened since the last look."""

    changed: Sequence[Key]
    """Rows that are not as they were."""
    is_running: bool
    waiting: str
    """Why a call is put off; "" if none is."""
    spent: Spent
    error: Exception | None
    """Why the run ended early; told once."""


class RewriteRun:
    """One rewrite of a set, with its review."""

    def __init__(self, plan: RewritePlan, file: ReviewFile) -> None:
        """Does nothing yet."""
        self.plan = plan
        self.review = Review(plan)
        self._file = file
        self._arrived: deque[tuple[RowResult, bool]] = deque()
        self._restored: deque[Key] = deque()
        self._session: RewriteSession | None = None
        self._lock = threading.Lock()
        self._spent_before = Spent()
        self._waiting = ""
        self._error: Exception | None = None
        self._num_asking = 0
        self._is_running = False
        self._is_stopped = False
        self._writer = ThreadPoolExecutor(1, "review")

    def start(
        self,
        records: Sequence[Mapping[str, Any]] | None = None,
        *,
        after: "RewriteRun | None" = None,
    ) -> None:
        """Begins; `records` are the decisions of an earlier time, which it goes on from.

        `after` is a run that this one takes the place of: what it still has to write comes first.
        """
        self._is_running, self._is_stopped = True, False
        is_new = records is None
        if len(self.plan.tasks) > MANY_ROWS:
            gc.freeze()  # else each full collection looks at all rows, and the screen waits
        arguments = (is_new, records or (), after)
        threading.Thread(target=self._run, args=arguments, daemon=True).start()

    def stop(self) -> None:
        """Ends calls and begins no other; what came is kept. Does not wait."""
        self._is_stopped = True
        session = self._session
        if session is not None:
            threading.Thread(target=session.cancel, daemon=True).start()

    def close(self) -> None:
        """Ends the run, and waits until every decision is on the disk."""
        self.stop()
        self._writer.shutdown(wait=True)

    @property
    def is_running(self) -> bool:
        """True while rows are on their way."""
        return self._is_running or self._num_asking > 0

    @property
    def is_stopped(self) -> bool:
        """True if the user ended it early."""
        return self._is_stopped

    def look(self) -> News:
        """Takes what has come since the last look. For the event loop."""
        changed: list[Key] = []
        while self._restored and len(changed) < MAX_AT_ONCE:
            changed.append(self._restored.popleft())
        while self._arrived and len(changed) < MAX_AT_ONCE:
            result, is_again = self._arrived.popleft()
            key = self.review.answer(result) if is_again else self.review.take(result)
            if key is not None:
                changed.append(key)
        self.keep(changed)
        error, self._error = self._error, None
        waiting = self._waiting if self.is_running else ""
        is_running = self.is_running or bool(self._arrived or self._restored)
        return News(changed, is_running, waiting, self.spent, error)

    @property
    def spent(self) -> Spent:
        """What calls have cost, over all sessions of this run."""
        now = self._session.spent if self._session else Spent()
        return _sum(self._spent_before, now)

    def keep(self, keys: Sequence[Key]) -> None:
        """Writes decisions down, in a thread, in order."""
        rows = [self.review.row(key) for key in keys]
        if rows:
            self._writer.submit(self._keep, rows)

    def forget(self) -> None:
        """Removes what was written down: the review is done, or thrown away."""
        self._writer.submit(self._file.remove)

    def again(self, key: Key) -> None:
        """Asks for other words for a row."""
        task = self.review.row(key).task
        number = self.review.ask(key)
        with self._lock:
            self._num_asking += 1
        threading.Thread(target=self._again, args=(task, number), daemon=True).start()

    def judge(self, task: Task, words: Sequence[str]) -> tuple[Verdict, RowResult]:
        """What is thought of words that the user wrote. For threads. Raises StudioError."""
        return self._open_session().judge_edit(task, words)

    # In threads.

    def _run(
        self, is_new: bool, records: Sequence[Mapping[str, Any]], after: "RewriteRun | None"
    ) -> None:
        try:
            if after is not None:
                after.close()
            if is_new:
                self._file.begin(self.plan.order)
            session = self._open_session()
            if self._is_stopped:
                session.cancel()
            if records:
                self._restored.extend(self.review.restore(records, session))
            done = set(self.review.keys()) - self.review.waiting()
            for result in session.results(done=done):
                self._waiting = ""
                self._arrived.append((result, False))
        except Exception as error:
            self._error = error
        finally:
            self._waiting = ""
            self._is_running = False

    def _again(self, task: Task, number: int) -> None:
        try:
            result = self._open_session().again(task, number)
            self._arrived.append((result, True))
        except Exception as error:
            self._error = error
            self._arrived.append((kept_result(task, str(error)), True))
        finally:
            with self._lock:
                self._num_asking -= 1

    def _open_session(self) -> RewriteSession:
        """The session; a new one where the old one was ended, which then knows what is on offer."""
        with self._lock:
            session = self._session
            if session is not None and not session.cancelled.is_set():
                return session
            if session is not None:
                self._spent_before = _sum(self._spent_before, session.spent)
            self._session = session = RewriteSession(self.plan, on_wait=self._note_wait)
            for row in self.review.rows():
                if row.has_offer:
                    session.judge_edit(row.task, row.words)
            return session

    def _note_wait(self, reason: str, seconds: float) -> None:
        self._waiting = f"Waiting {seconds:.0f} s. {reason}" if seconds >= 1 else reason

    def _keep(self, rows: Sequence[ReviewedRow]) -> None:
        try:
            self._file.add(rows)
        except StudioError as error:
            self._error = error


class IdeaRun:
    """Prompts that are invented, one after the other."""

    def __init__(self, open_session: Callable[[Callable[[str, float], None]], IdeaSession]) -> None:
        """`open_session` makes the session, given what is to be told of waits."""
        self.results: list[IdeaResult] = []
        self.session: IdeaSession | None = None
        self._open_session = open_session
        self._arrived: deque[IdeaResult] = deque()
        self._waiting = ""
        self._error: Exception | None = None
        self._is_running = False
        self.is_stopped = False

    def start(self) -> None:
        """Begins, or goes on: clips that are there cost nothing again."""
        self._is_running, self.is_stopped = True, False
        threading.Thread(target=self._run, daemon=True).start()

    def stop(self) -> None:
        """Ends the call that is under way, and begins no other."""
        self.is_stopped = True
        session = self.session
        if session is not None:
            threading.Thread(target=session.cancel, daemon=True).start()

    @property
    def is_running(self) -> bool:
        """True while clips are on their way."""
        return self._is_running

    def look(self) -> News:
        """Takes what has come since the last look. For the event loop."""
        changed: list[Key] = []
        known = {result.number for result in self.results if result.text}
        while self._arrived:
            result = self._arrived.popleft()
            if result.number not in known:
                self.results = [r for r in self.results if r.number != result.number]
                self.results.append(result)
                changed.append((str(result.number), 1))
        error, self._error = self._error, None
        spent = self.session.spent if self.session else Spent()
        return News(changed, self._is_running, self._waiting, replace(spent), error)

    def _run(self) -> None:
        try:
            self.session = session = self._open_session(self._note_wait)
            if self.is_stopped:
                return
            for result in session.results():
                self._waiting = ""
                self._arrived.append(result)
        except Exception as error:
            self._error = error
        finally:
            self._waiting = ""
            self._is_running = False

    def _note_wait(self, reason: str, seconds: float) -> None:
        self._waiting = f"Waiting {seconds:.0f} s. {reason}" if seconds >= 1 else reason


class Run(Protocol):
    """What the screen needs of either."""

    @property
    def is_running(self) -> bool:
        """True while something is on its way."""

    def look(self) -> News:
        """What has come since the last look."""

    def stop(self) -> None:
        """Ends it early."""


def _sum(one: Spent, other: Spent) -> Spent:
    price = (
        None
        if one.price is None and other.price is None
        else ((one.price or 0.0) + (other.price or 0.0))
    )
    return Spent(
        one.num_calls + other.num_calls,
        one.input_tokens + other.input_tokens,
        one.output_tokens + other.output_tokens,
        one.is_counted and other.is_counted,
        price,
    )
