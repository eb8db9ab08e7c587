"""How the write view looks, at three sizes."""

import pytest

from ovi_studio.project.layout import find_layout
from ovi_studio.tui.app import StudioApp
from ovi_studio.tui.opening import context_of

from .write_view import make_project

SPEAKER = (
    "A weathered fisherman stands in his boat at dawn, mending a torn net. He looks up and says, "
    "<S>The sea gives.</s> He smiles and turns away. "
    "Audio: Waves slap the hull, gulls cry, and a rope creaks."
)
CAT = "A grey cat sits on a warm wall in the sun and blinks.  Audio: Bees and a far bell."


@pytest.fixture
def project(tmp_path, monkeypatch):
    """Its folder has the same name wherever tests run."""
    folder = tmp_path / "harbour"
    folder.mkdir()
    make_project(folder, [SPEAKER, CAT, "", "A \x1b[31mred\x07 bus stops. Audio: Brakes."])
    make_project(folder, ["Rain on a roof. Audio: Rain."], name="weather")
    monkeypatch.delenv("TMUX", raising=False)
    return folder


@pytest.mark.parametrize("size", [(80, 24), (120, 36), (200, 50)], ids=["80", "120", "200"])
def test_write_view(project, size, snap_compare):
    app = StudioApp(context_of(find_layout(project)), view="write")
    app.animation_level = "none"

    async def wait(pilot):
        for _ in range(400):
            await pilot.pause(0.02)
            found = app.screen.query("FindingsPanel")
            rows = app.screen.query("RowList")
            if found and found.first().findings and len(rows.first().severities) == 4:
                break
        await pilot.press("space", "k", "enter", "ctrl+n")
        app.screen.pane.editor.cursor_blink = False
        app.clear_notifications()
        await pilot.pause(0.3)

    assert snap_compare(app, terminal_size=size, run_before=wait)
