"""A studio on a project in a temporary folder, driven by keys without a terminal."""

import asyncio
import functools
import time
from contextlib import asynccontextmanager

from textual.widgets import Static

from ovi_studio.actions.demo import create_demo
from ovi_studio.tui.app import StudioApp
from ovi_studio.tui.opening import open_context

PATIENCE_SECONDS = 30
"""How long something may take to appear, on a machine with much else to do."""


def on_event_loop(test):
    """Runs an asynchronous test as pytest runs the others."""

    @functools.wraps(test)
    def run(*args, **kwargs):
        asyncio.run(test(*args, **kwargs))

    return run


@asynccontextmanager
async def opened(root, *, size=(120, 36), demo=True, **settings):
    """The application and its pilot, once the first view or the first question is there."""
    if demo:
        create_demo(root)
    app = StudioApp(open_context(root), **settings)
    async with app.run_test(size=size) as pilot:
        await until(pilot, lambda: len(app.screen_stack) > 0 and app.screen.is_mounted)
        await pilot.pause()
        yield app, pilot


async def until(pilot, condition):
    """Waits for something; fails when it does not come."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "it did not come"
        await pilot.pause()
        await asyncio.sleep(0.02)


def words_on(screen):
    """All text of the plain widgets of a screen."""
    return "\n".join(str(widget.render()) for widget in screen.query(Static))


def toasts(app):
    """What is said at the edge of the screen."""
    return [notification.message for notification in app._notifications]
