"""The lock a worker holds for as long as it lives, so that everybody can see whether it does.

The system lets go of a file lock when its process ends, however it ends. Unlike a process id it is
never taken over by another process, and unlike a heartbeat it does not depend on clocks.
"""

import sys
from pathlib import Path
from typing import BinaryIO

if sys.platform == "win32":
    import msvcrt

    def _try_lock(file: BinaryIO) -> bool:
        try:
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True
else:
    import fcntl

    def _try_lock(file: BinaryIO) -> bool:
        try:
            fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        return True


class WorkerLock:
    """A lock on a file of its own. Held from `acquire` until the process ends or `release`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: BinaryIO | None = None

    def acquire(self) -> bool:
        """Takes the lock; False when another process has it. Raises OSError."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        file = self.path.open("ab")
        if not _try_lock(file):
            file.close()
            return False
        self._file = file
        return True

    def let_go(self) -> None:
        """Lets go and leaves the file: for one that several processes wait for in turn."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def release(self) -> None:
        """Lets go and removes the file."""
        if self._file is not None:
            self._file.close()
            self._file = None
            self.path.unlink(missing_ok=True)


def is_held(path: Path) -> bool:
    """Whether a living process holds the lock on that file."""
    try:
        file = path.open("r+b")
    except FileNotFoundError:
        return False
    with file:
        return not _try_lock(file)
