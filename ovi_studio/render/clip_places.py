"""Where the jobs of a queue put their clips; asks the queue's file for nothing else.

For those who look often: no job is read whole, and nothing is ever written or mended.
"""

import sqlite3
from contextlib import closing
from pathlib import Path

WAIT_SECONDS = 0.2
"""How long to wait while another process writes; whoever looks often looks again."""


def done_outputs(queue_path: Path) -> frozenset[Path] | None:
    """Paths of the clips that jobs finished; None while the queue cannot be asked."""
    if not queue_path.is_file():
        return frozenset()
    try:
        address = f"{queue_path.resolve().as_uri()}?mode=ro"
        with closing(sqlite3.connect(address, uri=True, timeout=WAIT_SECONDS)) as connection:
            rows = connection.execute("SELECT DISTINCT output FROM jobs WHERE status = 'DONE'")
            return frozenset(Path(str(output)) for (output,) in rows)
    except sqlite3.Error:
        return None


def queue_stamp(queue_path: Path) -> tuple[tuple[int, int], ...]:
    """Changes whenever the queue's file may have changed."""
    stamps = []
    for path in (queue_path, queue_path.with_name(f"{queue_path.name}-wal")):
        try:
            status = path.stat()
            stamps.append((status.st_mtime_ns, status.st_size))
        except OSError:
            stamps.append((0, 0))
    return tuple(stamps)
