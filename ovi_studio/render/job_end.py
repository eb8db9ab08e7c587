"""How a worker ends a job: done, cancelled, failed, or to be tried with less memory."""

import sys
import traceback
from collections.abc import Sequence
from pathlib import Path

from ovi.errors import Cancelled, OviError
from ovi_studio.errors import StudioError
from ovi_studio.render.job import RenderJob
from ovi_studio.render.preview_files import PreviewPaths
from ovi_studio.render.queue import RenderQueue
from ovi_studio.render.record import identity_in
from ovi_studio.render.rows import log_tail


class JobEnd:
    """Writes the end of jobs into the queue, as one thread of one worker sees it.

    A job that ends loses its preview; one that failed keeps it, to show how far it came.
    """

    def __init__(self, queue: RenderQueue, log: Path) -> None:
        """`log` is where this process writes; a failed job keeps its last lines."""
        self._queue = queue
        self._log = log

    def found(self, job: RenderJob, where: str) -> None:
        """The clip was there already."""
        self._queue.finish(job.id, where)

    def rendered(self, job: RenderJob, warnings: Sequence[str], seconds: float) -> None:
        """The clip lies at its output path."""
        self._queue.finish(job.id, f"rendered in {seconds:.1f} s", warnings, seconds=seconds)
        self._preview_of(job).remove()

    def stopped_by(self, job: RenderJob, error: BaseException, seconds: float) -> bool:
        """An error ended the work. False when this process should take no other job."""
        if isinstance(error, Cancelled):
            self._queue.confirm_cancel(job.id, "the worker stopped")
            self._preview_of(job).remove()
            return True
        if is_out_of_memory(error):
            if self._queue.fall_back(job.id, describe_fallback(job)):
                self._preview_of(job).remove()
            else:
                message = describe_lighter_clip(job) or describe_fault(error)
                self._fail(job, message, error, seconds)
            return False
        if isinstance(error, (OviError, StudioError, OSError)):
            self._fail(job, str(error), error, seconds)
            return True
        # Nobody foresaw this one: the device may be unusable from here on.
        self._fail(job, describe_fault(error), error, seconds)
        return False

    def _preview_of(self, job: RenderJob) -> PreviewPaths:
        return PreviewPaths(self._queue.state.preview_folder, job.id)

    def _fail(self, job: RenderJob, message: str, error: BaseException, seconds: float) -> None:
        sys.stdout.flush()
        self._queue.fail(
            job.id,
            message,
            traceback="".join(traceback.format_exception(error)),
            log_tail=log_tail(self._log),
            seconds=seconds,
        )


def is_out_of_memory(error: BaseException) -> bool:
    """True if memory ran out, on the device or the host."""
    return isinstance(error, MemoryError) or "OutOfMemory" in type(error).__name__


def describe_fallback(job: RenderJob) -> str:
    """Why a job that ran out of memory waits again."""
    task = job.task
    if task.fallback is None:
        return "out of memory"
    before = f"profile {task.profile}" if task.profile else "the settings given"
    change = "" if task.fallback.identity == task.identity else ", whose pixels differ a little"
    return f"out of memory with {before}; goes on with profile {task.fallback.profile}{change}"


def describe_lighter_clip(job: RenderJob) -> str | None:
    """Where the clip is that the job would fall back to; None when there is none."""
    fallback = job.task.fallback
    if fallback is None or identity_in(fallback.output) != fallback.identity:
        return None
    before = f" with profile {job.task.profile}" if job.task.profile else ""
    return (
        f"Out of memory{before}. What profile {fallback.profile} makes of it was rendered before: "
        f"{fallback.output}"
    )


def describe_fault(error: BaseException) -> str:
    """A sentence about an error that nobody foresaw."""
    name = type(error).__name__
    if is_out_of_memory(error):
        return (
            f"Out of memory: {error or name}. `ovi plan` names a profile that fits; or try "
            "--offload model, --precision fp8, or a smaller variant."
        )
    return f"{name}: {error}. This was not foreseen; please report it with the traceback."
