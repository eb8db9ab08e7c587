"""A choice among a few words that stand beside each other; left, right or the mouse take one."""

from collections.abc import Sequence
from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget


class OptionRow(Widget, can_focus=True):
    """One of some options, each a value and its label."""

    BINDING_GROUP_TITLE = "A row of options"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left,h", "move(-1)", "Option before", show=False),
        Binding("right,l,space", "move(1)", "Option after", show=False),
    ]
    DEFAULT_CSS = """
    OptionRow { height: 1; width: 1fr; }
    OptionRow:focus { background: $boost; }
    """

    value: reactive[str] = reactive("")

    class Changed(Message):
        """Another option was taken."""

        def __init__(self, row: "OptionRow", value: str) -> None:
            super().__init__()
            self.row = row
            self.value = value

        @property
        def control(self) -> "OptionRow":
            """The widget, for `@on` selectors."""
            return self.row

    def __init__(self, options: Sequence[tuple[str, str]], value: str, *, name: str) -> None:
        """`options` are pairs of value and label; `name` is the widget's id too."""
        super().__init__(id=name, name=name)
        self._options = list(options)
        self.set_reactive(OptionRow.value, value)

    def set_options(self, options: Sequence[tuple[str, str]], value: str) -> None:
        """Offers something else."""
        self._options = list(options)
        self.value = value
        self.refresh()

    def render(self) -> Content:
        """The options, the one that is taken marked."""
        parts: list[tuple[str, str]] = []
        for value, label in self._options:
            is_taken = value == self.value
            style = "dim"
            if is_taken:
                style = "bold reverse" if self.has_focus else "bold $text-primary underline"
            parts += [(f" {label} ", style)]
        return Content.assemble(*parts)

    def watch_value(self, value: str) -> None:
        """Tells who asked."""
        self.post_message(self.Changed(self, value))

    def action_move(self, step: int) -> None:
        """Takes a neighbour; after the last comes the first."""
        values = [value for value, _ in self._options]
        if values:
            here = values.index(self.value) if self.value in values else 0
            self.value = values[(here + step) % len(values)]

    def on_click(self, event: events.Click) -> None:
        """Takes the option under the mouse."""
        column = 0
        for value, label in self._options:
            width = len(Content(f" {label} ").plain)
            if column <= event.x < column + width:
                self.value = value
            column += width

    def on_focus(self) -> None:
        """The option that is taken looks different where the keys go."""
        self.refresh()

    def on_blur(self) -> None:
        """See `on_focus`."""
        self.refresh()
