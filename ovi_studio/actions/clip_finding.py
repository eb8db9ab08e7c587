"""Finds the clips of a project and reads their recipes, whatever a stranger wrote into them.

Looked at are the project's output folders and the very files that jobs of its queue made; a link
that leads out of the project is followed only where a job put it. A clip whose recipe cannot be
used is a clip without one, with the reason.
"""

import hashlib
import json
import math
import os
import stat
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from ovi.errors import MediaError
from ovi.media import read_recipe, sidecar_path
from ovi_studio.actions.settings import load_settings
from ovi_studio.errors import UsageError
from ovi_studio.project.layout import ProjectLayout
from ovi_studio.render.clip_places import done_outputs, queue_stamp

CLIP_SUFFIX = ".mp4"

MAX_RECIPE_BYTES = 1024 * 1024
"""A larger recipe is not one of ours: those have a few thousand bytes."""

MAX_CLIPS = 50_000
"""More are not looked at."""

MAX_CLIP_SECONDS = 3600.0

_SAMPLE_BYTES = 64 * 1024
"""Of a clip without a recipe, so much at both ends is hashed to know it again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LibraryClip:
    """A finished clip. What its recipe does not say is None or empty."""

    path: Path
    identity: str
    """of the recipe; of a clip without one `file-` and a hash of the file"""
    set_name: str = ""
    row_id: str = ""
    seed: int | None = None
    variant: str | None = None
    prompt: str = ""
    """as the text encoder got it"""
    seconds: float | None = None
    width: int | None = None
    height: int | None = None
    created: float = 0.0
    """seconds since 1970: when rendering began, else when the file was last written"""
    num_bytes: int = 0
    is_starred: bool = False
    tags: tuple[str, ...] = ()
    note: str = ""
    recipe_text: str = field(default="", repr=False)
    """the recipe as JSON: of thousands of clips it is kept as one text each"""
    fault: str | None = None
    """why there is no recipe, for the user"""
    is_beside: bool = field(default=False, repr=False)
    """the recipe is not inside the clip: it is in the file beside it, or would be"""

    @property
    def recipe(self) -> Mapping[str, Any] | None:
        """The recipe as it stands in the file: anybody may have written it. None: there is none."""
        if not self.recipe_text:
            return None
        recipe: dict[str, Any] = json.loads(self.recipe_text)
        return recipe

    @property
    def name(self) -> str:
        """The file's name without its ending."""
        return self.path.stem

    @property
    def short_identity(self) -> str:
        """As it stands in the file's name; enough to name the clip by."""
        return self.identity.removeprefix("file-")[:8]


_Stamp = tuple[int, int, int]

LOOKS_BETWEEN_SCANS = 10
"""How often folders that look unchanged are trusted: a file may be rewritten in its place."""

SETTLED_NANOSECONDS = 2_000_000_000
"""Some file systems count the times of folders in steps as long as this."""


class ClipFinder:
    """Finds the clips of one project; remembers what it read of files that stay the same."""

    def __init__(self, layout: ProjectLayout) -> None:
        """Looks at nothing yet."""
        self._layout = layout
        self._read: dict[Path, tuple[_Stamp, _Stamp, LibraryClip]] = {}
        self._clips: list[LibraryClip] = []
        self._outputs: frozenset[Path] = frozenset()
        self._scanned_outputs: frozenset[Path] = frozenset()
        self._queue_stamp: object = None
        self._folders: dict[Path, int] = {}
        self._looks_left = 0

    def find(self) -> list[LibraryClip]:
        """All clips, newest first, without what the user says about them.

        The list is the same object as before if nothing has changed; leave it as it is.
        """
        outputs = self._job_outputs()
        folders = {folder: _changed_at(folder) for folder in self._folders}
        is_same = folders == self._folders and outputs == self._scanned_outputs
        if self._looks_left > 0 and is_same:
            self._looks_left -= 1
            return self._clips
        self._folders, self._scanned_outputs = {}, outputs
        began = time.time_ns()
        before = self._read
        self._read = {}
        for path, status in self._files(outputs):
            if len(self._read) >= MAX_CLIPS:
                break
            stamp = _stamp(status)
            known = before.get(path)
            # What stands beside a clip matters only where the recipe is not inside it.
            if known is None or known[0] != stamp or known[1] != _beside_stamp(known[2]):
                clip = read_clip(path, status)
                known = (stamp, _beside_stamp(clip), clip)
            self._read[path] = known
        # A folder that changed just now may change again without its time telling.
        is_settled = all(at < began - SETTLED_NANOSECONDS for at in self._folders.values())
        self._looks_left = LOOKS_BETWEEN_SCANS if is_settled else 0
        clips = [clip for _, _, clip in self._read.values()]
        clips.sort(key=lambda clip: (-clip.created, str(clip.path)))
        if clips != self._clips:
            self._clips = clips
        return self._clips

    def is_ours(self, path: Path) -> bool:
        """Whether a clip may lie there: inside the project, or where a job put it."""
        root = os.path.realpath(self._layout.root)
        real = os.path.realpath(path)
        return Path(real).is_relative_to(root) or path in self._job_outputs()

    def _files(self, outputs: frozenset[Path]) -> Iterator[tuple[Path, os.stat_result]]:
        root = Path(os.path.realpath(self._layout.root))
        seen: set[Path] = set()
        for path in (*self._inside(root, outputs), *sorted(outputs)):
            if path not in seen:
                seen.add(path)
                try:
                    status = path.stat()
                except (OSError, ValueError):
                    continue
                if stat.S_ISREG(status.st_mode):  # no pipe that would make whoever opens it wait
                    yield path, status

    def _inside(self, root: Path, outputs: frozenset[Path]) -> Iterator[Path]:
        """Files that look like clips in the project's own folders."""
        folders = {self._layout.output_folder, *self._named_folders()}
        trees = [path for path in sorted(folders) if _is_inside(path, root)]
        for folder in folders:
            self._watch(folder)
        for folder in trees:
            for place, below, _ in os.walk(folder):
                below[:] = sorted(name for name in below if not name.startswith("."))
                self._watch(Path(place))
                yield from _clips_in(Path(place), root)
        for folder in sorted({path.parent for path in outputs} - folders):
            self._watch(folder)
            is_covered = any(folder.is_relative_to(tree) for tree in trees)
            if not is_covered and _is_inside(folder, root):
                yield from _clips_in(folder, root)

    def _watch(self, folder: Path) -> None:
        """Remembers how a folder is before it is looked through."""
        self._folders.setdefault(folder, _changed_at(folder))

    def _named_folders(self) -> tuple[Path, ...]:
        """The output folder of the settings, where they name one."""
        try:
            output = load_settings(self._layout.root).render.output
        except UsageError:
            return ()  # whoever renders is told
        return () if output is None else (output,)

    def _job_outputs(self) -> frozenset[Path]:
        path = self._layout.state.queue_path
        stamp = queue_stamp(path)
        if stamp != self._queue_stamp:
            outputs = done_outputs(path)
            if outputs is not None:
                self._outputs, self._queue_stamp = outputs, stamp
        return self._outputs


def read_clip(path: Path, status: os.stat_result) -> LibraryClip:
    """One clip, as far as its recipe can be understood. Raises nothing for what is in the file."""
    recipe, fault, is_beside = _read_tolerantly(path)
    if recipe is None:
        return LibraryClip(
            path=path,
            identity=_fingerprint(path, status.st_size),
            created=status.st_mtime,
            num_bytes=status.st_size,
            fault=fault,
            is_beside=True,
        )
    request, source = _mapping(recipe, "request"), _mapping(recipe, "source")
    size, sampling = _mapping(request, "size"), _mapping(request, "sampling")
    identity = _text(recipe, "identity")
    return LibraryClip(
        path=path,
        identity=identity or _fingerprint(path, status.st_size),
        set_name=_text(source, "set"),
        row_id=_text(source, "row"),
        seed=_whole(sampling, "seed"),
        variant=_text(request, "variant") or None,
        prompt=_text(request, "text"),
        seconds=_seconds(recipe.get("duration_seconds")),
        width=_whole(size, "width"),
        height=_whole(size, "height"),
        created=_moment(recipe.get("created"), status.st_mtime),
        num_bytes=status.st_size,
        recipe_text=json.dumps(recipe, ensure_ascii=False),
        is_beside=is_beside,
    )


def _read_tolerantly(path: Path) -> tuple[dict[str, Any] | None, str | None, bool]:
    """The recipe as it stands in a clip or beside it, else why there is none; True: beside it."""
    faults: list[str] = []
    readers: tuple[Callable[[Path], dict[str, Any]], ...] = (_recipe_inside, _recipe_beside)
    for read in readers:
        try:
            return read(path), None, read is _recipe_beside
        except FileNotFoundError:
            continue
        except (MediaError, OSError, ValueError, RecursionError) as error:
            faults.append(str(error) or type(error).__name__)
    return None, faults[0] if faults else f"{path} is not there any more.", True


def _recipe_inside(path: Path) -> dict[str, Any]:
    return read_recipe(path, max_bytes=MAX_RECIPE_BYTES)


def _recipe_beside(path: Path) -> dict[str, Any]:
    beside = sidecar_path(path)
    if not beside.is_file():
        raise FileNotFoundError(beside)
    if beside.stat().st_size > MAX_RECIPE_BYTES:
        raise ValueError(f"{beside} is too large to be a recipe.")
    data = json.loads(beside.read_text(encoding="utf-8"))
    if not isinstance(data, dict):
        raise ValueError(f"{beside} holds no JSON object.")
    return data


def _clips_in(folder: Path, root: Path) -> Iterator[Path]:
    found = []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.name.lower().endswith(CLIP_SUFFIX) and not entry.name.startswith("."):
                    path = Path(entry.path)
                    if not entry.is_symlink() or _is_inside(path, root):
                        found.append(path)
    except OSError:
        return
    yield from sorted(found)


def _is_inside(path: Path, root: Path) -> bool:
    """Whether a path, links followed, lies below a real root."""
    return Path(os.path.realpath(path)).is_relative_to(root)


def _fingerprint(path: Path, size: int) -> str:
    """What a clip without a recipe is known by, wherever it is moved."""
    digest = hashlib.sha256(str(size).encode())
    try:
        with path.open("rb") as file:
            digest.update(file.read(_SAMPLE_BYTES))
            file.seek(max(0, size - _SAMPLE_BYTES))
            digest.update(file.read(_SAMPLE_BYTES))
    except OSError:
        digest.update(str(path).encode("utf-8", "surrogateescape"))
    return f"file-{digest.hexdigest()[:32]}"


def _stamp(status: os.stat_result) -> _Stamp:
    return status.st_mtime_ns, status.st_size, status.st_ino


def _beside_stamp(clip: LibraryClip) -> _Stamp:
    """Of the file beside a clip, where the recipe is or could be in it."""
    if not clip.is_beside:
        return 0, 0, 0
    try:
        return _stamp(sidecar_path(clip.path).stat())
    except OSError:
        return 0, 0, 0


def _changed_at(folder: Path) -> int:
    try:
        return folder.stat().st_mtime_ns
    except (OSError, ValueError):
        return 0


def _mapping(data: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = data.get(key)
    return value if isinstance(value, dict) else {}


def _text(data: Mapping[str, Any], key: str) -> str:
    """A text that every screen and file can hold: halves of surrogate pairs become escapes."""
    value = data.get(key)
    return value.encode("utf-8", "backslashreplace").decode() if isinstance(value, str) else ""


def _whole(data: Mapping[str, Any], key: str) -> int | None:
    value = data.get(key)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _seconds(value: Any) -> float | None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not math.isfinite(value) or not 0 < value <= MAX_CLIP_SECONDS:
        return None
    return float(value)


def _moment(value: Any, otherwise: float) -> float:
    if not isinstance(value, str):
        return otherwise
    try:
        return datetime.fromisoformat(value).timestamp()
    except (ValueError, OverflowError, OSError):
        return otherwise
