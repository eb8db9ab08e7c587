"""What all views have in common: opening, tabs, help, palette, themes, errors, what is kept."""

import asyncio
import json

import pytest
from textual.widgets import Input

from ovi_studio.errors import UsageError
from ovi_studio.project.layout import find_layout
from ovi_studio.tui.app import StudioApp
from ovi_studio.tui.dialogs import ChoiceDialog, TextDialog
from ovi_studio.tui.first_start import FirstStartScreen
from ovi_studio.tui.keys import all_view_keys
from ovi_studio.tui.opening import open_context
from ovi_studio.tui.screens.help import HelpScreen
from ovi_studio.tui.widgets.key_bar import KeyBar
from ovi_studio.tui.widgets.top_bar import VIEWS, ViewTab

from .studio import on_event_loop, opened, toasts, until, words_on

HOSTILE = "[bold]x[/] [@click=app.exit] {evil} \x1b[31m"


@on_event_loop
async def test_a_folder_without_a_project_offers_a_demo_whose_first_clip_is_one_more_key(tmp_path):
    async with opened(tmp_path, demo=False) as (app, pilot):
        assert isinstance(app.screen, FirstStartScreen)
        assert str(tmp_path) in words_on(app.screen)
        assert not list(tmp_path.iterdir())  # looking leaves nothing behind
        await pilot.press("d")
        await until(pilot, lambda: app.current_mode == "render" and len(app.screen_stack) > 1)
        assert (tmp_path / "ovi.toml").is_file()
        assert app.context.set_path == tmp_path / "prompts" / "demo.csv"


@on_event_loop
async def test_an_empty_project_and_none_at_all_can_be_had_too(tmp_path):
    async with opened(tmp_path, demo=False) as (app, pilot):
        await pilot.press("c")
        await until(pilot, lambda: app.current_mode == "write")
        assert not (tmp_path / "ovi.toml").exists()
    assert not (tmp_path / ".ovi").exists()
    async with opened(tmp_path, demo=False) as (app, pilot):
        await pilot.press("e")
        await until(pilot, lambda: app.current_mode == "write")
        assert (tmp_path / "prompts" / "example.csv").is_file()


@on_event_loop
async def test_views_are_opened_by_digits_function_keys_and_clicks(tmp_path):
    async with opened(tmp_path) as (app, pilot):
        for key, view in (("3", "render"), ("f4", "choose"), ("1", "write"), ("f2", "rewrite")):
            await pilot.press(key)
            await until(pilot, lambda view=view: getattr(app.screen, "VIEW", "") == view)
        tab = list(app.screen.query(ViewTab))[3]
        await pilot.click(tab)
        await until(pilot, lambda: app.current_mode == "choose")


@on_event_loop
async def test_the_help_tells_every_binding_of_every_view(tmp_path):
    async with opened(tmp_path, size=(200, 50)) as (app, pilot):
        await pilot.press("question_mark")
        await until(pilot, lambda: isinstance(app.screen, HelpScreen))
        await until(pilot, lambda: "Everywhere" in words_on(app.screen))
        told = words_on(app.screen)
        groups = all_view_keys("write")
        assert {group.view for group in groups} == set(VIEWS)
        for group in groups:
            for entry in group.entries:
                assert entry.description.split()[0] in told, (group.title, entry.title)
        await pilot.press("slash", *"next theme")
        await until(pilot, lambda: "Choose a theme" not in words_on(app.screen))
        assert "Next theme" in words_on(app.screen)
        await pilot.press("escape", "escape")
        await until(pilot, lambda: app.screen.VIEW == "write")


@on_event_loop
async def test_the_palette_does_things_in_other_views(tmp_path):
    async with opened(tmp_path) as (app, pilot):
        await pilot.press("ctrl+p")
        await until(pilot, lambda: bool(app.screen.query("CommandInput")))
        await pilot.press(*"render: new render")
        await until(pilot, lambda: len(app.screen.query_one("CommandList").options) > 0)
        await pilot.pause(0.3)
        await pilot.press("enter")
        await until(pilot, lambda: app.current_mode == "render" and len(app.screen_stack) > 1)


@on_event_loop
async def test_theme_view_set_and_row_are_kept_between_runs(tmp_path):
    async with opened(tmp_path) as (app, pilot):
        await pilot.press("ctrl+t", "4")
        await until(pilot, lambda: app.current_mode == "choose")
        assert app.theme == "light"
        app.context.set_path, app.context.row_id = tmp_path / "prompts" / "mistakes.csv", "3"
        await pilot.press("q")
        await until(pilot, lambda: not app.is_running)
    async with opened(tmp_path) as (app, _):
        assert (app.theme, app.current_mode) == ("light", "choose")
        assert app.context.set_path == tmp_path / "prompts" / "mistakes.csv"
        assert app.context.row_id == "3"


@pytest.mark.parametrize("junk", ["", "[1, 2]", '{"theme": 7, "view": ["x"], "set": "\\u0000"}'])
@on_event_loop
async def test_a_broken_memory_keeps_nobody_out(tmp_path, junk):
    state = find_layout(tmp_path).state
    state.create()
    (state.path / "studio.json").write_text(junk)
    async with opened(tmp_path) as (app, _):
        assert (app.theme, app.current_mode) == ("dark", "write")


def test_a_theme_or_view_that_does_not_exist_is_named_with_those_that_do(tmp_path):
    with pytest.raises(UsageError, match=r"no theme 'pink'. Known: dark, light, contrast, term"):
        StudioApp(open_context(tmp_path), theme="pink")
    with pytest.raises(UsageError, match=r"no view 'x'. Known: write, rewrite, render, choose"):
        StudioApp(open_context(tmp_path), view="x")


@pytest.mark.parametrize("theme", ["light", "contrast", "terminal", "nord", "ansi-light"])
@on_event_loop
async def test_every_view_can_be_drawn_in_every_theme(tmp_path, theme):
    async with opened(tmp_path, theme=theme) as (app, pilot):
        for view in VIEWS:
            app.show(view)
            await pilot.pause()
            assert app.export_screenshot()


@on_event_loop
async def test_errors_are_sentences_and_those_nobody_foresaw_go_to_a_log(tmp_path):
    async with opened(tmp_path) as (app, pilot):

        def refuse():
            raise UsageError(HOSTILE)

        app.screen.run_in_thread(refuse)
        app.screen.run_in_thread(lambda: 1 / 0)
        await until(pilot, lambda: len(toasts(app)) == 2)
        assert HOSTILE in toasts(app)
        (said,) = (text for text in toasts(app) if text != HOSTILE)
        log = app.context.layout.state.log_folder / "studio.log"
        assert "ZeroDivisionError" in said
        assert str(log) in said
        assert "Traceback" in log.read_text()


@on_event_loop
async def test_only_the_latest_of_an_exclusive_group_arrives(tmp_path):
    async with opened(tmp_path) as (app, pilot):
        arrived = []
        for number in range(5):
            app.screen.run_in_thread(
                lambda number=number: number, arrived.append, group="numbers", exclusive=True
            )
        await until(pilot, lambda: 4 in arrived)
        assert arrived == [4]


@on_event_loop
async def test_a_hidden_view_does_not_look(tmp_path):
    async with opened(tmp_path) as (app, pilot):
        looks = []
        app.screen.poll(0.01, lambda: looks.append(1), lambda _: None)
        await until(pilot, lambda: len(looks) > 3)
        await pilot.press("f3")
        await until(pilot, lambda: app.current_mode == "render")
        await pilot.pause(0.05)
        before = len(looks)
        await pilot.pause(0.2)
        assert len(looks) == before


@on_event_loop
async def test_questions_are_answered_by_letter_click_and_escape(tmp_path):
    async with opened(tmp_path) as (app, pilot):
        answers = []
        for answer in ("y", "n", "escape", "click", "enter"):
            app.screen.confirm(HOSTILE, lambda: answers.append("yes"), detail=HOSTILE)
            await until(pilot, lambda: isinstance(app.screen, ChoiceDialog))
            await until(pilot, lambda: HOSTILE[:30] in words_on(app.screen))
            if answer == "click":
                await pilot.click("#choice-1")
            else:
                await pilot.press(answer)
            await until(pilot, lambda: not isinstance(app.screen, ChoiceDialog))
        assert answers == ["yes", "yes"]  # by `y` and by the click; `enter` takes the harmless one


@on_event_loop
async def test_a_line_of_text_is_only_taken_without_a_problem(tmp_path):
    async with opened(tmp_path) as (app, pilot):
        given = []
        app.screen.ask_text(
            "Name", given.append, find_problem=lambda text: None if text == "ab" else "Not that."
        )
        await until(pilot, lambda: isinstance(app.screen, TextDialog))
        await pilot.press("a", "enter")
        assert "Not that." in words_on(app.screen)
        await pilot.press("b", "enter")
        await until(pilot, lambda: given == ["ab"])


@on_event_loop
async def test_the_key_bar_shows_what_applies_and_always_the_help(tmp_path):
    async with opened(tmp_path, size=(80, 24)) as (app, pilot):
        bar = app.screen.query_one(KeyBar)
        on_rows = str(bar.render())
        assert on_rows.rstrip().endswith("Palette")
        assert "? Help" in on_rows
        assert len(on_rows) == 80
        await pilot.press("enter")
        await until(pilot, lambda: str(bar.render()) != on_rows)
        assert "f12 Help" in str(bar.render())  # a question mark would be typed
        assert str(app.screen.query(ViewTab).first().render()).startswith("F1")


def test_a_mistake_of_the_studio_ends_it_with_a_sentence_and_a_log(tmp_path):
    async def fail():
        async with opened(tmp_path) as (app, pilot):
            await until(pilot, lambda: app.context.layout.state.log_folder.is_dir())
            app.call_later(lambda: 1 / 0)
            await pilot.pause(0.2)

    with pytest.raises(ZeroDivisionError):
        asyncio.run(fail())
    log = find_layout(tmp_path).state.log_folder / "studio.log"
    assert "ZeroDivisionError" in log.read_text()


@on_event_loop
async def test_filters_of_other_widgets_keep_their_keys(tmp_path):
    async with opened(tmp_path) as (app, pilot):
        app.screen.ask_text("Name", lambda _: None)
        await until(pilot, lambda: isinstance(app.screen, TextDialog))
        await pilot.press("1", "q", "question_mark")
        assert app.screen.query_one(Input).value == "1q?"
        assert app.current_mode == "write"


def test_what_is_remembered_is_a_small_file_of_its_own(tmp_path):
    context = open_context(tmp_path)
    context.layout.state.create()
    context.remembered.put("write.list_width", 40)
    context.remembered.save()
    kept = json.loads((tmp_path / ".ovi" / "studio.json").read_text())
    assert kept == {"write.list_width": 40}
    again = open_context(tmp_path).remembered
    assert again.get("write.list_width", 0) == 40
    assert again.get("write.list_width", "wide") == "wide"  # another kind than was kept


@on_event_loop
async def test_control_characters_never_reach_the_terminal(tmp_path):
    async with opened(tmp_path) as (app, pilot):
        app.screen.confirm("a\x1b]0;owned\x07b\x9b31mc", lambda: None)
        await until(pilot, lambda: "a]0;ownedb31mc" in drawn(app))


def drawn(app):
    """All characters as they would be written to the terminal."""
    return "".join(
        segment.text for strip in app.screen._compositor.render_strips() for segment in strip
    )
