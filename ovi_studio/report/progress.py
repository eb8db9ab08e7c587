"""How a running render looks: lines to read, one line that changes, or JSON lines.

A report is called with each event. `out` takes results (paths, JSON), `talk` everything else.
"""

import json
import shutil
import time
from collections.abc import Callable
from typing import Any, Protocol, TextIO

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
    WorkerStarted,
)
from ovi_studio.render.job import JobStatus, RenderJob
from ovi_studio.report.durations import duration_text
from ovi_studio.report.paths import short_path

PLAIN_SECONDS = 1.0
"""Plain progress lines within a stage come at most this often."""


class Report(Protocol):
    """Shows events as they come."""

    def __call__(self, event: RenderEvent) -> None: ...


class PlainReport:
    """Lines of talk, and the path of each finished clip as a result."""

    def __init__(
        self, out: TextIO, talk: TextIO, *, shows_progress: bool = True,
        now: Callable[[], float] = time.monotonic,
    ) -> None:  # fmt: skip
        """Without `shows_progress` only the ends are told."""
        self._out = out
        self._talk = talk
        self._shows_progress = shows_progress
        self._now = now
        self._stage: tuple[int, str | None] | None = None
        self._shown = 0.0
        self._warnings: set[str] = set()

    def __call__(self, event: RenderEvent) -> None:
        """Shows one event."""
        match event:
            case ClipProgress():
                if self._shows_progress and self._is_due(event):
                    self._show_progress(progress_text(event))
            case ClipEnded():
                self._clear_progress()
                self._show_end(event)
            case ClipFellBack():
                self._clear_progress()
                self._say(f"{clip_text(event.job)}: {event.reason}.")
            case WorkerLost():
                self._clear_progress()
                tail = f" Its last words:\n{_indented(event.log_tail)}" if event.log_tail else ""
                self._say(f"The worker {event.how}.{tail}")
            case Stopping(is_forced=False):
                self._clear_progress()
                self._say("Stopping; press Ctrl-C again to kill the worker.")
            case Stopping():
                self._say("Killing the worker.")
            case QueuePaused():
                self._clear_progress()
                self._say("The queue is paused: no further clip is taken until `ovi queue resume`.")
            case QueueResumed():
                self._say("The queue goes on.")
            case ClipStarted() | WorkerStarted():
                pass

    def _is_due(self, event: ClipProgress) -> bool:
        stage = event.job.id, event.state.stage
        now = self._now()
        if stage == self._stage and now - self._shown < PLAIN_SECONDS:
            return False
        self._stage, self._shown = stage, now
        return True

    def _show_progress(self, text: str) -> None:
        self._say(text)

    def _clear_progress(self) -> None:
        """Makes room for a line that stays."""

    def _show_end(self, event: ClipEnded) -> None:
        job = event.job
        name = clip_text(job)
        if job.status is JobStatus.DONE:
            self._say(f"{name}: {event.reason}.")
            for warning in job.warnings:
                if warning not in self._warnings:
                    self._say(f"{name}: {warning}")
            self._warnings.update(job.warnings)
            print(short_path(job.task.output), file=self._out, flush=True)
        elif job.status is JobStatus.FAILED:
            self._say(f"{name} failed: {job.error}")
        else:
            self._say(f"{name} cancelled: {event.reason}.")

    def _say(self, text: str) -> None:
        print(text, file=self._talk, flush=True)


class LiveReport(PlainReport):
    """As `PlainReport`, for a terminal: progress stands in one line that changes."""

    def _is_due(self, event: ClipProgress) -> bool:  # noqa: ARG002
        return True

    def _show_progress(self, text: str) -> None:
        width = shutil.get_terminal_size().columns - 1
        self._talk.write(f"\r{text[:width]:<{width}}")
        self._talk.flush()

    def _clear_progress(self) -> None:
        self._talk.write(f"\r{'':<{shutil.get_terminal_size().columns - 1}}\r")


class JsonReport:
    """One JSON object a line.

    Each has `event`. `started`, `progress`, `done`, `failed` and `cancelled` are about a clip:
    `job` (number in the queue), `set`, `row`, `seed`, `output` (absolute path), `identity`.
    `started` and `progress` have `number` of `num_clips`; `progress` also `stage` (load, text,
    picture, first_frame, denoise, audio, video, write), `step` of `num_steps`,
    `stage_seconds_left` and `seconds_left` (all clips), null while unknown. `done`, `failed` and
    `cancelled` have `seconds` and `reason`; `done` also `warnings`, `failed` also `error`,
    `traceback` and `log_tail`.
    `fell_back` (out of memory, to be rendered with the next profile) has `profile`,
    `fell_back_from` and `reason`; `output` and `identity` are the new ones.
    `worker_started` has `worker` and `log`; `worker_lost` has `worker`, `reason` and `log_tail`;
    `stopping` has `is_forced`; `paused` and `resumed` are about the queue. The command adds `plan`
    first (see `report/plan.py`) and `end` last, with the numbers of clips
    `done`, `failed`, `cancelled` and `rejected`.
    """

    def __init__(self, out: TextIO) -> None:
        self._out = out

    def __call__(self, event: RenderEvent) -> None:
        """Writes one event."""
        self.write(event_data(event))

    def write(self, data: dict[str, Any]) -> None:
        """Writes one object."""
        print(json.dumps(data), file=self._out, flush=True)


def event_data(event: RenderEvent) -> dict[str, Any]:
    """An event as plain JSON values, see `JsonReport`."""
    match event:
        case ClipStarted():
            place = {"number": event.number, "num_clips": event.num_clips}
            return {"event": "started", **_clip_data(event.job), **place}
        case ClipProgress():
            return {
                "event": "progress",
                **_clip_data(event.job),
                "number": event.number,
                "num_clips": event.num_clips,
                "stage": event.state.stage,
                "step": event.state.step,
                "num_steps": event.state.num_steps,
                "stage_seconds_left": _rounded(event.stage_seconds_left),
                "seconds_left": _rounded(event.seconds_left),
            }
        case ClipEnded(job=job):
            data = {
                "event": job.status.lower(),
                **_clip_data(job),
                "seconds": _rounded(event.seconds),
                "reason": event.reason,
            }
            if job.status is JobStatus.DONE:
                data["warnings"] = list(job.warnings)
            elif job.status is JobStatus.FAILED:
                data |= {"error": job.error, "traceback": job.traceback, "log_tail": job.log_tail}
            return data
        case ClipFellBack(job=job):
            profile = {"profile": job.task.profile, "fell_back_from": job.task.fell_back_from}
            return {"event": "fell_back", **_clip_data(job), **profile, "reason": event.reason}
        case WorkerStarted():
            return {"event": "worker_started", "worker": event.name, "log": event.log}
        case WorkerLost():
            return {
                "event": "worker_lost",
                "worker": event.name,
                "reason": event.how,
                "log_tail": event.log_tail,
            }
        case Stopping():
            return {"event": "stopping", "is_forced": event.is_forced}
        case QueuePaused():
            return {"event": "paused"}
        case QueueResumed():
            return {"event": "resumed"}


def progress_text(event: ClipProgress) -> str:
    """One line about a clip in work."""
    state = event.state
    count = f"[{event.number}/{event.num_clips}] " if event.num_clips > 1 else ""
    text = f"{count}{clip_text(event.job)}: {state.stage} {state.step}/{state.num_steps}"
    left = []
    if event.stage_seconds_left is not None and state.step < state.num_steps:
        left.append(f"{duration_text(event.stage_seconds_left)} left")
    if event.seconds_left is not None and event.num_clips > 1:
        left.append(f"{duration_text(event.seconds_left)} for all")
    return f"{text}, about {', '.join(left)}" if left else text


def clip_text(job: RenderJob) -> str:
    """A clip's name in talk."""
    source = job.task.source
    return f"{source.set_name} row {source.row_id} seed {job.task.request.sampling.seed}"


def _clip_data(job: RenderJob) -> dict[str, Any]:
    return {
        "job": job.id,
        "set": job.task.source.set_name,
        "row": job.task.source.row_id,
        "seed": job.task.request.sampling.seed,
        "output": str(job.task.output),
        "identity": job.task.identity,
    }


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 1)


def _indented(text: str) -> str:
    return "\n".join(f"  {line}" for line in text.splitlines())
