"""Moves jobs from state to state and keeps the record of it. Each call is part of a transaction."""

import sqlite3
from datetime import UTC, datetime

from ovi_studio.errors import QueueError
from ovi_studio.render.job import ALLOWED_MOVES, JobStatus
from ovi_studio.render.ordering import NEXT_POSITION


def time_now() -> str:
    """The time for a row: UTC, ISO 8601. For people to read; nothing is decided by it."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def status_of(connection: sqlite3.Connection, job_id: int) -> JobStatus:
    """Where a job stands. Raises QueueError when there is none of that number."""
    row = connection.execute("SELECT status FROM jobs WHERE id = ?", (job_id,)).fetchone()
    if row is None:
        raise QueueError(f"There is no job {job_id} in the queue.")
    return JobStatus(row["status"])


def move_job(connection: sqlite3.Connection, job_id: int, to: JobStatus, reason: str) -> None:
    """Moves a job; one that waits again after its end starts like a new one, behind the others.

    Raises QueueError for a move that `ALLOWED_MOVES` does not have.
    """
    status = status_of(connection, job_id)
    if to not in ALLOWED_MOVES[status]:
        raise QueueError(f"Job {job_id} is {status} and cannot become {to}.")
    finished = time_now() if to.is_finished else None
    connection.execute(
        "UPDATE jobs SET status = ?, finished = ? WHERE id = ?", (to, finished, job_id)
    )
    if to is JobStatus.PENDING and status.is_finished:
        connection.execute(
            "UPDATE jobs SET attempts = 0, error = NULL, traceback = NULL, log_tail = NULL, "
            f"stage = NULL, step = 0, num_steps = 0, seconds = NULL, position = {NEXT_POSITION} "
            "WHERE id = ?",
            (job_id,),
        )
    note_move(connection, job_id, status, to, reason)


def fail_job(
    connection: sqlite3.Connection,
    job_id: int,
    message: str,
    *,
    traceback: str | None = None,
    log_tail: str | None = None,
) -> None:
    """Moves a job to FAILED with what is known about why."""
    move_job(connection, job_id, JobStatus.FAILED, message)
    connection.execute(
        "UPDATE jobs SET error = ?, traceback = ?, log_tail = ? WHERE id = ?",
        (message, traceback, log_tail, job_id),
    )


def note_move(
    connection: sqlite3.Connection,
    job_id: int,
    before: JobStatus | None,
    to: JobStatus,
    reason: str,
) -> None:
    """Adds a move to the job's record; `before` is None for a new job."""
    connection.execute(
        "INSERT INTO events (job, at, status_before, status, reason) VALUES (?, ?, ?, ?, ?)",
        (job_id, time_now(), before, to, reason),
    )


def end_worker(connection: sqlite3.Connection, name: str, how: str) -> bool:
    """Strikes a worker off; False when somebody did before."""
    ended = connection.execute(
        "UPDATE workers SET ended = ?, heartbeat = ? WHERE name = ? AND ended IS NULL",
        (how, time_now(), name),
    )
    return ended.rowcount == 1
