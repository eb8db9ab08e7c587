"""Drives the rewrite view by keys: a project, what is seen, and waiting for what comes."""

import asyncio
import os
import time
from contextlib import asynccontextmanager

from textual import events

from ovi_studio.project.layout import find_layout
from ovi_studio.tui.app import StudioApp
from ovi_studio.tui.context import StudioContext
from ovi_studio.tui.state import RememberedState
from ovi_studio.tui.widgets.review_panel import ReviewPanel
from ovi_studio.tui.widgets.rewrite_form import OFFLINE, RewriteForm

from ..rewrite.projects import KEY, VARIABLE, make_project

NOWHERE = "http://127.0.0.1:9/v1"
PATIENCE = 20.0

KEYS = {" ": "space", ",": "comma", ".": "full_stop", "'": "apostrophe", "<": "less_than_sign",
        ">": "greater_than_sign", "/": "slash", "-": "minus"}  # fmt: skip


def project(folder, url=NOWHERE, **options):
    return make_project(folder / "p", url, **options)


class Studio:
    """The rewrite view of a running application."""

    def __init__(self, app, pilot):
        self.app = app
        self.pilot = pilot

    @property
    def screen(self):
        return self.app.get_screen_stack("rewrite")[0]

    @property
    def panel(self):
        return self.screen.query_one(ReviewPanel)

    @property
    def form(self):
        return self.screen.query_one(RewriteForm)

    @property
    def review(self):
        return self.panel.rewrite.run.review

    async def press(self, *keys):
        for key in keys:
            await self.pilot.press(key)
        await self.pilot.pause()

    async def type(self, text):
        """Types the first characters and pastes the rest: keys take their time here."""
        for character in text[:2]:
            await self.pilot.press(KEYS.get(character, character))
        self.app.post_message(events.Paste(text[2:]))
        await self.pilot.pause()

    async def until(self, is_so, what="it"):
        """Waits for something to become true."""
        deadline = time.monotonic() + PATIENCE
        while not is_so():
            assert time.monotonic() < deadline, f"{what} never came; seen:\n{self.seen()}"
            await self.pilot.pause(0.02)

    async def until_seen(self, text):
        await self.until(lambda: text in self.seen(), repr(text))

    async def until_done(self):
        """Waits until nothing is on its way."""
        await self.until(lambda: self.panel.offers is not None, "a run")
        await self.until(lambda: not self.panel.offers.run.is_running, "the end")
        await self.pilot.pause(0.15)

    def seen(self):
        """The screen as text."""
        compositor = self.app.screen._compositor
        lines = ["".join(segment.text for segment in strip) for strip in compositor.render_strips()]
        return "\n".join(lines)

    def states(self):
        """Row id to where it stands."""
        return {row.task.row.id: str(row.decision) for row in self.review.rows()}

    async def rewrite(self, theme="the sea", *, is_sent=False):
        """Types a theme and starts; says yes to the cost."""
        await self.until(lambda: self.form.set_path is not None, "the set")
        await self.press("enter")
        await self.type(theme)
        await self.press("ctrl+r")
        if is_sent:
            await self.until_seen("Yes, send")
            await self.press("y")


def run(drive):
    """Runs a test's own coroutine."""
    asyncio.run(drive)


@asynccontextmanager
async def studio(folder, *, size=(120, 36), writer=OFFLINE, selected=(), has_key=True):
    """The application in a project, with the rewrite view open."""
    layout = find_layout(folder)
    layout.state.path.mkdir(exist_ok=True)
    remembered = RememberedState(layout.state.path / "studio.json")
    remembered.put("view", "rewrite")
    form = remembered.get("rewrite.form", {})
    remembered.put("rewrite.form", {"writer": writer, **form})
    os.environ.pop(VARIABLE, None)
    if has_key:
        os.environ[VARIABLE] = KEY
    context = StudioContext(layout, remembered)
    context.set_path = layout.root / "prompts" / "rain.csv"
    context.selected_ids = tuple(selected)
    app = StudioApp(context)
    try:
        async with app.run_test(size=size, notifications=True) as pilot:
            driven = Studio(app, pilot)
            await driven.until(lambda: driven.form._knows_writers, "the list of writers")
            yield driven
            await driven.screen.before_quitting()
    finally:
        os.environ.pop(VARIABLE, None)
