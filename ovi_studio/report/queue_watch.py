"""How a queue that is worked off looks on a terminal, in lines, and as JSON."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from ovi.spec.machine import Gpu
from ovi_studio.actions.metering import Meters
from ovi_studio.actions.queue_watching import JobView, QueueSnapshot
from ovi_studio.render.job import JobStatus, RenderJob
from ovi_studio.report.durations import duration_text
from ovi_studio.report.paths import short_path
from ovi_studio.report.table import job_data

WATCH_VERSION = 1
"""Raised when the meaning of a field of the JSON document changes."""

_STATE_WORDS = {
    JobStatus.PENDING: "waits",
    JobStatus.RUNNING: "running",
    JobStatus.CANCELLING: "stopping",
    JobStatus.DONE: "done",
    JobStatus.FAILED: "failed",
    JobStatus.CANCELLED: "cancelled",
}

STAGE_WORDS = {
    "load": "loading",
    "text": "text",
    "picture": "picture",
    "first_frame": "first frame",
    "denoise": "denoising",
    "audio": "sound",
    "video": "decoding",
    "write": "writing",
}
"""What the stages of a job are called on a screen."""

_EIGHTHS = " ▏▎▍▌▋▊▉"


def state_word(status: JobStatus) -> str:
    """A state in one word."""
    return _STATE_WORDS[status]


def stage_text(job: RenderJob) -> str:
    """What is being done, such as `denoising 7/20`."""
    if job.stage is None:
        return "starting"
    word = STAGE_WORDS.get(job.stage, job.stage)
    return f"{word} {job.step}/{job.num_steps}" if job.num_steps > 1 else word


def pace_text(seconds_per_step: float) -> str:
    """Seconds of a step, such as `1.4 s/step`, or steps of a second where they are quick."""
    if seconds_per_step < 0.1:
        return f"{1 / max(seconds_per_step, 1e-6):.0f} steps/s"
    return f"{seconds_per_step:.{1 if seconds_per_step >= 10 else 2}f} s/step"


def clip_name(job: RenderJob) -> str:
    """Which clip, such as `people/3 seed 100`."""
    source = job.task.source
    return f"{source.set_name}/{source.row_id} seed {job.task.request.sampling.seed}"


def bar_text(share: float, width: int) -> str:
    """A bar of that many columns."""
    eighths = round(max(0.0, min(1.0, share)) * width * 8)
    full, part = divmod(eighths, 8)
    bar = "█" * full + (_EIGHTHS[part] if part else "")
    return f"{bar:<{width}}"


def gpu_text(gpu: Gpu) -> str:
    """How busy one GPU is."""
    busy = "" if gpu.utilisation is None else f"{gpu.utilisation:4.0%} busy, "
    used, total = gpu.used_bytes / 1e9, gpu.total_bytes / 1e9
    return f"GPU {gpu.index} {gpu.name}: {busy}{used:.1f} of {total:.0f} GB"


def meter_lines(meters: Meters) -> list[str]:
    """One line for each GPU, and one for the processor and memory."""
    parts = [f"{meters.num_processors} processors"]
    if meters.processor_share is not None:
        parts[0] += f" {meters.processor_share:.0%} busy"
    if meters.ram_used_bytes is not None and meters.ram_total_bytes is not None:
        used, total = meters.ram_used_bytes / 1e9, meters.ram_total_bytes / 1e9
        parts.append(f"RAM {used:.1f} of {total:.0f} GB")
    return [*(gpu_text(gpu) for gpu in meters.gpus), ", ".join(parts)]


def summary_text(snapshot: QueueSnapshot) -> str:
    """How many jobs are in which state, how fast it goes, and how long it takes."""
    counts = Counter(state_word(view.job.status) for view in snapshot.jobs)
    parts = [f"{counts[word]} {word}" for word in _STATE_WORDS.values() if counts[word]]
    if snapshot.clips_per_hour is not None:
        parts.append(f"{rate_text(snapshot.clips_per_hour)} clips/hour")
    if snapshot.seconds_left is not None:
        parts.append(f"{duration_text(snapshot.seconds_left)} left")
    if snapshot.paused_since is not None:
        parts.append("paused: `ovi queue resume` goes on")
    elif snapshot.is_stalled:
        parts.append("nobody works at it: `ovi queue resume` sees to that")
    return ", ".join(parts) or "the queue is empty"


def rate_text(rate: float) -> str:
    """A rate with two figures that count."""
    return f"{rate:.1f}" if rate < 10 else f"{rate:.0f}"


def job_line(view: JobView) -> str:
    """One job: where it is, how fast it goes, and when it will be there."""
    job = view.job
    parts = [f"job {job.id} {clip_name(job)}: {state_word(job.status)}"]
    if job.status.is_with_worker:
        parts.append(stage_text(job))
        if view.seconds_per_step is not None:
            parts.append(pace_text(view.seconds_per_step))
        if view.seconds_left is not None:
            parts.append(f"{duration_text(view.seconds_left)} left")
    elif job.status is JobStatus.DONE:
        parts += [] if job.seconds is None else [duration_text(job.seconds)]
        parts.append(short_path(job.task.output))
    elif job.error:
        parts.append(job.error.partition("\n")[0])
    return ", ".join(parts)


def screen_lines(
    snapshot: QueueSnapshot, meters: Meters | None, width: int, height: int
) -> list[str]:
    """A picture of the queue that fits: meters, then jobs at work, then the next and the last."""
    head = [] if meters is None else meter_lines(meters)
    head.append(summary_text(snapshot))
    at_work = [view for view in snapshot.jobs if view.job.status.is_with_worker]
    waiting = [view for view in snapshot.jobs if view.job.status is JobStatus.PENDING]
    ended = [view for view in snapshot.jobs if view.job.status.is_finished]
    ended.sort(key=lambda view: view.job.finished or "", reverse=True)
    room = max(3, height - len(head) - 1)
    bar_width = max(8, min(24, width // 5))
    lines = [f"{bar_text(view.share, bar_width)} {view.share:4.0%} {job_line(view)}" for view in
             at_work[:room]]  # fmt: skip
    num_waiting = min(len(waiting), max(1, (room - len(lines)) // 2)) if waiting else 0
    lines += [f"{'':{bar_width}}      {job_line(view)}" for view in waiting[:num_waiting]]
    if len(waiting) > num_waiting:
        lines.append(f"{'':{bar_width}}      and {len(waiting) - num_waiting} more that wait")
    for view in ended[: max(0, room - len(lines))]:
        lines.append(f"{'':{bar_width}}      {job_line(view)}")
    return [line[:width] for line in (*head, "", *lines)]


def watch_document(snapshot: QueueSnapshot, meters: Meters | None = None) -> dict[str, Any]:
    """A look at the queue as plain JSON values.

    `watch_version`; `paused_since`; `num_workers`; `is_stalled` (jobs wait and nobody comes);
    `clips_per_hour` and `seconds_left`, null while unknown; `meters` (see `meters_document`), null
    where none were read; `jobs`: as in `queue list --json`, each with `share` (of its way, 0 to 1),
    `seconds_per_step` and `seconds_left`, null while unknown.
    """
    return {
        "watch_version": WATCH_VERSION,
        "paused_since": snapshot.paused_since,
        "num_workers": snapshot.num_workers,
        "is_stalled": snapshot.is_stalled,
        "clips_per_hour": _rounded(snapshot.clips_per_hour),
        "seconds_left": _rounded(snapshot.seconds_left),
        "meters": None if meters is None else meters_document(meters),
        "jobs": [
            {
                **job_data(view.job),
                "share": round(view.share, 4),
                "seconds_per_step": _rounded(view.seconds_per_step),
                "seconds_left": _rounded(view.seconds_left),
            }
            for view in snapshot.jobs
        ],
    }


def meters_document(meters: Meters) -> dict[str, Any]:
    """The meters as plain JSON values: bytes, and shares of 0 to 1; null where nobody tells."""
    return {
        "gpus": [
            {
                "index": gpu.index,
                "name": gpu.name,
                "total_bytes": gpu.total_bytes,
                "used_bytes": gpu.used_bytes,
                "utilisation": gpu.utilisation,
            }
            for gpu in meters.gpus
        ],
        "num_processors": meters.num_processors,
        "processor_share": _rounded(meters.processor_share),
        "ram_total_bytes": meters.ram_total_bytes,
        "ram_used_bytes": meters.ram_used_bytes,
    }


def changed_lines(before: Sequence[JobView], after: Sequence[JobView]) -> list[str]:
    """A line for each job that has changed between two looks, for those who read along."""
    known = {view.job.id: view.job for view in before}
    return [job_line(view) for view in after if known.get(view.job.id) is not view.job]


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)
