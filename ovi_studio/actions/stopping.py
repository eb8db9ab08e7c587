"""Ends all work at a queue and waits until nobody is left: no worker outlives the word "stop"."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from ovi_studio.project.layout import ProjectLayout
from ovi_studio.render.launch import kill_worker
from ovi_studio.render.queue import RenderQueue
from ovi_studio.render.queue_file import STOPPED

PATIENCE_SECONDS = 8.0
"""How long a worker may take to see that its clip is not wanted, before it is killed."""

KILL_SECONDS = 5.0
"""How long the system may take to end a killed process."""

LOOK_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class StoppedWork:
    """What became of it."""

    num_jobs: int
    """clips that were given up; `ovi render --resume` goes on with them"""
    num_killed: int
    """workers that did not end by themselves"""


def stop_work(
    layout: ProjectLayout,
    *,
    patience_seconds: float = PATIENCE_SECONDS,
    is_hurried: Callable[[], bool] = lambda: False,
) -> StoppedWork:
    """Cancels all clips that wait or are rendered, and waits until every worker is gone.

    A worker that has not ended after the patience, or once the user is in a hurry, is killed.
    Clips that are finished stay. Raises QueueError.
    """
    if not layout.state.queue_path.is_file():
        return StoppedWork(0, 0)
    with RenderQueue(layout.state.queue_path) as queue:
        queue.recover_lost()
        job_ids = queue.unfinished_ids()
        queue.cancel(job_ids, STOPPED)
        deadline = time.monotonic() + patience_seconds
        while _workers_left(queue) and time.monotonic() < deadline and not is_hurried():
            time.sleep(LOOK_SECONDS)
        pids = _workers_left(queue)
        for pid in pids:
            kill_worker(pid)
        deadline = time.monotonic() + KILL_SECONDS
        while _workers_left(queue) and time.monotonic() < deadline:
            time.sleep(LOOK_SECONDS)
        return StoppedWork(len(job_ids), len(pids))


def _workers_left(queue: RenderQueue) -> list[int]:
    """Process ids of the workers that live."""
    queue.recover_lost()
    return [worker.pid for worker in queue.workers()]
