"""A widget that shows one frame of a clip at a time, as half blocks; when is for others to say."""

from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from rich.text import Text
from textual.strip import Strip
from textual.widget import Widget

from ovi_studio.actions.library import LibraryClip
from ovi_studio.tui.decoded_clip import DecodedClip
from ovi_studio.tui.half_blocks import centred_strips

RESIZE_SECONDS = 0.15
"""A size that holds for so long is worth decoding the clip anew."""


class MovingPicture(Widget):
    """The frames of a clip. `num_frames` grows while they are decoded."""

    DEFAULT_CSS = """
    MovingPicture { width: 1fr; height: 1fr; background: $surface; color: $text-muted; }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = set()

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._clip: LibraryClip | None = None
        self._decoded: DecodedClip | None = None
        self._frame = 0
        self._strips: list[Strip] = []
        self._box = (0, 0)

    @property
    def num_frames(self) -> int:
        """Frames that can be shown by now."""
        return self._decoded.num_frames if self._decoded else 0

    @property
    def is_settled(self) -> bool:
        """Nothing more will come by itself."""
        return self._decoded is None or self._decoded.is_complete

    def load(self, clip: LibraryClip | None) -> None:
        """Shows another clip, or nothing."""
        self._clip = clip
        self._decode()

    def show_frame(self, frame: int) -> None:
        """Shows a frame; one that is not there yet leaves the picture as it is."""
        if self._decoded is None or frame >= self._decoded.num_frames:
            if self._decoded is not None and self._decoded.fault and self._strips:
                self._strips = []
                self.refresh()
            return
        if frame != self._frame or not self._strips:
            self._frame = frame
            self._strips = []
            self.refresh()

    def render_line(self, y: int) -> Strip:
        """One line of the frame."""
        width, height = self.content_size
        ground = self.rich_style
        if not self._strips:
            self._strips = self._make_strips(width, height, ground)
        if y < len(self._strips):
            return self._strips[y].adjust_cell_length(width, ground)
        return Strip([Segment(" " * width, ground)], width)

    def on_resize(self) -> None:
        if self._needs_other_size:
            self._strips = []
            self.set_timer(RESIZE_SECONDS, self._decode_for_size)

    def on_unmount(self) -> None:
        if self._decoded is not None:
            self._decoded.close()

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._strips = []

    def _decode_for_size(self) -> None:
        if self._needs_other_size:
            self._decode()

    @property
    def _needs_other_size(self) -> bool:
        """The frames are of another size than the widget, which has one while it can be seen."""
        return self.content_size.area > 0 and self._box != tuple(self.content_size)

    def _decode(self) -> None:
        if self._decoded is not None:
            self._decoded.close()
        self._decoded, self._frame, self._strips = None, 0, []
        width, height = self.content_size
        if self._clip is not None and width > 1 and height > 0:
            self._box = (width, height)
            self._decoded = DecodedClip(self._clip.path, width, height)
        self.refresh()

    def _make_strips(self, width: int, height: int, ground: Style) -> list[Strip]:
        decoded = self._decoded
        if decoded is not None and self._frame < decoded.num_frames:
            rows, wide = decoded.rows(self._frame), decoded.width(self._frame)
            return centred_strips(rows, wide, width, height, ground)
        if decoded is not None and decoded.fault:
            said = Text(decoded.fault, style=ground)
            lines = said.wrap(self.app.console, max(1, width - 2), overflow="fold")[:height]
            rows = [[Segment(line.plain, ground)] for line in lines]
            return centred_strips(rows, width - 2, width, height, ground)
        return centred_strips([], 0, width, height, ground)
