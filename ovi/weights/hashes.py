"""SHA-256 of large files, remembered from one run to the next.

A file counts as unchanged while its path, size and modification time stay the same. The memory is
a convenience: when it cannot be read or written, files are simply hashed again.
"""

import hashlib
import io
import json
import os
import sys
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import suppress
from pathlib import Path
from typing import Any

from ovi.errors import WeightsError

OnBytes = Callable[[int, int], None]
"""(bytes done, bytes in all), called from the caller's own thread. Raises to stop."""

MAX_THREADS = 4
"""Files hashed at a time: more would only make a disk seek."""

REPORT_SECONDS = 0.25


class _Stopped(Exception):  # noqa: N818 - a request, not a fault
    """Ends a hashing thread whose result nobody waits for any longer."""


def cache_file() -> Path:
    """Where hashes are remembered: in the user's cache folder, as the platform has it."""
    if sys.platform == "win32":
        folder = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData/Local")
    elif sys.platform == "darwin":
        folder = Path.home() / "Library/Caches"
    else:
        folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return folder / "ovi-studio" / "weight-hashes.json"


def hash_files(paths: Sequence[Path], on_bytes: OnBytes | None = None) -> dict[Path, str]:
    """SHA-256 in hex of each file; only files not hashed before are read.

    Raises WeightsError for a file that cannot be read, and whatever `on_bytes` raises.
    """
    remembered = _read_cache()
    try:
        stamps = {path: _stamp(path) for path in paths}
    except OSError as error:
        raise WeightsError(f"{error.filename} cannot be read: {error.strerror}.") from error
    known = {
        path: entry["sha256"]
        for path, stamp in stamps.items()
        if (entry := remembered.get(str(path.resolve()))) and entry["stamp"] == stamp
    }
    new = _hash_unknown([path for path in stamps if path not in known], on_bytes)
    if new:
        _remember({str(p.resolve()): {"stamp": stamps[p], "sha256": sha} for p, sha in new.items()})
    return known | new


def remember_hash(path: Path, sha256: str) -> None:
    """Remembers the hash of a file that was just written, so that nobody has to read it again.

    `sha256` is in hex. Raises WeightsError for a file that is not there.
    """
    try:
        _remember({str(path.resolve()): {"stamp": _stamp(path), "sha256": sha256}})
    except OSError as error:
        raise WeightsError(f"{path} cannot be read: {error.strerror}.") from error


def hash_folder(folder: Path) -> str:
    """SHA-256 in hex over the names and contents of all files in a folder of small files.

    Hidden files and folders, which download programs leave behind, do not count.
    Raises WeightsError when the folder or a file in it cannot be read.
    """
    digest = hashlib.sha256()
    try:
        for path in sorted(folder.rglob("*")):
            name = path.relative_to(folder).as_posix()
            if path.is_file() and not any(part.startswith(".") for part in name.split("/")):
                digest.update(f"{name}\0{hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    except OSError as error:
        raise WeightsError(f"{error.filename} cannot be read: {error.strerror}.") from error
    return digest.hexdigest()


def _stamp(path: Path) -> list[int]:
    """What changes when a file does: its size in bytes and its modification time in ns."""
    status = path.stat()
    return [status.st_size, status.st_mtime_ns]


class _WatchedFile(io.FileIO):
    """A file that counts the bytes read from it, and can be stopped."""

    def __init__(self, path: Path, count: Callable[[int], None]) -> None:
        super().__init__(path)
        self._count = count

    def readinto(self, buffer: Any, /) -> int | None:
        size = super().readinto(buffer)
        self._count(size or 0)
        return size


def _hash_unknown(paths: Sequence[Path], on_bytes: OnBytes | None) -> dict[Path, str]:
    """SHA-256 of each file, several at a time; hashing leaves Python free to run threads."""
    if not paths:
        return {}
    stop, lock = threading.Event(), threading.Lock()
    done, total = 0, sum(path.stat().st_size for path in paths)

    def count(size: int) -> None:
        nonlocal done
        if stop.is_set():
            raise _Stopped
        with lock:
            done += size

    def hash_one(path: Path) -> str:
        try:
            with _WatchedFile(path, count) as file:
                return hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]
        except OSError as error:
            raise WeightsError(f"{path} cannot be read: {error.strerror}.") from error

    with ThreadPoolExecutor(min(MAX_THREADS, len(paths))) as pool:
        jobs = {path: pool.submit(hash_one, path) for path in paths}
        try:
            pending = set(jobs.values())
            while pending:
                finished, pending = wait(pending, REPORT_SECONDS, return_when=FIRST_EXCEPTION)
                for job in finished:
                    job.result()  # raises at once what the thread raised
                if on_bytes is not None:
                    on_bytes(done, total)
            return {path: job.result() for path, job in jobs.items()}
        finally:
            stop.set()  # so that an interrupted program need not wait for the whole file


def _read_cache() -> dict[str, Any]:
    """What is remembered; empty when the memory is absent, unreadable or damaged."""
    try:
        entries = json.loads(cache_file().read_text(encoding="utf-8"))
    except (OSError, ValueError, RuntimeError):
        return {}
    if not isinstance(entries, dict):
        return {}
    return {
        path: entry
        for path, entry in entries.items()
        if isinstance(entry, dict) and isinstance(entry.get("sha256"), str) and "stamp" in entry
    }


def _remember(entries: dict[str, Any]) -> None:
    """Adds to the memory; a reader sees the old file or the new one, never half of it."""
    with suppress(OSError, RuntimeError):
        target = cache_file()
        temporary = target.with_name(f"{target.name}.{os.getpid()}-{threading.get_ident()}.tmp")
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            temporary.write_text(json.dumps(_read_cache() | entries, indent=1), encoding="utf-8")
            temporary.replace(target)
        finally:
            temporary.unlink(missing_ok=True)
