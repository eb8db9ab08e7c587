"""The command palette's entries: everything that can be done in any view, under its name."""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, cast

from textual.command import DiscoveryHit, Hit, Hits, Provider
from textual.content import Content
from textual.dom import DOMNode
from textual.screen import Screen
from textual.widget import Widget

from ovi_studio.tui.keys import KeyEntry, KeyGroup, all_view_keys, class_keys, keys_text
from ovi_studio.tui.threads import in_thread

if TYPE_CHECKING:
    from ovi_studio.tui.app import StudioApp


class StudioCommands(Provider):
    """What the bindings of the four views do; those of the view that is open come first."""

    async def startup(self) -> None:
        """Reads the bindings."""
        view = getattr(self.screen, "VIEW", "")
        groups = await in_thread(partial(all_view_keys, view))
        own = class_keys(type(self.screen), view)
        if view and own not in groups:  # a screen over a view, such as the player
            groups.insert(0, own)
        groups.append(class_keys(type(self.app), None))
        self._commands = [
            (f"{_view_name(group)}: {entry.description}", entry) for group in groups
            for entry in group.entries
        ]  # fmt: skip

    async def discover(self) -> Hits:
        """Those of this view and those that are the same in all, while nothing is typed."""
        view = getattr(self.screen, "VIEW", "")
        for name, entry in self._commands:
            if entry.view in (view, None):
                shown = self._shown(Content(name), entry)
                yield DiscoveryHit(shown, self._command(entry), name)

    async def search(self, query: str) -> Hits:
        """Those that match."""
        matcher = self.matcher(query)
        for name, entry in self._commands:
            score = matcher.match(name)
            if score > 0:
                shown = self._shown(matcher.highlight(name), entry)
                yield Hit(score, shown, self._command(entry), name)

    def _command(self, entry: KeyEntry) -> Callable[[], object]:
        return partial(run_entry, cast("StudioApp", self.app), entry)

    def _shown(self, name: Content, entry: KeyEntry) -> Content:
        """The name, with its keys."""
        return Content.assemble(name, "  ", (keys_text(self.app, entry), "dim not bold"))


def _view_name(group: KeyGroup) -> str:
    if group.view is None:
        return "Studio"
    view = group.view.capitalize()
    return view if group.title.lower() == view.lower() else f"{view}, {group.title.lower()}"


async def run_entry(app: "StudioApp", entry: KeyEntry) -> None:
    """Does what an entry says in its view, which is opened for it, with the focus where it goes."""
    if entry.view is not None and getattr(app.screen, "VIEW", None) != entry.view:
        app.show(entry.view)
        app.call_after_refresh(_run_there, app, entry)  # its widgets are there by then
    else:
        await _run_there(app, entry)


async def _run_there(app: "StudioApp", entry: KeyEntry) -> None:
    screen = app.screen
    target: DOMNode = screen
    if issubclass(entry.owner, Widget) and not issubclass(entry.owner, Screen):
        targets = [widget for widget in screen.query(entry.owner) if widget.display]
        if not targets:
            app.notify(f"{entry.title}: there is nothing to do it with here.", markup=False)
            return
        widget = next((widget for widget in targets if widget.has_focus), targets[0])
        if widget.focusable:
            widget.focus()
        target = widget
    if not await app.run_action(entry.action, target):
        app.notify(f"{entry.title}: not possible now.", markup=False)
