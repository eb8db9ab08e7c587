"""Opens the queue's database and brings its tables up to date."""

import shutil
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ovi_studio.errors import QueueError

BUSY_SECONDS = 30.0
"""How long one process waits while another one writes."""

ROOM_TO_OPEN = 128 * 1024
"""Bytes on the disk that SQLite may take beside the tables when a queue is opened."""

_MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        """
        CREATE TABLE workers (
            name      TEXT PRIMARY KEY,
            pid       INTEGER NOT NULL,
            log       TEXT NOT NULL,
            started   TEXT NOT NULL,
            heartbeat TEXT NOT NULL,
            ended     TEXT
        )
        """,
        """
        CREATE TABLE jobs (
            id             INTEGER PRIMARY KEY AUTOINCREMENT,
            identity       TEXT NOT NULL,
            status         TEXT NOT NULL,
            request        TEXT NOT NULL,
            placement      TEXT NOT NULL,
            weights        TEXT NOT NULL,
            ckpt_dir       TEXT,
            picture_source TEXT,
            set_name       TEXT NOT NULL,
            row_id         TEXT NOT NULL,
            output         TEXT NOT NULL,
            is_forced      INTEGER NOT NULL,
            attempts       INTEGER NOT NULL DEFAULT 0,
            stage          TEXT,
            step           INTEGER NOT NULL DEFAULT 0,
            num_steps      INTEGER NOT NULL DEFAULT 0,
            worker         TEXT REFERENCES workers (name),
            error          TEXT,
            traceback      TEXT,
            log_tail       TEXT,
            warnings       TEXT NOT NULL DEFAULT '[]',
            created        TEXT NOT NULL,
            started        TEXT,
            finished       TEXT
        )
        """,
        """
        CREATE UNIQUE INDEX one_job_per_clip ON jobs (identity, output)
        WHERE status IN ('PENDING', 'RUNNING', 'DONE')
        """,
        "CREATE INDEX jobs_by_status ON jobs (status, id)",
        "CREATE INDEX jobs_by_identity ON jobs (identity)",
        """
        CREATE TABLE events (
            id            INTEGER PRIMARY KEY,
            job           INTEGER NOT NULL REFERENCES jobs (id),
            at            TEXT NOT NULL,
            status_before TEXT,
            status        TEXT NOT NULL,
            reason        TEXT NOT NULL
        )
        """,
        "CREATE INDEX events_by_job ON events (job, id)",
    ),
    (
        "ALTER TABLE jobs ADD COLUMN position INTEGER NOT NULL DEFAULT 0",
        "UPDATE jobs SET position = id",
        "CREATE INDEX jobs_by_position ON jobs (position)",
        "ALTER TABLE jobs ADD COLUMN seconds REAL",
        """
        CREATE TABLE queue_state (
            only_row     INTEGER PRIMARY KEY CHECK (only_row = 1),
            paused_since TEXT
        )
        """,
        "INSERT INTO queue_state (only_row) VALUES (1)",
    ),
    (
        """ALTER TABLE workers ADD COLUMN devices TEXT NOT NULL DEFAULT '["0"]'""",
        "ALTER TABLE jobs ADD COLUMN gpus INTEGER",
        "ALTER TABLE jobs ADD COLUMN clip_gpus INTEGER NOT NULL DEFAULT 1",
        "ALTER TABLE jobs ADD COLUMN profile TEXT",
        "ALTER TABLE jobs ADD COLUMN fallback TEXT",
        "ALTER TABLE jobs ADD COLUMN fell_back_from TEXT",
    ),
)
"""Statements that lead from each version of the tables to the next; never edited, only added to."""

SCHEMA_VERSION = len(_MIGRATIONS)


_SIGNS_OF_DAMAGE = (
    "malformed",
    "not a database",
    "Could not decode",
    "no such table",
    "unsupported file",
)
"""Parts of what SQLite says of a file that holds what it did not write."""


class DamagedQueueError(QueueError):
    """The database holds something that SQLite did not write."""


def open_database(path: Path) -> sqlite3.Connection:
    """A connection to the database at `path`, made if it is not there, with the newest tables.

    Raises QueueError when the file cannot be opened, is damaged, or was made by a newer version.
    """
    try:
        connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None)
        connection.row_factory = sqlite3.Row
        _use_write_ahead_log(connection)
        connection.execute("PRAGMA foreign_keys = ON")
        _migrate(connection, path)
    except sqlite3.DatabaseError as error:
        raise database_fault(path, error) from error
    except UnicodeError as error:  # the text of a table's definition, within SQLite's own message
        raise database_fault(path, sqlite3.DatabaseError(f"malformed ({error})")) from error
    return connection


def check_database(connection: sqlite3.Connection, path: Path) -> None:
    """Reads the whole file once. Raises DamagedQueueError when something in it cannot be so."""
    try:
        found = connection.execute("PRAGMA integrity_check(1)").fetchone()[0]
    except sqlite3.DatabaseError as error:
        raise database_fault(path, error) from error
    if found != "ok":
        raise database_fault(path, sqlite3.DatabaseError(f"malformed ({found})"))


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Everything inside happens at once or not at all, and nobody else writes meanwhile."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def database_fault(path: Path, error: sqlite3.Error) -> QueueError:
    """The error to show for a fault that SQLite reports."""
    text = str(error)
    if any(sign in text for sign in _SIGNS_OF_DAMAGE):
        return DamagedQueueError(
            f"The queue {path} cannot be used: {text}. The file is damaged. Move it away and start "
            "again, or let `ovi queue list` do both: it keeps what can be read, and finished clips "
            "are found on disk."
        )
    elif "locked" in text:
        remedy = "Another process holds it; end that one or try again."
    elif "full" in text or _is_disk_full(path):
        remedy = "Make room on the disk and start again."
    else:
        remedy = "The folder must be on a local disk and writable."
    return QueueError(f"The queue {path} cannot be used: {text}. {remedy}")


def _is_disk_full(path: Path) -> bool:
    """Whether there is too little room to even open a queue, which SQLite tells in other words."""
    try:
        return shutil.disk_usage(path.parent).free < ROOM_TO_OPEN
    except OSError:
        return False


def _use_write_ahead_log(connection: sqlite3.Connection) -> None:
    """Lets screens read while a worker writes. Two processes may try this at the same moment."""
    if connection.execute("PRAGMA journal_mode").fetchone()[0] == "wal":
        return
    deadline = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            # SQLite does not wait by itself for this one statement.
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(0.05)


def _migrate(connection: sqlite3.Connection, path: Path) -> None:
    if _version(connection) == SCHEMA_VERSION:
        return
    with transaction(connection):
        version = _version(connection)
        if version > SCHEMA_VERSION:
            raise QueueError(
                f"The queue {path} was made by a newer version of this program (its tables are "
                f"version {version}, known are up to {SCHEMA_VERSION}). Update the program, or "
                "move the file away."
            )
        for statements in _MIGRATIONS[version:]:
            for statement in statements:
                connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])
