"""The queue's file, open: what can be read from it, and one way to change it.

What changes it is in `queue.py`.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Self

from ovi_studio.errors import QueueError, UnknownJobError
from ovi_studio.project.layout import state_of_queue
from ovi_studio.render.job import JobEvent, JobState, JobStatus, RenderJob
from ovi_studio.render.rows import read_job
from ovi_studio.render.schema import (
    check_database,
    database_fault,
    open_database,
    transaction,
)

MAX_IDS_A_QUERY = 500
"""SQLite limits the parameters of one statement."""

STOPPED = "stopped by the user"
"""Why jobs are cancelled when the user stops the command that follows them."""

UNFINISHED = "status IN ('PENDING', 'RUNNING', 'CANCELLING')"
"""SQL for jobs that wait or are worked at."""

_LAST_MOVE = "(SELECT max(id) FROM events WHERE job = jobs.id)"
"""What came after what, whatever the clock said."""


class QueueFile:
    """An open queue to look at. Use it in one thread, and close it."""

    def __init__(self, path: Path, *, is_checked: bool = False) -> None:
        """Opens the queue, making it where there is none; `is_checked` reads it through first.

        Raises QueueError, and DamagedQueueError when the file is found damaged.
        """
        self.path = path
        self.state = state_of_queue(path)
        self.state.create()
        self._connection = open_database(path)
        self._inode = path.stat().st_ino
        if is_checked:
            try:
                check_database(self._connection, path)
            except QueueError:
                self.close()
                raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Lets go of the file."""
        self._connection.close()

    def is_gone(self) -> bool:
        """Whether the file was deleted or replaced since it was opened: nobody else sees it now."""
        try:
            return self.path.stat().st_ino != self._inode
        except OSError:
            return True

    def jobs(self, ids: Sequence[int] | None = None) -> list[RenderJob]:
        """The jobs with those ids, or all, oldest first."""
        if ids is not None:
            return [read_job(row) for row in self._rows("*", ids)]
        with self._using():
            rows = self._connection.execute("SELECT * FROM jobs ORDER BY id")
            return [read_job(row) for row in rows]

    def job_rows(self) -> list[sqlite3.Row]:
        """All jobs as they stand in the table, oldest first: for `JobCache`."""
        with self._using():
            return self._connection.execute("SELECT * FROM jobs ORDER BY id").fetchall()

    def job(self, job_id: int) -> RenderJob:
        """One job. Raises UnknownJobError when there is none of that number."""
        found = self.jobs([job_id])
        if not found:
            raise UnknownJobError(
                f"There is no job {job_id} in the queue {self.path}. `ovi queue list` shows all."
            )
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

    def unfinished_ids(self) -> list[int]:
        """Jobs that are with a worker or wait, in the order in which they are taken."""
        return self._ids(f"{UNFINISHED} ORDER BY status = 'PENDING', position")

    def stopped_ids(self) -> list[int]:
        """Jobs cancelled by stopping the command that followed them, not one by one."""
        return self._ids(
            "status = 'CANCELLED' AND EXISTS (SELECT 1 FROM events WHERE job = jobs.id "
            "AND reason = ? AND id > (SELECT max(id) FROM events WHERE job = jobs.id "
            "AND status = 'PENDING')) ORDER BY position",
            STOPPED,
        )

    def ended_ids(self, set_name: str | None = None, limit: int = -1) -> list[int]:
        """Jobs that are DONE or FAILED, of one set or all, the latest first."""
        which = "status IN ('DONE', 'FAILED') AND (? IS NULL OR set_name = ?)"
        order = f"{which} ORDER BY {_LAST_MOVE} DESC LIMIT ?"
        return self._ids(order, set_name, set_name, limit)

    def paused_since(self) -> str | None:
        """When the queue was paused: UTC, ISO 8601. None while it is not."""
        with self._using():
            row = self._connection.execute("SELECT paused_since FROM queue_state").fetchone()
            return None if row["paused_since"] is None else str(row["paused_since"])

    # For those who write, too.

    def _rows(self, columns: str, ids: Sequence[int]) -> list[sqlite3.Row]:
        """Rows of the jobs with those ids, in order."""
        found: list[sqlite3.Row] = []
        with self._using():
            for start in range(0, len(ids), MAX_IDS_A_QUERY):
                some = ids[start : start + MAX_IDS_A_QUERY]
                query = f"SELECT {columns} FROM jobs WHERE id IN ({','.join('?' * len(some))})"
                found.extend(self._connection.execute(query, some))
        return sorted(found, key=lambda row: int(row["id"]))

    def _ids(self, which: str, *values: str | int | None) -> list[int]:
        with self._using():
            rows = self._connection.execute(f"SELECT id FROM jobs WHERE {which}", values)
            return [int(row["id"]) for row in rows]

    def _exists(self, query: str, *values: str) -> bool:
        with self._using():
            return self._connection.execute(f"{query} LIMIT 1", values).fetchone() is not None

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
