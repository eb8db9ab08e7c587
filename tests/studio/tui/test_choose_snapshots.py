"""How the view `choose` looks, at three sizes, with clips and pictures that never change."""

import pytest

from ovi_studio.actions.clip_pictures import NUM_PEAKS, SmallFrame
from ovi_studio.actions.library import ClipLibrary
from ovi_studio.actions.thumbnail_cells import StripFrames
from ovi_studio.project.layout import ProjectLayout
from ovi_studio.tui.widgets.clip_gallery import ClipGallery
from ovi_studio.tui.widgets.clip_player import ClipPlayer
from tests.studio.made_clips import make_project
from tests.studio.tui.choose_view import choose_app, until

SIZES = [(80, 24), (120, 36), (200, 50)]


def pixels(width, height, tint):
    """A round spot on a slope of colour."""
    made = bytearray()
    for y in range(height):
        for x in range(width):
            is_spot = (x - width / 2) ** 2 + (y - height / 2) ** 2 < (min(width, height) / 3) ** 2
            made += bytes(
                (255, 230, tint) if is_spot else (x * 255 // width, y * 160 // height, tint)
            )
    return bytes(made)


@pytest.fixture
def app(tmp_path, monkeypatch):
    """The studio on four clips of which two are starred or tagged; no ffmpeg draws."""
    root = make_project(tmp_path / "faces")
    library = ClipLibrary(ProjectLayout(root))
    clips = library.clips()
    library.star(clips[1])
    library.tag(clips[1], "final")
    library.tag(clips[2], "too-dark")
    library.note(clips[1], "the one to keep")
    monkeypatch.setattr(ClipLibrary, "thumbnails", lambda _, clip: clip.path)
    monkeypatch.setattr(
        "ovi_studio.tui.thumbnails.read_strip",
        lambda _, width, height: StripFrames(width, height, pixels(width, height, 90)),
    )
    monkeypatch.setattr(
        "ovi_studio.tui.decoded_clip.iter_frames",
        lambda _, height, width: (
            SmallFrame(side, side, pixels(side, side, 40 * n))
            for side in (min(width, height),)
            for n in range(4)
        ),
    )
    monkeypatch.setattr(
        ClipLibrary, "peaks", lambda *_: tuple(n * 7 % 256 for n in range(NUM_PEAKS))
    )
    made = choose_app(root)
    made.context.remembered.put("choose.plays", False)
    return made


def is_drawn(screen):
    """Every picture is there."""
    galleries = screen.query(ClipGallery)
    players = screen.query(ClipPlayer)
    return (
        all(gallery.clips and not gallery.is_waiting for gallery in galleries)
        and all(player.is_drawn for player in players)
        and (galleries or players)
    )


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def test_the_gallery(snap_compare, app, size):
    async def look(pilot):
        await until(pilot, lambda: is_drawn(pilot.app.screen))
        await pilot.press("space", "left", "up")
        await until(pilot, lambda: is_drawn(pilot.app.screen))

    assert snap_compare(app, terminal_size=size, run_before=look)


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def test_the_large_player(snap_compare, app, size):
    async def look(pilot):
        await until(pilot, lambda: is_drawn(pilot.app.screen))
        await pilot.press("enter")
        await until(pilot, lambda: is_drawn(pilot.app.screen))
        await pilot.press("space", "home", "right", "i")
        await until(pilot, lambda: is_drawn(pilot.app.screen))

    assert snap_compare(app, terminal_size=size, run_before=look)


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def test_two_clips_side_by_side(snap_compare, app, size):
    async def look(pilot):
        await until(pilot, lambda: is_drawn(pilot.app.screen))
        await pilot.press("space", "G", "c")
        await until(pilot, lambda: is_drawn(pilot.app.screen))
        await pilot.press("space", "home", "right")
        await pilot.pause(0.2)

    assert snap_compare(app, terminal_size=size, run_before=look)
