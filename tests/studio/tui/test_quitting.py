"""Ending the studio while clips are rendered: nobody is left behind, or everybody works on."""

import sys
import time
from pathlib import Path

import pytest

from ovi_studio.actions.rendering import enqueue_tasks
from ovi_studio.project.layout import ProjectLayout
from ovi_studio.render.job import JobStatus
from ovi_studio.render.keeper import start_keeper
from ovi_studio.render.queue import RenderQueue
from ovi_studio.tui.dialogs import ChoiceDialog
from tests.studio.render.fake_worker import COMMAND
from tests.studio.render.tasks import make_task

from .studio import on_event_loop, opened, until, words_on

ROOT = Path(__file__).parents[3]
KEEPER = (
    sys.executable,
    "-c",
    f"from ovi_studio.render import keeper\nkeeper.main(worker_command={COMMAND!r})",
)


@pytest.fixture
def working(tmp_path, monkeypatch):
    """A project with a slow clip at work and others that wait."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    layout = ProjectLayout(tmp_path)
    tasks = [make_task(tmp_path, f"slow {seed}", seed=seed) for seed in range(1, 6)]
    enqueue_tasks(tasks, layout, keep_queue=lambda path: start_keeper(path, KEEPER))
    with RenderQueue(layout.state.queue_path) as queue:
        while queue.job(1).status is not JobStatus.RUNNING:
            time.sleep(0.02)
        yield tmp_path, queue


async def ask_to_quit(app, pilot):
    await pilot.press("f3", "ctrl+q")
    await until(pilot, lambda: isinstance(app.screen, ChoiceDialog))
    await until(pilot, lambda: "clips are not finished" in words_on(app.screen))


@on_event_loop
async def test_escape_stays(working):
    root, queue = working
    async with opened(root) as (app, pilot):
        await ask_to_quit(app, pilot)
        await pilot.press("escape")
        await until(pilot, lambda: not isinstance(app.screen, ChoiceDialog))
        await pilot.pause(0.2)
        assert app.is_running
        assert queue.has_unfinished_jobs()


@on_event_loop
async def test_stop_ends_when_no_worker_is_left(working):
    root, queue = working
    async with opened(root) as (app, pilot):
        await ask_to_quit(app, pilot)
        await pilot.press("s")
        await until(pilot, lambda: not app.is_running)
    assert queue.workers() == []
    ends = {job.status for job in queue.jobs()}
    assert JobStatus.CANCELLED in ends
    assert ends <= {JobStatus.CANCELLED, JobStatus.DONE}


@on_event_loop
async def test_in_the_background_the_clips_are_finished(working):
    root, queue = working
    async with opened(root) as (app, pilot):
        await ask_to_quit(app, pilot)
        await pilot.press("b")
        await until(pilot, lambda: not app.is_running)
    while queue.has_unfinished_jobs():
        time.sleep(0.05)
    assert {job.status for job in queue.jobs()} == {JobStatus.DONE}


@on_event_loop
async def test_nothing_is_asked_when_nothing_works_or_the_queue_is_paused(tmp_path):
    with RenderQueue(ProjectLayout(tmp_path).state.queue_path) as queue:
        queue.add([make_task(tmp_path)])
        queue.pause()
    async with opened(tmp_path) as (app, pilot):
        await pilot.press("q")
        await until(pilot, lambda: not app.is_running)
