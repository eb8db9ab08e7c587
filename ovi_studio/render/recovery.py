"""What becomes of a lost worker's jobs. Each call is part of a transaction."""

import sqlite3

from ovi_studio.render.job import MAX_ATTEMPTS, JobStatus, Worker
from ovi_studio.render.moves import fail_job, move_job
from ovi_studio.render.rows import log_tail


def free_jobs_of(connection: sqlite3.Connection, worker: Worker, how: str) -> None:
    """A RUNNING job waits again, or fails after MAX_ATTEMPTS; a CANCELLING one is CANCELLED.

    `how` follows the words `the worker`. A worker that writes one clip while it renders the next
    has two jobs, and which of them ended it is not known: both count it, and each is then tried
    alone (see `RenderQueue.claim`), so that only the guilty one comes to MAX_ATTEMPTS.
    """
    rows = connection.execute(
        "SELECT id FROM jobs WHERE worker = ? AND status IN ('RUNNING', 'CANCELLING')",
        (worker.name,),
    ).fetchall()
    for row in rows:
        free_job(connection, row["id"], how, log_tail(worker.log))


def free_job(connection: sqlite3.Connection, job_id: int, how: str, tail: str | None) -> None:
    """What becomes of one job whose worker `how`; `tail` is the end of that worker's log."""
    row = connection.execute("SELECT status, attempts FROM jobs WHERE id = ?", (job_id,)).fetchone()
    if row["status"] == JobStatus.CANCELLING:
        move_job(connection, job_id, JobStatus.CANCELLED, f"the worker {how}")
    elif row["attempts"] < MAX_ATTEMPTS:
        move_job(connection, job_id, JobStatus.PENDING, f"the worker {how}")
    else:
        message = f"The worker was lost {row['attempts']} times over this clip; the last one {how}."
        fail_job(connection, job_id, message, log_tail=tail)
