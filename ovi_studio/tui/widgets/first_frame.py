"""The picture a clip starts from, as the terminal can show it; hidden where there is none."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widget import Widget
from textual.widgets import Static

from ovi_studio.project.image_cells import find_picture
from ovi_studio.tui.pictures import load_picture, picture_kind, picture_widget
from ovi_studio.tui.visible_text import visible

if TYPE_CHECKING:
    from ovi_studio.tui.screens.base import StudioScreen


class FirstFrame(Vertical):
    """A frame with a picture and its name."""

    DEFAULT_CSS = """
    FirstFrame {
        width: 36%; max-width: 40; border: round $foreground-muted; background: $background;
        display: none;
        align: center middle;
        &.-shown { display: block; }
        #note { color: $text-muted; padding: 0 1; height: auto; }
        #note.-empty { display: none; }
        .picture { width: auto; height: 1fr; }
    }
    """

    def __init__(self) -> None:
        super().__init__()
        self._wanted: tuple[str, tuple[Path, ...]] = ("", ())

    def compose(self) -> ComposeResult:
        """The picture comes later."""
        yield Static("", id="note", markup=False)

    def show_picture(self, screen: "StudioScreen", cell: str, folders: tuple[Path, ...]) -> None:
        """Shows the picture that a cell names; "" hides the frame."""
        if self._wanted == (cell, folders):
            return
        self._wanted = (cell, folders)
        self.set_class(bool(cell), "-shown")
        if not cell:
            return
        kind = picture_kind(screen.context.environment)
        self.border_title = Text(visible(Path(cell).name))

        def load() -> tuple[type[Widget], Any] | str:
            path = find_picture(cell, folders)
            if path is None:
                return "The picture is not there."
            if kind == "none":
                return "Pictures are switched off."
            try:
                return picture_widget(kind), load_picture(path)
            except ImportError as error:
                package = "pillow" if error.name == "PIL" else "textual-image"
                return f"To see it: pip install {package}"
            except (OSError, ValueError, SyntaxError):
                return "It cannot be opened as a picture."

        screen.run_in_thread(load, self._show, group="first-frame", exclusive=True)

    def _show(self, loaded: tuple[type[Widget], Any] | str) -> None:
        self.query(".picture").remove()
        note = self.query_one("#note", Static)
        is_note = isinstance(loaded, str)
        note.set_class(not is_note, "-empty")
        if isinstance(loaded, str):
            note.update(loaded)
        else:
            widget, picture = loaded
            self.mount(widget(picture, classes="picture"))
