"""The line in which the words are typed that rows must have."""

from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.widgets import Input

from ovi_studio.tui.row_filter import HINT


class FilterLine(Input):
    """Hidden until it is asked for."""

    BINDING_GROUP_TITLE = "Filter"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter,down", "submit", "To the rows"),
        Binding("escape", "screen.show_all_rows", "Show all"),
    ]
    DEFAULT_CSS = """
    FilterLine {
        display: none; height: 1; border: none; padding: 0 1;
        &.-shown { display: block; }
    }
    """

    def __init__(self) -> None:
        super().__init__(placeholder=HINT, compact=True)

    def open(self) -> None:
        """Shows it, for typing."""
        self.add_class("-shown")
        self.focus()

    def close(self) -> None:
        """Takes the words away, and the line, without telling."""
        self.remove_class("-shown")
        with self.prevent(Input.Changed):
            self.value = ""
