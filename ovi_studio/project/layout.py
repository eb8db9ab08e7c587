"""Finds the root of a project and names what lies in it: the only place that knows folder names."""

from dataclasses import dataclass
from pathlib import Path

from ovi_studio.errors import QueueError

PROJECT_FILE = "ovi.toml"
"""The file that marks the root of a project."""


@dataclass(frozen=True, slots=True)
class StateFolder:
    """Where the studio keeps what is not the user's: the queue, its workers' locks and logs."""

    path: Path

    @property
    def queue_path(self) -> Path:
        """The SQLite file that holds the jobs."""
        return self.path / "queue.sqlite3"

    @property
    def lock_folder(self) -> Path:
        """One locked file per living worker."""
        return self.path / "workers"

    @property
    def log_folder(self) -> Path:
        """One file per worker: whatever it wrote to stdout and stderr."""
        return self.path / "logs"

    @property
    def encoding_folder(self) -> Path:
        """Encoded texts and first frames, for all workers and runs."""
        return self.path / "encodings"

    @property
    def preview_folder(self) -> Path:
        """What clips look and sound like while they are denoised; see `render/preview_files.py`."""
        return self.path / "previews"

    @property
    def trash_folder(self) -> Path:
        """Clips that the user deleted, each in a folder of its own."""
        return self.path / "trash"

    @property
    def page_folder(self) -> Path:
        """What the web page keeps of a visit: pictures before they are checked."""
        return self.path / "page"

    @property
    def thumbnail_folder(self) -> Path:
        """Small pictures of clips and of their sound, made again when they are missing."""
        return self.path / "thumbnails"

    def create(self) -> None:
        """Makes the folder, hidden from git. Raises QueueError when it cannot be written."""
        try:
            for folder in (self.path, self.lock_folder, self.log_folder):
                folder.mkdir(parents=True, exist_ok=True)
            ignore = self.path / ".gitignore"
            if not ignore.exists():
                ignore.write_text("*\n", encoding="utf-8")
        except OSError as error:
            raise QueueError(
                f"The folder {self.path} for the queue cannot be made: {error.strerror}. "
                "Start in a folder that you may write to."
            ) from error


@dataclass(frozen=True, slots=True)
class ProjectLayout:
    """Where the parts of one project lie."""

    root: Path

    @property
    def state(self) -> StateFolder:
        """The studio's own folder."""
        return StateFolder(self.root / ".ovi")

    @property
    def output_folder(self) -> Path:
        """Where clips go when no folder is named."""
        return self.root / "renders"

    @property
    def clip_notes_path(self) -> Path:
        """What the user says about clips: stars, tags and notes."""
        return self.root / "clips.json"

    @property
    def upload_folder(self) -> Path:
        """First frames that came through the web page or the API, checked and written anew."""
        return self.root / "uploads"

    @property
    def checkpoint_folder(self) -> Path:
        """Where the published weight files are looked for when no folder is named."""
        return self.root / "ckpts"


def find_layout(start: Path) -> ProjectLayout:
    """The layout of the nearest folder upwards that has an `ovi.toml`, else of `start` itself."""
    start = start.resolve()
    for folder in (start, *start.parents):
        if (folder / PROJECT_FILE).is_file():
            return ProjectLayout(folder)
    return ProjectLayout(start)


def state_of_queue(queue_path: Path) -> StateFolder:
    """The folder that a queue file belongs to."""
    return StateFolder(queue_path.parent)
