"""The queue of the render view, driven by keys: what is seen, and what becomes of the jobs."""

import asyncio
import inspect
import sqlite3
import time
from contextlib import asynccontextmanager

import pytest
from textual.widgets import Input

from ovi_studio.actions.clip_pictures import iter_frames
from ovi_studio.actions.queue_control import QueueControl
from ovi_studio.render.job import JobStatus
from ovi_studio.render.queue import RenderQueue
from ovi_studio.tui import job_look, job_preview
from ovi_studio.tui.app import StudioApp
from ovi_studio.tui.opening import context_of
from ovi_studio.tui.screens.queue_changes import QueueChanges
from ovi_studio.tui.widgets.job_pane import JobPane
from ovi_studio.tui.widgets.meter_bar import MeterBar, sparkline
from ovi_studio.tui.widgets.preview_picture import PreviewPicture
from ovi_studio.tui.widgets.queue_table import QueueTable
from tests.studio.made_clips import write_clip

from .queue_project import fill_queue, make_project, market_task, write_preview


@pytest.fixture
def layout(tmp_path):
    return make_project(tmp_path)


@pytest.fixture
def worker(layout):
    lock = fill_queue(layout)
    yield lock
    lock.release()


@pytest.fixture
def keepers(monkeypatch):
    started = []
    monkeypatch.setattr(QueueChanges, "keep_queue", staticmethod(started.append))
    return started


@asynccontextmanager
async def render_view(layout, size=(120, 36)):
    context = context_of(layout)
    context.remembered.put("view", "render")
    app = StudioApp(context)
    async with app.run_test(size=size) as pilot:
        await until(pilot, lambda: app.screen.query(MeterBar) and app.screen.is_current)
        yield pilot


async def until(pilot, condition):
    """Lets the application go on until it is so. A minute is for ever here: it failed then."""
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, inspect.getsource(condition)
        await pilot.pause(0.02)


async def press(pilot, *keys):
    for key in keys:
        await pilot.press(key)
    await pilot.pause()


def run(test):
    """Runs a test that is a coroutine."""
    asyncio.run(test)


def statuses(layout):
    with RenderQueue(layout.state.queue_path) as queue:
        return {job.id: job.status for job in queue.jobs()}


def waiting(layout):
    jobs = QueueControl(layout, on_rescue=pytest.fail).view().jobs
    return [job.id for job in jobs if job.status is JobStatus.PENDING]


def lines(widget):
    """What a widget shows, line by line."""
    return [
        "".join(segment.text for segment in widget.render_line(y))
        for y in range(widget.size.height)
    ]


def text(pilot, selector):
    return str(pilot.app.screen.query_one(selector).render())


@pytest.mark.usefixtures("worker")
def test_each_job_has_a_line_with_what_is_known_of_it(layout):
    async def watch():
        async with render_view(layout) as pilot:
            table = pilot.app.screen.query_one(QueueTable)
            await until(pilot, lambda: len(table.views) == 9)
            shown = lines(table)
            assert "✓ done" in shown[1]
            assert "market 1 s101" in shown[1]
            assert "0:12" in shown[1]
            assert "✗ failed" in shown[2]
            assert "not finite" in shown[2]
            assert "denoising 2/4" in shown[3]
            assert "49%" in shown[3]
            assert "███" in shown[3]
            assert "cancelled" in shown[4]
            assert "waits" in shown[5]
            meters = text(pilot, MeterBar)
            for part in ("5 waiting", "1 running", "1 done", "1 failed", "1 worker", "RAM"):
                assert part in meters
            with RenderQueue(layout.state.queue_path) as queue:
                queue.report(3, "video", 50, 100)
            await until(pilot, lambda: "decoding 50/100" in lines(table)[3])

    run(watch())


@pytest.mark.usefixtures("worker")
def test_pausing_and_going_on(layout, keepers):
    async def pause():
        async with render_view(layout) as pilot:
            await press(pilot, "p")
            await until(pilot, lambda: "paused" in text(pilot, MeterBar))
            await press(pilot, "p")
            await until(pilot, lambda: "paused" not in text(pilot, MeterBar))
            assert keepers == [layout.state.queue_path]

    run(pause())


@pytest.mark.usefixtures("worker")
def test_cancelling_asks_and_retrying_puts_back(layout, keepers):
    async def cancel():
        async with render_view(layout) as pilot:
            table = pilot.app.screen.query_one(QueueTable)
            await until(pilot, lambda: table.views)
            await press(pilot, "j", "j", "j", "j", "space", "space", "x", "n")
            assert statuses(layout)[5] is JobStatus.PENDING, "no is no"
            await press(pilot, "x", "y")
            await until(pilot, lambda: statuses(layout)[6] is JobStatus.CANCELLED)
            assert statuses(layout)[5] is JobStatus.CANCELLED
            assert not table.marked
            await press(pilot, "g", "j", "r")
            await until(pilot, lambda: statuses(layout)[2] is JobStatus.PENDING)
            assert keepers == [layout.state.queue_path]
            await until(pilot, lambda: table.go_to(3))
            await press(pilot, "x", "y")
            await until(pilot, lambda: "stopping" in lines(table)[table.cursor + 1])

    run(cancel())


@pytest.mark.usefixtures("worker")
def test_waiting_jobs_are_moved_and_the_cursor_goes_with_them(layout):
    async def move():
        async with render_view(layout) as pilot:
            table = pilot.app.screen.query_one(QueueTable)
            await until(pilot, lambda: table.views and table.go_to(7))
            await press(pilot, "K")
            await until(pilot, lambda: waiting(layout) == [5, 7, 6, 8, 9])
            await until(pilot, lambda: [v.job.id for v in table.views][-5:] == [5, 7, 6, 8, 9])
            assert table.current.job.id == 7
            await press(pilot, "t")
            await until(pilot, lambda: waiting(layout) == [7, 5, 6, 8, 9])
            await until(pilot, lambda: table.cursor == 4)
            await press(pilot, "J")
            await until(pilot, lambda: waiting(layout) == [5, 7, 6, 8, 9])
            await press(pilot, "b")
            await until(pilot, lambda: waiting(layout) == [5, 6, 8, 9, 7])

    run(move())


@pytest.mark.usefixtures("worker")
def test_ended_jobs_are_forgotten_after_a_question(layout):
    async def clear():
        async with render_view(layout) as pilot:
            table = pilot.app.screen.query_one(QueueTable)
            await until(pilot, lambda: table.views)
            await press(pilot, "c", "escape")
            assert len(statuses(layout)) == 9
            await press(pilot, "c", "a")
            await until(pilot, lambda: sorted(statuses(layout)) == [3, 5, 6, 7, 8, 9])
            await until(pilot, lambda: len(table.views) == 6)

    run(clear())


@pytest.mark.usefixtures("worker")
def test_filters_by_state_and_by_words(layout):
    async def filter_jobs():
        async with render_view(layout) as pilot:
            table = pilot.app.screen.query_one(QueueTable)
            await until(pilot, lambda: table.views)
            await press(pilot, "f")
            assert [v.job.id for v in table.views] == [3, 5, 6, 7, 8, 9]
            assert "only unfinished" in text(pilot, "#filter")
            await press(pilot, "escape", "slash", *"s10", "5", "enter")
            assert [v.job.id for v in table.views] == []
            await press(pilot, "escape", "slash", *"105", "enter")
            assert [v.job.id for v in table.views] == [5]
            await press(pilot, "escape")
            assert len(table.views) == 9

    run(filter_jobs())


@pytest.mark.usefixtures("worker")
def test_a_failed_job_tells_why_and_its_log_is_followed(layout):
    async def read():
        async with render_view(layout) as pilot:
            table = pilot.app.screen.query_one(QueueTable)
            await until(pilot, lambda: table.views)
            await press(pilot, "j", "i")
            details = "#details-text"
            await until(pilot, lambda: "Traceback" in text(pilot, details))
            for part in ("Job 2: FAILED", "not finite", "NumericalError", "last words", "taken by"):
                assert part in text(pilot, details)
            await press(pilot, "escape", "j", "l")
            log = pilot.app.screen.query_one("#log")
            await until(pilot, lambda: "step 1 of 4" in log.lines)
            with (layout.state.log_folder / "w1.log").open("a") as file:
                file.write("step 2 of 4 [red]\n")
            await until(pilot, lambda: "step 2 of 4 [red]" in log.lines)
            assert list(log.lines).count("step 1 of 4") == 1

    run(read())


@pytest.mark.usefixtures("worker")
def test_the_live_preview_moves_and_says_that_it_is_uncalibrated(layout):
    write_preview(layout, 3)

    async def watch():
        async with render_view(layout) as pilot:
            table = pilot.app.screen.query_one(QueueTable)
            await until(pilot, lambda: table.views and table.go_to(3))
            movie = pilot.app.screen.query_one("#movie", PreviewPicture)
            await until(pilot, lambda: movie.num_frames == 4)
            seen = set()

            def colours():
                middle = movie.render_line(movie.size.height // 2)
                seen.update(
                    segment.style.color.triplet for segment in middle if "▀" in segment.text
                )
                return len(seen) == 4

            await until(pilot, colours)
            caption = text(pilot, "#caption")
            assert "step 2 of 4" in caption
            assert "ovi preview calibrate --variant nano" in caption
            write_preview(layout, 3, is_calibrated=True)
            await until(pilot, lambda: "calibrate" not in text(pilot, "#caption"))
            await press(pilot, "j")
            await until(pilot, lambda: movie.num_frames == 0 and "r tries" in movie.message)

    run(watch())


@pytest.mark.usefixtures("worker")
def test_a_finished_clip_is_decoded_once_and_goes_on_playing(layout, monkeypatch):
    write_clip(market_task(layout.root, 1))
    decoded, shown = [], []

    def decode(path, *sizes, **settings):
        decoded.append(path)
        return iter_frames(path, *sizes, **settings)

    monkeypatch.setattr(job_preview, "iter_frames", decode)
    monkeypatch.setattr(job_look, "LOOK_SECONDS", 0.05)

    async def watch():
        async with render_view(layout) as pilot:
            table = pilot.app.screen.query_one(QueueTable)
            await until(pilot, lambda: table.views and table.go_to(1))
            movie = pilot.app.screen.query_one("#movie", PreviewPicture)
            await until(pilot, lambda: movie.num_frames > 1)
            decoded.clear()
            for _ in range(20):
                await pilot.pause(0.05)
                shown.append(movie.num_frames > 1)
            assert all(shown)
            assert len(decoded) <= 1, "at most once more, when the caption has taken its line"

    run(watch())


def test_an_empty_queue_says_how_to_begin_and_a_narrow_screen_opens_the_job_alone(layout):
    async def begin():
        async with render_view(layout, (80, 24)) as pilot:
            screen = pilot.app.screen
            await until(pilot, lambda: "Nothing in the queue" in text(pilot, MeterBar))
            assert "Press n" in text(pilot, "#empty")
            await press(pilot, "n")
            await until(pilot, lambda: pilot.app.screen is not screen)
            await press(pilot, "escape")
            await until(pilot, lambda: pilot.app.screen is screen)
            assert not isinstance(screen.focused, Input), "keys are keys here, and nothing is typed"
            with RenderQueue(layout.state.queue_path) as queue:
                queue.add([market_task(layout.root, 1)])
            table, pane = screen.query_one(QueueTable), screen.query_one(JobPane)
            await until(pilot, lambda: len(table.views) == 1 and table.has_focus)
            assert pane.region.y == table.region.bottom, "below the queue, not beside it"
            await press(pilot, "enter")
            await until(pilot, lambda: table.size.width == 0 and pane.size.height > 15)
            await press(pilot, "escape")
            await until(pilot, lambda: table.size.width == 80)

    run(begin())


@pytest.mark.usefixtures("worker")
def test_two_faces_see_the_same_queue(layout):
    async def compare():
        async with render_view(layout) as pilot:
            table = pilot.app.screen.query_one(QueueTable)
            await until(pilot, lambda: table.views)
            QueueControl(layout, on_rescue=pytest.fail).cancel(["9"])
            await until(pilot, lambda: statuses_seen(table)[9] is JobStatus.CANCELLED)
            assert statuses_seen(table) == statuses(layout)

    def statuses_seen(table):
        return {view.job.id: view.job.status for view in table.views}

    run(compare())


@pytest.mark.usefixtures("worker")
def test_a_queue_that_cannot_be_read_is_told_once_and_the_screen_goes_on(layout):
    async def look():
        async with render_view(layout) as pilot:
            app = pilot.app
            await until(pilot, lambda: app.screen.query_one(QueueTable).views)
            with sqlite3.connect(layout.state.queue_path) as database:
                database.execute("PRAGMA user_version = 99")
            await until(pilot, lambda: len(app._notifications) == 1)
            (note,) = app._notifications
            assert "newer version" in note.message
            await pilot.pause(0.8)
            assert len(app._notifications) == 1
            with sqlite3.connect(layout.state.queue_path) as database:
                database.execute("PRAGMA user_version = 3")
            with RenderQueue(layout.state.queue_path) as queue:
                queue.cancel([5], "gone")
            table = app.screen.query_one(QueueTable)
            await until(pilot, lambda: table.views[4].job.status is JobStatus.CANCELLED)

    run(look())


def test_a_thousand_jobs_stay_fluid(layout):
    with RenderQueue(layout.state.queue_path) as queue:
        queue.add([market_task(layout.root, row) for row in range(1, 1001)])

    async def scroll():
        async with render_view(layout) as pilot:
            table = pilot.app.screen.query_one(QueueTable)
            await until(pilot, lambda: len(table.views) == 1000)
            drawn = []
            render_line = table.render_line
            table.render_line = lambda y: drawn.append(y) or render_line(y)
            await press(pilot, "G")
            await until(pilot, lambda: "1000 s1100" in lines(table)[-1])
            assert table.current.job.id == 1000
            assert len(drawn) < 40 * table.size.height, "only what is seen is drawn"
            started = time.thread_time()
            for _ in range(10):
                table.show_jobs(list(table.views))
            assert time.thread_time() - started < 0.5, "an unchanged queue costs nothing"

    run(scroll())


def test_a_sparkline_shows_the_last_values_at_the_right():
    assert sparkline([0.0, 0.5, 1.0], 5) == "  ▁▅█"
    assert sparkline([None, 1.0, 0.0], 2) == "█▁"
    assert sparkline([], 3) == "   "
