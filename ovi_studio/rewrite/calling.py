"""Calls that are repeated while that may help, in a plainer format where need be, and logged."""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from ovi_studio.prompt.tokens import estimate_tokens
from ovi_studio.rewrite.call_log import Call, now_text
from ovi_studio.rewrite.connection import Connection, ResponseFormat
from ovi_studio.rewrite.pace import FIRST_PAUSE, Pace, pause_before
from ovi_studio.rewrite.records import Records
from ovi_studio.rewrite.request import count_request
from ovi_studio.rewrite.secret_keys import Secrets
from ovi_studio.rewrite.server import CallError, Messages, Reply

MAX_FAILURES_IN_ROW = 3
"""Calls that failed for good, one after the other, before a server counts as gone."""

_LADDER = tuple(ResponseFormat)


class Completes(Protocol):
    """What makes one call; `rewrite/server.py` is one."""

    connection: Connection
    secrets: Secrets

    def complete(
        self, messages: Messages, form: ResponseFormat, schema: Mapping[str, Any], max_tokens: int
    ) -> Reply:
        """The answer. Raises CallError."""

    def close(self) -> None:
        """Ends all connections."""


@dataclass(frozen=True, slots=True)
class Question:
    """A request in whichever format the server takes."""

    messages: Callable[[ResponseFormat], Messages]
    schema: Mapping[str, Any]
    max_tokens: int
    rows: tuple[str, ...]
    """Ids, for the log."""


@dataclass(slots=True)
class Spent:
    """What a run has cost so far."""

    num_calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    is_counted: bool = True
    """False: some server did not count, and we estimated."""
    price: float | None = None

    def add(self, call: Call) -> None:
        """Adds a call."""
        self.num_calls += 1
        self.input_tokens += call.input_tokens
        self.output_tokens += call.output_tokens
        self.is_counted &= call.is_counted
        if call.price is not None:
            self.price = (self.price or 0.0) + call.price


class Caller:
    """Asks one server; used by several threads at once."""

    def __init__(
        self,
        server: Completes,
        log: Records,
        cancelled: threading.Event,
        *,
        on_wait: Callable[[str, float], None] = lambda *_: None,
        first_pause: float = FIRST_PAUSE,
    ) -> None:
        """`on_wait` is told why and how long a call waits before it is repeated."""
        connection = server.connection
        self.connection = connection
        self.spent = Spent()
        self._server = server
        self._log = log
        self._on_wait = on_wait
        self._first_pause = first_pause
        self._lock = threading.Lock()
        self._form = connection.response_format or _LADDER[0]
        self._is_form_fixed = connection.response_format is not None
        self._num_failures = 0
        self._pace = Pace(connection.requests_per_minute, connection.tokens_per_minute, cancelled)

    @property
    def form(self) -> ResponseFormat:
        """The format that the next call asks for."""
        return self._form

    def ask(self, question: Question) -> Reply:
        """The answer to a question.

        Raises CallError when repeating does not help, CancelledError when the run is cancelled.
        """
        repetition = 0
        while True:
            form = self._form
            try:
                reply = self._ask_once(question, form)
            except CallError as error:
                self._pace.pause(0)  # a call that was cancelled fails, and nobody need hear of it
                if self._steps_down(form, error, repetition):
                    repetition = 0
                    continue
                repetition += 1
                if not error.may_pass or repetition > self.connection.retries:
                    self._count_failure(error)
                    raise
                seconds = error.retry_after
                if seconds is None:
                    seconds = pause_before(repetition, self._first_pause)
                elif error.status == 429:
                    self._pace.hold_back(seconds)
                self._on_wait(str(error), seconds)
                self._pace.pause(seconds)
            else:
                self._num_failures = 0
                return reply

    def _ask_once(self, question: Question, form: ResponseFormat) -> Reply:
        messages = question.messages(form)
        num_tokens = count_request(messages)
        self._pace.wait(num_tokens)
        start = time.monotonic()
        try:
            reply = self._server.complete(messages, form, question.schema, question.max_tokens)
        except CallError as error:
            self._note(question, form, messages, start, error=error)
            raise
        self._note(question, form, messages, start, reply=reply, num_tokens=num_tokens)
        return reply

    def _steps_down(self, form: ResponseFormat, error: CallError, repetition: int) -> bool:
        """True if a plainer format is worth trying: the server seems not to know this one.

        Some say so, others break down (500): those are asked once more first.
        """
        if self._is_form_fixed or form is _LADDER[-1] or error.status is None:
            return False
        is_unknown = error.status in (400, 415, 422, 501)
        is_broken = error.status == 500 and repetition >= 1
        if not (is_unknown or is_broken):
            return False
        with self._lock:
            if self._form is form:
                self._form = _LADDER[_LADDER.index(form) + 1]
        return True

    def _count_failure(self, error: CallError) -> None:
        """Makes an error fatal when the server has failed too often in a row."""
        with self._lock:
            self._num_failures += error.may_pass
            error.is_fatal |= self._num_failures >= MAX_FAILURES_IN_ROW

    def _note(
        self, question: Question, form: ResponseFormat, messages: Messages, start: float, *,
        reply: Reply | None = None, error: CallError | None = None, num_tokens: int = 0,
    ) -> None:  # fmt: skip
        """Writes a call to the log, and its cost."""
        counts = (0, 0)
        if reply is not None:
            estimated = (num_tokens, estimate_tokens(reply.text))
            counts = (reply.input_tokens, reply.output_tokens) if reply.is_counted else estimated
        call = Call(
            time=now_text(),
            connection=self.connection.name,
            address=self.connection.address,
            model=self.connection.model,
            response_format=str(form),
            messages=list(messages),
            rows=list(question.rows),
            schema=question.schema,
            max_tokens=question.max_tokens,
            answer=(reply.text or reply.refusal) if reply else "",
            error=str(error) if error else "",
            status=error.status if error else 200,
            seconds=round(time.monotonic() - start, 3),
            input_tokens=counts[0],
            output_tokens=counts[1],
            is_counted=reply is None or reply.is_counted,
            price=self.connection.price_of(*counts) if reply else None,
        )
        with self._lock:
            self.spent.add(call)
        self._log.add(call.record())


def requests_of(items: Sequence[Any], size: int) -> list[Sequence[Any]]:
    """Items in groups of at most `size`, in order."""
    return [items[start : start + size] for start in range(0, len(items), size)]
