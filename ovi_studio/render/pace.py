"""How far a job is, how fast it goes and when it will be there, from what was seen of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from types import MappingProxyType

from ovi_studio.render.job import JobStatus, RenderJob

STAGES: Mapping[str, tuple[float, float]] = MappingProxyType(
    {
        "load": (0.0, 0.04),
        "text": (0.04, 0.08),
        "picture": (0.08, 0.12),
        "first_frame": (0.12, 0.14),
        "denoise": (0.14, 0.84),
        "audio": (0.84, 0.86),
        "video": (0.86, 0.98),
        "write": (0.98, 1.0),
    }
)
"""The part of a clip's way that each stage stands for, so that a bar never goes back."""

NUM_LATEST = 5
"""Finished clips of the same kind whose mean says how long the next one takes."""

PAUSE_SECONDS = 60.0
"""A clip that was taken longer after the one before was finished belongs to another run."""


def share_of(job: RenderJob) -> float:
    """How much of its way a job has behind it, 0 to 1; where it stopped, if it did."""
    if job.status is JobStatus.DONE:
        return 1.0
    start, end = STAGES.get(job.stage or "", (0.0, 0.0))
    done = min(1.0, job.step / job.num_steps) if job.num_steps else 0.0
    return start + (end - start) * done


@dataclass(slots=True)
class _Stage:
    """A stage of a job as we saw it."""

    name: str | None
    worker: str | None
    first_step: int
    first_seen: float
    last_step: int
    last_seen: float


class StagePaces:
    """Times the steps of the jobs that are being worked at. Give it every look."""

    def __init__(self) -> None:
        self._stages: dict[int, _Stage] = {}

    def see(self, jobs: Sequence[RenderJob], now: float) -> None:
        """The jobs as they are at the moment `now`, by a clock that nobody sets."""
        at_work = {job.id: job for job in jobs if job.status.is_with_worker}
        self._stages = {key: stage for key, stage in self._stages.items() if key in at_work}
        for job_id, job in at_work.items():
            stage = self._stages.get(job_id)
            is_same = stage is not None and (stage.name, stage.worker) == (job.stage, job.worker)
            if stage is None or not is_same or job.step < stage.last_step:
                self._stages[job_id] = _Stage(job.stage, job.worker, job.step, now, job.step, now)
            elif job.step > stage.last_step:
                stage.last_step, stage.last_seen = job.step, now

    def seconds_per_step(self, job_id: int) -> float | None:
        """Mean seconds of the steps that we saw end in the job's stage; None before the first."""
        stage = self._stages.get(job_id)
        if stage is None or stage.last_step == stage.first_step:
            return None
        return (stage.last_seen - stage.first_seen) / (stage.last_step - stage.first_step)

    def seconds_left(self, job: RenderJob, now: float) -> float | None:
        """About how many seconds a job still takes; None when the pace of its stage is not known.

        The stages to come are taken to be as long, beside this one, as `STAGES` has them.
        """
        pace, stage = self.seconds_per_step(job.id), self._stages.get(job.id)
        if pace is None or stage is None:
            return None
        start, end = STAGES.get(job.stage or "", (0.0, 1.0))
        later = pace * job.num_steps * (1 - end) / (end - start)
        return later + max(0.0, pace * (job.num_steps - job.step) - (now - stage.last_seen))


def typical_seconds(jobs: Sequence[RenderJob]) -> Mapping[object, float]:
    """How long clips of each kind took, by `kind_of`: the mean of the latest."""
    taken: dict[object, list[float]] = {}
    for job in sorted(_rendered(jobs), key=lambda job: job.finished or "", reverse=True):
        seconds = taken.setdefault(kind_of(job), [])
        if job.seconds is not None and len(seconds) < NUM_LATEST:
            seconds.append(job.seconds)
    return {kind: sum(seconds) / len(seconds) for kind, seconds in taken.items()}


def kind_of(job: RenderJob) -> object:
    """What the time of a clip depends on: equal kinds take about as long."""
    request, placement = job.task.request, job.task.placement
    steps, skipped = request.sampling.num_steps, request.guidance.skip_layer
    size = request.size.height, request.size.width
    return request.variant, size, steps, skipped, request.precision, placement


def clips_per_hour(jobs: Sequence[RenderJob]) -> float | None:
    """Clips that came out in an hour while clips were rendered last; None when none was.

    Counted is the latest run without a pause, so that a night without work does not slow it.
    """
    latest = sorted(_rendered(jobs), key=lambda job: job.finished or "", reverse=True)
    run = latest[:1]
    for later, earlier in pairwise(latest):
        if _seconds_between(earlier.finished, later.started) > PAUSE_SECONDS:
            break
        run.append(earlier)
    if not run:
        return None
    span = _seconds_between(min(job.started or "" for job in run), run[0].finished)
    return len(run) / span * 3600 if span > 0 else None


def seconds_since(at: str | None, now: datetime | None = None) -> float | None:
    """Seconds since a time of the queue, never below 0; None for no time."""
    if at is None:
        return None
    moment = (now or datetime.now(UTC)).isoformat()
    return max(0.0, _seconds_between(at, moment))


def _rendered(jobs: Sequence[RenderJob]) -> list[RenderJob]:
    """Clips that a worker made, with all that is known of when."""
    return [
        job
        for job in jobs
        if job.status is JobStatus.DONE
        and job.seconds is not None
        and job.started is not None
        and job.finished is not None
    ]


def _seconds_between(before: str | None, after: str | None) -> float:
    """Seconds between two times of the queue; 0 where one is missing."""
    if not before or not after:
        return 0.0
    return (datetime.fromisoformat(after) - datetime.fromisoformat(before)).total_seconds()
