"""How many clips wait, render and failed: the line that every screen shows. Cheap to ask for."""

import sqlite3
from contextlib import closing
from dataclasses import dataclass

from ovi_studio.project.layout import ProjectLayout


@dataclass(frozen=True, slots=True)
class QueueCounts:
    """The queue of a project in a few numbers."""

    waiting: int = 0
    running: int = 0
    failed: int = 0
    done: int = 0
    is_paused: bool = False

    @property
    def unfinished(self) -> int:
        """Clips that wait or are rendered now."""
        return self.waiting + self.running


def count_queue(layout: ProjectLayout) -> QueueCounts:
    """The numbers as they are now. Changes nothing, and makes no queue where there is none.

    A file that is no queue, or is being repaired, counts as empty: commands that use it say why.
    """
    path = layout.state.queue_path
    if not path.is_file():
        return QueueCounts()
    try:
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, timeout=1)) as database:
            rows = dict(database.execute("SELECT status, count(*) FROM jobs GROUP BY status"))
            paused = database.execute("SELECT paused_since FROM queue_state").fetchone()
    except sqlite3.Error:
        return QueueCounts()
    return QueueCounts(
        waiting=rows.get("PENDING", 0),
        running=rows.get("RUNNING", 0) + rows.get("CANCELLING", 0),
        failed=rows.get("FAILED", 0),
        done=rows.get("DONE", 0),
        is_paused=paused is not None and paused[0] is not None,
    )
