"""How the queue, its history and one of its jobs are shown."""

from collections.abc import Sequence
from typing import Any

from ovi_studio.render.job import JobEvent, JobStatus, RenderJob
from ovi_studio.report.durations import duration_text
from ovi_studio.report.paths import short_path
from ovi_studio.report.table import job_data, table_text


def queue_document(jobs: Sequence[RenderJob], paused_since: str | None) -> dict[str, Any]:
    """All jobs as plain JSON values, in the order shown; `paused_since` is there while paused.

    `place` counts those that wait from 1, null for others.
    """
    waiting = [job.id for job in jobs if job.status is JobStatus.PENDING]
    data = [
        {**job_data(job), "place": waiting.index(job.id) + 1 if job.id in waiting else None}
        for job in jobs
    ]
    return {"jobs": data} if paused_since is None else {"paused_since": paused_since, "jobs": data}


def history_document(jobs: Sequence[RenderJob]) -> dict[str, Any]:
    """Jobs that ended, as plain JSON values; `seconds` is null where nobody measured them."""
    return {"clips": [{**job_data(job), "seconds": job.seconds} for job in jobs]}


def history_table(jobs: Sequence[RenderJob]) -> str:
    """Jobs that ended: when (UTC), how long they took, and what came of it."""
    header = ("ended (UTC)", "job", "status", "set", "row", "seed", "took", "clip or error")
    return table_text(header, [_history_cells(job) for job in jobs])


def job_document(job: RenderJob, events: Sequence[JobEvent]) -> dict[str, Any]:
    """One job with its events, as plain JSON values."""
    moves = [
        {
            "at": event.at,
            "status_before": event.status_before,
            "status": event.status,
            "reason": event.reason,
        }
        for event in events
    ]
    return {**job_data(job), "seconds": job.seconds, "events": moves}


def job_text(job: RenderJob, events: Sequence[JobEvent]) -> str:
    """One job: what it is, all its moves, and all that is known about a failure."""
    request, source = job.task.request, job.task.source
    lines = [
        f"Job {job.id}: {job.status}",
        f"set {source.set_name}, row {source.row_id}, seed {request.sampling.seed}, "
        f"{request.variant}",
        f"prompt: {request.text}",
        f"clip: {short_path(job.task.output)}",
        f"identity: {job.task.identity}",
    ]
    if job.task.profile is not None:
        lines.append(f"profile: {job.task.profile}")
    if job.worker is not None:
        lines.append(f"worker: {job.worker}, attempt {job.attempts}")
    if job.stage is not None and job.status.is_with_worker:
        lines.append(f"at: {job.stage} {job.step}/{job.num_steps}")
    if job.seconds is not None:
        lines.append(f"took: {duration_text(job.seconds)}")
    moves = [(_time_text(event.at), event.status, event.reason) for event in events]
    lines += ["", table_text(("when (UTC)", "state", "why"), moves)]
    parts = (
        ("Warnings", "\n".join(job.warnings)),
        ("Error", job.error),
        ("Traceback", job.traceback),
        ("Last lines of the log", job.log_tail),
    )
    for title, text in parts:
        if text:
            lines += ["", f"{title}:", *(f"  {line}" for line in text.splitlines())]
    return "\n".join(lines)


def _history_cells(job: RenderJob) -> tuple[str, ...]:
    source = job.task.source
    return (
        _time_text(job.finished),
        str(job.id),
        job.status,
        source.set_name,
        source.row_id,
        str(job.task.request.sampling.seed),
        "" if job.seconds is None else duration_text(job.seconds),
        (job.error or "").partition("\n")[0] or _clip_cell(job),
    )


def _clip_cell(job: RenderJob) -> str:
    path, before = short_path(job.task.output), job.task.fell_back_from
    return path if before is None else f"{path} ({job.task.profile}: {before} ran out of memory)"


def _time_text(at: str | None) -> str:
    return "" if at is None else at[:19].replace("T", " ")
