"""A widget that shows how loud a clip is over time, and where it stands."""

from collections.abc import Sequence
from typing import ClassVar

from rich.segment import Segment
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

EIGHTHS = " ▁▂▃▄▅▆▇█"


class SoundWave(Widget):
    """Bars, one a character; a click goes to that moment."""

    DEFAULT_CSS = """
    SoundWave { width: 1fr; height: 2; background: $surface; }
    SoundWave .sound-wave--played { color: $primary; }
    SoundWave .sound-wave--rest { color: $primary 45%; }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {"sound-wave--played", "sound-wave--rest"}

    class Clicked(Message):
        """The user wants that moment."""

        def __init__(self, share: float) -> None:
            super().__init__()
            self.share = share
            """of the clip's length, 0 to 1"""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._peaks: Sequence[int] = ()
        self._bars: list[int] = []
        self._at = 0

    @property
    def has_sound(self) -> bool:
        """A sound was given."""
        return bool(self._peaks)

    def show_peaks(self, peaks: Sequence[int]) -> None:
        """Shows a sound, 0 to 255 from its beginning to its end; none at all for nothing."""
        self._peaks = peaks
        self._bars = []
        self.refresh()

    def show_share(self, share: float) -> None:
        """Where the clip stands, 0 to 1."""
        at = int(share * self.content_size.width)
        if at != self._at:
            self._at = at
            self.refresh()

    def render_line(self, y: int) -> Strip:
        """One line of bars."""
        width, height = self.content_size
        if len(self._bars) != width:
            self._bars = bars(self._peaks, width, height * 8)
        under = (height - 1 - y) * 8
        text = "".join(EIGHTHS[max(0, min(8, bar - under))] for bar in self._bars)
        played = self.get_component_rich_style("sound-wave--played")
        rest = self.get_component_rich_style("sound-wave--rest")
        segments = [Segment(text[: self._at], played), Segment(text[self._at :], rest)]
        return Strip(segments, width)

    def on_resize(self) -> None:
        self._bars = []

    def on_click(self, event: object) -> None:
        width = max(1, self.content_size.width)
        self.post_message(self.Clicked(getattr(event, "x", 0) / width))


def bars(peaks: Sequence[int], width: int, height: int) -> list[int]:
    """Heights of `width` bars, 0 to `height`; quiet sound is raised so that it can be seen."""
    if not peaks or width < 1:
        return [0] * width
    heights = []
    for column in range(width):
        start = len(peaks) * column // width
        end = max(start + 1, len(peaks) * (column + 1) // width)
        loudest = max(peaks[start:end]) / 255
        heights.append(round(height * loudest**0.6))
    return heights
