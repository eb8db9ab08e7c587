"""The rewrite view as a picture at three sizes: the form, rows under review, a row being edited."""

import os

import pytest
from textual.widgets import Input

from ovi_studio.project.layout import find_layout
from ovi_studio.tui.app import StudioApp
from ovi_studio.tui.context import StudioContext
from ovi_studio.tui.state import RememberedState

from .rewrite_pilot import Studio, project

SIZES = [(80, 24), (120, 36), (200, 50)]


@pytest.fixture
def app(tmp_path, monkeypatch):
    for name in ("OPENAI_BASE_URL", "OPENAI_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    folder = project(tmp_path, rows=8)
    (folder / "ovi.toml").write_text("")
    layout = find_layout(folder)
    layout.state.path.mkdir()
    remembered = RememberedState(None)
    remembered.put("view", "rewrite")
    remembered.put("rewrite.form", {"theme": "the sea", "writer": "offline bank"})
    context = StudioContext(layout, remembered, environment=dict(os.environ))
    context.set_path = folder / "prompts" / "rain.csv"
    return StudioApp(context)


def still(studio):
    """No blinking cursor, whose state is a matter of chance."""
    for field in studio.app.screen.query(Input):
        field.cursor_blink = False


async def to_form(pilot):
    studio = Studio(pilot.app, pilot)
    await studio.until_seen("The speech of 8 rows")
    still(studio)


async def to_review(pilot):
    await to_form(pilot)
    studio = Studio(pilot.app, pilot)
    await studio.press("ctrl+r")
    await studio.until_done()
    await studio.press("a", "r", "a")
    await pilot.pause(0.2)


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_the_form(app, snap_compare, size):
    assert snap_compare(app, terminal_size=size, run_before=to_form)


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_rows_under_review(app, snap_compare, size):
    assert snap_compare(app, terminal_size=size, run_before=to_review)
