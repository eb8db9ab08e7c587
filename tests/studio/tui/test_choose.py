"""The view `choose`, by its keys, on real clips."""

import json
from types import SimpleNamespace

import pytest

from ovi_studio.actions.library import ClipLibrary
from ovi_studio.project.layout import ProjectLayout
from ovi_studio.tui.screens.choose import ChooseScreen
from ovi_studio.tui.screens.compare_clips import CompareClipsScreen
from ovi_studio.tui.screens.play_clip import PlayClipScreen
from ovi_studio.tui.screens.trash import TrashScreen
from ovi_studio.tui.widgets.clip_player import ClipPlayer
from ovi_studio.tui.widgets.moving_picture import MovingPicture
from ovi_studio.tui.widgets.sharp_still import SharpStill
from tests.studio.made_clips import PEOPLE, clip_task, make_project, write_clip
from tests.studio.tui.choose_view import choose_view, gallery, on_event_loop, shown, text_of, until
from tests.studio.tui.studio import words_on


@pytest.fixture
def root(tmp_path):
    return make_project(tmp_path / "p")


def clips(root):
    return ClipLibrary(ProjectLayout(root)).clips()


def is_on(pilot, screen):
    return isinstance(pilot.app.screen, screen)


def notices(pilot):
    return [notice.message for notice in pilot.app._notifications]


@on_event_loop
async def test_clips_are_shown_and_one_that_is_finished_appears(root):
    async with choose_view(root) as pilot:
        assert shown(pilot) == [("2", 9), ("2", 7), ("1", 8), ("1", 7)]
        assert text_of(pilot, "#count").startswith("4 clips")
        assert "A dog barks." in text_of(pilot, "#facts")
        write_clip(clip_task(root / "renders", "1", 20), number=30)
        await until(pilot, lambda: shown(pilot)[0] == ("1", 20))
        assert gallery(pilot).clip.seed == 9  # the cursor stays on its clip


@on_event_loop
async def test_a_project_without_clips_says_what_to_do(tmp_path):
    (tmp_path / "ovi.toml").touch()
    async with choose_view(tmp_path) as pilot:
        assert "Press 3 to render" in text_of(pilot, "#nothing")
        await pilot.press("enter", "s", "d", "u", "c", "space", "j", "o", "z")
        assert is_on(pilot, ChooseScreen)


@pytest.mark.parametrize("size", [(120, 36), (80, 24)])
@on_event_loop
async def test_the_cursor_moves_through_grid_and_list(root, size):
    async with choose_view(root, size) as pilot:
        is_grid = gallery(pilot).shape.is_grid
        assert is_grid == (size[0] == 120)
        await pilot.press("j")
        assert gallery(pilot).clip.seed == (8 if is_grid else 7)
        await pilot.press("G")
        assert gallery(pilot).clip.seed == 7
        await pilot.press("g", "v", "down")
        assert gallery(pilot).shape.is_grid != is_grid
        await pilot.press("q")
    kept = json.loads((root / ".ovi" / "studio.json").read_text())
    assert kept["choose.layout"] == ("list" if is_grid else "grid")


@on_event_loop
async def test_the_filter_narrows_while_typing_and_escape_takes_it_away(root):
    async with choose_view(root) as pilot:
        await pilot.press("slash", *"seed:8")
        assert shown(pilot) == [("1", 8)]
        assert text_of(pilot, "#count").startswith("1 of 4 clips")
        await pilot.press("enter")
        assert gallery(pilot).has_focus
        await pilot.press("escape")
        assert len(shown(pilot)) == 4
        await pilot.press("slash", *"zz", "enter")
        assert "No clip matches" in text_of(pilot, "#nothing")


@on_event_loop
async def test_stars_tags_and_notes_are_kept_and_can_be_taken_back(root):
    async with choose_view(root) as pilot:
        await pilot.press("s")
        await until(pilot, lambda: gallery(pilot).clip.is_starred)
        await pilot.press("space", "space", "t")
        await pilot.press(*"a b", "enter")
        await until(pilot, lambda: all("b" in clip.tags for clip in gallery(pilot).marked))
        await pilot.press("escape", "g", "n", *"[b]", "enter")
        await until(pilot, lambda: gallery(pilot).clip.note == "[b]")
        assert "✎ [b]" in text_of(pilot, "#facts")
        assert [clip.tags for clip in clips(root)] == [("a", "b"), ("a", "b"), (), ()]
        await pilot.press("f")
        assert shown(pilot) == [("2", 9)]
        await pilot.press("f", "z")
        await until(pilot, lambda: not gallery(pilot).clip.note)
        await pilot.press("z", "z")
        await until(pilot, lambda: not any(clip.tags or clip.is_starred for clip in clips(root)))


@on_event_loop
async def test_a_minus_takes_a_tag_off_and_undo_puts_it_back(root):
    library = ClipLibrary(ProjectLayout(root))
    library.tag(clips(root)[0], "old")
    async with choose_view(root) as pilot:
        await pilot.press("t", *"-old a", "enter")
        await until(pilot, lambda: gallery(pilot).clip.tags == ("a",))
        await pilot.press("z")
        await until(pilot, lambda: gallery(pilot).clip.tags == ("old",))


@on_event_loop
async def test_orders_follow_each_other(root):
    async with choose_view(root) as pilot:
        await pilot.press("S")
        assert shown(pilot) == [("1", 7), ("1", 8), ("2", 7), ("2", 9)]
        assert "oldest first" in text_of(pilot, "#count")


@on_event_loop
async def test_deleting_asks_and_the_trash_gives_back(root):
    async with choose_view(root) as pilot:
        await pilot.press("d", "escape")
        assert len(clips(root)) == 4
        await pilot.press("d", "y")
        await until(pilot, lambda: len(shown(pilot)) == 3)
        assert "1 in the trash" in text_of(pilot, "#count")
        await pilot.press("z")
        await until(pilot, lambda: len(shown(pilot)) == 4)
        await pilot.press("ctrl+a", "d", "y")
        await until(pilot, lambda: len(shown(pilot)) == 0)
        await pilot.press("T")
        await until(pilot, lambda: is_on(pilot, TrashScreen) and "4" in text_of(pilot, "#heading"))
        await pilot.press("question_mark")
        await until(pilot, lambda: "Choose: trash" in words_on(pilot.app.screen))
        assert "Empty the trash" in words_on(pilot.app.screen)
        await pilot.press("escape", "j", "enter")
        await until(pilot, lambda: "3 clips" in text_of(pilot, "#heading"))
        await pilot.press("D", "y")
        await until(pilot, lambda: "empty" in text_of(pilot, "#heading"))
        await pilot.press("escape")
        await until(pilot, lambda: is_on(pilot, ChooseScreen) and len(shown(pilot)) == 1)
        assert list((root / ".ovi" / "trash").iterdir()) == []


@on_event_loop
async def test_settings_are_shown_before_they_are_written_and_can_be_taken_back(root):
    people = root / "prompts" / "people.csv"
    async with choose_view(root) as pilot:
        await pilot.press("u")
        await until(pilot, lambda: pilot.app.screen.query("#detail"))
        assert "seed: empty → 9" in text_of(pilot, "#detail")
        await pilot.press("n")
        assert people.read_text() == PEOPLE
        await pilot.press("u")
        await until(pilot, lambda: pilot.app.screen.query("#detail"))
        await pilot.press("w")
        await until(pilot, lambda: people.read_text() == PEOPLE.replace('dog.",,', 'dog.",9,'))
        await until(pilot, lambda: any("z takes it back" in text for text in notices(pilot)))
        await pilot.press("z")
        await until(pilot, lambda: people.read_text() == PEOPLE)


@on_event_loop
async def test_the_clip_under_the_cursor_plays(root):
    async with choose_view(root, plays=True) as pilot:
        player = pilot.app.screen.query_one(ClipPlayer)
        await until(pilot, lambda: player.playback.is_playing and player.playback.num_frames == 24)
        first = text_of(pilot, "#time")
        await until(pilot, lambda: text_of(pilot, "#time") != first)
        await pilot.press("p")
        assert not player.playback.is_playing
        await pilot.press("j")
        await until(pilot, lambda: player.clip and player.playback.num_frames == 24)
        assert player.clip.seed == 8
        assert not player.playback.is_playing  # as the user left it


@on_event_loop
async def test_the_large_player_pauses_steps_and_goes_to_the_next_clip(root):
    async with choose_view(root) as pilot:
        await pilot.press("enter")
        await until(pilot, lambda: is_on(pilot, PlayClipScreen))
        player = pilot.app.screen.query_one(ClipPlayer)
        await until(pilot, lambda: player.playback.is_playing)
        await pilot.press("space", "home", "right", "right", "left")
        assert not player.playback.is_playing
        assert "frame 2 of 24" in text_of(pilot, "#time")
        await pilot.press("left", "left")
        assert "frame 24 of 24" in text_of(pilot, "#time")
        await pilot.press("s")
        await until(pilot, lambda: "★" in text_of(pilot, "#title"))
        await pilot.press("j")
        assert "2 of 4  people:2  seed 7" in text_of(pilot, "#title")
        await pilot.press("d", "y")
        await until(pilot, lambda: "2 of 3" in text_of(pilot, "#title"))
        await pilot.press("i", "k")
        assert "1 of 3" in text_of(pilot, "#title")  # the recipe takes no keys away
        await pilot.press("j", "pagedown", "escape")
        await until(pilot, lambda: is_on(pilot, ChooseScreen) and len(shown(pilot)) == 3)
        await until(pilot, lambda: gallery(pilot).clip.seed == 8)


@on_event_loop
async def test_a_clip_that_stands_still_is_sharp_where_the_terminal_draws(root, monkeypatch):
    monkeypatch.setenv("OVI_PICTURES", "sixel")
    async with choose_view(root) as pilot:
        await pilot.press("enter")
        await until(pilot, lambda: is_on(pilot, PlayClipScreen))
        screen = pilot.app.screen
        player, still = screen.query_one(ClipPlayer), screen.query_one(SharpStill)
        await until(pilot, lambda: player.playback.is_playing)
        assert not still.is_shown
        await pilot.press("space")
        await until(pilot, lambda: still.is_shown and len(still.query(".still")) == 1)
        await until(pilot, lambda: not screen.query_one(MovingPicture).display)
        before = still.frame
        await pilot.press("right")
        await until(pilot, lambda: still.is_shown and still.frame == (before + 1) % 24)
        await pilot.press("space")
        await until(pilot, lambda: screen.query_one(MovingPicture).display)
        assert not still.is_shown
        assert player.playback.is_playing


@on_event_loop
async def test_two_clips_play_at_the_same_moment_and_say_what_differs(root):
    async with choose_view(root) as pilot:
        await pilot.press("c")
        assert is_on(pilot, ChooseScreen)  # one clip is nothing to compare
        await pilot.press("space", "j", "c")
        await until(pilot, lambda: is_on(pilot, CompareClipsScreen))
        players = [pilot.app.screen.query_one(f"#player-{n}", ClipPlayer) for n in range(2)]
        await until(pilot, lambda: players[0].playback.num_frames == 24)
        await pilot.press("space", "home", "right", "right", "right")
        times = [str(player.query_one("#time").content) for player in players]
        assert times[0] == times[1]
        assert "frame 4 of 24" in times[0]
        words = text_of(pilot, "#differences").split()
        assert words[0] == "prompt"
        assert "seed" in words
        assert "device" not in words
        await pilot.press("tab", "s")
        await until(pilot, lambda: "★" in text_of(pilot, "#title-1"))
        await pilot.press("escape")
        await until(pilot, lambda: is_on(pilot, ChooseScreen))


@on_event_loop
async def test_signs_of_strangers_are_shown_as_they_are(root):
    evil = "[red]x[/] [link=file:///etc]y\x1b[2J\x07 " + "z" * 1_000_000
    task = clip_task(root / "renders", "[b]", 1, text=evil[:60_000])
    write_clip(task, number=59)
    broken = root / "renders" / "[@click=app.quit]b[.mp4"
    broken.write_bytes(b"\0" * 99)
    ClipLibrary(ProjectLayout(root)).note(clips(root), "[blink]no[/blink]")
    async with choose_view(root) as pilot:
        await until(pilot, lambda: len(shown(pilot)) == 6)
        await pilot.press("G", "g")
        for _ in range(6):
            await pilot.press("v", "right", "down")
        gallery(pilot).go_to(task.output)
        await until(pilot, lambda: "[red]x[/]" in text_of(pilot, "#facts"))
        facts = text_of(pilot, "#facts")
        assert "\x1b" not in facts
        assert "\\x1b[2J" in facts
        assert "more characters" in facts
        gallery(pilot).go_to(broken)
        await until(pilot, lambda: "holds no recipe" in text_of(pilot, "#facts"))
        await pilot.press("enter")
        await until(pilot, lambda: is_on(pilot, PlayClipScreen))
        await pilot.pause(0.3)
        await pilot.press("space", "right", "escape")
        await until(pilot, lambda: is_on(pilot, ChooseScreen))


@on_event_loop
async def test_a_click_chooses_and_a_double_click_plays(root):
    async with choose_view(root) as pilot:
        await pilot.click("#gallery", offset=(50, 2))
        assert gallery(pilot).clip.seed == 7
        await pilot.click("#gallery", offset=(50, 2), times=2)
        await until(pilot, lambda: is_on(pilot, PlayClipScreen))


@on_event_loop
async def test_the_row_of_a_clip_opens_in_the_write_view(root):
    async with choose_view(root) as pilot:
        await pilot.press("e")
        await until(pilot, lambda: pilot.app.current_mode == "write")
        await until(pilot, lambda: pilot.app.context.row_id == "2")


@on_event_loop
async def test_another_seed_is_asked_for_and_put_into_the_queue(root, monkeypatch):
    asked = []
    monkeypatch.setattr(
        "ovi_studio.actions.clip_reseeding.reseed_clip",
        lambda path, seed, _: asked.append((path.name, seed)) or SimpleNamespace(id=5),
    )
    async with choose_view(root) as pilot:
        await pilot.press("r")
        await until(pilot, lambda: pilot.app.screen.query("Input"))
        await pilot.press("enter")
        await until(pilot, lambda: any("Job 5" in text for text in notices(pilot)))
        assert asked == [(gallery(pilot).clip.path.name, 10)]


@on_event_loop
async def test_what_was_looked_at_is_there_again_at_the_next_start(root):
    async with choose_view(root) as pilot:
        await pilot.press("S", "j", "slash", *"cat", "enter")
        await until(pilot, lambda: shown(pilot) == [("1", 7), ("1", 8)])
        await pilot.press("G")
        await pilot.pause()
        pilot.app.context.remembered.save()
    async with choose_view(root) as pilot:
        assert shown(pilot) == [("1", 7), ("1", 8)]
        assert gallery(pilot).clip.seed == 8
