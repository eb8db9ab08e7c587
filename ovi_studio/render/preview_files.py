"""The files of a clip's preview: what they are called, how they are replaced, when they may go.

Of job 7 there are `7.webp`, an animated picture; `7.mel.png`, the sound as a mel spectrogram, low
notes at the bottom; and `7.json`, which says what they show and is written after them. Each is
replaced whole, so a reader finds the old one or the new one; nothing is lost when the power goes,
since a preview is never worth keeping.
"""

import json
import os
import threading
from collections.abc import Collection
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

_ENDINGS = (".json", ".webp", ".mel.png")
"""The JSON goes first when a preview is removed, so that nobody looks for pictures then."""

PART = ".part"
"""Ends the name of a file that is not whole yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PreviewState:
    """What the pictures show."""

    variant: str
    step: int
    """denoising steps that the pictures have seen, from 1"""
    num_steps: int
    is_calibrated: bool
    """colours and loudness are those of the clip; else they only show shapes and motion"""
    fps: float
    """frames a second of the picture, as they should be played"""
    num_frames: int
    """of the clip in latents; the file has fewer where neighbours look the same"""
    height: int
    """pixels of the picture"""
    width: int


@dataclass(frozen=True, slots=True)
class PreviewPaths:
    """Where the preview of one job lies."""

    folder: Path
    job_id: int

    @property
    def state(self) -> Path:
        """What the pictures show, as JSON."""
        return self.folder / f"{self.job_id}.json"

    @property
    def picture(self) -> Path:
        """The animated WebP."""
        return self.folder / f"{self.job_id}.webp"

    @property
    def sound(self) -> Path:
        """The PNG of the mel spectrogram."""
        return self.folder / f"{self.job_id}.mel.png"

    def write(self, state: PreviewState, picture: bytes, sound: bytes) -> None:
        """Replaces the preview. Raises OSError."""
        self.folder.mkdir(parents=True, exist_ok=True)
        _replace(self.picture, picture)
        _replace(self.sound, sound)
        _replace(self.state, json.dumps(asdict(state)).encode())

    def read_state(self) -> PreviewState | None:
        """What the pictures show; None when there is no preview."""
        try:
            said: dict[str, Any] = json.loads(self.state.read_bytes())
            return PreviewState(**said)
        except (OSError, ValueError, TypeError):  # also one that another version wrote
            return None

    def remove(self) -> None:
        """Removes the preview. Harmless when there is none."""
        for path in (self.state, self.picture, self.sound):
            with suppress(OSError):
                path.unlink()


def stale_files(folder: Path, living: Collection[int]) -> list[Path]:
    """Files of previews whose jobs are not among the `living`, and those that never became whole.

    Anything else that lies in the folder is left alone.
    """
    found = []
    with suppress(OSError):
        for path in sorted(folder.iterdir()):
            name = path.name.removeprefix(".").removesuffix(PART)
            number, ending = _split(name)
            if number is not None and ending in _ENDINGS and number not in living:
                found.append(path)
    return found


def _split(name: str) -> tuple[int | None, str]:
    """The job's number and the ending; an unfinished file has its writer's numbers after it."""
    number, _, rest = name.partition(".")
    known = next((ending for ending in _ENDINGS if f".{rest}".startswith(ending)), "")
    return (int(number) if number.isascii() and number.isdecimal() else None), known


def _replace(path: Path, content: bytes) -> None:
    part = path.with_name(f".{path.name}.{os.getpid()}-{threading.get_ident()}{PART}")
    try:
        part.write_bytes(content)
        part.replace(path)
    except BaseException:
        with suppress(OSError):
            part.unlink()
        raise
