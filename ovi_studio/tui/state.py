"""What the studio remembers between two runs, and edits that are not saved yet.

Both are small JSON files in the project's own folder `.ovi`. They are replaced whole or not at all,
and what cannot be read in them is as if it had never been written: no file can keep the studio from
opening.
"""

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeVar

from ovi_studio.project.atomic_write import replace_file

Value = TypeVar("Value", str, int, float, bool, list[Any], dict[str, Any])

MAX_BYTES = 4_000_000
"""A file that is larger is not ours."""


class RememberedState:
    """Named values: the view, the set, the row, the theme, the widths of panes.

    Keys are words with dots, such as `write.list_width`. A value is text, a number, True or False,
    or a list or dictionary of those.
    """

    def __init__(self, path: Path | None) -> None:
        """Reads what was kept. With no path nothing is kept."""
        self._path = path
        self._values = _read(path) if path else {}
        self._is_changed = False
        self._lock = threading.Lock()

    def get(self, key: str, default: Value) -> Value:
        """What was kept, or the default where nothing was or it is of another kind."""
        value = self._values.get(key)
        kind = type(default)
        if kind is float and type(value) is int:
            return float(value)
        return value if type(value) is kind else default

    def put(self, key: str, value: str | int | float | bool | list[Any] | dict[str, Any]) -> None:
        """Keeps a value; it is on the disk soon after, and at the end at the latest."""
        with self._lock:
            if self._values.get(key) != value:
                self._values[key] = value
                self._is_changed = True

    @property
    def is_changed(self) -> bool:
        """Whether something is to be saved."""
        return self._is_changed

    def save(self) -> None:
        """Writes what was changed, if anything. What cannot be written is not kept."""
        with self._lock:
            if self._path is None or not self._is_changed or not self._path.parent.is_dir():
                return
            text = json.dumps(self._values, ensure_ascii=False, indent=1, sort_keys=True)
            self._is_changed = not _write(self._path, text)


@dataclass(frozen=True, slots=True)
class UnsavedEdit:
    """A cell that was being written when the studio ended."""

    set_path: Path
    row_id: str
    column: str
    before: str
    """what the file held when the edit began"""
    text: str


class EditJournal:
    """Keeps unsaved edits on the disk while they are made, one file each.

    `keep` and `drop` touch the disk: call them from a thread. They may be called from several.
    """

    def __init__(self, folder: Path) -> None:
        """Makes nothing yet."""
        self._folder = folder
        self._lock = threading.Lock()

    def keep(self, edit: UnsavedEdit) -> bool:
        """Writes the edit down, in place of an earlier one of the same cell; False: it cannot."""
        document = {
            "set": str(edit.set_path),
            "row": edit.row_id,
            "column": edit.column,
            "before": edit.before,
            "text": edit.text,
        }
        with self._lock:
            try:
                self._folder.mkdir(parents=True, exist_ok=True)
            except OSError:
                return False
            return _write(self._path(edit.set_path, edit.row_id, edit.column), json.dumps(document))

    def drop(self, set_path: Path, row_id: str, column: str) -> None:
        """Forgets an edit: it was saved, or is not wanted."""
        with self._lock:
            try:
                self._path(set_path, row_id, column).unlink(missing_ok=True)
            except OSError:
                return

    def unsaved(self) -> list[UnsavedEdit]:
        """The edits that were neither saved nor given up, oldest first."""
        return list(self._read_all())

    def _read_all(self) -> Iterator[UnsavedEdit]:
        for path in sorted(self._folder.glob("*.json"), key=_age):
            words = _read(path)
            names = ("set", "row", "column", "before", "text")
            if all(isinstance(words.get(name), str) for name in names):
                yield UnsavedEdit(Path(words["set"]), *(words[name] for name in names[1:]))

    def _path(self, set_path: Path, row_id: str, column: str) -> Path:
        name = json.dumps([str(set_path), row_id, column])
        return self._folder / f"{sha256(name.encode('utf-8', 'replace')).hexdigest()[:16]}.json"


def _age(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def _read(path: Path) -> dict[str, Any]:
    try:
        if path.stat().st_size > MAX_BYTES:
            return {}
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}


def _write(path: Path, text: str) -> bool:
    try:
        with replace_file(path) as stream:
            stream.write(text.encode("utf-8", "backslashreplace"))
    except OSError:
        return False
    return True
