"""Files of JSON lines that survive being killed: the log of calls, and the answers already paid.

A line is written with one call to the system and counts only if it is whole; keys are hidden on the
way in. Several processes may add to one file.
"""

import json
import os
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ovi_studio.errors import StudioError
from ovi_studio.rewrite.secret_keys import Secrets


class Records:
    """One such file; it and its folder are made when the first line is written."""

    def __init__(self, path: Path, secrets: Secrets) -> None:
        self.path = path
        self._secrets = secrets
        self._lock = threading.Lock()

    def add(self, record: Mapping[str, Any]) -> None:
        """Adds a record. Raises StudioError where the file cannot be written."""
        self.add_all([record])

    def add_all(self, records: Sequence[Mapping[str, Any]]) -> None:
        """Adds several records at once. Raises StudioError where the file cannot be written."""
        if not records:
            return
        hidden = [self._secrets.hide_in(dict(record)) for record in records]
        lines = "".join(f"{json.dumps(record, ensure_ascii=True)}\n" for record in hidden)
        with self._lock:
            try:
                self._append(lines.encode())
            except OSError as error:
                raise StudioError(
                    f"{self.path} cannot be written: {error.strerror}. Start in a folder that you "
                    "may write to."
                ) from error

    def _append(self, data: bytes) -> None:
        folder = self.path.parent
        folder.mkdir(parents=True, exist_ok=True)
        ignore = folder.parent / ".gitignore"
        if folder.parent.name == ".ovi" and not ignore.exists():
            ignore.write_text("*\n", encoding="utf-8")
        handle = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            size = os.fstat(handle).st_size
            if size:
                os.lseek(handle, size - 1, os.SEEK_SET)
                if os.read(handle, 1) != b"\n":  # somebody was killed while writing
                    data = b"\n" + data
            os.write(handle, data)
            os.fsync(handle)
        finally:
            os.close(handle)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """The whole records, in order; what is no record is passed over."""
        try:
            stream = self.path.open("rb")
        except FileNotFoundError:
            return
        except OSError as error:
            raise StudioError(f"{self.path} cannot be read: {error.strerror}.") from error
        with stream:
            for line in stream:
                try:
                    record = json.loads(line)
                except (ValueError, RecursionError):
                    continue
                if isinstance(record, dict):
                    yield record
