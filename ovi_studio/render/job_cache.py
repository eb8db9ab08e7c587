"""Remembers jobs between looks at a queue, so that only rows that changed are read anew."""

import sqlite3
from collections.abc import Sequence

from ovi_studio.render.job import RenderJob
from ovi_studio.render.rows import read_job


class JobCache:
    """Turns rows of the table of jobs into jobs. Equal rows give the very same object again."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[tuple[object, ...], RenderJob]] = {}

    def read(self, rows: Sequence[sqlite3.Row]) -> list[RenderJob]:
        """The jobs of these rows, in their order; what is known of other rows is forgotten."""
        known: dict[int, tuple[tuple[object, ...], RenderJob]] = {}
        for row in rows:
            values = tuple(row)
            entry = self._known.get(row["id"])
            if entry is None or entry[0] != values:
                entry = values, read_job(row)
            known[row["id"]] = entry
        self._known = known
        return [job for _, job in known.values()]
