"""Lets one process at a time change a file: a lock that the system releases however it ends."""

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ovi_studio.errors import PromptFileError

WAIT_SECONDS = 10.0
"""How long to wait for another process before giving up."""

_PAUSE_SECONDS = 0.02

if sys.platform == "win32":
    import msvcrt

    def _try_lock(handle: int) -> bool:
        try:
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True
else:
    import fcntl

    def _try_lock(handle: int) -> bool:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


def lock_path(path: Path) -> Path:
    """The file that is locked in place of `path`, which itself gets replaced."""
    return path.with_name(f".{path.name}.lock")


@contextmanager
def file_lock(path: Path, wait_seconds: float = WAIT_SECONDS) -> Iterator[None]:
    """Holds the lock of `path` inside the block; leaves no file behind.

    Raises PromptFileError when another process keeps it for `wait_seconds`, or when the folder
    cannot be written.
    """
    lock = lock_path(path)
    try:
        handle = _acquire(lock, time.monotonic() + wait_seconds)
    except OSError as error:
        raise PromptFileError(
            f"{path} cannot be changed: its folder cannot be written ({error.strerror})."
        ) from error
    if handle is None:
        raise PromptFileError(
            f"{path} is being changed by another process ({lock.name} is locked). Try again when "
            "that is done."
        )
    try:
        yield
    finally:
        _release(lock, handle)


def _acquire(lock: Path, deadline: float) -> int | None:
    while True:
        handle = os.open(lock, os.O_RDWR | os.O_CREAT, 0o666)
        if _try_lock(handle):
            if _is_at(lock, handle):
                return handle
            os.close(handle)  # the one before us removed it: what we locked has no name any more
            continue
        os.close(handle)
        if time.monotonic() >= deadline:
            return None
        time.sleep(_PAUSE_SECONDS)


def _is_at(lock: Path, handle: int) -> bool:
    try:
        return os.path.samestat(os.fstat(handle), lock.stat())
    except FileNotFoundError:
        return False


def _release(lock: Path, handle: int) -> None:
    if sys.platform == "win32":  # an open file cannot be removed there, nor one that others hold
        os.close(handle)
        with suppress(OSError):
            lock.unlink()
    else:
        with suppress(OSError):
            lock.unlink()
        os.close(handle)
