"""Looks at a queue again and again: where each job is, how fast it goes, when it will be there.

For every screen that shows a queue while it is worked off. Cheap enough for several looks a second
at a thousand jobs: only rows that changed are read anew.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ovi_studio.project.layout import ProjectLayout
from ovi_studio.render.job import JobEvent, JobStatus, RenderJob
from ovi_studio.render.job_cache import JobCache
from ovi_studio.render.pace import (
    StagePaces,
    clips_per_hour,
    kind_of,
    seconds_since,
    share_of,
    typical_seconds,
)
from ovi_studio.render.queue import RenderQueue
from ovi_studio.render.worker_lock import is_held

GRACE_SECONDS = 3.0
"""A worker that died is left that long to whoever started it, who knows better how it ended."""

STALL_SECONDS = 15.0
"""Longer than a worker takes to come."""


@dataclass(frozen=True, slots=True)
class JobView:
    """A job as a screen shows it."""

    job: RenderJob
    """the very same object as before, as long as nothing about it has changed"""
    share: float
    """of its way that it has behind it, 0 to 1"""
    seconds_per_step: float | None = None
    """of the stage it is in; None until a step was seen to end"""
    seconds_left: float | None = None
    """until its clip is there; None when unknown, and for jobs that nobody works at"""


@dataclass(frozen=True, slots=True)
class QueueSnapshot:
    """A queue at one moment."""

    jobs: Sequence[JobView] = ()
    """those that ended or are with a worker, oldest first; then those that wait, next first"""
    paused_since: str | None = None
    """UTC, ISO 8601; None while jobs are taken"""
    num_workers: int = 0
    """workers that live"""
    is_stalled: bool = False
    """jobs wait and may be taken, and no worker came for a while: somebody should resume"""
    clips_per_hour: float | None = None
    """in the latest run; None before the first clip"""
    seconds_left: float | None = None
    """until nothing waits any more; None when unknown, and while the queue is paused"""

    def count(self, *statuses: JobStatus) -> int:
        """How many jobs are in one of these states."""
        return sum(view.job.status in statuses for view in self.jobs)


class QueueWatch:
    """Watches the queue of a project. Made once, asked often, by one thread at a time."""

    def __init__(self, layout: ProjectLayout, now: Callable[[], float] = time.monotonic) -> None:
        """Opens nothing yet."""
        self._layout = layout
        self._now = now
        self._cache = JobCache()
        self._paces = StagePaces()
        self._dead_since: dict[str, float] = {}
        self._deserted_since: float | None = None

    def look(self) -> QueueSnapshot:
        """The queue as it is now; empty where nothing was ever rendered. Raises QueueError."""
        if not self._layout.state.queue_path.is_file():
            return QueueSnapshot()
        with RenderQueue(self._layout.state.queue_path) as queue:
            num_workers = self._look_after_workers(queue)
            jobs = self._cache.read(queue.job_rows())
            paused_since = queue.paused_since()
        now = self._now()
        self._paces.see(jobs, now)
        typical = typical_seconds(jobs)
        ended = [job for job in jobs if job.status is not JobStatus.PENDING]
        waiting = [job for job in jobs if job.status is JobStatus.PENDING]
        waiting.sort(key=lambda job: job.position)
        views = [self._view(job, typical.get(kind_of(job)), now) for job in ended]
        rate = clips_per_hour(jobs)
        return QueueSnapshot(
            jobs=(*views, *(JobView(job, share_of(job)) for job in waiting)),
            paused_since=paused_since,
            num_workers=num_workers,
            is_stalled=self._is_stalled(bool(waiting) and not paused_since and not num_workers),
            clips_per_hour=rate,
            seconds_left=None if paused_since else _all_seconds(views, len(waiting), rate),
        )

    def _view(self, job: RenderJob, typical: float | None, now: float) -> JobView:
        if not job.status.is_with_worker:
            return JobView(job, share_of(job))
        pace = self._paces.seconds_per_step(job.id)
        left = self._paces.seconds_left(job, now)
        spent = seconds_since(job.started)
        if typical is not None and spent is not None and spent < typical:
            left = typical - spent  # else it takes longer than the others: its own pace knows best
        return JobView(job, share_of(job), pace, left)

    def _look_after_workers(self, queue: RenderQueue) -> int:
        """Frees the jobs of workers that died a while ago. Returns how many workers live."""
        names = [worker.name for worker in queue.workers()]
        now = self._now()
        self._dead_since = {
            name: self._dead_since.get(name, now)
            for name in names
            if not is_held(queue.lock_path(name))
        }
        spare = [n for n, since in self._dead_since.items() if now - since < GRACE_SECONDS]
        if len(spare) < len(self._dead_since):
            queue.recover_lost(spare=spare)
        return len(names) - len(self._dead_since)

    def _is_stalled(self, is_deserted: bool) -> bool:
        """Whether that has been so for too long."""
        if not is_deserted:
            self._deserted_since = None
        elif self._deserted_since is None:
            self._deserted_since = self._now()
        since = self._deserted_since
        return since is not None and self._now() - since > STALL_SECONDS


def _all_seconds(at_work: Sequence[JobView], num_waiting: int, rate: float | None) -> float | None:
    """Seconds until every job is through, at the rate of the latest run."""
    lefts = [view.seconds_left for view in at_work if view.job.status.is_with_worker]
    if num_waiting:
        return (
            None
            if rate is None or not lefts
            else num_waiting / rate * 3600 + min(left or 0.0 for left in lefts)
        )
    known = [left for left in lefts if left is not None]
    return max(known) if known and len(known) == len(lefts) else None


def read_events(layout: ProjectLayout, job_id: int) -> list[JobEvent]:
    """Everything that happened to a job, in order. Raises QueueError."""
    with RenderQueue(layout.state.queue_path) as queue:
        return queue.events(job_id)
