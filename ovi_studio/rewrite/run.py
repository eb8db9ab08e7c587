"""Rewrites rows with a model: many at once, each until it is accepted or given up; results stream.

Threads take groups of rows. A row is done when its answer is accepted, or when it was asked for as
often as is allowed; then it keeps its old text. Accepted answers are stored at once, so that a run
that is killed at any moment goes on where it stopped when it is started again.
"""

import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from ovi_studio.rewrite.acceptance import Judge, Verdict
from ovi_studio.rewrite.answers import RowAnswer, looks_refused, read_answers
from ovi_studio.rewrite.call_log import AnswerStore, now_text, question_key
from ovi_studio.rewrite.calling import Caller, Question, requests_of
from ovi_studio.rewrite.connection import Connection
from ovi_studio.rewrite.order import RowResult, Source, Status, Task
from ovi_studio.rewrite.pace import CancelledError
from ovi_studio.rewrite.request import (
    answer_schema,
    count_answer,
    messages_for,
    numbered,
    row_data,
)
from ovi_studio.rewrite.server import CallError, Reply

MAX_NOTES = 6
"""Reasons that are told to a model; more would only confuse it."""

POLL_SECONDS = 0.2
"""How often a run that waits for its threads looks whether it is cancelled."""


def key_of_task(task: Task, connection: Connection, system: str, seed: int) -> str:
    """Names the question that a task is: the same question has the same answer."""
    return question_key(
        address=connection.address, model=connection.model, system=system,
        temperature=connection.temperature, seed=seed, row=row_data(task),
    )  # fmt: skip


@dataclass(slots=True)
class _Pending:
    """A task that is not done."""

    task: Task
    num_tries: int = 0
    notes: list[str] = field(default_factory=list)

    def refuse(self, *reasons: str) -> None:
        self.num_tries += 1
        self.notes = [*self.notes, *reasons]


class ModelRun:
    """The rewriting of some tasks by one model."""

    def __init__(
        self,
        caller: Caller,
        judge: Judge,
        store: AnswerStore,
        system: str,
        cancelled: threading.Event,
        *,
        max_retries: int = 3,
        seed: int = 0,
        reads_store: bool = True,
    ) -> None:
        """`max_retries`: how often a line that is refused is asked for again. `seed` asks for
        other answers than the stored ones of another seed."""
        self.caller = caller
        self.cancelled = cancelled
        self._judge = judge
        self._store = store
        self._system = system
        self._max_tries = max_retries + 1
        self._seed = seed
        self._reads_store = reads_store
        self._threads: list[threading.Thread] = []

    def results(self, tasks: Sequence[Task]) -> Iterator[RowResult]:
        """The tasks as they are done, in whatever order. Closing the iterator cancels the rest.

        Raises CallError where no call can work; what was accepted before is stored.
        """
        waiting = []
        for task in tasks:
            stored = self._from_store(task)
            if stored is not None:
                yield stored
            else:
                waiting.append(_Pending(task))
        if waiting:
            yield from self._from_model(waiting)

    def again(self, task: Task) -> RowResult:
        """One task, asked for anew. Raises CallError."""
        done: list[RowResult] = []
        self._finish([_Pending(task)], done.append)
        return done[0]

    def key_of(self, task: Task) -> str:
        """Names the question that a task is."""
        return key_of_task(task, self.caller.connection, self._system, self._seed)

    def join(self, seconds: float) -> None:
        """Waits for threads to end, but not for calls that hang."""
        deadline = time.monotonic() + seconds
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))

    def _from_store(self, task: Task) -> RowResult | None:
        found = self._store.find(self.key_of(task)) if self._reads_store else None
        if found is None:
            return None
        words, written = found
        if len(words) != len(task.slots):
            return None
        verdict = self._judge.judge(task, words)
        if not verdict.is_accepted:  # other rules hold than when it was stored
            return None
        return _accepted(_Pending(task), verdict, Source.STORE, written)

    def _from_model(self, waiting: Sequence[_Pending]) -> Iterator[RowResult]:
        groups: queue.SimpleQueue[Sequence[_Pending]] = queue.SimpleQueue()
        done: queue.SimpleQueue[RowResult | BaseException] = queue.SimpleQueue()
        for group in requests_of(waiting, self.caller.connection.rows_per_request):
            groups.put(group)
        num_threads = max(1, min(self.caller.connection.concurrency, groups.qsize()))
        for _ in range(num_threads):
            thread = threading.Thread(target=self._work, args=(groups, done), daemon=True)
            self._threads.append(thread)
            thread.start()
        num_left = len(waiting)
        try:
            while num_left:
                result = self._next_of(done)
                if isinstance(result, BaseException):
                    raise result
                num_left -= 1
                yield result
        finally:
            if num_left:
                self.cancelled.set()

    def _next_of(
        self, done: "queue.SimpleQueue[RowResult | BaseException]"
    ) -> "RowResult | BaseException":
        """What is done next. When cancelled, calls that hang are not waited for."""
        while True:
            try:
                return done.get(timeout=POLL_SECONDS)
            except queue.Empty:
                if self.cancelled.is_set():
                    return CancelledError("The run was cancelled.")

    def _work(
        self,
        groups: "queue.SimpleQueue[Sequence[_Pending]]",
        done: "queue.SimpleQueue[RowResult | BaseException]",
    ) -> None:
        try:
            while not self.cancelled.is_set():
                self._finish(groups.get_nowait(), done.put)
        except queue.Empty:
            pass
        except BaseException as error:
            is_cancelled = self.cancelled.is_set()  # then calls end in all sorts of ways
            self.cancelled.set()
            done.put(CancelledError("The run was cancelled.") if is_cancelled else error)

    def _finish(self, group: Sequence[_Pending], tell: Callable[[RowResult], None]) -> None:
        """Asks for a group until all its rows are done."""
        groups = [list(group)]
        while groups:
            rows = groups.pop()
            again: list[_Pending] = []
            is_divided = False
            try:
                reply = self._ask(rows)
            except CallError as error:
                if error.is_fatal:
                    raise
                if len(rows) > 1 and error.status in (400, 413, 422):  # perhaps only too much
                    groups += [rows[len(rows) // 2 :], rows[: len(rows) // 2]]
                    continue
                for pending in rows:
                    pending.refuse(str(error))
                    tell(_kept(pending))
                continue
            for pending, answer in zip(rows, _answers(reply, rows), strict=True):
                verdict = self._verdict(pending.task, answer)
                if verdict.is_accepted:
                    pending.num_tries += 1
                    tell(self._store_and_accept(pending, verdict))
                    continue
                pending.refuse(*verdict.problems)
                is_divided |= bool(answer.problem)
                if pending.num_tries < self._max_tries:
                    again.append(pending)
                else:
                    tell(_kept(pending))
            if again and is_divided and len(again) > 1:  # smaller requests are answered better
                half = (len(again) + 1) // 2
                groups += [again[half:], again[:half]]
            elif again:
                groups.append(again)

    def _ask(self, rows: Sequence[_Pending]) -> Reply:
        asked = numbered([(row.task, tuple(row.notes[-MAX_NOTES:])) for row in rows])
        expected = count_answer(asked)
        most = self.caller.connection.max_output_tokens
        tries = max(row.num_tries for row in rows)
        return self.caller.ask(
            Question(
                messages=lambda form: messages_for(self._system, asked, form),
                schema=answer_schema(asked),
                max_tokens=min(most, (600 + 3 * expected) * 2**tries),
                rows=tuple(row.task.row.id for row in rows),
            )
        )

    def _verdict(self, task: Task, answer: RowAnswer) -> Verdict:
        if answer.problem:
            return Verdict(problems=(answer.problem,))
        return self._judge.judge(task, answer.words)

    def _store_and_accept(self, pending: _Pending, verdict: Verdict) -> RowResult:
        written = now_text()
        self._store.add(self.key_of(pending.task), verdict.words, written)
        return _accepted(pending, verdict, Source.MODEL, written)


def _answers(reply: Reply, rows: Sequence[_Pending]) -> list[RowAnswer]:
    """What a reply says for each row, in the order in which they were asked for."""
    asked = numbered([(row.task, ()) for row in rows])
    read = read_answers(reply.text, [one.wanted for one in asked])
    if all(answer.problem for answer in read.values()):
        problem = ""
        if reply.refusal or looks_refused(reply.text):
            said = " ".join((reply.refusal or reply.text).split())[:160]
            problem = f"the model refused: {said}"
        elif reply.is_cut:
            problem = "the answer was cut off: answer more briefly"
        elif not reply.text.strip():
            problem = "the answer was empty"
        if problem:
            return [RowAnswer(problem=problem)] * len(rows)
    return [read[one.key] for one in asked]


def _accepted(pending: _Pending, verdict: Verdict, source: Source, time: str) -> RowResult:
    return RowResult(
        task=pending.task, status=Status.REWRITTEN, text=verdict.text, words=verdict.words,
        source=source, num_tries=pending.num_tries, time=time, notes=tuple(pending.notes),
    )  # fmt: skip


def _kept(pending: _Pending) -> RowResult:
    return RowResult(
        task=pending.task, status=Status.KEPT, text=pending.task.prompt.text,
        reason=pending.notes[-1] if pending.notes else "", num_tries=pending.num_tries,
        notes=tuple(pending.notes),
    )  # fmt: skip
