"""The line at the bottom of every view: the keys that apply where the cursor is, most needed first.

What does not fit is left out; the keys of the help and the palette always stand at the right end.
"""

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal
from textual.screen import Screen
from textual.widgets._footer import FooterKey

ALWAYS = ("help", "command_palette")
"""Actions whose keys stand at the right end."""


class KeyBar(Horizontal, can_focus=False, can_focus_children=False):
    """Keys of the focused widget, then of the view; a click is the same as the key."""

    ALLOW_SELECT = False
    DEFAULT_CSS = """
    KeyBar {
        dock: bottom; height: 1; background: $panel; color: $foreground; overflow: hidden;
        #keys { width: 1fr; height: 1; overflow: hidden; }
        #always { width: auto; height: 1; }
        FooterKey { margin: 0 1; background: $panel; }
    }
    """

    def on_mount(self) -> None:
        self.screen.bindings_updated_signal.subscribe(self, self._bindings_changed)

    def on_resize(self) -> None:
        self.call_after_refresh(self.recompose)

    def compose(self) -> ComposeResult:
        shown = self._shown() if self.is_attached and self.screen.is_running else []
        always = [self._key(*known) for known in shown if known[0].action in ALWAYS]
        room = self.app.size.width - sum(map(_width, always))
        with Horizontal(id="keys"):
            for binding, is_enabled in shown:
                key = self._key(binding, is_enabled=is_enabled)
                if binding.action not in ALWAYS and _width(key) <= room:
                    room -= _width(key)
                    yield key
        with Horizontal(id="always"):
            yield from always

    def _shown(self) -> list[tuple[Binding, bool]]:
        """One binding for each action, with whether it can be done now."""
        by_action: dict[str, tuple[Binding, bool]] = {}
        for _, binding, is_enabled, _ in self.screen.active_bindings.values():
            if binding.show or binding.action in ALWAYS:
                by_action.setdefault(binding.action, (binding, is_enabled))
        return list(by_action.values())

    def _key(self, binding: Binding, is_enabled: bool) -> FooterKey:
        name = {"command_palette": "Palette"}.get(binding.action, binding.description)
        key = FooterKey(
            binding.key,
            self.app.get_key_display(binding),
            name,
            binding.action,
            disabled=not is_enabled,
            tooltip=binding.tooltip,
        )
        key.compact = True
        return key

    def _bindings_changed(self, screen: Screen[object]) -> None:
        if self.is_attached and screen is self.screen and screen is self.app.screen:
            self.call_after_refresh(self.recompose)


def _width(key: FooterKey) -> int:
    return len(key.key_display) + 1 + len(key.description) + 2
