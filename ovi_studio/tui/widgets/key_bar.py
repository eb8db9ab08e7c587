"""The line at the bottom of every view: the keys that apply where the cursor is, most needed first.

What does not fit is left out; the keys of the help and the palette always stand at the right end.
One widget draws all of it, because it changes whenever the focus does.
"""

from dataclasses import dataclass

from rich.style import Style
from rich.text import Text
from textual.binding import Binding
from textual.events import Click, Resize
from textual.screen import Screen
from textual.widget import Widget

ALWAYS = ("help", "command_palette")
"""Actions whose keys stand at the right end."""


@dataclass(frozen=True, slots=True)
class ShownKey:
    """A key as the bar shows it."""

    key: str
    display: str
    name: str
    action: str
    is_enabled: bool

    @property
    def width(self) -> int:
        """Characters, with the space on either side."""
        return len(self.display) + len(self.name) + 3


class KeyBar(Widget, can_focus=False):
    """Keys of the focused widget, then of the view; a click is the same as the key."""

    ALLOW_SELECT = False
    COMPONENT_CLASSES = {"key-bar--key", "key-bar--name"}  # noqa: RUF012
    DEFAULT_CSS = """
    KeyBar {
        dock: bottom; height: 1; background: $panel; color: $foreground; text-wrap: nowrap;
        .key-bar--key { color: $accent; text-style: bold; }
        .key-bar--name { color: $foreground; }
    }
    """

    def __init__(self) -> None:
        super().__init__()
        self._keys: list[ShownKey] = []
        self._places: list[tuple[int, int, str]] = []

    def on_mount(self) -> None:
        self.screen.bindings_updated_signal.subscribe(self, self._bindings_changed)
        self.look()

    def on_resize(self, _event: Resize) -> None:
        self.look()

    def look(self) -> None:
        """Shows what applies now."""
        keys = self._applying()
        if keys != self._keys:
            self._keys = keys
            self.refresh()

    def render(self) -> Text:
        """The keys that fit."""
        always = [key for key in self._keys if key.action in ALWAYS]
        room = self.size.width - sum(key.width for key in always)
        shown: list[ShownKey] = []
        used = 0
        for key in self._keys:
            if key.action not in ALWAYS and used + key.width <= room:
                shown.append(key)
                used += key.width
        self._places = []
        text = Text(end="", no_wrap=True)
        for key in shown:
            self._append(text, key)
        text.append(" " * max(0, room - used))
        for key in always:
            self._append(text, key)
        return text

    def on_click(self, event: Click) -> None:
        for start, end, key in self._places:
            if start <= event.x < end:
                self.app.simulate_key(key)

    def _append(self, text: Text, key: ShownKey) -> None:
        start = len(text)
        dim = Style(dim=not key.is_enabled)
        text.append(f" {key.display}", self.get_component_rich_style("key-bar--key") + dim)
        text.append(f" {key.name} ", self.get_component_rich_style("key-bar--name") + dim)
        self._places.append((start, len(text), key.key))

    def _applying(self) -> list[ShownKey]:
        """One key for each action, with whether it can be done now."""
        by_action: dict[str, ShownKey] = {}
        for _, binding, is_enabled, _ in self.screen.active_bindings.values():
            if (binding.show or binding.action in ALWAYS) and binding.action not in by_action:
                by_action[binding.action] = self._shown(binding, is_enabled=is_enabled)
        return list(by_action.values())

    def _shown(self, binding: Binding, *, is_enabled: bool) -> ShownKey:
        display = self.app.get_key_display(binding)
        return ShownKey(binding.key, display, binding.description, binding.action, is_enabled)

    def _bindings_changed(self, screen: Screen[object]) -> None:
        if self.is_attached and screen is self.screen:
            self.look()
