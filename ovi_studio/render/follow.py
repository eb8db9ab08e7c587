"""Follows jobs to their end: watches their rows, and sees to it that workers are at them.

Any number of commands may follow the same queue. Each starts workers in its lanes when its jobs
wait and nobody has those devices, and brings back the jobs of workers that died.
"""

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, NoReturn

from ovi_studio.errors import QueueError, UnknownJobError
from ovi_studio.render.crew import Crew
from ovi_studio.render.events import (
    ClipEnded,
    ClipFellBack,
    ClipProgress,
    ClipStarted,
    QueuePaused,
    QueueResumed,
    RenderEvent,
    Stopping,
    WorkerLost,
)
from ovi_studio.render.finished_clips import remove_unfinished
from ovi_studio.render.job import JobState, JobStatus, RenderJob
from ovi_studio.render.lanes import CLUSTER_LANE, Lane, lanes_for
from ovi_studio.render.launch import WORKER_COMMAND, cluster_command, kill_worker
from ovi_studio.render.queue import LOST, RenderQueue
from ovi_studio.render.queue_file import STOPPED
from ovi_studio.render.rows import log_tail
from ovi_studio.render.time_left import TimeLeft

POLL_SECONDS = 0.1

GOODBYE_SECONDS = 10.0
"""How long our own workers may take to end when nothing is left to do; they free the devices."""


class Follower:
    """Brings a set of jobs to their end."""

    def __init__(
        self,
        queue: RenderQueue,
        job_ids: Sequence[int],
        *,
        on_event: Callable[[RenderEvent], None],
        stop_requests: Callable[[], int] = lambda: 0,
        worker_command: Sequence[str] = WORKER_COMMAND,
        lanes: Sequence[Lane] = (Lane(),),
        waits_while_paused: bool = True,
    ) -> None:
        """Starts nothing yet.

        `stop_requests` says how often the user has asked to stop: once cancels the jobs, twice
        kills the workers that are at one of them. `follower_for` knows the lanes that jobs want.
        """
        self._queue = queue
        self._job_ids = tuple(dict.fromkeys(job_ids))
        self._open = list(self._job_ids)
        self._on_event = on_event
        self._stop_requests = stop_requests
        self._crew = Crew(queue, lanes, worker_command, on_event)
        self._waits_while_paused = waits_while_paused
        self._is_paused = False
        self._states: dict[int, JobState] = {}
        self._jobs: dict[int, RenderJob] = {}
        self._numbers: dict[int, int] = {}
        self._time_left = TimeLeft(len(self._job_ids), len(lanes))
        self._stops_seen = 0

    def run(self) -> None:
        """Follows until every job is finished, or none is at work and the queue is paused."""
        while self._open:
            if self._queue.is_gone():
                self._abandon()
            self._heed_stop_requests()
            self._look_whether_paused()
            self._look_after_workers()
            self._look_at_jobs()
            if self._is_paused and not self._waits_while_paused and not self._has_jobs_at_work():
                break
            if self._open:
                time.sleep(POLL_SECONDS)
        self._see_workers_off()

    def _abandon(self) -> NoReturn:
        """The project was deleted: what works for it would go on unseen, and make it anew."""
        for worker in self._queue.workers():
            kill_worker(worker.pid)
        raise QueueError(
            f"The queue {self._queue.path} was deleted or replaced while it was worked at, so its "
            "workers were ended. Start again in the project's folder."
        )

    # What the user wants.

    def _heed_stop_requests(self) -> None:
        requests = self._stop_requests()
        if requests >= 1 and self._stops_seen == 0:
            self._stops_seen = 1
            self._on_event(Stopping(is_forced=False))
            self._queue.cancel(self._open, STOPPED)
        if requests >= 2 and self._stops_seen == 1:
            self._stops_seen = 2
            self._on_event(Stopping(is_forced=True))
            self._kill_workers_at_our_jobs()

    def _kill_workers_at_our_jobs(self) -> None:
        states = self._queue.states(self._open).values()
        names = {state.worker for state in states if state.status is JobStatus.CANCELLING}
        for worker in self._queue.workers():
            if worker.name in names:
                kill_worker(worker.pid)

    def _look_whether_paused(self) -> None:
        was_paused, self._is_paused = self._is_paused, self._queue.paused_since() is not None
        if self._is_paused != was_paused:
            self._on_event(QueuePaused() if self._is_paused else QueueResumed())

    # What the workers do.

    def _look_after_workers(self) -> None:
        ended = self._crew.collect(tells=self._stops_seen < 2)
        # Our other workers are left to the next round, when it is known how they ended.
        lost = self._queue.recover_lost(ended, spare=self._crew.names)
        for worker in lost:
            if worker.name not in ended:
                self._on_event(WorkerLost(worker.name, LOST, log_tail(worker.log)))
        if lost:
            self._clear_away()
        if self._crew.is_hopeless:
            self._give_up()
        elif not self._is_paused and self._has_waiting_jobs():
            self._crew.fill_lanes()

    def _has_waiting_jobs(self) -> bool:
        states = self._queue.states(self._open).values()
        return any(state.status is JobStatus.PENDING for state in states)

    def _has_jobs_at_work(self) -> bool:
        states = self._queue.states(self._open).values()
        return any(state.status.is_with_worker for state in states)

    def _give_up(self) -> None:
        """Fails the waiting jobs: every worker dies before it takes one."""
        death = self._crew.last_death
        assert death is not None
        log = death.worker.log
        message = f"No worker gets as far as taking the clip; the last one {death.how}. See {log}."
        for job_id, state in self._queue.states(self._open).items():
            if state.status is JobStatus.PENDING:
                self._queue.fail(job_id, message, log_tail=log_tail(log))
        self._crew.hope_again()

    def _clear_away(self) -> None:
        """Removes what lost workers left of jobs that nobody takes up again."""
        for job in self._queue.jobs(self._open):
            if job.status in (JobStatus.CANCELLED, JobStatus.FAILED):
                remove_unfinished(job.task.output)

    def _see_workers_off(self) -> None:
        """Waits for our own workers to end, unless others have work for them."""
        deadline = time.monotonic() + GOODBYE_SECONDS
        while self._crew.names and time.monotonic() < deadline:
            self._crew.collect()
            if self._crew.names and self._queue.has_unfinished_jobs():
                return
            time.sleep(POLL_SECONDS)

    # What becomes of the jobs.

    def _look_at_jobs(self) -> None:
        states = self._queue.states(self._open)
        self._open = [job_id for job_id in self._open if job_id in states]  # others were cleared
        for job_id, state in states.items():
            before = self._states.get(job_id)
            if state == before:
                continue
            self._states[job_id] = state
            # One that is cleared between two looks is missed by the next.
            with suppress(UnknownJobError):
                if state.status.is_with_worker:
                    self._tell_progress(job_id, before, state)
                elif state.status.is_finished:
                    self._tell_end(job_id)
                else:
                    self._tell_fallback(job_id)

    def _tell_progress(self, job_id: int, before: JobState | None, state: JobState) -> None:
        if before is None or before.worker != state.worker or not before.status.is_with_worker:
            self._tell_fallback(job_id)
            self._time_left.start(job_id)
            self._tell_start(self._queue.job(job_id))
        if state.stage is not None:
            self._time_left.advance(job_id, state.stage, state.step)
            self._on_event(
                ClipProgress(
                    self._jobs[job_id],
                    state,
                    self._number_of(job_id),
                    len(self._job_ids),
                    self._time_left.stage_seconds(job_id, state.step, state.num_steps),
                    self._time_left.all_seconds(),
                )
            )

    def _tell_fallback(self, job_id: int) -> None:
        """Says it if a job waits because memory ran out, and not because its worker was lost."""
        job, known = self._queue.job(job_id), self._jobs.get(job_id)
        before = None if known is None else known.task.fell_back_from
        if job.task.fell_back_from is not None and before is None and known is not None:
            self._jobs[job_id] = job
            self._on_event(ClipFellBack(job, self._last_reason(job_id)))

    def _tell_start(self, job: RenderJob) -> None:
        self._jobs[job.id] = job
        self._on_event(ClipStarted(job, self._number_of(job.id), len(self._job_ids)))

    def _tell_end(self, job_id: int) -> None:
        self._open.remove(job_id)
        job = self._queue.job(job_id)
        if job_id not in self._jobs and job.worker is not None:
            self._tell_start(job)  # it came and went between two looks
        self._number_of(job_id)
        was_rendered = job.status is JobStatus.DONE and job.stage is not None
        seconds = self._time_left.end(job_id, was_rendered=was_rendered)
        self._on_event(ClipEnded(job, seconds, self._last_reason(job_id)))

    def _last_reason(self, job_id: int) -> str:
        events = self._queue.events(job_id)
        return events[-1].reason if events else ""

    def _number_of(self, job_id: int) -> int:
        """1-based place in the order in which this command's clips came up."""
        return self._numbers.setdefault(job_id, len(self._numbers) + 1)


def follower_for(
    queue: RenderQueue,
    job_ids: Sequence[int],
    *,
    gpus: int | None = None,
    cluster: str | None = None,
    **others: Any,
) -> Follower:
    """A follower whose jobs are rendered on that many GPUs, or on the Ray cluster at an address.

    `others` are those of `Follower`. Raises MissingExtraError without what clusters need.
    """
    if cluster is not None:
        command = cluster_command(cluster, gpus)
        return Follower(
            queue, job_ids, **{**others, "worker_command": command, "lanes": (CLUSTER_LANE,)}
        )
    lanes = lanes_for((job.task for job in queue.jobs(list(job_ids))), gpus)
    return Follower(queue, job_ids, lanes=lanes, **others)
