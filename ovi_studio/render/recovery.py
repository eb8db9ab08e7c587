"""What becomes of a lost worker's jobs. Each call is part of a transaction."""

import sqlite3

from ovi_studio.render.job import MAX_ATTEMPTS, JobStatus, Worker
from ovi_studio.render.moves import fail_job, move_job
from ovi_studio.render.rows import log_tail


def free_jobs_of(connection: sqlite3.Connection, worker: Worker, how: str) -> None:
    """A RUNNING job waits again, or fails after MAX_ATTEMPTS; a CANCELLING one is CANCELLED.

    `how` follows the words `the worker`.
    """
    rows = connection.execute(
        "SELECT id, status, attempts FROM jobs "
        "WHERE worker = ? AND status IN ('RUNNING', 'CANCELLING')",
        (worker.name,),
    ).fetchall()
    for row in rows:
        if row["status"] == JobStatus.CANCELLING:
            move_job(connection, row["id"], JobStatus.CANCELLED, f"the worker {how}")
        elif row["attempts"] < MAX_ATTEMPTS:
            move_job(connection, row["id"], JobStatus.PENDING, f"the worker {how}")
        else:
            message = (
                f"The worker was lost {row['attempts']} times over this clip; the last one {how}."
            )
            fail_job(connection, row["id"], message, log_tail=log_tail(worker.log))
