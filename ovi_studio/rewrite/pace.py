"""Keeps calls apart: a limit of requests and tokens a minute for all threads, and who has to wait.

Waiting ends early when the run is cancelled.
"""

import random
import threading
import time
from collections.abc import Callable

FIRST_PAUSE = 0.5
"""Seconds before the first repetition of a call that failed; doubled each time."""

LONGEST_PAUSE = 60.0


class CancelledError(Exception):
    """The run was cancelled while somebody waited."""


class Pace:
    """When the next call may go out."""

    def __init__(
        self,
        requests_per_minute: float | None,
        tokens_per_minute: float | None,
        cancelled: threading.Event,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._gap = 60.0 / requests_per_minute if requests_per_minute else 0.0
        self._token_gap = 60.0 / tokens_per_minute if tokens_per_minute else 0.0
        self._cancelled = cancelled
        self._now = now
        self._lock = threading.Lock()
        self._next = 0.0

    def wait(self, num_tokens: int) -> None:
        """Returns when a call of so many tokens may go out. Raises CancelledError."""
        with self._lock:
            start = max(self._now(), self._next)
            self._next = start + max(self._gap, self._token_gap * num_tokens)
        self.pause(start - self._now())

    def hold_back(self, seconds: float) -> None:
        """Lets nobody go out for so long: a server has had enough."""
        with self._lock:
            self._next = max(self._next, self._now() + seconds)

    def pause(self, seconds: float) -> None:
        """Waits so long. Raises CancelledError."""
        if seconds > 0:
            self._cancelled.wait(seconds)
        if self._cancelled.is_set():
            raise CancelledError


def pause_before(repetition: int, first: float = FIRST_PAUSE) -> float:
    """Seconds before the n-th repetition (from 1): doubling, and spread so that threads do not
    come back all at once."""
    return min(LONGEST_PAUSE, first * 2.0 ** (repetition - 1)) * random.uniform(0.75, 1.25)
