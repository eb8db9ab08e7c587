"""The queue: jobs and workers as rows in SQLite, the only channel between screens and workers.

Everybody may open it at the same time. A job moves only along `ALLOWED_MOVES`, each move in one
transaction with its time and reason. What a job means is left to the worker, and what is done
about a lost worker besides its job to `follow.py`.
"""

import json
import sqlite3
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Self

from ovi_studio.errors import QueueError
from ovi_studio.project.layout import state_of_queue
from ovi_studio.render.job import (
    MAX_ATTEMPTS,
    JobEvent,
    JobState,
    JobStatus,
    RenderJob,
    RenderTask,
    Worker,
)
from ovi_studio.render.moves import (
    end_worker,
    fail_job,
    move_job,
    note_move,
    status_of,
    time_now,
)
from ovi_studio.render.rows import log_tail, read_job, read_worker, task_columns
from ovi_studio.render.schema import database_fault, open_database, transaction
from ovi_studio.render.worker_lock import is_held

MAX_IDS_A_QUERY = 500
"""SQLite limits the parameters of one statement."""

LOST = "ended without a word"
"""How a worker ended when nobody knows."""


_UNFINISHED = "status IN ('PENDING', 'RUNNING', 'CANCELLING')"

_CLAIMABLE = """
    SELECT id FROM jobs WHERE status = 'PENDING' AND identity NOT IN (
        SELECT identity FROM jobs WHERE status IN ('RUNNING', 'CANCELLING')
    ) ORDER BY id LIMIT 1
"""
"""The next job. A clip that another worker renders at this moment is passed over."""


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


class RenderQueue:
    """An open queue. Use it in one thread, and close it."""

    def __init__(self, path: Path) -> None:
        """Opens the queue, making it where there is none. Raises QueueError."""
        self.path = path
        self.state = state_of_queue(path)
        self.state.create()
        self._connection = open_database(path)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Lets go of the file."""
        self._connection.close()

    # Putting in and looking at.

    def add(self, tasks: Sequence[RenderTask]) -> list[Added]:
        """Makes the tasks jobs, all of them or none; an equal clip for the same place is one job.

        A job that waits takes over the newer task's placement. A finished one waits again when the
        task is forced or its file is gone.
        """
        with self._writing():
            return [self._add(task) for task in tasks]

    def jobs(self, ids: Sequence[int] | None = None) -> list[RenderJob]:
        """The jobs with those ids, or all, oldest first."""
        if ids is not None:
            return [read_job(row) for row in self._rows("*", ids)]
        with self._using():
            rows = self._connection.execute("SELECT * FROM jobs ORDER BY id")
            return [read_job(row) for row in rows]

    def job(self, job_id: int) -> RenderJob:
        """One job. Raises QueueError when there is none of that number."""
        found = self.jobs([job_id])
        if not found:
            raise QueueError(f"There is no job {job_id} in the queue {self.path}.")
        return found[0]

    def states(self, ids: Sequence[int]) -> dict[int, JobState]:
        """How the jobs with those ids fare: what a screen asks for many times a second."""
        rows = self._rows("id, status, worker, stage, step, num_steps", ids)
        return {row["id"]: JobState(JobStatus(row["status"]), *row[2:]) for row in rows}

    def events(self, job_id: int) -> list[JobEvent]:
        """Every move of the job, in order."""
        with self._using():
            rows = self._connection.execute(
                "SELECT * FROM events WHERE job = ? ORDER BY id", (job_id,)
            )
            return [
                JobEvent(
                    row["at"],
                    JobStatus(row["status_before"]) if row["status_before"] else None,
                    JobStatus(row["status"]),
                    row["reason"],
                )
                for row in rows
            ]

    def finished_twins(self, job: RenderJob) -> list[RenderJob]:
        """Finished jobs for the same clip at other places, newest first."""
        with self._using():
            rows = self._connection.execute(
                "SELECT * FROM jobs WHERE identity = ? AND status = ? AND id <> ? ORDER BY id DESC",
                (job.task.identity, JobStatus.DONE, job.id),
            )
            return [read_job(row) for row in rows]

    # The worker's side.

    def register(self, worker: Worker, *, limit: int) -> bool:
        """Enters a worker that holds its lock; False when `limit` others are alive."""
        self.recover_lost()
        with self._writing():
            if len(self._workers()) >= limit:
                return False
            self._connection.execute(
                "INSERT INTO workers (name, pid, log, started, heartbeat) VALUES (?, ?, ?, ?, ?)",
                (worker.name, worker.pid, str(worker.log), worker.started, worker.heartbeat),
            )
            return True

    def claim(self, worker: str) -> RenderJob | None:
        """The next job, now RUNNING with that worker. None when there is none for it."""
        with self._writing():
            claimed = self._connection.execute(
                "UPDATE jobs SET status = 'RUNNING', worker = ?, attempts = attempts + 1, "
                "started = ?, finished = NULL, stage = NULL, step = 0, num_steps = 0 "
                f"WHERE id = ({_CLAIMABLE})",
                (worker, time_now()),
            )
            if claimed.rowcount == 0:
                return None
            row = self._connection.execute(
                "SELECT * FROM jobs WHERE worker = ? AND status = 'RUNNING'", (worker,)
            ).fetchone()
            note_move(
                self._connection,
                row["id"],
                JobStatus.PENDING,
                JobStatus.RUNNING,
                f"taken by {worker}",
            )
            return read_job(row)

    def report(self, job_id: int, stage: str, step: int, num_steps: int) -> bool:
        """Writes down how far a job is. False when its worker should stop working on it."""
        with self._writing():
            self._connection.execute(
                "UPDATE jobs SET stage = ?, step = ?, num_steps = ? WHERE id = ?",
                (stage, step, num_steps, job_id),
            )
            self._connection.execute(
                "UPDATE workers SET heartbeat = ? "
                "WHERE name = (SELECT worker FROM jobs WHERE id = ?)",
                (time_now(), job_id),
            )
            return status_of(self._connection, job_id) is JobStatus.RUNNING

    def finish(self, job_id: int, reason: str, warnings: Sequence[str] = ()) -> None:
        """The job's clip lies at its output path."""
        with self._writing():
            self._connection.execute(
                "UPDATE jobs SET warnings = ? WHERE id = ?", (json.dumps(list(warnings)), job_id)
            )
            move_job(self._connection, job_id, JobStatus.DONE, reason)

    def fail(
        self,
        job_id: int,
        message: str,
        *,
        traceback: str | None = None,
        log_tail: str | None = None,
    ) -> None:
        """The job cannot be done; `message` is what the user reads."""
        with self._writing():
            fail_job(self._connection, job_id, message, traceback=traceback, log_tail=log_tail)

    def confirm_cancel(self, job_id: int, reason: str) -> None:
        """The worker has stopped working on a job that was CANCELLING."""
        with self._writing():
            move_job(self._connection, job_id, JobStatus.CANCELLED, reason)

    def leave(self, worker: str) -> bool:
        """Strikes the worker off, unless it could take another job; False then.

        Looking and leaving are one step, so that whoever adds a job after it sees no worker and
        starts one.
        """
        with self._writing():
            if self._connection.execute(_CLAIMABLE).fetchone() is not None:
                return False
            end_worker(self._connection, worker, "had nothing more to do")
            return True

    def sign_off(self, worker: str, reason: str) -> None:
        """Strikes the worker off though jobs may wait."""
        with self._writing():
            end_worker(self._connection, worker, reason)

    # The follower's side.

    def settle(self, job_id: int, reason: str) -> bool:
        """DONE without a worker, because the clip is there; False if it does not wait any more."""
        with self._writing():
            if status_of(self._connection, job_id) is not JobStatus.PENDING:
                return False
            move_job(self._connection, job_id, JobStatus.DONE, reason)
            return True

    def cancel(self, job_ids: Sequence[int], reason: str) -> None:
        """Stops the jobs: waiting ones at once, running ones when their worker sees it."""
        with self._writing():
            for job_id in job_ids:
                status = status_of(self._connection, job_id)
                if status is JobStatus.PENDING:
                    move_job(self._connection, job_id, JobStatus.CANCELLED, reason)
                elif status is JobStatus.RUNNING:
                    move_job(self._connection, job_id, JobStatus.CANCELLING, reason)

    def workers(self) -> list[Worker]:
        """Workers that nobody has struck off yet."""
        with self._using():
            return self._workers()

    def worker(self, name: str) -> Worker | None:
        """A worker, alive or not. None when it never entered itself."""
        with self._using():
            row = self._connection.execute(
                "SELECT * FROM workers WHERE name = ?", (name,)
            ).fetchone()
            return None if row is None else read_worker(row)

    def has_taken_a_job(self, worker: str) -> bool:
        """Whether a job names the worker as its last one."""
        return self._exists("SELECT 1 FROM jobs WHERE worker = ?", worker)

    def has_unfinished_jobs(self) -> bool:
        """Whether anybody's job waits or is worked at."""
        return self._exists(f"SELECT 1 FROM jobs WHERE {_UNFINISHED}")

    def count_unfinished_before(self, job_id: int) -> int:
        """How many older jobs wait or are worked at."""
        with self._using():
            query = f"SELECT count(*) FROM jobs WHERE id < ? AND {_UNFINISHED}"
            return int(self._connection.execute(query, (job_id,)).fetchone()[0])

    def lock_path(self, worker: str) -> Path:
        """The file that the worker keeps locked while it lives."""
        return self.state.lock_folder / f"{worker}.lock"

    def recover_lost(
        self, known_ends: Mapping[str, str] | None = None, *, spare: Collection[str] = ()
    ) -> list[Worker]:
        """Strikes off workers that died and frees their jobs. Returns those workers.

        A lost worker's RUNNING job waits again, or fails after MAX_ATTEMPTS; a CANCELLING one is
        CANCELLED. `known_ends` says how a worker ended, for those whose parent we are; those in
        `spare` are not looked at.
        """
        lost = [
            worker
            for worker in self.workers()
            if worker.name not in spare and not is_held(self.lock_path(worker.name))
        ]
        ends = known_ends or {}
        return [worker for worker in lost if self._recover(worker, ends.get(worker.name, LOST))]

    # Inside one transaction, but for the first two.

    def _rows(self, columns: str, ids: Sequence[int]) -> list[sqlite3.Row]:
        """Rows of the jobs with those ids, in order."""
        found: list[sqlite3.Row] = []
        with self._using():
            for start in range(0, len(ids), MAX_IDS_A_QUERY):
                some = ids[start : start + MAX_IDS_A_QUERY]
                query = f"SELECT {columns} FROM jobs WHERE id IN ({','.join('?' * len(some))})"
                found.extend(self._connection.execute(query, some))
        return sorted(found, key=lambda row: int(row["id"]))

    def _exists(self, query: str, *values: str) -> bool:
        with self._using():
            return self._connection.execute(f"{query} LIMIT 1", values).fetchone() is not None

    def _add(self, task: RenderTask) -> Added:
        row = self._connection.execute(
            "SELECT id, status FROM jobs WHERE identity = ? AND output = ? "
            "AND status IN ('PENDING', 'RUNNING', 'DONE')",
            (task.identity, str(task.output)),
        ).fetchone()
        if row is None:
            return Added(self._insert(task), Entry.NEW)
        job_id, status = int(row["id"]), JobStatus(row["status"])
        if status is JobStatus.RUNNING:
            return Added(job_id, Entry.WAITING)
        if status is JobStatus.DONE:
            if not task.is_forced and task.output.is_file():
                return Added(job_id, Entry.FINISHED)
            reason = "to be rendered anew" if task.is_forced else "its file is gone"
            move_job(self._connection, job_id, JobStatus.PENDING, reason)
        columns = task_columns(task)
        self._connection.execute(
            f"UPDATE jobs SET {', '.join(f'{name} = ?' for name in columns)} WHERE id = ?",
            (*columns.values(), job_id),
        )
        return Added(job_id, Entry.NEW if status is JobStatus.DONE else Entry.WAITING)

    def _insert(self, task: RenderTask) -> int:
        columns = {**task_columns(task), "status": JobStatus.PENDING, "created": time_now()}
        marks = ", ".join("?" * len(columns))
        inserted = self._connection.execute(
            f"INSERT INTO jobs ({', '.join(columns)}) VALUES ({marks})", tuple(columns.values())
        )
        job_id = int(inserted.lastrowid or 0)
        note_move(self._connection, job_id, None, JobStatus.PENDING, "added")
        return job_id

    def _recover(self, worker: Worker, how: str) -> bool:
        with self._writing():
            if not end_worker(self._connection, worker.name, how):
                return False
            rows = self._connection.execute(
                "SELECT id, status, attempts FROM jobs "
                "WHERE worker = ? AND status IN ('RUNNING', 'CANCELLING')",
                (worker.name,),
            ).fetchall()
            for row in rows:
                if row["status"] == JobStatus.CANCELLING:
                    move_job(self._connection, row["id"], JobStatus.CANCELLED, f"the worker {how}")
                elif row["attempts"] < MAX_ATTEMPTS:
                    move_job(self._connection, row["id"], JobStatus.PENDING, f"the worker {how}")
                else:
                    message = (
                        f"The worker was lost {row['attempts']} times over this clip; the last one "
                        f"{how}."
                    )
                    fail_job(self._connection, row["id"], message, log_tail=log_tail(worker.log))
        self.lock_path(worker.name).unlink(missing_ok=True)
        return True

    def _workers(self) -> list[Worker]:
        rows = self._connection.execute("SELECT * FROM workers WHERE ended IS NULL")
        return [read_worker(row) for row in rows]

    @contextmanager
    def _using(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.DatabaseError as error:
            raise database_fault(self.path, error) from error

    @contextmanager
    def _writing(self) -> Iterator[None]:
        with self._using(), transaction(self._connection):
            yield
