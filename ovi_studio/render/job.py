"""What a job is, which states it can be in, and the moves allowed between them."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType

from ovi.spec.placement import Placement
from ovi.spec.request import ClipRequest, Precision

MAX_ATTEMPTS = 3
"""A job that was with a worker when it was lost this many times is not given to another."""


class JobStatus(StrEnum):
    """Where a job stands."""

    PENDING = "PENDING"
    """waits for a worker"""
    RUNNING = "RUNNING"
    """a worker has it"""
    CANCELLING = "CANCELLING"
    """a worker has it and was asked to stop"""
    DONE = "DONE"
    """its clip lies at its output path"""
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"

    @property
    def is_finished(self) -> bool:
        """Nothing more happens to the job by itself."""
        return self in (JobStatus.DONE, JobStatus.FAILED, JobStatus.CANCELLED)

    @property
    def is_with_worker(self) -> bool:
        """A worker holds the job."""
        return self in (JobStatus.RUNNING, JobStatus.CANCELLING)


ALLOWED_MOVES: Mapping[JobStatus, frozenset[JobStatus]] = MappingProxyType(
    {
        # DONE without a worker: the clip is found finished on disk.
        # FAILED without a worker: no worker can be started.
        JobStatus.PENDING: frozenset(
            {JobStatus.RUNNING, JobStatus.DONE, JobStatus.FAILED, JobStatus.CANCELLED}
        ),
        # PENDING: the worker was lost and another one may try, or memory ran out and less may do.
        JobStatus.RUNNING: frozenset(
            {JobStatus.DONE, JobStatus.FAILED, JobStatus.CANCELLING, JobStatus.PENDING}
        ),
        # DONE and FAILED: the end came before the worker saw the wish to stop.
        JobStatus.CANCELLING: frozenset({JobStatus.CANCELLED, JobStatus.DONE, JobStatus.FAILED}),
        # Rendered again on purpose, or because the clip is gone.
        JobStatus.DONE: frozenset({JobStatus.PENDING}),
        JobStatus.FAILED: frozenset({JobStatus.PENDING}),
        JobStatus.CANCELLED: frozenset({JobStatus.PENDING}),
    }
)


@dataclass(frozen=True, slots=True)
class ClipSource:
    """Where a clip's prompt was written."""

    set_name: str
    """the file's name without its suffix, or `prompt`"""
    row_id: str


@dataclass(frozen=True, slots=True)
class PipelineKey:
    """What a worker must have loaded for a task. Equal keys share one loaded pipeline."""

    variant: str
    precision: Precision
    placement: Placement
    ckpt_dir: Path | None
    picture_source: str | None
    weights: frozenset[tuple[str, str]]
    """(component, identity of its file): a file that was replaced is loaded anew"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fallback:
    """The clip to render instead when memory runs out: the same prompt with less of it."""

    profile: str
    """the profile that `request` and `placement` come from"""
    identity: str
    request: ClipRequest
    placement: Placement
    weights: Mapping[str, str]
    output: Path
    """absolute path of the MP4"""


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderTask:
    """What is to be rendered, from what, and to where."""

    identity: str
    """hash of the request and the weights: equal identities are equal clips"""
    request: ClipRequest
    placement: Placement
    weights: Mapping[str, str]
    """component name -> identity of its file"""
    ckpt_dir: Path | None
    picture_source: str | None = None
    """folder or repository of the image model, in mode t2i2v"""
    source: ClipSource
    output: Path
    """absolute path of the MP4"""
    is_forced: bool = False
    """render even if the clip exists"""
    gpus: int | None = None
    """GPUs that the run may use, or workers on a CPU; None: one worker, wherever it is placed"""
    profile: str | None = None
    """name of the profile that request and placement come from, to be told"""
    fallback: Fallback | None = None
    """None: running out of memory fails the clip"""
    fell_back_from: str | None = None
    """the profile, or what stood for it, that ran out of memory before"""

    @property
    def pipeline_key(self) -> PipelineKey:
        """What a worker must load for it."""
        return PipelineKey(
            self.request.variant,
            self.request.precision,
            self.placement,
            self.ckpt_dir,
            self.picture_source,
            frozenset(self.weights.items()),
        )

    def fallen_back(self) -> "RenderTask":
        """The task with its fallback in place of what ran out of memory; there is no second one."""
        assert self.fallback is not None
        return replace(
            self,
            identity=self.fallback.identity,
            request=self.fallback.request,
            placement=self.fallback.placement,
            weights=self.fallback.weights,
            output=self.fallback.output,
            profile=self.fallback.profile,
            fallback=None,
            fell_back_from=self.profile or "the settings given",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderJob:
    """One row of the queue: a task and how it fares. Times are UTC in ISO 8601."""

    id: int
    task: RenderTask
    status: JobStatus
    attempts: int = 0
    """how often a worker took it"""
    stage: str | None = None
    """what the worker last did: load, text, picture, first_frame, denoise, audio, video, write"""
    step: int = 0
    """finished steps of `num_steps` within the stage"""
    num_steps: int = 0
    worker: str | None = None
    """name of the worker that has or had it"""
    error: str | None = None
    traceback: str | None = None
    log_tail: str | None = None
    """last lines that the worker wrote before it was lost"""
    warnings: tuple[str, ...] = ()
    """what the user should know about the clip, one sentence each"""
    created: str
    started: str | None = None
    finished: str | None = None
    seconds: float | None = None
    """how long the worker had it, by a clock that nobody sets; None while that is unknown"""
    position: int = 0
    """waiting jobs are taken in this order"""


@dataclass(frozen=True, slots=True)
class JobState:
    """The part of a job that changes while it is rendered; the fields are those of `RenderJob`."""

    status: JobStatus
    worker: str | None = None
    stage: str | None = None
    step: int = 0
    num_steps: int = 0


@dataclass(frozen=True, slots=True)
class JobEvent:
    """One move of a job."""

    at: str
    """UTC, ISO 8601"""
    status_before: JobStatus | None
    """None: the job was put into the queue"""
    status: JobStatus
    reason: str


@dataclass(frozen=True, slots=True)
class Worker:
    """A process that takes jobs."""

    name: str
    pid: int
    log: Path
    started: str
    heartbeat: str
    """when it last wrote to the queue; whether it lives is told by its lock"""
    ended: str | None = None
    """how it ended, in words; None while it lives, as far as anybody has looked"""
    devices: frozenset[str] = frozenset({"0"})
    """what it has to itself, see `lanes.py`"""
