"""How the first start, the help and a question look, at three sizes."""

from pathlib import Path

import pytest

from ovi_studio.tui.app import StudioApp
from ovi_studio.tui.dialogs import ChoiceDialog
from ovi_studio.tui.first_start import FirstStartScreen
from ovi_studio.tui.keys import KeyGroup, class_keys
from ovi_studio.tui.opening import open_context
from ovi_studio.tui.quitting import CHOICES, DETAIL
from ovi_studio.tui.screens import help as help_screen

from .studio import until, words_on

SIZES = pytest.mark.parametrize(
    "size", [(80, 24), (120, 36), (200, 50)], ids=["80x24", "120x36", "200x50"]
)
FOLDER = Path("/home/you/films")


@pytest.fixture
def app(tmp_path, monkeypatch):
    """The studio in an empty folder that always has the same name."""
    (tmp_path / "films").mkdir()
    monkeypatch.setattr(
        StudioApp, "_offer_project", lambda app: app.push_screen(FirstStartScreen(FOLDER, FOLDER))
    )
    return StudioApp(open_context(tmp_path / "films"))


@SIZES
def test_first_start(app, size, snap_compare):
    async def wait(pilot):
        await until(pilot, lambda: isinstance(app.screen, FirstStartScreen))
        await pilot.pause()

    assert snap_compare(app, terminal_size=size, run_before=wait)


@SIZES
def test_help(app, size, snap_compare, monkeypatch):
    """With keys that no view changes."""
    keys = class_keys(FirstStartScreen, "write").entries
    groups = [
        KeyGroup("Write", "write", keys[:3]),
        KeyGroup("Rows", "write", keys),
        KeyGroup("Editor", "write", keys[2:]),
        *(KeyGroup(view.capitalize(), view, keys) for view in ("rewrite", "render", "choose")),
    ]
    monkeypatch.setattr(help_screen, "all_view_keys", lambda _: groups)

    async def wait(pilot):
        await until(pilot, lambda: isinstance(app.screen, FirstStartScreen))
        app.push_screen(help_screen.HelpScreen("write"))
        await until(pilot, lambda: "Everywhere" in words_on(app.screen))
        await pilot.pause()

    assert snap_compare(app, terminal_size=size, run_before=wait)


@SIZES
def test_question_when_quitting(app, size, snap_compare):
    async def wait(pilot):
        await until(pilot, lambda: isinstance(app.screen, FirstStartScreen))
        app.push_screen(ChoiceDialog("2 clips are not finished. Quit?", CHOICES, DETAIL))
        await until(pilot, lambda: "Quit?" in words_on(app.screen))
        await pilot.pause()

    assert snap_compare(app, terminal_size=size, run_before=wait)
