"""Plays small pictures made of half blocks, again and again, while they are seen."""

from collections.abc import Sequence

from rich.segment import Segment
from textual.strip import Strip
from textual.widget import Widget

from ovi_studio.tui.widgets.half_blocks import Picture

FRAMES_PER_SECOND = 8


class MovingPicture(Widget):
    """Frames one after the other, in the middle of the widget; one frame stands still."""

    DEFAULT_CSS = """
    MovingPicture { height: 1fr; background: $surface; }
    """

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._frames: Sequence[Picture] = ()
        self._number = 0
        self._message = ""

    def on_mount(self) -> None:
        self._timer = self.set_interval(1 / FRAMES_PER_SECOND, self._advance, pause=True)

    @property
    def num_frames(self) -> int:
        """How many frames are played."""
        return len(self._frames)

    def play(self, frames: Sequence[Picture], message: str = "") -> None:
        """Plays other frames, going on where it was; without any it shows the message."""
        self._frames = frames
        self._message = message
        self._number = self._number % len(frames) if frames else 0
        if len(frames) > 1:
            self._timer.resume()
        else:
            self._timer.pause()
        self.refresh()

    def _advance(self) -> None:
        if self._frames and self.is_on_screen:
            self._number = (self._number + 1) % len(self._frames)
            self.refresh()

    def render_line(self, y: int) -> Strip:
        width, height = self.size
        ground = self.rich_style
        picture = self._frames[self._number] if self._frames else ()
        line = y - max(0, (height - len(picture)) // 2)
        if not picture and self._message and y == height // 2:
            text = self._message[:width].center(width)
            return Strip([Segment(text, ground)]).adjust_cell_length(width, ground)
        if not 0 <= line < len(picture):
            return Strip.blank(width, ground)
        strip = picture[line]
        before = max(0, (width - strip.cell_length) // 2)
        blank = Segment(" " * before, ground)
        return Strip([blank, *strip]).adjust_cell_length(width, ground)
