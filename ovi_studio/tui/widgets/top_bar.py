"""The line at the top of every view: the four views as tabs, the project, the queue in short."""

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.events import Click
from textual.screen import Screen
from textual.widgets import Static

from ovi_studio.actions.queue_counts import QueueCounts

VIEWS = ("write", "rewrite", "render", "choose")
"""The views, in the order of their keys."""


class ViewTab(Static):
    """One tab; a click opens its view."""

    def __init__(self, number: int, view: str, *, is_current: bool) -> None:
        super().__init__(classes="-current" if is_current else "")
        self._number = number
        self.view = view
        self.show_key(is_typing=False)
        self.tooltip = f"F{number}, or {number} where you are not typing"

    def show_key(self, *, is_typing: bool) -> None:
        """Shows the key that opens the view now: a digit, or a function key while typing."""
        key = f"F{self._number}" if is_typing else str(self._number)
        self.update(Text.assemble((key, "bold"), f" {self.view.capitalize()}"))

    async def on_click(self, event: Click) -> None:
        event.stop()
        await self.run_action(f"app.view('{self.view}')")


class TopBar(Horizontal):
    """Tabs at the left, project and queue at the right."""

    DEFAULT_CSS = """
    TopBar {
        dock: top; height: 1; background: $panel;
        ViewTab { width: auto; padding: 0 1; color: $foreground; }
        ViewTab:hover { background: $primary; color: $background; }
        ViewTab.-current { text-style: bold; background: $primary; color: $background; }
        #project { width: 1fr; padding: 0 1; text-align: right; text-wrap: nowrap;
                   text-overflow: ellipsis; }
        #queue { width: auto; padding: 0 1; }
    }
    """

    def __init__(self, current_view: str, project_name: str) -> None:
        super().__init__()
        self._current_view = current_view
        self._project_name = project_name

    def compose(self) -> ComposeResult:
        for number, view in enumerate(VIEWS, 1):
            yield ViewTab(number, view, is_current=view == self._current_view)
        yield Static(Text(self._project_name), id="project")
        yield Static("", id="queue")

    def on_mount(self) -> None:
        self.screen.bindings_updated_signal.subscribe(self, self._show_keys)

    def _show_keys(self, screen: Screen[object]) -> None:
        if screen is self.app.screen:
            is_typing = "1" not in screen.active_bindings
            for tab in self.query(ViewTab):
                tab.show_key(is_typing=is_typing)

    def show_counts(self, counts: QueueCounts) -> None:
        """Puts the queue's numbers at the right end."""
        self.query_one("#queue", Static).update(queue_text(counts))


def queue_text(counts: QueueCounts) -> Text:
    """The queue in a few signs; nothing where nothing waits, renders or failed."""
    parts: list[tuple[str, str]] = []
    if counts.is_paused:
        parts.append(("paused", "bold"))
    if counts.running:
        parts.append((f"▶ {counts.running}", "bold"))
    if counts.waiting:
        parts.append((f"{counts.waiting} waiting", ""))
    if counts.failed:
        parts.append((f"{counts.failed} failed", "red"))
    return Text(" · ").join([Text(text, style) for text, style in parts])
