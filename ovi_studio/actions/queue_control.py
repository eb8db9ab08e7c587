"""Looks at the queue and changes it: what `ovi queue` and `ovi history` do, for every screen.

Adding clips and following them is in `rendering.py`.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ovi_studio.errors import QueueError
from ovi_studio.project.layout import ProjectLayout
from ovi_studio.render.job import JobEvent, JobStatus, RenderJob
from ovi_studio.render.keeper import start_keeper
from ovi_studio.render.ordering import Place
from ovi_studio.render.queue import RenderQueue
from ovi_studio.render.rescue import open_queue
from ovi_studio.render.selection import select_jobs


@dataclass(frozen=True, slots=True)
class QueueView:
    """A queue at one moment."""

    jobs: Sequence[RenderJob]
    """those that ended or are with a worker, oldest first; then those that wait, next first"""
    paused_since: str | None = None
    """UTC, ISO 8601; None while jobs are taken"""


class QueueControl:
    """The queue of one project, as a user handles it. Words are those of `select_jobs`."""

    def __init__(
        self,
        layout: ProjectLayout,
        *,
        on_rescue: Callable[[str], None],
        keep_queue: Callable[[Path], object] = start_keeper,
    ) -> None:
        """Opens nothing yet. `on_rescue` is told what became of a damaged queue.

        Every method raises QueueError when the queue cannot be used.
        """
        self._layout = layout
        self._on_rescue = on_rescue
        self._keep_queue = keep_queue

    def view(self) -> QueueView:
        """All jobs; none where nothing was ever rendered."""
        if not self._layout.state.queue_path.is_file():
            return QueueView(())
        with self._opened() as queue:
            return QueueView(_in_view(queue.jobs()), queue.paused_since())

    def describe(self, job_id: int) -> tuple[RenderJob, list[JobEvent]]:
        """One job and everything that happened to it. Raises UsageError when there is none."""
        with self._opened() as queue:
            job = _selected(queue, [str(job_id)])[0]
            return job, queue.events(job_id)

    def history(self, set_name: str | None, limit: int | None) -> list[RenderJob]:
        """What was rendered or failed, of one set or all, the latest first."""
        if not self._layout.state.queue_path.is_file():
            return []
        with self._opened() as queue:
            ids = queue.ended_ids(set_name, -1 if limit is None else limit)
            jobs = {job.id: job for job in queue.jobs(ids)}
            return [jobs[job_id] for job_id in ids]

    def pause(self) -> None:
        """The clip at work is finished, and no other one taken."""
        with open_queue(self._layout, self._on_rescue) as queue:
            queue.pause()

    def resume(self) -> tuple[bool, int]:
        """Clips are taken again, without anybody watching if need be.

        Returns whether the queue was paused, and how many jobs wait.
        """
        with self._opened() as queue:
            was_paused = queue.unpause()
            return was_paused, self._see_to_waiting(queue)

    def keep_going(self) -> int:
        """Sees to it that waiting clips are rendered without us. Returns how many wait."""
        with self._opened() as queue:
            return self._see_to_waiting(queue)

    def cancel(self, words: Sequence[str]) -> list[RenderJob]:
        """Stops jobs. Returns those that were stopped, or will be when their worker sees it."""
        with self._opened() as queue:
            ids = [job.id for job in _selected(queue, words) if not job.status.is_finished]
            queue.cancel(ids, "cancelled by the user")
            return queue.jobs(ids)

    def retry(self, words: Sequence[str]) -> tuple[list[RenderJob], list[RenderJob]]:
        """Lets failed and cancelled jobs wait again, and be rendered unless the queue is paused.

        Returns those, and the others, which are in another state or have a successor.
        """
        with self._opened() as queue:
            jobs = _selected(queue, words)
            again = set(queue.requeue([job.id for job in jobs], "to be tried again"))
            if again:
                self._see_to_waiting(queue)
            return (
                [job for job in jobs if job.id in again],
                [job for job in jobs if job.id not in again],
            )

    def move(self, words: Sequence[str], place: Place) -> list[RenderJob]:
        """Changes when waiting jobs are taken; returns all that wait, in their new order."""
        with self._opened() as queue:
            queue.place([job.id for job in _selected(queue, words)], place)
            return [job for job in _in_view(queue.jobs()) if job.status is JobStatus.PENDING]

    def finished(self, words: Sequence[str]) -> list[RenderJob]:
        """Those of the jobs that `clear` may forget."""
        with self._opened() as queue:
            return [job for job in _selected(queue, words) if job.status.is_finished]

    def clear(self, jobs: Sequence[RenderJob]) -> int:
        """Forgets jobs that have ended, and never a file. Returns how many."""
        with self._opened() as queue:
            known = {job.id for job in queue.jobs([job.id for job in jobs])}
            return len(queue.remove(sorted(known)))

    @contextmanager
    def _opened(self) -> Iterator[RenderQueue]:
        if not self._layout.state.queue_path.is_file():
            raise QueueError(
                f"There is no queue in {self._layout.root}: nothing was ever rendered there. "
                "Change to the project's folder."
            )
        with open_queue(self._layout, self._on_rescue) as queue:
            queue.recover_lost()
            yield queue

    def _see_to_waiting(self, queue: RenderQueue) -> int:
        """Leaves a keeper behind if anything can be taken. Returns how many jobs wait."""
        states = queue.states(queue.unfinished_ids()).values()
        num_waiting = sum(state.status is JobStatus.PENDING for state in states)
        if num_waiting and queue.paused_since() is None:
            self._keep_queue(queue.path)
        return num_waiting


def _selected(queue: RenderQueue, words: Sequence[str]) -> list[RenderJob]:
    return select_jobs(words, queue.jobs())


def _in_view(jobs: Sequence[RenderJob]) -> list[RenderJob]:
    waiting = [job for job in jobs if job.status is JobStatus.PENDING]
    others = [job for job in jobs if job.status is not JobStatus.PENDING]
    return [*others, *sorted(waiting, key=lambda job: job.position)]
