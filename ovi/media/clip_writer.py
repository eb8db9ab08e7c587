"""Writes one clip, streaming its frames, so that it is there either whole or not at all.

Everything is made in a hidden folder beside the clip, flushed to the disk, then renamed: the
sidecar first, so that a clip that can be seen always has one. What the files hold is decided in
`encoder.py` and `recipe.py`.
"""

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from ovi.errors import MediaError
from ovi.media.conversion import waveform_to_int16
from ovi.media.encoder import Encoder, clip_command, find_ffmpeg
from ovi.media.mp4_comment import read_comment
from ovi.media.recipe import ffmpeg_metadata, recipe_text
from ovi.spec.geometry import FrameSize

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def sidecar_path(clip: Path) -> Path:
    """The JSON file beside a clip: the same name with another ending."""
    return clip.with_suffix(".json")


def ensure_writable(clip: Path) -> None:
    """Finds out before a long render whether a clip can be written there; makes its folder.

    Raises MediaError when there is no ffmpeg, the name is taken by a folder, or the folder cannot
    be written to.
    """
    find_ffmpeg()
    with _naming(clip):
        _make_scratch_folder(clip).rmdir()


class ClipWriter:
    """Context manager that writes an MP4 of known length, frame by frame, and its sidecar.

    Leaving the `with` block normally completes the clip and puts it under its name, replacing an
    older one; leaving it by an exception, whatever its kind, leaves nothing behind.
    """

    def __init__(
        self,
        path: Path,
        *,
        size: FrameSize,
        num_frames: int,
        fps: int,
        sample_rate: int,
        waveform: "NDArray[np.float32]",
        recipe: Mapping[str, Any],
    ) -> None:
        """Takes what is known before the first frame; opens nothing yet.

        `waveform` (samples,) float32 in [-1, 1], `sample_rate` in Hz; both sides of `size` even.
        `recipe` is any JSON object. Raises NumericalError when the waveform is not finite,
        TypeError or ValueError when the recipe is not JSON.
        """
        assert waveform.ndim == 1
        self.path = path
        self._size = size
        self._num_frames = num_frames
        self._num_written = 0
        self._fps = fps
        self._sample_rate = sample_rate
        self._samples = waveform_to_int16(waveform)
        self._comment = recipe_text(recipe)
        self._sidecar_text = recipe_text(recipe, indent=2) + "\n"

    def __enter__(self) -> Self:
        """Makes the hidden folder and starts ffmpeg. Raises MediaError."""
        ffmpeg = find_ffmpeg()
        with _naming(self.path):
            self._scratch = _make_scratch_folder(self.path)
            try:
                self._encoder = self._start_encoder(ffmpeg)
            except BaseException:
                shutil.rmtree(self._scratch, ignore_errors=True)
                raise
        return self

    def write(self, frames: "NDArray[np.uint8]") -> None:
        """Adds frames (n, H, W, 3) uint8 RGB, in order; n may be anything from 0.

        Returns once ffmpeg has taken them; no frame is kept. Raises MediaError when ffmpeg has
        failed or there are more frames than announced.
        """
        assert frames.dtype == "uint8"
        assert frames.shape[1:] == (self._size.height, self._size.width, 3)
        if self._num_written + len(frames) > self._num_frames:
            raise MediaError(
                f"{self.path} was not written: {self._num_frames} frames were announced and "
                f"{self._num_written + len(frames)} came. Please report this."
            )
        for frame in frames:
            self._encoder.write(frame.tobytes())
        self._num_written += len(frames)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Completes the clip, or removes every trace of it. Raises MediaError."""
        try:
            if kind is None:
                self._complete()
        finally:
            self._encoder.stop()
            shutil.rmtree(self._scratch, ignore_errors=True)

    def _start_encoder(self, ffmpeg: str) -> Encoder:
        samples, metadata = self._scratch / "sound.s16", self._scratch / "metadata.txt"
        samples.write_bytes(self._samples.astype("<i2").tobytes())
        metadata.write_text(ffmpeg_metadata(self._comment), encoding="utf-8", newline="\n")
        command = clip_command(
            ffmpeg,
            self._scratch / "clip.mp4",
            size=self._size,
            fps=self._fps,
            sample_rate=self._sample_rate,
            samples=samples,
            metadata=metadata,
        )
        return Encoder(command, self.path)

    def _complete(self) -> None:
        if self._num_written != self._num_frames:
            raise MediaError(
                f"{self.path} was not written: {self._num_frames} frames were announced and only "
                f"{self._num_written} came. Please report this."
            )
        self._encoder.finish()
        clip, sidecar = self._scratch / "clip.mp4", self._scratch / "clip.json"
        with _naming(self.path):
            if read_comment(clip) != self._comment:
                raise MediaError(
                    f"{self.path} was not written: ffmpeg reported success, but the recipe in its "
                    "file is not the one given. Name another ffmpeg in IMAGEIO_FFMPEG_EXE."
                )
            sidecar.write_text(self._sidecar_text, encoding="utf-8", newline="\n")
            _flush(sidecar)
            _flush(clip)
            sidecar.replace(sidecar_path(self.path))
            try:
                clip.replace(self.path)
            except BaseException:
                sidecar_path(self.path).unlink(missing_ok=True)
                raise
        with suppress(OSError):  # some file systems cannot flush a folder
            _flush(self.path.parent)


@contextmanager
def _naming(clip: Path) -> Iterator[None]:
    """Turns an OSError inside the block into a MediaError that names the clip."""
    try:
        yield
    except OSError as error:
        raise MediaError(
            f"{clip} could not be written: {error.strerror or error}. Choose an output folder "
            "that can be written to and has some space left."
        ) from error


def _make_scratch_folder(clip: Path) -> Path:
    """An empty hidden folder beside the clip, hence on the same disk: renaming stays atomic."""
    if clip.is_dir():
        raise MediaError(f"{clip} is a folder, so no clip can have that name. Choose another.")
    clip.parent.mkdir(parents=True, exist_ok=True)
    scratch = clip.with_name(f".{clip.name}.{os.getpid()}.part")
    # One may be left by a process that was killed and had the same number, as in containers.
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir()
    return scratch


def _flush(path: Path) -> None:
    """Waits until a file or folder is on the disk."""
    descriptor = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
