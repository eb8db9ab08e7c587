"""Plays small pictures that it is given, again and again, while they are seen."""

from collections.abc import Sequence
from dataclasses import dataclass

from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip
from textual.widget import Widget

from ovi_studio.tui.half_blocks import centred_strips

FRAMES_PER_SECOND = 8


@dataclass(frozen=True, slots=True)
class BlockPicture:
    """One picture as lines of half blocks."""

    width: int
    """columns"""
    rows: Sequence[Sequence[Segment]]


class PreviewPicture(Widget):
    """Frames one after the other, in the middle of the widget; one frame stands still."""

    DEFAULT_CSS = """
    PreviewPicture { height: 1fr; background: $surface; color: $text-muted; }
    """

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._frames: Sequence[BlockPicture] = ()
        self._number = 0
        self._message = ""
        self._strips: tuple[object, list[Strip]] = (None, [])

    def on_mount(self) -> None:
        self._timer = self.set_interval(1 / FRAMES_PER_SECOND, self._advance, pause=True)

    @property
    def num_frames(self) -> int:
        """How many frames are played."""
        return len(self._frames)

    @property
    def message(self) -> str:
        """What is said in place of a picture."""
        return "" if self._frames else self._message

    def play(self, frames: Sequence[BlockPicture], message: str = "") -> None:
        """Plays other frames, going on where it was; without any it shows the message."""
        self._frames = frames
        self._message = message
        self._number = self._number % len(frames) if frames else 0
        self._strips = None, []
        if len(frames) > 1:
            self._timer.resume()
        else:
            self._timer.pause()
        self.refresh()

    def render_line(self, y: int) -> Strip:
        """One line of the frame that is shown now."""
        width, height = self.size
        key = self._number, width, height, self.rich_style
        if key != self._strips[0]:
            self._strips = key, self._make_strips(width, height, self.rich_style)
        return self._strips[1][y] if y < len(self._strips[1]) else Strip.blank(width)

    def _make_strips(self, width: int, height: int, ground: Style) -> list[Strip]:
        if self._frames:
            frame = self._frames[self._number]
            return centred_strips(frame.rows, frame.width, width, height, ground)
        text = self._message[:width]
        return centred_strips([[Segment(text, ground)]], len(text), width, height, ground)

    def _advance(self) -> None:
        if self._frames and self.is_on_screen:
            self._number = (self._number + 1) % len(self._frames)
            self.refresh()
