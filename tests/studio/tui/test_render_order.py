"""New renders from the render view: the form, the plan before the yes, and what comes of it."""

import pytest
from textual.widgets import Button, Input, Select

from ovi_studio.render.job import JobStatus
from ovi_studio.render.keeper import start_keeper
from ovi_studio.render.queue import RenderQueue
from ovi_studio.tui.messages import RenderRows
from ovi_studio.tui.screens.order import OrderDialog
from ovi_studio.tui.screens.queue_changes import QueueChanges
from ovi_studio.tui.widgets.preview_picture import PreviewPicture
from ovi_studio.tui.widgets.queue_table import QueueTable
from tests.studio.render.test_keeper import KEEPER, ROOT

from .queue_project import make_project
from .test_render_queue import press, render_view, run, text, until

ROWS = 'id,text_prompt\n1,"A cat. Audio: purring"\n2,brisk\n3,\nx,"A dog says <S>Woof<E>"\n'
TINY = "--steps 2 --size 32x32 --device cpu --solver euler"


@pytest.fixture
def layout(tmp_path):
    layout = make_project(tmp_path)
    (tmp_path / "prompts" / "pets.csv").write_text(ROWS)
    return layout


@pytest.fixture
def fake_workers(monkeypatch):
    """What sees to the workers starts fake ones."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    keep = staticmethod(lambda path: start_keeper(path, KEEPER))
    monkeypatch.setattr(QueueChanges, "keep_queue", keep)


def jobs_of(layout):
    if not layout.state.queue_path.is_file():
        return []
    with RenderQueue(layout.state.queue_path) as queue:
        return queue.jobs()


async def open_form(pilot, layout, *row_ids):
    pilot.app.tell(RenderRows(layout.root / "prompts" / "pets.csv", row_ids))
    await until(pilot, lambda: isinstance(pilot.app.screen, OrderDialog))


async def write(pilot, field, value):
    pilot.app.screen.query_one(f"#{field}", Input).value = value
    await pilot.pause()


def button(pilot):
    return str(pilot.app.screen.query_one("#yes", Button).label)


@pytest.mark.usefixtures("fake_workers")
def test_the_plan_is_seen_before_the_yes_and_the_clips_come_out(layout):
    async def order():
        async with render_view(layout) as pilot:
            await open_form(pilot, layout)
            await until(pilot, lambda: button(pilot) == "Render 3 clips")
            plan = text(pilot, "#plan")
            for part in ("3 clips", "RAM", "Time", "Disk", "Profile auto takes exact"):
                assert part in plan
            assert "1 cannot be rendered" in plan
            assert "the prompt is empty" in plan
            assert not jobs_of(layout), "nothing is rendered before the yes"
            await write(pilot, "rows", "2")
            pilot.app.screen.query_one("#seeds", Input).value = "7,9"
            pilot.app.screen.action_render()
            assert isinstance(pilot.app.screen, OrderDialog), "no yes to a plan nobody saw"
            await until(pilot, lambda: button(pilot) == "Render 2 clips")
            await press(pilot, "enter")
            table = pilot.app.screen.query_one(QueueTable)
            await until(pilot, lambda: all_done(table, 2))
            seeds = [job.task.request.sampling.seed for job in jobs_of(layout)]
            assert seeds == [7, 9]
            assert all(job.task.output.is_file() for job in jobs_of(layout))

    run(order())


def all_done(table, number):
    return [view.job.status for view in table.views] == [JobStatus.DONE] * number


def test_rows_that_were_picked_elsewhere_are_meant_until_the_field_is_changed(layout, monkeypatch):
    kept = []
    monkeypatch.setattr(QueueChanges, "keep_queue", staticmethod(kept.append))

    async def order():
        async with render_view(layout) as pilot:
            with (layout.root / "prompts" / "pets.csv").open("a") as file:
                file.write('"1,x","A cow"\n')
            await open_form(pilot, layout, "1,x")
            await until(pilot, lambda: button(pilot) == "Render 1 clip")
            await press(pilot, "ctrl+r")
            await until(pilot, lambda: kept)
            assert [job.task.source.row_id for job in jobs_of(layout)] == ["1,x"]

    run(order())


def test_the_options_of_ovi_render_can_be_written_and_mistakes_are_told(layout):
    async def order():
        async with render_view(layout) as pilot:
            await open_form(pilot, layout, "1")
            await write(pilot, "options", "--sovler euler")
            await until(pilot, lambda: "Did you mean --solver?" in text(pilot, "#plan"))
            assert button(pilot) == "Not yet possible"
            await press(pilot, "enter")
            await write(pilot, "options", "--solver euler --vae-tiling 384")
            await write(pilot, "steps", "7")
            pilot.app.screen.query_one("#profile", Select).value = "8gb"
            await until(pilot, lambda: button(pilot) == "Render 1 clip")
            plan = text(pilot, "#plan")
            assert "7 steps" in plan
            assert "profile 8gb" in plan
            await press(pilot, "escape")
            assert not jobs_of(layout)

    run(order())


def test_a_set_with_no_row_to_render_and_a_variant_without_weights_say_so(layout):
    async def order():
        async with render_view(layout) as pilot:
            await open_form(pilot, layout, "3")
            await until(pilot, lambda: "the prompt is empty" in text(pilot, "#plan"))
            await write(pilot, "rows", "1")
            pilot.app.screen.query_one("#variant", Select).value = "720x720_5s"
            await until(pilot, lambda: "Rendering would stop here" in text(pilot, "#plan"))
            assert button(pilot) == "Not yet possible"

    run(order())


def test_what_was_chosen_is_there_the_next_time(layout, monkeypatch):
    monkeypatch.setattr(QueueChanges, "keep_queue", staticmethod(lambda _: None))

    async def order():
        async with render_view(layout) as pilot:
            await open_form(pilot, layout, "1")
            await write(pilot, "options", "--solver euler")
            await until(pilot, lambda: button(pilot) == "Render 1 clip")
            await press(pilot, "enter")
            await until(pilot, lambda: jobs_of(layout))
            await open_form(pilot, layout)
            assert pilot.app.screen.query_one("#options", Input).value == "--solver euler"
            assert pilot.app.screen.query_one("#rows", Input).value == ""

    run(order())


def test_a_prompt_is_rendered_with_the_real_nano_while_its_preview_is_shown(layout, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")

    async def order():
        async with render_view(layout) as pilot:
            await press(pilot, "n")
            await until(pilot, lambda: isinstance(pilot.app.screen, OrderDialog))
            await write(pilot, "source", "A red ball rolls. Audio: wind")
            await write(pilot, "options", TINY.replace("--steps 2 ", ""))
            await write(pilot, "steps", "4")
            await press(pilot, "enter")
            await until(pilot, lambda: button(pilot) == "Render 1 clip")
            await press(pilot, "enter")
            screen = pilot.app.screen
            table, movie = screen.query_one(QueueTable), screen.query_one("#movie", PreviewPicture)
            await until(pilot, lambda: movie.num_frames > 1)
            await until(pilot, lambda: all_done(table, 1))
            await until(pilot, lambda: "The finished clip" in text(pilot, "#caption"))
            assert movie.num_frames > 8

    run(order())
