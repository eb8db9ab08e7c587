"""Starts keepers of the queue now and then, however many clips are ordered at a time.

A keeper is a process, and a second one ends at once: a hundred orders in a second need one or two,
not a hundred.
"""

import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path

from ovi_studio.errors import WorkerError
from ovi_studio.render.keeper import start_keeper

PAUSE_SECONDS = 1.0


class CalmKeeper:
    """Called after each order; every order has a keeper that was started after it."""

    def __init__(
        self,
        start: Callable[[Path], object] = start_keeper,
        pause_seconds: float = PAUSE_SECONDS,
    ) -> None:
        """Starts nothing yet."""
        self._start = start
        self._pause = pause_seconds
        self._lock = threading.Lock()
        self._started = -pause_seconds
        self._late: threading.Timer | None = None

    def __call__(self, queue_path: Path) -> None:
        """Starts a keeper now, or a little later for all who ask until then. Raises WorkerError."""
        with self._lock:
            if self._late is not None:
                return
            wait = self._started + self._pause - time.monotonic()
            if wait > 0:
                # Not a daemon: a server that ends waits for it, so that no order is forgotten.
                self._late = threading.Timer(wait, self._start_late, (queue_path,))
                self._late.start()
                return
            self._started = time.monotonic()
        self._start(queue_path)

    def _start_late(self, queue_path: Path) -> None:
        with self._lock:
            self._late = None
            self._started = time.monotonic()
        try:
            self._start(queue_path)
        except WorkerError as error:
            logging.getLogger("ovi.web").error("%s", error)
