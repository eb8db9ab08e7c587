"""Stopping the work: clips given up, nobody left behind."""

import os
import signal
import sys
import time
from pathlib import Path

import pytest

from ovi_studio.actions.rendering import enqueue_tasks
from ovi_studio.actions.stopping import KEEPER_LOCK, stop_work
from ovi_studio.project.layout import ProjectLayout
from ovi_studio.render.job import JobStatus
from ovi_studio.render.keeper import start_keeper
from ovi_studio.render.queue import RenderQueue
from ovi_studio.render.worker_lock import is_held
from tests.studio.render.fake_worker import COMMAND
from tests.studio.render.tasks import make_task

ROOT = Path(__file__).parents[3]
KEEPER = (
    sys.executable,
    "-c",
    f"from ovi_studio.render import keeper\nkeeper.main(worker_command={COMMAND!r})",
)


@pytest.fixture
def working_queue(tmp_path, monkeypatch):
    """A queue with two slow clips, one of them at work."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    layout = ProjectLayout(tmp_path)
    tasks = [make_task(tmp_path, f"slow {seed}", seed=seed) for seed in (1, 2)]
    enqueue_tasks(tasks, layout, keep_queue=lambda path: start_keeper(path, KEEPER))
    with RenderQueue(layout.state.queue_path) as queue:
        while queue.job(1).status is not JobStatus.RUNNING:
            time.sleep(0.02)
        yield layout, queue


def pid_of(queue):
    (worker,) = queue.workers()
    return worker.pid


def is_gone(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return Path(f"/proc/{pid}/stat").read_text().split()[2] == "Z"  # ended, not yet collected


def test_all_clips_are_given_up_and_nobody_is_left(working_queue):
    layout, queue = working_queue
    pid = pid_of(queue)
    stopped = stop_work(layout)
    assert (stopped.num_jobs, stopped.num_killed) == (2, 0)
    assert {job.status for job in queue.jobs()} == {JobStatus.CANCELLED}
    assert queue.stopped_ids() == [1, 2]  # `ovi render --resume` finds them
    assert is_gone(pid)
    assert not is_held(layout.state.path / KEEPER_LOCK)


def test_a_worker_that_does_not_end_is_killed(working_queue):
    layout, queue = working_queue
    pid = pid_of(queue)
    os.kill(pid, signal.SIGSTOP)  # it will never see that its clip is not wanted
    stopped = stop_work(layout, patience_seconds=0.3)
    assert stopped.num_killed == 1
    assert is_gone(pid)
    assert {job.status for job in queue.jobs()} == {JobStatus.CANCELLED}


def test_where_nothing_was_rendered_there_is_nothing_to_stop(tmp_path):
    assert stop_work(ProjectLayout(tmp_path)).num_jobs == 0
    assert not (tmp_path / ".ovi").exists()
