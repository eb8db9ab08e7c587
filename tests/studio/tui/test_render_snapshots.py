"""Pictures of the render view at three sizes, with data that never changes."""

import pytest

from ovi.spec.machine import Gpu
from ovi_studio.actions.metering import Meters
from ovi_studio.actions.queue_watching import QueueWatch
from ovi_studio.render.queue import RenderQueue
from ovi_studio.tui.app import StudioApp
from ovi_studio.tui.opening import context_of
from ovi_studio.tui.screens import render as render_module
from ovi_studio.tui.widgets.job_pane import JobPane
from ovi_studio.tui.widgets.preview_picture import PreviewPicture
from ovi_studio.tui.widgets.queue_table import QueueTable

from .queue_project import fill_queue, make_project, set_the_clock, write_preview
from .test_render_queue import until

SIZES = [(80, 24), (120, 36), (200, 50)]


class StillMetering:
    """Meters that stand still."""

    def __init__(self):
        self.gpus = ()

    def read(self):
        return Meters(self.gpus, 8, 0.42, 32 * 10**9, 12 * 10**9)


class CardMetering(StillMetering):
    """Two cards."""

    def read(self):
        self.gpus = (
            Gpu(0, "Card 24G", 24 * 10**9, 20 * 10**9, 0.97),
            Gpu(1, "Card 24G", 24 * 10**9, 1 * 10**9, None),
        )
        return super().read()


@pytest.fixture
def layout(tmp_path, monkeypatch):
    monkeypatch.setattr(render_module, "Metering", StillMetering)
    monkeypatch.setattr(render_module, "METER_SECONDS", 10_000)
    monkeypatch.setattr("ovi_studio.tui.widgets.preview_picture.FRAMES_PER_SECOND", 0.0001)
    monkeypatch.setattr("ovi_studio.render.pace.seconds_since", lambda *_: 4.0)
    monkeypatch.setattr("ovi_studio.actions.queue_watching.seconds_since", lambda *_: 4.0)
    folder = tmp_path / "studio"
    made = make_project(folder)
    monkeypatch.chdir(folder)  # paths are shown from here
    return made


@pytest.fixture
def worker(layout):
    lock = fill_queue(layout)
    yield lock
    lock.release()


def app_of(layout):
    context = context_of(layout)
    context.remembered.put("view", "render")
    return StudioApp(context)


def ready(*job_ids, keys=()):
    """Waits for the queue, then does what a user does."""

    async def run_before(pilot):
        await until(pilot, lambda: pilot.app.screen.query(QueueTable))
        table = pilot.app.screen.query_one(QueueTable)
        if job_ids:
            await until(pilot, lambda: table.views and table.go_to(job_ids[0]))
            movie = pilot.app.screen.query_one("#movie", PreviewPicture)
            await until(
                pilot,
                lambda: (
                    not pilot.app.screen.query_one(JobPane).size.width
                    or movie.num_frames
                    or movie.message
                ),
            )
        for key in keys:
            await pilot.press(key)
        if "i" in keys:
            await until(pilot, lambda: pilot.app.screen.query_one(JobPane).has_focus)
            details = pilot.app.screen.query_one("#details-text")
            await until(pilot, lambda: "Job" in str(details.render()))
        await pilot.pause(0.3)

    return run_before


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.usefixtures("worker")
def test_the_queue_with_a_live_preview(snap_compare, layout, size):
    write_preview(layout, 3)
    assert snap_compare(app_of(layout), terminal_size=size, run_before=ready(3))


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.usefixtures("worker")
def test_a_failed_job(snap_compare, layout, size):
    assert snap_compare(app_of(layout), terminal_size=size, run_before=ready(2, keys=("i",)))


@pytest.mark.usefixtures("worker")
def test_a_paused_queue_on_two_cards(snap_compare, layout, monkeypatch):
    monkeypatch.setattr(render_module, "Metering", CardMetering)
    with RenderQueue(layout.state.queue_path) as queue:
        queue.pause()
    set_the_clock(layout)
    assert snap_compare(app_of(layout), terminal_size=(120, 36), run_before=ready(4))


def test_an_empty_queue(snap_compare, layout):
    assert QueueWatch(layout).look().jobs == ()
    assert snap_compare(app_of(layout), terminal_size=(80, 24), run_before=ready())
