"""Replaces a file whole or not at all."""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO


def pending_path(path: Path) -> Path:
    """Where the new content is written before it takes the place of `path`."""
    return path.with_name(f".{path.name}.new")


@contextmanager
def replace_file(path: Path) -> Iterator[BinaryIO]:
    """A stream whose bytes become the content of `path` when the block ends without an exception.

    Until then, and after a crash at any moment, `path` holds what it held. Permissions of an
    existing file are kept, and its owner where that is allowed. The caller keeps others from doing
    the same at once (`project/file_lock.py`), and passes the real path, not a link. Raises OSError.
    """
    pending = pending_path(path)
    try:
        with pending.open("wb") as stream:
            _copy_access(path, stream.fileno())
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        pending.replace(path)
    except BaseException:
        with suppress(OSError):
            pending.unlink()
        raise
    _sync_folder(path.parent)


def _copy_access(path: Path, handle: int) -> None:
    try:
        before = path.stat()
    except FileNotFoundError:
        return
    if hasattr(os, "fchown"):
        with suppress(OSError):
            os.fchown(handle, before.st_uid, before.st_gid)
    if hasattr(os, "fchmod"):
        os.fchmod(handle, stat.S_IMODE(before.st_mode))


def _sync_folder(folder: Path) -> None:
    """Makes the renaming itself survive a power cut, where the system can do that."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
