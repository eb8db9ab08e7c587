"""Makes the other views ready while the first one is looked at: a piece at a time, unnoticed.

What makes the first opening of a view slow is loading its modules, done here in a thread, and
reading the style sheets of its widgets, done here one after the other between two frames.
"""

import asyncio
import importlib
import inspect
import sys
import time
from collections.abc import Iterator
from typing import Any

from textual.app import App
from textual.dom import DOMNode

from ovi_studio.tui.keys import modules_of_view
from ovi_studio.tui.threads import in_thread
from ovi_studio.tui.widgets.top_bar import VIEWS

PAUSE_SECONDS = 0.02
"""Between two pieces, for the screen."""

NUM_STYLE_SHEETS = 1024
"""Textual keeps 64 that were read; a view of ours has more, and each new widget made it read all
of them again."""


def keep_style_sheets(app: App[Any]) -> None:
    """Lets the application remember all style sheets that it has read."""
    app.stylesheet._parse_cache.grow(NUM_STYLE_SHEETS)


async def warm_up(app: App[Any]) -> None:
    """Loads all views, and reads the style sheets of their widgets."""
    await in_thread(_load_views)
    for read_from, css, tie_breaker, scope in _style_sheets():
        app.stylesheet._parse_rules(css, read_from, True, tie_breaker, scope)
        await asyncio.sleep(PAUSE_SECONDS)


def _load_views() -> None:
    for name in (*(f"screens.{view}" for view in VIEWS), "screens.help", "palette"):
        importlib.import_module(f"ovi_studio.tui.{name}")
        time.sleep(PAUSE_SECONDS)


def _style_sheets() -> Iterator[tuple[tuple[str, str], str, int, str]]:
    """Those of every widget class that the modules of the views, and the modules of those, name."""
    seen = set()
    for view in VIEWS:
        for module in modules_of_view(view):
            for owner in _widgets_in(module.__name__):
                for known in (owner, *_widgets_in(owner.__module__)):
                    for sheet in known.__new__(known)._get_default_css():
                        if sheet not in seen:
                            seen.add(sheet)
                            yield sheet


def _widgets_in(module_name: str) -> list[type[DOMNode]]:
    return [
        value
        for value in list(vars(sys.modules[module_name]).values())
        if inspect.isclass(value) and issubclass(value, DOMNode)
    ]
