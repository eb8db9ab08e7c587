"""Opens the view `choose` of a real project, and looks at it."""

import asyncio
import functools
from contextlib import asynccontextmanager

from ovi_studio.project.layout import ProjectLayout
from ovi_studio.tui.app import StudioApp
from ovi_studio.tui.context import StudioContext
from ovi_studio.tui.state import RememberedState
from ovi_studio.tui.widgets.clip_gallery import ClipGallery

PATIENCE = 400
"""Looks of 50 ms; a slow machine decodes slowly."""


def on_event_loop(test):
    """Runs an asynchronous test as pytest runs the others."""

    @functools.wraps(test)
    def run(*args, **kwargs):
        asyncio.run(test(*args, **kwargs))

    return run


def choose_app(root):
    layout = ProjectLayout(root)
    remembered = RememberedState(layout.state.path / "studio.json")
    return StudioApp(StudioContext(layout, remembered), view="choose")


@asynccontextmanager
async def choose_view(root, size=(120, 36), *, plays=False):
    """The pilot of a view whose clips were read; the one under the cursor stands still."""
    app = choose_app(root)
    app.context.remembered.put("choose.plays", plays)
    async with app.run_test(size=size) as pilot:
        await until(pilot, lambda: app.screen.query("#count") and counted(app))
        yield pilot


def counted(app):
    return str(app.screen.query_one("#count").content) != ""


async def until(pilot, is_so):
    """Waits until something is so; fails if it never is."""
    for _ in range(PATIENCE):
        await pilot.pause(0.05)
        if is_so():
            return
    raise AssertionError(f"It never came to be: {pilot.app.screen}")


def gallery(pilot):
    return pilot.app.screen.query_one(ClipGallery)


def shown(pilot):
    """Row and seed of the clips that are shown."""
    return [(clip.row_id, clip.seed) for clip in gallery(pilot).clips]


def text_of(pilot, selector):
    return str(pilot.app.screen.query_one(selector).content)
