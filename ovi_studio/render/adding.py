"""Makes a task a job, or finds the job it is already; lets one wait again.

Each call is part of a transaction.
"""

import sqlite3
from dataclasses import dataclass
from enum import StrEnum

from ovi_studio.render.job import JobStatus, RenderJob, RenderTask
from ovi_studio.render.moves import move_job, note_move, status_of, time_now
from ovi_studio.render.ordering import NEXT_POSITION
from ovi_studio.render.record import identity_in
from ovi_studio.render.rows import task_columns


class Entry(StrEnum):
    """What adding a task to the queue came to."""

    NEW = "new"
    """a job was made, or an old one waits again"""
    WAITING = "waiting"
    """the same clip is in the queue already"""
    FINISHED = "finished"
    """the same clip was rendered before and lies where it is wanted"""


@dataclass(frozen=True, slots=True)
class Added:
    """A task's place in the queue."""

    job_id: int
    entry: Entry


def add_task(connection: sqlite3.Connection, task: RenderTask) -> Added:
    """The task's job: a new one, one that waits or is at work, or a finished one."""
    row = connection.execute(
        "SELECT id, status FROM jobs WHERE identity = ? AND output = ? "
        "AND status IN ('PENDING', 'RUNNING', 'DONE')",
        (task.identity, str(task.output)),
    ).fetchone()
    if row is None:
        return Added(_insert(connection, task), Entry.NEW)
    job_id, status = int(row["id"]), JobStatus(row["status"])
    if status is JobStatus.RUNNING:
        return Added(job_id, Entry.WAITING)
    if status is JobStatus.DONE:
        if not task.is_forced and identity_in(task.output) == task.identity:
            return Added(job_id, Entry.FINISHED)
        reason = "to be rendered anew" if task.is_forced else "its file is gone or damaged"
        move_job(connection, job_id, JobStatus.PENDING, reason)
    columns = task_columns(task)
    connection.execute(
        f"UPDATE jobs SET {', '.join(f'{name} = ?' for name in columns)} WHERE id = ?",
        (*columns.values(), job_id),
    )
    return Added(job_id, Entry.NEW if status is JobStatus.DONE else Entry.WAITING)


def swap_in_fallback(connection: sqlite3.Connection, job: RenderJob, reason: str) -> bool:
    """Lets a RUNNING job wait again as its fallback; False when another job has that clip."""
    task = job.task.fallen_back()
    other = connection.execute(
        "SELECT 1 FROM jobs WHERE identity = ? AND output = ? AND id <> ? "
        "AND status IN ('PENDING', 'RUNNING', 'DONE')",
        (task.identity, str(task.output), job.id),
    ).fetchone()
    if other is not None:
        return False
    columns = {**task_columns(task), "attempts": 0}
    connection.execute(
        f"UPDATE jobs SET {', '.join(f'{name} = ?' for name in columns)} WHERE id = ?",
        (*columns.values(), job.id),
    )
    move_job(connection, job.id, JobStatus.PENDING, reason)
    return True


def successor_of(connection: sqlite3.Connection, job_id: int) -> int | None:
    """Another job that has the clip of this one, or is to make it."""
    row = connection.execute(
        "SELECT other.id FROM jobs JOIN jobs AS other USING (identity, output) "
        "WHERE jobs.id = ? AND other.id <> jobs.id "
        "AND other.status IN ('PENDING', 'RUNNING', 'DONE')",
        (job_id,),
    ).fetchone()
    return None if row is None else int(row[0])


def requeue_job(connection: sqlite3.Connection, job_id: int, reason: str) -> bool:
    """Lets a failed or cancelled job wait again; False when it is neither, or has a successor."""
    if status_of(connection, job_id) not in (JobStatus.FAILED, JobStatus.CANCELLED):
        return False
    if successor_of(connection, job_id) is not None:
        return False
    move_job(connection, job_id, JobStatus.PENDING, reason)
    return True


def _insert(connection: sqlite3.Connection, task: RenderTask) -> int:
    columns = {**task_columns(task), "status": JobStatus.PENDING, "created": time_now()}
    marks = ", ".join("?" * len(columns))
    inserted = connection.execute(
        f"INSERT INTO jobs ({', '.join(columns)}, position) VALUES ({marks}, {NEXT_POSITION})",
        tuple(columns.values()),
    )
    job_id = int(inserted.lastrowid or 0)
    note_move(connection, job_id, None, JobStatus.PENDING, "added")
    return job_id
