"""The keeper: what is left to the queue is rendered though nobody watches."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ovi_studio.actions.rendering import enqueue_tasks
from ovi_studio.project.layout import ProjectLayout
from ovi_studio.render.job import JobStatus
from ovi_studio.render.keeper import keep, start_keeper
from ovi_studio.render.queue import RenderQueue

from .fake_worker import COMMAND
from .tasks import make_task

ROOT = Path(__file__).parents[3]
KEEPER = (
    sys.executable,
    "-c",
    f"from ovi_studio.render import keeper\nkeeper.main(worker_command={COMMAND!r})",
)


@pytest.fixture(autouse=True)
def _package_is_found(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(ROOT))


@pytest.fixture
def layout(tmp_path):
    return ProjectLayout(tmp_path)


def wait_until(condition):
    """Polls; the test run's own time limit is the only one."""
    while not condition():
        time.sleep(0.02)


def test_clips_are_rendered_after_we_returned_and_lost_workers_replaced(layout, tmp_path):
    tasks = [
        make_task(tmp_path, text, seed=seed)
        for seed, text in enumerate(("slow", "will crash", f"kill-once {tmp_path / 'mark'}"))
    ]
    jobs = enqueue_tasks(tasks, layout, keep_queue=lambda path: start_keeper(path, KEEPER))
    assert [job.status for job in jobs] == [JobStatus.PENDING] * 3
    with RenderQueue(layout.state.queue_path) as queue:
        wait_until(lambda: not queue.has_unfinished_jobs())
        assert [job.status for job in queue.jobs()] == [
            JobStatus.DONE, JobStatus.FAILED, JobStatus.DONE
        ]  # fmt: skip
    log = (layout.state.log_folder / "keeper.log").read_text()
    assert "job 2 FAILED" in log


def test_nobody_is_left_behind_for_what_is_finished(layout, tmp_path):
    with RenderQueue(layout.state.queue_path) as queue:
        queue.add([make_task(tmp_path)])
    keep(layout.state.queue_path, COMMAND)
    jobs = enqueue_tasks([make_task(tmp_path)], layout, keep_queue=pytest.fail)
    assert [job.status for job in jobs] == [JobStatus.DONE]


def test_a_keeper_ends_when_the_queue_is_paused_and_renders_nothing(layout, tmp_path):
    with RenderQueue(layout.state.queue_path) as queue:
        queue.add([make_task(tmp_path)])
        queue.pause()
        keep(layout.state.queue_path, ("false",))
        assert queue.jobs()[0].status is JobStatus.PENDING


def test_a_pause_while_a_clip_is_made_lets_it_finish(layout, tmp_path):
    tasks = [make_task(tmp_path, "slow", seed=seed) for seed in (1, 2)]
    with RenderQueue(layout.state.queue_path) as queue:
        queue.add(tasks)
        keeper = subprocess.Popen([*KEEPER, "--queue", str(queue.path)])
        wait_until(lambda: queue.jobs()[0].status is JobStatus.RUNNING)
        queue.pause()
        assert keeper.wait() == 0
        assert [job.status for job in queue.jobs()] == [JobStatus.DONE, JobStatus.PENDING]
        queue.unpause()
        keep(queue.path, COMMAND)
        assert queue.jobs()[1].status is JobStatus.DONE


def test_a_second_keeper_leaves_the_queue_to_the_first(layout, tmp_path):
    with RenderQueue(layout.state.queue_path) as queue:
        queue.add([make_task(tmp_path, "slow")])
        keeper = subprocess.Popen([*KEEPER, "--queue", str(queue.path)])
        wait_until(lambda: queue.jobs()[0].status is JobStatus.RUNNING)
        keeper.send_signal(signal.SIGSTOP)
        try:
            keep(queue.path, ("false",))  # returns though the job is at work
            os.kill(keeper.pid, 0)
        finally:
            keeper.send_signal(signal.SIGCONT)
        assert keeper.wait() == 0
        assert queue.jobs()[0].status is JobStatus.DONE
