"""Every key of the studio, read from the bindings of its views: for the help and the palette.

Nothing here is kept by hand: the keys of a view are those of its screen and of every widget that
its module, or a module of those widgets, knows. A binding without a description is not told.
"""

import importlib
import inspect
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from textual.app import App
from textual.binding import Binding
from textual.dom import DOMNode
from textual.screen import ModalScreen

from ovi_studio.tui.widgets.top_bar import VIEWS

_OURS = "ovi_studio.tui."

MAX_KEYS = 3
"""More keys for the same thing are not told."""


@dataclass(frozen=True, slots=True)
class KeyEntry:
    """One thing that can be done, and the keys that do it."""

    bindings: tuple[Binding, ...]
    owner: type[DOMNode]
    """the screen or widget it is done in"""
    view: str | None
    """None: everywhere"""

    @property
    def description(self) -> str:
        """What it does, in a few words."""
        return self.bindings[0].tooltip or self.bindings[0].description

    @property
    def title(self) -> str:
        """What it does, in the words of the footer."""
        return self.bindings[0].description

    @property
    def action(self) -> str:
        """What Textual runs."""
        return self.bindings[0].action


@dataclass(frozen=True, slots=True)
class KeyGroup:
    """The keys of one screen or widget."""

    title: str
    view: str | None
    entries: tuple[KeyEntry, ...]


def keys_text(app: App[Any], entry: KeyEntry) -> str:
    """The keys as they are shown: the first few, and none that few keyboards have."""
    shown = [
        app.get_key_display(binding) for binding in entry.bindings if "super" not in binding.key
    ]
    return " ".join(list(dict.fromkeys(shown))[:MAX_KEYS])


def view_keys(view: str) -> list[KeyGroup]:
    """The keys of a view: its screen's, then those of its widgets. Imports it: use a thread."""
    classes = [
        value
        for module in modules_of_view(view)
        for value in list(vars(module).values())
        if inspect.isclass(value)
        and value.__module__ == module.__name__
        and issubclass(value, DOMNode)
        and not issubclass(value, ModalScreen)
    ]
    groups = [class_keys(owner, view) for owner in classes]
    return [group for group in groups if group.entries]


def all_view_keys(first: str) -> list[KeyGroup]:
    """The keys of all views, those of one first."""
    views = (first, *(view for view in VIEWS if view != first))
    return [group for view in views if view in VIEWS for group in view_keys(view)]


def class_keys(owner: type[DOMNode], view: str | None) -> KeyGroup:
    """The keys that a class of ours names itself; not those it has from Textual."""
    by_action: dict[tuple[str, str], list[Binding]] = {}
    for ancestor in inspect.getmro(owner):
        if ancestor.__module__.startswith(_OURS):
            for binding in Binding.make_bindings(ancestor.__dict__.get("BINDINGS", ())):
                if binding.description and not binding.system:
                    same = by_action.setdefault((binding.action, binding.description), [])
                    same.append(binding)
    title = owner.__dict__.get("BINDING_GROUP_TITLE") or _title_of(owner, view)
    entries = tuple(KeyEntry(tuple(same), owner, view) for same in by_action.values())
    return KeyGroup(title, view, entries)


def _title_of(owner: type[DOMNode], view: str | None) -> str:
    inherited = getattr(owner, "BINDING_GROUP_TITLE", None)
    return str(inherited or (view or owner.__name__).capitalize())


def modules_of_view(view: str) -> list[ModuleType]:
    """A view's module, and those of ours with the widgets that it is made of. Imports them."""
    found: dict[str, ModuleType] = {}
    waiting = [f"{_OURS}screens.{view}"]
    while waiting:
        name = waiting.pop(0)
        if name not in found:
            found[name] = module = importlib.import_module(name)
            waiting += [
                value.__module__
                for value in list(vars(module).values())
                if inspect.isclass(value) and value.__module__.startswith(f"{_OURS}widgets.")
            ]
    return list(found.values())
