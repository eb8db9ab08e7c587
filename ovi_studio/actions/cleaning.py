"""Finds and removes what a project no longer needs: what `ovi gc` does, for every screen.

Nothing here ever names a finished clip, but those that the user deleted long ago: only files that
the studio makes for itself, by the exact names it gives them.
"""

import re
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from ovi.weights.hashes import cache_file
from ovi_studio.actions.clip_finding import ClipFinder
from ovi_studio.actions.clip_pictures import MAX_CACHE_BYTES, surplus_pictures
from ovi_studio.actions.clip_trash import ClipTrash
from ovi_studio.project.layout import ProjectLayout, StateFolder
from ovi_studio.render.disk_limits import DiskLimits
from ovi_studio.render.encoding_store import entries_of, surplus_of
from ovi_studio.render.preview_files import stale_files
from ovi_studio.render.queue import RenderQueue
from ovi_studio.render.rescue import open_queue
from ovi_studio.render.worker_lock import is_held

SECONDS_A_DAY = 86_400.0

UNFINISHED_SECONDS = 3_600.0
"""An unfinished file of a cache that is older has nobody who would finish it."""

_UNFINISHED_CLIP = re.compile(r"\.(?P<clip>.+)\.\d+\.part")
"""What a worker calls a clip or a file beside it before it is whole."""


class Remains(StrEnum):
    """Kinds of what may go."""

    UNFINISHED = "unfinished clips of workers that are gone"
    LOG = "old logs"
    PREVIEW = "previews of clips that are not being rendered"
    DAMAGED_QUEUE = "damaged queues that were replaced"
    ENCODING = "encoded texts and first frames"
    THUMBNAIL = "thumbnails of clips"
    TRASH = "clips that were deleted long ago"
    HASHES = "remembered hashes of weight files"


@dataclass(frozen=True, slots=True)
class Waste:
    """A file or folder that may go."""

    kind: Remains
    path: Path
    num_bytes: int


def find_waste(
    layout: ProjectLayout,
    limits: DiskLimits,
    *,
    empties_caches: bool = False,
    on_rescue: Callable[[str], None],
    now: Callable[[], float] = time.time,
) -> list[Waste]:
    """What may go, kind by kind; changes nothing but what every opening of the queue does.

    `empties_caches` adds everything that can be made again. Raises QueueError.
    """
    found: list[Waste] = []
    if layout.state.path.is_dir():
        with open_queue(layout, on_rescue) as queue:
            queue.recover_lost()
            found += _unfinished(layout, queue)
            found += _previews(layout.state, queue)
            found += _logs(queue, now() - limits.logs_days * SECONDS_A_DAY)
        found += _damaged_queues(layout.state, now() - limits.trash_days * SECONDS_A_DAY)
        found += _encodings(layout.state.encoding_folder, limits, now(), is_all=empties_caches)
        found += _thumbnails(layout.state.thumbnail_folder, is_all=empties_caches)
        found += _trash(layout, now() - limits.trash_days * SECONDS_A_DAY)
    if empties_caches and cache_file().is_file():
        found.append(Waste(Remains.HASHES, cache_file(), cache_file().stat().st_size))
    return found


def remove_waste(waste: Sequence[Waste], layout: ProjectLayout) -> list[Waste]:
    """Removes what was found, and returns what is gone.

    A clip that somebody has begun to write meanwhile stays, as does what cannot be removed.
    """
    gone = []
    for item in waste:
        if item.kind is Remains.UNFINISHED and _is_at_work(layout, item.path):
            continue
        with suppress(OSError):
            if item.path.is_dir() and not item.path.is_symlink():
                shutil.rmtree(item.path)
            else:
                item.path.unlink()
            gone.append(item)
    return gone


def _unfinished(layout: ProjectLayout, queue: RenderQueue) -> Iterator[Waste]:
    jobs = queue.jobs()
    busy = {job.task.output for job in jobs if job.status.is_with_worker}
    folders = {layout.output_folder, *(job.task.output.parent for job in jobs)}
    for folder in sorted(folders):
        if folder.is_dir():
            for path in sorted(folder.iterdir()):
                clip = _clip_of(path)
                if clip is not None and clip not in busy:
                    yield Waste(Remains.UNFINISHED, path, _size(path))


def _clip_of(unfinished: Path) -> Path | None:
    """The clip that an unfinished file or folder belongs to; None when it is something else."""
    match = _UNFINISHED_CLIP.fullmatch(unfinished.name)
    if match is None or Path(match["clip"]).suffix not in (".mp4", ".json", ".png"):
        return None
    return unfinished.with_name(match["clip"]).with_suffix(".mp4")


def _is_at_work(layout: ProjectLayout, unfinished: Path) -> bool:
    clip = _clip_of(unfinished)
    with RenderQueue(layout.state.queue_path) as queue:
        return any(job.status.is_with_worker and job.task.output == clip for job in queue.jobs())


def _logs(queue: RenderQueue, oldest: float) -> Iterator[Waste]:
    living = {worker.log for worker in queue.workers()}
    if is_held(queue.state.path / "keeper.lock"):
        living.add(queue.state.log_folder / "keeper.log")
    for path in sorted(queue.state.log_folder.glob("*.log")):
        if path not in living and path.stat().st_mtime < oldest:
            yield Waste(Remains.LOG, path, _size(path))


def _previews(state: StateFolder, queue: RenderQueue) -> Iterator[Waste]:
    busy = {job.id for job in queue.jobs() if job.status.is_with_worker}
    for path in stale_files(state.preview_folder, busy):
        yield Waste(Remains.PREVIEW, path, _size(path))


def _damaged_queues(state: StateFolder, oldest: float) -> Iterator[Waste]:
    for path in sorted(state.path.glob(f"{state.queue_path.stem}-damaged-*")):
        if path.stat().st_mtime < oldest:
            yield Waste(Remains.DAMAGED_QUEUE, path, _size(path))


def _encodings(folder: Path, limits: DiskLimits, now: float, *, is_all: bool) -> Iterator[Waste]:
    going = entries_of(folder) if is_all else surplus_of(folder, limits.encoding_bytes)
    for path, size in going:
        yield Waste(Remains.ENCODING, path, size)
    for path in sorted(folder.glob("*.part")):
        if path.stat().st_mtime < now - UNFINISHED_SECONDS:
            yield Waste(Remains.ENCODING, path, _size(path))


def _thumbnails(folder: Path, *, is_all: bool) -> Iterator[Waste]:
    for path, size in surplus_pictures(folder, -1 if is_all else MAX_CACHE_BYTES):
        yield Waste(Remains.THUMBNAIL, path, size)


def _trash(layout: ProjectLayout, oldest: float) -> Iterator[Waste]:
    for clip in ClipTrash(layout, ClipFinder(layout)).clips():
        if clip.deleted < oldest:
            yield Waste(Remains.TRASH, clip.folder, clip.num_bytes)


def _size(path: Path) -> int:
    """Bytes of a file, or of all files in a folder."""
    files = path.rglob("*") if path.is_dir() else [path]
    total = 0
    for file in files:
        with suppress(OSError):
            total += file.lstat().st_size
    return total
