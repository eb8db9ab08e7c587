"""The order in which waiting jobs are taken. Each call is part of a transaction.

Jobs have distinct positions, given out upwards; whoever is moved only trades places with others
that wait, so no clock and no arithmetic between neighbours is needed.
"""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from ovi_studio.errors import QueueError
from ovi_studio.render.job import JobStatus

NEXT_POSITION = "(SELECT ifnull(max(position), 0) + 1 FROM jobs)"
"""SQL for a place behind all others."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where to put jobs: before the waiting job `before`, else at one of the two ends."""

    is_first: bool = False
    before: int | None = None


def place_jobs(connection: sqlite3.Connection, job_ids: Sequence[int], place: Place) -> None:
    """Puts waiting jobs at a place, in the order given. Raises QueueError for one that is not."""
    rows = connection.execute(
        "SELECT id, position FROM jobs WHERE status = ? ORDER BY position", (JobStatus.PENDING,)
    ).fetchall()
    waiting = [int(row["id"]) for row in rows]
    moved = list(dict.fromkeys(job_ids))
    for job_id in (*moved, *([] if place.before is None else [place.before])):
        if job_id not in waiting:
            raise QueueError(f"Job {job_id} does not wait, so it has no place among those that do.")
    if place.before in moved:
        raise QueueError(f"Job {place.before} cannot be put before itself.")
    others = [job_id for job_id in waiting if job_id not in moved]
    at = 0 if place.is_first else len(others)
    if place.before is not None:
        at = others.index(place.before)
    new_order = [*others[:at], *moved, *others[at:]]
    connection.executemany(
        "UPDATE jobs SET position = ? WHERE id = ?",
        [(row["position"], job_id) for row, job_id in zip(rows, new_order, strict=True)],
    )
