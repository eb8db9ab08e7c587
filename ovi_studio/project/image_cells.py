"""Names first frames so that they are found from another file, and never leads out of a project.

A cell that is imported, exported or added names a picture from one place; the file it goes to lies
in another. Whether the picture can be used is for `lint` to say.
"""

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath

from ovi_studio.errors import PromptFileError
from ovi_studio.project.set_changes import create_file

MAX_PATH_CHARACTERS = 1000
MAX_PICTURE_BYTES = 64 << 20

_SIGNATURES = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF8", b"BM", b"II*\0", b"MM\0*")
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://|data:")


@dataclass(frozen=True, slots=True)
class ImageCell:
    """What becomes of a cell."""

    text: str
    """The path to write; "" if the cell is not taken."""
    problem: str = ""
    """Why it is not taken, or what is noteworthy about it."""
    is_copied: bool = False


@dataclass(frozen=True, slots=True)
class ImageNaming:
    """From where to where pictures are named."""

    folders: tuple[Path, ...]
    """Where a picture is looked for, in this order."""
    target_folder: Path
    """The folder of the file that names it from now on."""
    root: Path
    """The project, which no path may leave."""
    copy_folder: Path | None = None
    """Where pictures from outside are copied to; None: they are not taken."""

    def rename(self, cell: str) -> ImageCell:
        """The cell for the new file. May copy a picture. Raises PromptFileError."""
        name = cell.strip()
        if not name:
            return ImageCell("")
        if not _is_path(name):
            return ImageCell("", "pictures that are not named by a path")
        found = find_picture(name, self.folders)
        if found is None:
            if _leads_out(name):
                return ImageCell("", "pictures outside the project that are not there")
            return ImageCell(name, "pictures that are not there yet (named all the same)")
        if found.is_relative_to(self.root.resolve()):
            return ImageCell(relative_name(found, self.target_folder))
        if self.copy_folder is None:
            return ImageCell("", "pictures outside the project (--copy-images brings them in)")
        if not _is_picture(found):
            return ImageCell("", "files outside the project that are no pictures")
        copy = _copied(found, self.copy_folder)
        return ImageCell(relative_name(copy, self.target_folder), is_copied=True)


def find_picture(name: str, folders: Sequence[Path]) -> Path | None:
    """The real path of the first file of that name; None if no folder has it."""
    for spelling in dict.fromkeys((name, name.replace("\\", "/"))):
        for folder in folders:
            try:
                path = (folder / spelling).resolve()
                if path.is_file():
                    return path
            except (OSError, ValueError, RuntimeError):  # no path at all, or links in a circle
                continue
    return None


def relative_name(path: Path, folder: Path) -> str:
    """The path as a cell of a file in `folder` names it, with `/` on every system."""
    try:
        return Path(os.path.relpath(path.resolve(), folder.resolve())).as_posix()
    except ValueError:  # another drive
        return path.resolve().as_posix()


def _is_path(name: str) -> bool:
    is_usual = len(name) <= MAX_PATH_CHARACTERS and name.isprintable()
    return is_usual and not _URL.match(name)


def _leads_out(name: str) -> bool:
    """True for a path that is absolute, or climbs: on any system, whoever wrote it."""
    parts = PurePosixPath(name.replace("\\", "/")).parts
    is_rooted = name.startswith(("/", "\\", "~")) or bool(PureWindowsPath(name).drive)
    return is_rooted or ".." in parts


def _is_picture(path: Path) -> bool:
    """True for a file of a usual size that begins as pictures do."""
    try:
        if path.stat().st_size > MAX_PICTURE_BYTES:
            return False
        with path.open("rb") as stream:
            head = stream.read(16)
    except OSError:
        return False
    is_boxed = (head[:4] == b"RIFF" and head[8:12] == b"WEBP") or head[4:12] == b"ftypavif"
    return is_boxed or head.startswith(_SIGNATURES)


def _copied(picture: Path, folder: Path) -> Path:
    """A copy in the folder, or the one that lies there already. Never replaces another picture."""
    try:
        data = picture.read_bytes()
        for number in range(1, 10_000):
            ending = "" if number == 1 else f"-{number}"
            copy = folder / f"{picture.stem}{ending}{picture.suffix}"
            if not copy.exists():
                create_file(copy, [data])
                return copy
            if copy.is_file() and copy.read_bytes() == data:
                return copy
    except OSError as error:
        raise PromptFileError(f"{picture} cannot be copied: {error.strerror}.") from error
    raise PromptFileError(f"{folder} holds too many pictures called {picture.stem}.")
