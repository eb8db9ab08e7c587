"""Ends all work at a queue and waits until nobody is left: no worker outlives the word "stop"."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from ovi_studio.project.layout import ProjectLayout
from ovi_studio.render.launch import kill_worker
from ovi_studio.render.queue import RenderQueue
from ovi_studio.render.queue_file import STOPPED
from ovi_studio.render.worker_lock import is_held

PATIENCE_SECONDS = 8.0
"""How long a worker may take to see that its clip is not wanted, before it is killed."""

KILL_SECONDS = 5.0
"""How long the system may take to end a killed process."""

LOOK_SECONDS = 0.1

KEEPER_LOCK = "keeper.lock"
"""Held in the state folder while a keeper lives."""


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
        while _somebody_is_left(queue) and time.monotonic() < deadline and not is_hurried():
            time.sleep(LOOK_SECONDS)
        queue.recover_lost()
        workers = queue.workers()
        for worker in workers:
            kill_worker(worker.pid)
        deadline = time.monotonic() + KILL_SECONDS
        while _somebody_is_left(queue) and time.monotonic() < deadline:
            time.sleep(LOOK_SECONDS)
        return StoppedWork(len(job_ids), len(workers))


def _somebody_is_left(queue: RenderQueue) -> bool:
    """Whether a worker lives, or a keeper, which sees off workers that are still starting."""
    queue.recover_lost()
    return bool(queue.workers()) or is_held(queue.state.path / KEEPER_LOCK)
