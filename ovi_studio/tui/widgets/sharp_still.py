"""The frame on which a clip stands still, sharp, on terminals that can draw pictures."""

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textual.containers import Container
from textual.widget import Widget

from ovi.errors import MediaError
from ovi_studio.actions.clip_pictures import iter_frames
from ovi_studio.tui.pictures import picture_kind, picture_widget

if TYPE_CHECKING:
    from ovi_studio.tui.screens.base import StudioScreen

MAX_HEIGHT = 480
"""Pixels; more is not seen on a terminal."""


class SharpStill(Container):
    """One frame as kitty graphics or sixels; hidden where the terminal has neither."""

    DEFAULT_CSS = """
    SharpStill { width: 1fr; height: 1fr; align: center middle; display: none; }
    SharpStill.-shown { display: block; }
    SharpStill .still { width: auto; height: 1fr; }
    """

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._wanted: tuple[Path, int] | None = None

    def want(self, screen: "StudioScreen", clip: Path, frame: int) -> None:
        """Shows a frame once it is read, unless another one or none is wanted by then."""
        kind = picture_kind(screen.context.environment)
        wanted = (clip, frame)
        if kind not in ("kitty", "sixel") or self._wanted == wanted:
            return
        self._wanted = wanted

        def read() -> tuple[type[Widget], Any]:
            return picture_widget(kind), read_still(clip, frame)

        screen.run_in_thread(
            read,
            lambda came: self._show(wanted, came),
            group="still",
            exclusive=True,
            on_error=lambda _: None,  # the half blocks stay
        )

    def clear(self) -> None:
        """Shows nothing."""
        self._wanted = None
        if self.has_class("-shown"):
            self.remove_class("-shown")
            self.query(".still").remove()

    @property
    def is_shown(self) -> bool:
        """A frame can be seen."""
        return self.has_class("-shown")

    @property
    def frame(self) -> int | None:
        """The frame that is shown or will be."""
        return None if self._wanted is None else self._wanted[1]

    def _show(self, wanted: tuple[Path, int], came: tuple[type[Widget], Any]) -> None:
        if self._wanted == wanted:
            widget, picture = came
            self.query(".still").remove()
            self.mount(widget(picture, classes="still"))
            self.add_class("-shown")


def read_still(clip: Path, frame: int) -> Any:
    """A frame of a clip as a picture of Pillow. Raises MediaError when it has not so many."""
    from PIL import Image

    with closing(iter_frames(clip, MAX_HEIGHT)) as frames:  # type: ignore[type-var]
        for number, small in enumerate(frames):
            if number == frame:
                return Image.frombytes("RGB", (small.width, small.height), small.pixels)
    raise MediaError(f"{clip} has no frame {frame}.")
