"""Brings thumbnails to the gallery: made and read in threads, the latest wish first.

Whoever draws asks and gets the picture or nothing at once; when one arrives that was missing, the
owner is told to draw again. What scrolled past before its turn is forgotten.
"""

import threading
from collections import OrderedDict, deque
from collections.abc import Callable
from pathlib import Path

from rich.segment import Segment

from ovi.errors import OviError
from ovi_studio.actions.library import ClipLibrary, LibraryClip
from ovi_studio.actions.thumbnail_cells import StripFrames, read_strip
from ovi_studio.errors import StudioError
from ovi_studio.tui.half_blocks import half_block_rows

NUM_THREADS = 2
MAX_WISHES = 96
MAX_KEPT = 600

Cells = list[list[Segment]]

_Key = tuple[Path, float, int, int, int]


class ThumbnailLoader:
    """Thumbnails of one library as lines of text."""

    def __init__(self, library: ClipLibrary, on_arrival: Callable[[], None]) -> None:
        """`on_arrival` is called from a thread. Threads start with the first wish."""
        self._library = library
        self._on_arrival = on_arrival
        self._wishes: deque[tuple[_Key, LibraryClip]] = deque(maxlen=MAX_WISHES)
        self._kept: OrderedDict[_Key, Cells | None] = OrderedDict()
        self._condition = threading.Condition()
        self._num_threads = 0
        self._is_closed = False

    def get(self, clip: LibraryClip, columns: int, lines: int) -> tuple[Cells | None, bool]:
        """Frames of a clip side by side, filling a box; and whether one may still arrive."""
        key = (clip.path, clip.created, clip.num_bytes, columns, lines)
        with self._condition:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key], False
            if all(wish[0] != key for wish in self._wishes):
                self._wishes.append((key, clip))
                self._start()
                self._condition.notify()
        return None, True

    def close(self) -> None:
        """Ends the threads after what they are at."""
        with self._condition:
            self._is_closed = True
            self._wishes.clear()
            self._condition.notify_all()

    def _start(self) -> None:
        if self._num_threads < NUM_THREADS and not self._is_closed:
            self._num_threads += 1
            threading.Thread(target=self._run, name="thumbnails", daemon=True).start()

    def _run(self) -> None:
        while True:
            with self._condition:
                while not self._wishes and not self._is_closed:
                    self._condition.wait()
                if self._is_closed:
                    return
                key, clip = self._wishes.pop()
            cells = self._make(clip, key[3], key[4])
            with self._condition:
                self._kept[key] = cells
                while len(self._kept) > MAX_KEPT:
                    self._kept.popitem(last=False)
            self._on_arrival()

    def _make(self, clip: LibraryClip, columns: int, lines: int) -> Cells | None:
        try:
            frames: StripFrames = read_strip(self._library.thumbnails(clip), columns, 2 * lines)
        except (OviError, StudioError, OSError):
            return None
        return half_block_rows(frames.width, frames.height, frames.pixels)
