"""The frames of one clip for a box of characters, decoded in a thread while the first are shown."""

import threading
from contextlib import closing
from pathlib import Path

from rich.segment import Segment

from ovi.errors import OviError
from ovi_studio.actions.clip_pictures import SmallFrame, iter_frames
from ovi_studio.errors import StudioError
from ovi_studio.tui.half_blocks import half_block_rows


class DecodedClip:
    """Frames as they come; ask how many there are as often as you like. Close it."""

    def __init__(self, path: Path, columns: int, lines: int) -> None:
        """Starts to decode, for a box of so many characters."""
        self._path = path
        self._box = columns, 2 * lines
        self._frames: list[SmallFrame] = []
        self._rows: dict[int, list[list[Segment]]] = {}
        self._is_closed = False
        self.is_complete = False
        self.fault: str | None = None
        """why there are no frames, for the user"""
        threading.Thread(target=self._decode, name="frames", daemon=True).start()

    @property
    def num_frames(self) -> int:
        """Frames that are there by now."""
        return len(self._frames)

    def width(self, frame: int) -> int:
        """Characters that a frame is wide."""
        return self._frames[frame].width

    def rows(self, frame: int) -> list[list[Segment]]:
        """A frame as text."""
        rows = self._rows.get(frame)
        if rows is None:
            small = self._frames[frame]
            rows = half_block_rows(small.width, small.height, small.pixels)
            self._rows[frame] = rows
        return rows

    def close(self) -> None:
        """Stops decoding soon."""
        self._is_closed = True

    def _decode(self) -> None:
        width, height = self._box
        try:
            with closing(iter_frames(self._path, height, width)) as frames:  # type: ignore[type-var]
                for frame in frames:
                    self._frames.append(frame)
                    if self._is_closed:
                        return
        except (OviError, StudioError, OSError) as error:
            self.fault = str(error)
        self.is_complete = True
