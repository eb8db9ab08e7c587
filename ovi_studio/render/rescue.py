"""Opens a project's queue even when its file is damaged: saves what can be read, starts a new one.

The damaged file is only read, then set aside under a dated name; nobody deletes it. Clips are found
again by the recipes inside them.
"""

import os
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from ovi_studio.errors import QueueError, UsageError
from ovi_studio.project.layout import ProjectLayout, StateFolder
from ovi_studio.render.job import JobStatus, RenderJob, RenderTask
from ovi_studio.render.queue import RenderQueue
from ovi_studio.render.record import identity_in, read_clip_recipe
from ovi_studio.render.rows import read_job
from ovi_studio.render.schema import BUSY_SECONDS, DamagedQueueError, database_fault
from ovi_studio.render.worker_lock import WorkerLock, is_held

MAX_JOBS = 1_000_000
"""More are not looked for: the number that says how many there were may itself be damaged."""

_SIDE_FILES = ("-wal", "-shm")
"""What SQLite keeps beside a database, after its name."""


def open_queue(layout: ProjectLayout, on_rescue: Callable[[str], None]) -> RenderQueue:
    """The project's queue, read through; a damaged one is replaced, and `on_rescue` told how.

    Raises QueueError, also while a living worker still writes to the damaged file.
    """
    path = layout.state.queue_path
    try:
        return _open_whole(path)
    except DamagedQueueError:
        with _rescue_lock(layout.state):
            try:
                return _open_whole(path)  # somebody else was quicker
            except DamagedQueueError as error:
                on_rescue(_rescue(layout, error))
        return RenderQueue(path)


def _open_whole(path: Path) -> RenderQueue:
    """The queue, if every page and every job of it can be read. Raises DamagedQueueError."""
    queue = RenderQueue(path, is_checked=True)
    try:
        queue.jobs()
    except ValueError as error:  # a text within the row is not what was written
        queue.close()
        raise database_fault(path, sqlite3.DatabaseError(f"malformed job ({error})")) from error
    except BaseException:
        queue.close()
        raise
    return queue


def _rescue(layout: ProjectLayout, error: DamagedQueueError) -> str:
    """Puts a new queue in the place of the damaged one. Returns what to tell the user."""
    state, path = layout.state, layout.state.queue_path
    busy = [lock.stem for lock in state.lock_folder.glob("*.lock") if is_held(lock)]
    if busy:
        raise QueueError(
            f"The queue {path} is damaged, and the worker {busy[0]} still uses it. Wait until it "
            "has ended, or end it, and try again."
        ) from error
    jobs = _read_jobs(path)
    fresh = path.with_name("queue-rescued.sqlite3")
    for name in (fresh, *_beside(fresh)):
        name.unlink(missing_ok=True)
    with RenderQueue(fresh) as queue:
        _fill(queue, jobs, _clips_of(layout, jobs))
        num_done = len(queue.ended_ids())
        num_waiting = len(queue.unfinished_ids())
    aside = _dated_name(path)
    for old, new in zip(_beside(path), _beside(aside), strict=True):
        with suppress(FileNotFoundError):
            old.replace(new)
    os.link(path, aside)  # the name is never without a file, so that nobody makes an empty one
    fresh.replace(path)
    return (
        f"The queue was damaged and is now {aside}. A new one was started with what could be "
        f"saved: {num_waiting} waiting and {num_done} ended. Add the clips that are missing again; "
        "those that are finished are not rendered twice."
    )


def _read_jobs(path: Path) -> list[RenderJob]:
    """The jobs that can still be read, oldest first. The file is opened for reading only."""
    found: list[RenderJob] = []
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as connection:
            connection.row_factory = sqlite3.Row
            for job_id in range(1, _last_id(connection) + 1):
                # Each by itself, so that a damaged page costs only what is on it. Bytes that were
                # overwritten can be anything, and reading them can fail in any way.
                with suppress(Exception):
                    row = connection.execute("SELECT * FROM jobs WHERE id = ?", (job_id,))
                    found.extend(read_job(one) for one in row)
    except sqlite3.DatabaseError:
        pass
    return found


def _last_id(connection: sqlite3.Connection) -> int:
    """The highest number that a job has or had, as far as that can be read."""
    last = 0
    for query in (
        "SELECT max(id) FROM jobs",
        "SELECT seq FROM sqlite_sequence WHERE name = 'jobs'",
        "SELECT max(job) FROM events",
    ):
        with suppress(sqlite3.DatabaseError, TypeError, ValueError):
            last = max(last, int(connection.execute(query).fetchone()[0]))
    return min(last, MAX_JOBS)


def _clips_of(layout: ProjectLayout, jobs: Sequence[RenderJob]) -> list[RenderTask]:
    """Finished clips in the folders that the project uses, oldest first, as tasks."""
    folders = {layout.output_folder, *(job.task.output.parent for job in jobs)}
    found = []
    for clip in sorted({clip.resolve() for folder in folders for clip in folder.glob("*.mp4")}):
        with suppress(UsageError):
            recipe = read_clip_recipe(clip)
            if identity_in(clip) == recipe.identity:
                task = RenderTask(
                    identity=recipe.identity,
                    request=recipe.request,
                    placement=recipe.placement,
                    weights=recipe.weights,
                    ckpt_dir=None,
                    picture_source=recipe.picture_source,
                    source=recipe.source,
                    output=clip,
                )
                found.append((recipe.created, task))
    return [task for _, task in sorted(found, key=lambda pair: pair[0])]


def _fill(queue: RenderQueue, jobs: Sequence[RenderJob], clips: Iterable[RenderTask]) -> None:
    """Enters clips that exist, then jobs that failed or were cancelled, then what waits."""
    finished = set()
    for task in clips:
        queue.settle(queue.add([task])[0].job_id, "found by the recipe inside the clip")
        finished.add((task.identity, task.output))
    ended = [job for job in jobs if job.status in (JobStatus.FAILED, JobStatus.CANCELLED)]
    others = [job for job in jobs if job not in ended]
    for job in ended:
        if (job.task.identity, job.task.output) in finished:
            continue
        (added,) = queue.add([job.task])
        if job.status is JobStatus.FAILED:
            queue.fail(
                added.job_id, job.error or "", traceback=job.traceback, log_tail=job.log_tail
            )
        else:
            queue.cancel([added.job_id], "cancelled before the queue was damaged")
    queue.add(
        [
            job.task
            for job in sorted(others, key=lambda job: job.position)
            if job.status is not JobStatus.DONE
        ]
    )


def _dated_name(path: Path) -> Path:
    """A free name for the damaged file."""
    stem = f"{path.stem}-damaged-{datetime.now(UTC):%Y%m%d-%H%M%S}"
    for ending in ("", *(f"-{number}" for number in range(2, 1000))):
        name = path.with_name(f"{stem}{ending}{path.suffix}")
        if not name.exists():
            return name
    raise QueueError(f"{path.parent} holds too many damaged queues; move some away.")


def _beside(path: Path) -> list[Path]:
    return [path.with_name(path.name + ending) for ending in _SIDE_FILES]


@contextmanager
def _rescue_lock(state: StateFolder) -> Iterator[None]:
    """Lets one process at a time rescue a queue."""
    lock = WorkerLock(state.path / "rescue.lock")
    deadline = time.monotonic() + BUSY_SECONDS
    while not lock.acquire():
        if time.monotonic() > deadline:
            raise QueueError(f"Another process has been mending the queue in {state.path}.")
        time.sleep(0.1)
    try:
        yield
    finally:
        lock.release()
