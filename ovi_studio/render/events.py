"""What happens while jobs are followed, as values for a screen to show."""

from dataclasses import dataclass

from ovi_studio.render.job import JobState, RenderJob


@dataclass(frozen=True, slots=True)
class ClipStarted:
    """A worker took a job."""

    job: RenderJob
    number: int
    """1-based, in the order in which this command's clips are started"""
    num_clips: int


@dataclass(frozen=True, slots=True)
class ClipProgress:
    """A job got further."""

    job: RenderJob
    """as it was when it started"""
    state: JobState
    number: int
    num_clips: int
    stage_seconds_left: float | None
    """None until a step of this stage was timed"""
    seconds_left: float | None
    """all clips of this command; None until one has been rendered"""


@dataclass(frozen=True, slots=True)
class ClipEnded:
    """A job is DONE, FAILED or CANCELLED."""

    job: RenderJob
    seconds: float | None
    """since a worker took it; None if none did while we looked"""
    reason: str
    """why it ended, in words"""


@dataclass(frozen=True, slots=True)
class ClipFellBack:
    """A job ran out of memory and waits again, to be rendered with the next profile."""

    job: RenderJob
    """with what it is to be rendered with now"""
    reason: str


@dataclass(frozen=True, slots=True)
class WorkerStarted:
    """A worker process was started."""

    name: str
    log: str


@dataclass(frozen=True, slots=True)
class WorkerLost:
    """A worker ended that should not have."""

    name: str
    how: str
    log_tail: str | None


@dataclass(frozen=True, slots=True)
class Stopping:
    """The user asked to stop."""

    is_forced: bool
    """workers are being killed rather than asked"""


@dataclass(frozen=True, slots=True)
class QueuePaused:
    """No clip is taken until somebody resumes the queue."""


@dataclass(frozen=True, slots=True)
class QueueResumed:
    """Clips are taken again."""


RenderEvent = (
    ClipStarted
    | ClipProgress
    | ClipEnded
    | ClipFellBack
    | WorkerStarted
    | WorkerLost
    | Stopping
    | QueuePaused
    | QueueResumed
)
