"""Small pictures of clips, their moving frames and the shape of their sound, made by ffmpeg.

What can be kept lies in `.ovi/thumbnails` under a key of the file, and is made again when it is
missing. Everything here may take a second: call it in a thread. However many threads call, only
`MAX_PROCESSES` ffmpegs make pictures at a time; frames that are played come at once.
"""

import hashlib
import os
import subprocess
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from ovi.errors import MediaError
from ovi.media.encoder import find_ffmpeg
from ovi_studio.actions.clip_finding import LibraryClip
from ovi_studio.errors import MissingExtraError

FRAMES_PER_SECOND = 24
"""At which frames are played: that of every variant."""

STRIP_FRAMES = 6
"""Frames in a strip, side by side and equally wide."""

STRIP_HEIGHT = 108
"""Pixels of a strip's frames, at most."""

NUM_PEAKS = 512
"""Parts that a clip's sound is cut into."""

MAX_PLAYED_SECONDS = 30
"""Longer files are not ours; so much of them is shown."""

MAX_PROCESSES = 2

MAX_CACHE_BYTES = 256 * 1024 * 1024

_STRIP_RATE = 4
"""Frames a second that a strip's frames are chosen from."""

_PATIENCE_SECONDS = 60.0
"""An ffmpeg that takes longer is stuck on a file that somebody made for that."""

_WRITES_A_TRIM = 100

_WAVE_SIZE = (1024, 128)
_WAVE_INK, _WAVE_PAPER = (94, 190, 255), (16, 18, 24)

_Maker = Callable[[Path, Path], None]
"""Writes a picture of a clip to a file. Raises MediaError and OSError."""

_slots = threading.BoundedSemaphore(MAX_PROCESSES)


@dataclass(frozen=True, slots=True)
class SmallFrame:
    """One frame of a clip, made small."""

    width: int
    height: int
    pixels: bytes
    """RGB, row by row"""


class ClipPictures:
    """The pictures of one project's clips, kept in a folder."""

    def __init__(self, folder: Path) -> None:
        """`folder` is made when the first picture is kept."""
        self._folder = folder
        self._faults: dict[str, str] = {}
        self._num_written = 0

    def strip(self, clip: LibraryClip) -> Path:
        """A JPEG of `STRIP_FRAMES` frames side by side.

        Raises MediaError when there is none to be had, and the same at once when asked again.
        """
        return self._kept(clip, ".jpg", _make_strip)

    def known_strip(self, clip: LibraryClip) -> Path | None:
        """The strip if it was made before; starts nothing."""
        path = self._path(clip, ".jpg")
        return path if path is not None and path.is_file() else None

    def waveform(self, clip: LibraryClip) -> Path:
        """A PNG of the clip's sound over time. Raises MediaError as `strip`."""
        peaks = self.peaks(clip)
        return self._kept(clip, ".png", lambda _, target: _draw_waveform(peaks, target))

    def peaks(self, clip: LibraryClip) -> Sequence[int]:
        """How loud each of `NUM_PEAKS` parts is at most, 0 to 255; all 0 where there is no sound.

        Raises MediaError as `strip`.
        """
        data = self._kept(clip, ".peaks", _make_peaks).read_bytes()
        return tuple(data[:NUM_PEAKS].ljust(NUM_PEAKS, b"\0"))

    def _kept(self, clip: LibraryClip, ending: str, make: _Maker) -> Path:
        """The file of a clip with that ending, made where it is missing."""
        path = self._path(clip, ending)
        if path is None:
            raise MediaError(f"{clip.path} is not there any more.")
        if path.is_file():
            return path
        fault = self._faults.get(path.name)
        if fault is not None:
            raise MediaError(fault)
        unfinished = path.with_name(f"{path.name}.{os.getpid()}-{threading.get_ident()}.part")
        try:
            with _slots:
                if not path.is_file():
                    self._folder.mkdir(parents=True, exist_ok=True)
                    make(clip.path, unfinished)
                    unfinished.replace(path)
                    self._num_written += 1
        except MediaError as error:
            self._faults[path.name] = str(error)
            raise
        except OSError as error:
            raise MediaError(
                f"{path} cannot be written: {error.strerror or error}. Free some space, or allow "
                "writing to the project's folder."
            ) from error
        finally:
            unfinished.unlink(missing_ok=True)
        if self._num_written % _WRITES_A_TRIM == 1:
            for surplus, _ in surplus_pictures(self._folder, MAX_CACHE_BYTES):
                with suppress(OSError):
                    surplus.unlink()
        return path

    def _path(self, clip: LibraryClip, ending: str) -> Path | None:
        """Where a picture of this very file is kept; None if the file is gone."""
        try:
            status = clip.path.stat()
        except OSError:
            return None
        said = f"{clip.identity} {status.st_size} {status.st_mtime_ns}"
        key = hashlib.sha256(said.encode("utf-8", "surrogatepass")).hexdigest()[:32]
        return self._folder / f"{key}{ending}"


def surplus_pictures(folder: Path, max_bytes: int) -> list[tuple[Path, int]]:
    """Files of a folder with their bytes, oldest first, that are too many for the limit."""
    found = []
    with suppress(OSError):
        for entry in os.scandir(folder):
            if entry.is_file(follow_symlinks=False):
                status = entry.stat(follow_symlinks=False)
                found.append((status.st_mtime, Path(entry.path), status.st_size))
    total = sum(size for _, _, size in found)
    surplus = []
    for _, path, size in sorted(found):
        if total <= max_bytes:
            break
        surplus.append((path, size))
        total -= size
    return surplus


def iter_frames(
    clip: Path, height: int, width: int | None = None, *, rate: int = FRAMES_PER_SECOND
) -> Iterator[SmallFrame]:
    """The frames of a clip, `rate` a second, fitted into a box of pixels.

    `width` is twice the height if it is not given. Close the iterator to stop early. Raises
    MediaError when not one frame can be had.
    """
    box = f"{max(2, width or 2 * height)}:{max(2, height)}"
    command = [
        *_input(clip), "-an", "-t", str(MAX_PLAYED_SECONDS),
        "-vf", f"fps={rate},scale={box}:force_original_aspect_ratio=decrease:flags=area",
        "-frames:v", str(rate * MAX_PLAYED_SECONDS),
        "-f", "image2pipe", "-c:v", "ppm", "pipe:1",
    ]  # fmt: skip
    process = _start(command)
    assert process.stdout is not None
    watch = threading.Timer(_PATIENCE_SECONDS, process.kill)
    watch.daemon = True
    watch.start()
    is_empty = True
    try:
        while (frame := _read_ppm(process.stdout)) is not None:
            is_empty = False
            yield frame
    finally:
        watch.cancel()
        process.kill()
        process.stdout.close()
        process.wait()
    if is_empty:
        raise MediaError(f"{clip} has no frames that ffmpeg can read: it is damaged or no video.")


def image_size(strip: Path) -> tuple[int, int]:
    """Width and height in pixels of a strip. Raises MediaError for a damaged one."""
    pillow = _pillow()
    try:
        with pillow.open(strip) as picture:
            return int(picture.width), int(picture.height)
    except (OSError, ValueError) as error:
        raise MediaError(f"{strip} is damaged; remove it, and it is made again.") from error


def _make_strip(clip: Path, target: Path) -> None:
    frames = list(iter_frames(clip, STRIP_HEIGHT, rate=_STRIP_RATE))
    last = len(frames) - 1
    chosen = [frames[round(last * i / (STRIP_FRAMES - 1))] for i in range(STRIP_FRAMES)]
    pillow = _pillow()
    width, height = chosen[0].width, chosen[0].height
    strip = pillow.new("RGB", (width * STRIP_FRAMES, height))
    for place, frame in enumerate(chosen):
        picture = pillow.frombytes("RGB", (frame.width, frame.height), frame.pixels)
        strip.paste(picture, (place * width, 0))
    strip.save(target, format="JPEG", quality=85)


def _make_peaks(clip: Path, target: Path) -> None:
    command = [
        *_input(clip), "-vn", "-t", str(MAX_PLAYED_SECONDS), "-ac", "1", "-ar", "8000",
        "-f", "s16le", "pipe:1",
    ]  # fmt: skip
    process = _start(command)
    try:
        samples, _ = process.communicate(timeout=_PATIENCE_SECONDS)
    except subprocess.TimeoutExpired as error:
        process.kill()
        process.communicate()
        raise MediaError(f"The sound of {clip} cannot be read: ffmpeg does not end.") from error
    if not clip.is_file():
        raise MediaError(f"{clip} is not there any more.")
    target.write_bytes(bytes(_loudest(samples)))


def _loudest(samples: bytes) -> list[int]:
    """The loudest sample of each part, 0 to 255; `samples` are 16-bit, little-endian."""
    from array import array

    values = array("h", samples[: len(samples) // 2 * 2])
    if not values:
        return [0] * NUM_PEAKS
    peaks = []
    for part in range(NUM_PEAKS):
        start = len(values) * part // NUM_PEAKS
        piece = values[start : max(start + 1, len(values) * (part + 1) // NUM_PEAKS)]
        peaks.append(min(255, max(max(piece), -min(piece)) >> 7))
    return peaks


def _draw_waveform(peaks: Sequence[int], target: Path) -> None:
    width, height = _WAVE_SIZE
    picture = _pillow().new("RGB", _WAVE_SIZE, _WAVE_PAPER)
    for column in range(width):
        reach = max(1, peaks[column * len(peaks) // width] * (height // 2 - 1) // 255)
        picture.paste(_WAVE_INK, (column, height // 2 - reach, column + 1, height // 2 + reach))
    picture.save(target, format="PNG")


def _input(clip: Path) -> list[str]:
    """ffmpeg, told to take the file for an MP4 whatever it says it is, and to open no other."""
    return [
        find_ffmpeg(), "-hide_banner", "-nostats", "-nostdin", "-loglevel", "quiet",
        "-threads", "1", "-protocol_whitelist", "file,pipe", "-f", "mov", "-i", f"file:{clip}",
    ]  # fmt: skip


def _start(command: Sequence[str]) -> "subprocess.Popen[bytes]":
    try:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        raise MediaError(f"ffmpeg cannot be started: {error}.") from error


def _read_ppm(stream: IO[bytes]) -> SmallFrame | None:
    """The next picture of a stream of PPM pictures; None at its end."""
    if stream.readline(8) != b"P6\n":
        return None
    sides, depth = stream.readline(32).split(), stream.readline(8)
    if len(sides) != 2 or depth != b"255\n":
        return None
    width, height = int(sides[0]), int(sides[1])
    pixels = stream.read(width * height * 3)
    return SmallFrame(width, height, pixels) if len(pixels) == width * height * 3 else None


def _pillow() -> Any:
    """The module that draws. Raises MissingExtraError."""
    try:
        from PIL import Image
    except ImportError as error:
        raise MissingExtraError(
            'Pictures of clips need pillow, not installed here: pip install "ovi-studio[tui]".'
        ) from error
    return Image
