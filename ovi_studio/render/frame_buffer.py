"""Frames on their way from the decoder to the encoder, in host memory and only so many of them."""

import threading
from collections import deque
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

MAX_BUFFERED_BYTES = 512 * 1024 * 1024
"""A clip of 720x720_5s is 180 MB, one of 960x960_10s 360 MB and more."""


class AbandonedError(Exception):
    """The other side of the buffer has given up."""


class FrameBuffer:
    """One thread puts frames in, another takes them out; either may give up."""

    def __init__(self, max_bytes: int = MAX_BUFFERED_BYTES) -> None:
        self._max_bytes = max_bytes
        self._frames: deque[np.ndarray] = deque()
        self._num_bytes = 0
        self._is_complete = False
        self._is_abandoned = False
        self._changed = threading.Condition()

    def put(self, frames: "np.ndarray") -> None:
        """Adds frames; waits while too much is buffered. Raises AbandonedError.

        One array goes in even if it alone is beyond the limit.
        """
        with self._changed:
            self._changed.wait_for(
                lambda: (
                    self._is_abandoned
                    or not self._frames
                    or self._num_bytes + frames.nbytes <= self._max_bytes
                )
            )
            if self._is_abandoned:
                raise AbandonedError
            self._frames.append(frames)
            self._num_bytes += frames.nbytes
            self._changed.notify_all()

    def complete(self) -> None:
        """Says that no more frames come."""
        with self._changed:
            self._is_complete = True
            self._changed.notify_all()

    def abandon(self) -> None:
        """Says that the frames are not wanted, or will not come."""
        with self._changed:
            self._is_abandoned = True
            self._frames.clear()
            self._changed.notify_all()

    def __iter__(self) -> Iterator["np.ndarray"]:
        """The frames in order, until they are complete. Raises AbandonedError."""
        while True:
            with self._changed:
                self._changed.wait_for(
                    lambda: self._is_abandoned or self._is_complete or bool(self._frames)
                )
                if self._is_abandoned:
                    raise AbandonedError
                if not self._frames:
                    return
                frames = self._frames.popleft()
                self._num_bytes -= frames.nbytes
                self._changed.notify_all()
            yield frames
