"""Keeps encoded texts and first frames on the disk, for all workers of a project and all its runs.

One file an entry, named by its key: a SHA-256 of the rest, then the bytes. A file that does not
agree with its hash is removed. When all together grow beyond the limit, those that were not used
for longest go. Whatever the disk does, rendering goes on: an entry is then made again.

Source of the bytes and what they mean: `ovi/encodings.py`.
"""

import hashlib
import os
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from ovi_studio.render.worker_lock import WorkerLock

SUFFIX = ".encoding"

HASH_BYTES = 32

MAKING_SECONDS = 120.0
"""How long one process waits for another that is making the same; then it makes it itself."""

_PAUSE_SECONDS = 0.05


class DiskEncodingStore:
    """An `EncodingStore` in a folder."""

    def __init__(self, folder: Path, max_bytes: int) -> None:
        """Makes the folder when something is first kept."""
        self._folder = folder
        self._max_bytes = max_bytes

    def read(self, key: str) -> bytes | None:
        """What was written under the key, whole and unchanged; None when there is nothing."""
        path = self._path(key)
        try:
            if path.stat().st_size > self._max_bytes:
                return None
            content = path.read_bytes()
        except OSError:
            return None
        data = content[HASH_BYTES:]
        if hashlib.sha256(data).digest() != content[:HASH_BYTES]:
            with suppress(OSError):
                path.unlink()
            return None
        with suppress(OSError):
            os.utime(path)  # used just now, so among the last to go
        return data

    def write(self, key: str, data: bytes) -> None:
        """Keeps the bytes, or does not."""
        if HASH_BYTES + len(data) > self._max_bytes:
            return
        path = self._path(key)
        unfinished = path.with_suffix(f".{os.getpid()}-{threading.get_ident()}.part")
        with suppress(OSError):
            self._folder.mkdir(parents=True, exist_ok=True)
            try:
                unfinished.write_bytes(hashlib.sha256(data).digest() + data)
                unfinished.replace(path)
            finally:
                unfinished.unlink(missing_ok=True)
            shrink(self._folder, self._max_bytes)

    @contextmanager
    def making(self, keys: Sequence[str]) -> Iterator[None]:
        """Lets one process at a time make what belongs under those keys."""
        with ExitStack() as locks:
            # In order, so that two processes never wait for each other.
            for name in sorted({key[0] for key in keys}):
                locks.enter_context(self._making(self._folder / f"{name}.lock"))
            yield

    @contextmanager
    def _making(self, path: Path) -> Iterator[None]:
        lock = WorkerLock(path)
        deadline = time.monotonic() + MAKING_SECONDS
        try:
            while not lock.acquire() and time.monotonic() < deadline:
                time.sleep(_PAUSE_SECONDS)
        except OSError:
            pass  # a disk that takes no lock takes no entry either
        try:
            yield
        finally:
            lock.let_go()

    def _path(self, key: str) -> Path:
        return self._folder / f"{key}{SUFFIX}"


def entries_of(folder: Path) -> list[tuple[Path, int]]:
    """The entries of a store with their sizes in bytes, those used longest ago first."""
    found = []
    with suppress(OSError):
        for path in folder.iterdir():
            with suppress(OSError):
                if path.suffix == SUFFIX:
                    status = path.stat()
                    found.append((status.st_mtime_ns, path, status.st_size))
    return [(path, size) for _, path, size in sorted(found)]


def surplus_of(folder: Path, max_bytes: int) -> list[tuple[Path, int]]:
    """The entries that must go for the others to be within the limit."""
    entries = entries_of(folder)
    excess = sum(size for _, size in entries) - max_bytes
    going = []
    for path, size in entries:
        if excess <= 0:
            break
        going.append((path, size))
        excess -= size
    return going


def shrink(folder: Path, max_bytes: int) -> None:
    """Removes the entries beyond the limit."""
    for path, _ in surplus_of(folder, max_bytes):
        with suppress(OSError):
            path.unlink()
