"""The sets of a project as a list."""

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from rich.text import Text
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from ovi_studio.tui.visible_text import visible

MAX_LINES = 8


class SetList(OptionList):
    """Names; the one that is open has a mark."""

    BINDING_GROUP_TITLE = "Sets"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j", "cursor_down", "Set below", show=False),
        Binding("k", "cursor_up", "Set above", show=False),
        Binding("enter", "select", "Open"),
        Binding("n,N", "screen.new_set", "New set", key_display="n"),
        Binding("e", "screen.edit_set_outside", "Edit the file in $EDITOR"),
    ]
    DEFAULT_CSS = """
    SetList {
        height: auto; max-height: 10; border: round $foreground-muted; background: $background;
        scrollbar-size-vertical: 1;
        &:focus { border: round $primary; }
    }
    """

    class Chosen(Message):
        """A set is to be opened."""

        def __init__(self, path: Path) -> None:
            super().__init__()
            self.path = path

    def __init__(self) -> None:
        super().__init__()
        self._sets: tuple[tuple[str, Path], ...] = ()
        self._current: Path | None = None

    def on_mount(self) -> None:
        """Its title."""
        self.border_title = "Sets"

    def show_sets(self, sets: Sequence[tuple[str, Path]], current: Path | None) -> None:
        """Shows names and paths; those of the project, and the current one wherever it lies."""
        shown = tuple(sets)
        if current is not None and current not in (path for _, path in shown):
            shown = (*shown, (str(current), current))
        if (shown, current) == (self._sets, self._current):
            return
        before = self.highlighted
        is_other = current != self._current
        self._sets, self._current = shown, current
        self.clear_options()
        self.add_options(
            [
                Option(
                    Text.assemble(
                        ("▸ " if path == current else "  "),
                        (visible(name), "bold" if path == current else ""),
                    )
                )
                for name, path in shown
            ]
        )
        paths = [path for _, path in shown]
        if is_other and current in paths:
            self.highlighted = paths.index(current)
        elif shown:
            self.highlighted = min(before or 0, len(shown) - 1)

    def mark_current(self, path: Path) -> None:
        """Another set is open."""
        self.show_sets(self._sets, path)

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Asks for the set."""
        event.stop()
        self.post_message(self.Chosen(self._sets[event.option_index][1]))
