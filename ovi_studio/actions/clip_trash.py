"""The trash of a project: clips that were deleted, and can be brought back until it is emptied.

Each lies in a folder of its own below `.ovi/trash`, with the files beside it and a note of where it
came from.
"""

import json
import os
import shutil
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ovi.media import sidecar_path
from ovi_studio.actions.clip_finding import CLIP_SUFFIX, ClipFinder
from ovi_studio.errors import StudioError
from ovi_studio.project.layout import ProjectLayout

NOTE_NAME = "where.json"

MAX_NOTE_BYTES = 64 * 1024


class TrashError(StudioError):
    """A clip cannot be moved to the trash or out of it."""


@dataclass(frozen=True, slots=True)
class TrashedClip:
    """A clip in the trash."""

    path: Path
    """where it lies now"""
    origin: Path
    """where it would be brought back to"""
    deleted: float
    """seconds since 1970"""
    num_bytes: int
    """of the clip and the files beside it"""

    @property
    def folder(self) -> Path:
        """The folder that goes when the trash is emptied."""
        return self.path.parent

    @property
    def name(self) -> str:
        """The clip's name without its ending."""
        return self.path.stem


class ClipTrash:
    """The trash of one project."""

    def __init__(
        self, layout: ProjectLayout, finder: ClipFinder, now: Callable[[], float] = time.time
    ) -> None:
        """`finder` knows where clips may lie."""
        self._layout = layout
        self._finder = finder
        self._now = now

    def put(self, clip: Path) -> TrashedClip:
        """Moves a clip and the files beside it to the trash. Raises TrashError."""
        try:
            self._layout.state.create()
            folder = self._new_folder()
            deleted = self._now()
            note = json.dumps({"path": str(clip), "deleted": deleted})
            (folder / NOTE_NAME).write_text(note, encoding="utf-8")
            # The clip first: what is left beside it after a crash is no clip.
            for file in (clip, *_beside(clip)):
                shutil.move(file, folder / file.name)
        except OSError as error:
            with suppress(OSError, UnboundLocalError):
                if not any(folder.glob(f"*{CLIP_SUFFIX}")):
                    shutil.rmtree(folder)
            raise TrashError(
                f"{clip} cannot be moved to the trash: {error.strerror or error}. It is where it "
                "was, unless another program has moved it."
            ) from error
        return TrashedClip(folder / clip.name, clip, deleted, _size(folder))

    def clips(self) -> list[TrashedClip]:
        """What is in the trash, the latest first."""
        found = []
        with suppress(OSError):
            for folder in self._layout.state.trash_folder.iterdir():
                if folder.is_dir() and not folder.is_symlink():
                    found += self._read(folder)
        return sorted(found, key=lambda clip: (-clip.deleted, clip.name))

    def restore(self, clip: TrashedClip) -> Path:
        """Puts a clip back where it was, beside what has its name now. Raises TrashError."""
        target = self._target(clip)
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            for file in (*_beside(clip.path), clip.path):  # the clip last, so that it is whole
                shutil.move(file, target.with_suffix(file.suffix))
            shutil.rmtree(clip.folder, ignore_errors=True)
        except OSError as error:
            raise TrashError(
                f"{clip.name} cannot be brought back to {target.parent}: {error.strerror or error}."
            ) from error
        return target

    def empty(self, clips: Sequence[TrashedClip]) -> list[TrashedClip]:
        """Removes clips for good; returns those that are gone."""
        gone = []
        for clip in clips:
            shutil.rmtree(clip.folder, ignore_errors=True)
            if not clip.folder.exists():
                gone.append(clip)
        return gone

    def _read(self, folder: Path) -> list[TrashedClip]:
        """The clip in a folder of the trash; whoever wrote the note may have meant harm."""
        files = [file for file in folder.iterdir() if file.is_file() and not file.is_symlink()]
        clips = [file for file in files if file.suffix.lower() == CLIP_SUFFIX]
        if len(clips) != 1:
            return []
        note = _read_note(folder / NOTE_NAME)
        origin, deleted = note.get("path"), note.get("deleted")
        path = self._layout.output_folder / clips[0].name
        if isinstance(origin, str) and Path(origin).name == clips[0].name:
            wanted = Path(origin)
            path = wanted if wanted.is_absolute() and self._finder.is_ours(wanted) else path
        if not isinstance(deleted, int | float) or isinstance(deleted, bool):
            deleted = folder.stat().st_mtime
        return [TrashedClip(clips[0], path, float(deleted), _size(folder))]

    def _new_folder(self) -> Path:
        trash = self._layout.state.trash_folder
        stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime(self._now()))
        for number in range(1, 100_000):
            folder = trash / f"{stamp}-{number}"
            try:
                folder.mkdir(parents=True)
            except FileExistsError:
                continue
            return folder
        raise TrashError(f"{trash} holds too much; empty it: ovi clips empty-trash.")

    def _target(self, clip: TrashedClip) -> Path:
        """A path that no file has."""
        for ending in ("", "-restored", *(f"-restored{number}" for number in range(2, 1000))):
            path = clip.origin.with_name(f"{clip.origin.stem}{ending}{clip.origin.suffix}")
            if not os.path.lexists(path) and not os.path.lexists(sidecar_path(path)):
                return path
        raise TrashError(f"{clip.origin.parent} holds too many clips of that name; move some away.")


def _beside(clip: Path) -> list[Path]:
    """The files that belong to a clip and exist."""
    candidates = (sidecar_path(clip), clip.with_suffix(".png"))
    return [path for path in candidates if path.is_file()]


def _read_note(path: Path) -> dict[str, Any]:
    try:
        if path.stat().st_size > MAX_NOTE_BYTES:
            return {}
        note = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return note if isinstance(note, dict) else {}


def _size(folder: Path) -> int:
    total = 0
    with suppress(OSError):
        total = sum(file.lstat().st_size for file in folder.iterdir())
    return total
