"""The queue: jobs and workers as rows in SQLite, the only channel between screens and workers.

Everybody may open it at the same time. A job moves only along `ALLOWED_MOVES`, each move in one
transaction with its time and reason. What a job means is left to the worker, and what is done
about a lost worker besides its job to `follow.py`.
"""

import json
import sqlite3
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from ovi_studio.render.adding import (
    Added,
    add_task,
    requeue_job,
    successor_of,
    swap_in_fallback,
)
from ovi_studio.render.job import (
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
from ovi_studio.render.ordering import Place, place_jobs
from ovi_studio.render.queue_file import UNFINISHED, QueueFile
from ovi_studio.render.recovery import free_job, free_jobs_of
from ovi_studio.render.rows import read_job, read_worker
from ovi_studio.render.worker_lock import is_held

LOST = "ended without a word"
"""How a worker ended when nobody knows."""


_CLAIMABLE = """
    FROM jobs WHERE status = 'PENDING' AND clip_gpus <= ? AND identity NOT IN (
        SELECT identity FROM jobs WHERE status IN ('RUNNING', 'CANCELLING')
    ) AND output NOT IN (
        SELECT output FROM jobs WHERE status IN ('RUNNING', 'CANCELLING')
    ) AND (SELECT paused_since FROM queue_state) IS NULL
"""
"""What a worker with that many devices may take: nothing while the queue is paused, and no clip
and no file that somebody is making now."""


class RenderQueue(QueueFile):
    """An open queue. Use it in one thread, and close it."""

    def add(self, tasks: Sequence[RenderTask]) -> list[Added]:
        """Makes the tasks jobs, all of them or none; an equal clip for the same place is one job.

        A job that waits takes over the newer task's placement. A finished one waits again when the
        task is forced or its file is gone.
        """
        with self._writing():
            return [add_task(self._connection, task) for task in tasks]

    # The worker's side.

    def register(self, worker: Worker) -> bool:
        """Enters a worker that holds its lock; False while one of its devices is another's."""
        self.recover_lost()
        with self._writing():
            if any(worker.devices & other.devices for other in self._workers()):
                return False
            self._connection.execute(
                "INSERT INTO workers (name, pid, log, started, heartbeat, devices) "
                "VALUES (?, ?, ?, ?, ?, ?)",
                (
                    worker.name,
                    worker.pid,
                    str(worker.log),
                    worker.started,
                    worker.heartbeat,
                    json.dumps(sorted(worker.devices)),
                ),
            )
            return True

    def claim(
        self, worker: str, *, num_devices: int = 1, is_alone: bool = True
    ) -> RenderJob | None:
        """The next job for a worker with that many devices, now RUNNING; None when there is none.

        A worker that still has another job is not alone, and does not get one whose worker was
        lost before: if it is lost again, it must be clear over which clip.
        """
        with self._writing():
            row = self._next_row(num_devices)
            if row is None or (row["attempts"] > 0 and not is_alone):
                return None
            self._connection.execute(
                "UPDATE jobs SET status = 'RUNNING', worker = ?, attempts = attempts + 1, "
                "started = ?, finished = NULL, stage = NULL, step = 0, num_steps = 0 WHERE id = ?",
                (worker, time_now(), row["id"]),
            )
            note_move(
                self._connection,
                row["id"],
                JobStatus.PENDING,
                JobStatus.RUNNING,
                f"taken by {worker}",
            )
            claimed = self._connection.execute("SELECT * FROM jobs WHERE id = ?", (row["id"],))
            return read_job(claimed.fetchone())

    def next_task(self, num_devices: int = 1) -> RenderTask | None:
        """What a worker with that many devices would get now, without taking it."""
        with self._using():
            row = self._next_row(num_devices)
            return None if row is None else read_job(row).task

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

    def finish(
        self,
        job_id: int,
        reason: str,
        warnings: Sequence[str] = (),
        *,
        seconds: float | None = None,
    ) -> None:
        """The job's clip lies at its output path, after that many seconds of work.

        One that was to be cancelled, and whose clip was asked for again since, is CANCELLED all the
        same: the newer job finds the clip.
        """
        with self._writing():
            self._connection.execute(
                "UPDATE jobs SET warnings = ?, seconds = ? WHERE id = ?",
                (json.dumps(list(warnings)), seconds, job_id),
            )
            successor = successor_of(self._connection, job_id)
            if successor is None:
                move_job(self._connection, job_id, JobStatus.DONE, reason)
            else:
                reason = f"{reason} before it could be stopped; job {successor} has the clip"
                move_job(self._connection, job_id, JobStatus.CANCELLED, reason)

    def fail(
        self,
        job_id: int,
        message: str,
        *,
        traceback: str | None = None,
        log_tail: str | None = None,
        seconds: float | None = None,
    ) -> None:
        """The job cannot be done; `message` is what the user reads."""
        with self._writing():
            self._connection.execute("UPDATE jobs SET seconds = ? WHERE id = ?", (seconds, job_id))
            fail_job(self._connection, job_id, message, traceback=traceback, log_tail=log_tail)

    def fall_back(self, job_id: int, reason: str) -> bool:
        """Lets a RUNNING job wait again as its fallback; False when that cannot be.

        It cannot when the job has none, is to be cancelled, or another job has that clip.
        """
        with self._writing():
            row = self._connection.execute("SELECT * FROM jobs WHERE id = ?", (job_id,)).fetchone()
            job = read_job(row)
            if job.task.fallback is None or job.status is not JobStatus.RUNNING:
                return False
            return swap_in_fallback(self._connection, job, reason)

    def give_back(self, job_id: int, how: str, tail: str | None = None) -> None:
        """Frees one job as `recover_lost` does, where only what worked at it was lost."""
        with self._writing():
            free_job(self._connection, job_id, how, tail)

    def confirm_cancel(self, job_id: int, reason: str) -> None:
        """The worker has stopped working on a job that was CANCELLING."""
        with self._writing():
            move_job(self._connection, job_id, JobStatus.CANCELLED, reason)

    def leave(self, worker: str, num_devices: int = 1) -> bool:
        """Strikes the worker off, unless it could take another job; False then.

        Looking and leaving are one step, so that whoever adds a job after it sees no worker and
        starts one.
        """
        with self._writing():
            if self._next_row(num_devices) is not None:
                return False
            end_worker(self._connection, worker, "had nothing more to do")
            return True

    def sign_off(self, worker: str, reason: str) -> None:
        """Strikes the worker off though jobs may wait."""
        with self._writing():
            end_worker(self._connection, worker, reason)

    # What the user does to jobs and to the queue.

    def pause(self) -> None:
        """No job is taken from now on. Those that are with a worker go on."""
        with self._writing():
            self._connection.execute(
                "UPDATE queue_state SET paused_since = ifnull(paused_since, ?)", (time_now(),)
            )

    def unpause(self) -> bool:
        """Jobs are taken again; False when they were all the time."""
        with self._writing():
            query = "UPDATE queue_state SET paused_since = NULL WHERE paused_since IS NOT NULL"
            return self._connection.execute(query).rowcount == 1

    def place(self, job_ids: Sequence[int], place: Place) -> None:
        """Changes when waiting jobs are taken. Raises QueueError for one that does not wait."""
        with self._writing():
            place_jobs(self._connection, job_ids, place)

    def requeue(self, job_ids: Sequence[int], reason: str) -> list[int]:
        """Lets failed and cancelled jobs wait again, behind the others. Returns which.

        Left out are jobs in other states, and those whose clip another job has at the same place.
        """
        with self._writing():
            return [job_id for job_id in job_ids if requeue_job(self._connection, job_id, reason)]

    def remove(self, job_ids: Sequence[int]) -> list[int]:
        """Forgets finished jobs and what is known of them, but no file. Returns which."""
        with self._writing():
            removed = [
                job_id for job_id in job_ids if status_of(self._connection, job_id).is_finished
            ]
            for table, column in (("events", "job"), ("jobs", "id")):
                query = f"DELETE FROM {table} WHERE {column} = ?"
                self._connection.executemany(query, [(job_id,) for job_id in removed])
            return removed

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

    def idle_workers(self) -> set[str]:
        """Names of the workers that are entered and have no job."""
        with self._using():
            rows = self._connection.execute(
                "SELECT name FROM workers WHERE ended IS NULL AND name NOT IN (SELECT worker "
                "FROM jobs WHERE status IN ('RUNNING', 'CANCELLING') AND worker IS NOT NULL)"
            )
            return {row["name"] for row in rows}

    def count_claimable(self, num_devices: int) -> int:
        """How many clips workers with that many devices could take now."""
        with self._using():
            query = f"SELECT count(DISTINCT identity) {_CLAIMABLE}"
            return int(self._connection.execute(query, (num_devices,)).fetchone()[0])

    def has_taken_a_job(self, worker: str) -> bool:
        """Whether a job names the worker as its last one."""
        return self._exists("SELECT 1 FROM jobs WHERE worker = ?", worker)

    def has_unfinished_jobs(self) -> bool:
        """Whether anybody's job waits or is worked at."""
        return self._exists(f"SELECT 1 FROM jobs WHERE {UNFINISHED}")

    def count_unfinished_before(self, job_id: int) -> int:
        """How many jobs wait or are worked at that come before this one."""
        with self._using():
            query = (
                f"SELECT count(*) FROM jobs WHERE {UNFINISHED} "
                "AND position < (SELECT position FROM jobs WHERE id = ?)"
            )
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

    def _recover(self, worker: Worker, how: str) -> bool:
        with self._writing():
            if not end_worker(self._connection, worker.name, how):
                return False
            free_jobs_of(self._connection, worker, how)
        self.lock_path(worker.name).unlink(missing_ok=True)
        return True

    def _next_row(self, num_devices: int) -> sqlite3.Row | None:
        query = f"SELECT * {_CLAIMABLE} ORDER BY position LIMIT 1"
        row: sqlite3.Row | None = self._connection.execute(query, (num_devices,)).fetchone()
        return row

    def _workers(self) -> list[Worker]:
        rows = self._connection.execute("SELECT * FROM workers WHERE ended IS NULL")
        return [read_worker(row) for row in rows]
