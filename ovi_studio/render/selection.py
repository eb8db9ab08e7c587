"""Reads which jobs of a queue a user means: `3`, `5-8`, `2,4`, `failed`, `all`."""

import re
from collections.abc import Sequence

from ovi_studio.errors import UsageError
from ovi_studio.render.job import JobStatus, RenderJob

_STATUSES: dict[str, tuple[JobStatus, ...]] = {
    "all": tuple(JobStatus),
    "waiting": (JobStatus.PENDING,),
    "running": (JobStatus.RUNNING, JobStatus.CANCELLING),
    "done": (JobStatus.DONE,),
    "failed": (JobStatus.FAILED,),
    "cancelled": (JobStatus.CANCELLED,),
}

_RANGE = re.compile(r"(\d{1,15})(?:-(\d{1,15}))?")


def select_jobs(words: Sequence[str], jobs: Sequence[RenderJob]) -> list[RenderJob]:
    """The jobs that the words name, in the order of `jobs`, each once.

    A word for a state may fit no job; a number must be one's, and a range must hold one's. Raises
    UsageError.
    """
    ids: set[int] = set()
    for word in ",".join(words).replace(" ", "").split(","):
        ids |= _ids_of(word, jobs)
    return [job for job in jobs if job.id in ids]


def _ids_of(word: str, jobs: Sequence[RenderJob]) -> set[int]:
    statuses = _STATUSES.get(word.lower())
    if statuses is not None:
        return {job.id for job in jobs if job.status in statuses}
    match = _RANGE.fullmatch(word)
    if match is None:
        raise UsageError(
            f"{word!r} names no job. Give numbers of `ovi queue list`, ranges such as 3-7, or "
            f"{', '.join(_STATUSES)}."
        )
    first, last = int(match[1]), int(match[2] or match[1])
    found = {job.id for job in jobs if first <= job.id <= last}
    if not found:
        what = f"job {word}" if match[2] is None else f"job from {first} to {last}"
        raise UsageError(f"There is no {what} in the queue. `ovi queue list` shows all.")
    return found
