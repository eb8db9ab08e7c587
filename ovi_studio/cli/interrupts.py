"""Counts Ctrl-C instead of dying from it, while a render is followed."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def counted_interrupts() -> Iterator[Callable[[], int]]:
    """Gives a function that says how often the user asked to stop since the block began."""
    count = 0

    def add_one(_signal: int, _frame: FrameType | None) -> None:
        nonlocal count
        count += 1

    watched = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(number, add_one) for number in watched]
    try:
        yield lambda: count
    finally:
        for number, handler in zip(watched, before, strict=True):
            signal.signal(number, handler)
