"""The ffmpeg process that turns raw frames and samples into an MP4.

The program is the one that the imageio-ffmpeg package ships; the process is driven here and not
by that package's `write_frames`, which ignores ffmpeg's exit code (so a full disk would look like
success) and keeps none of what ffmpeg says.
"""

import os
import shutil
import subprocess
import threading
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from ovi.errors import MediaError
from ovi.spec.geometry import FrameSize

KEPT_LINES = 20
"""How many of ffmpeg's last lines an error repeats."""

BT709 = (
    "scale=out_color_matrix=bt709:out_range=tv,"
    "setparams=color_primaries=bt709:color_trc=bt709:colorspace=bt709:range=tv"
)
"""Converts to the colour space of HD video and says so; untagged, players guess another one."""


def find_ffmpeg() -> str:
    """The ffmpeg program: `IMAGEIO_FFMPEG_EXE`, else imageio-ffmpeg's own, else the one on PATH.

    Raises MediaError, with the command that installs one, when there is none.
    """
    chosen = os.environ.get("IMAGEIO_FFMPEG_EXE")
    if chosen:
        if shutil.which(chosen) is None:
            raise MediaError(
                f"IMAGEIO_FFMPEG_EXE names {chosen}, which is not a program that can be run. "
                "Correct or unset it."
            )
        return chosen
    try:
        import imageio_ffmpeg

        return str(imageio_ffmpeg.get_ffmpeg_exe())
    except (ImportError, RuntimeError) as error:
        found = shutil.which("ffmpeg")
        if found is None:
            raise MediaError(
                "Writing clips needs ffmpeg, and there is none. Run: pip install imageio-ffmpeg"
            ) from error
        return found


def clip_command(
    ffmpeg: str,
    output: Path,
    *,
    size: FrameSize,
    fps: int,
    sample_rate: int,
    samples: Path,
    metadata: Path,
) -> list[str]:
    """Arguments that encode raw RGB frames from stdin with 16-bit mono samples from a file.

    H.264 at quality 18 (visually lossless), in the 4:2:0 form that every player shows; the
    `fast` preset is 1.7 times as quick as `medium` for a file of the same size (measured on 121
    frames of 704x704). AAC at 96 kbit/s, its maximum for 16 kHz mono. The index stands in front,
    so that a browser can start to play before it has the whole file.
    """
    frames_in = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{size.width}x{size.height}"]
    sound_in = ["-f", "s16le", "-ar", str(sample_rate), "-ac", "1"]
    return [
        ffmpeg, "-hide_banner", "-nostats", "-loglevel", "error", "-y",
        *frames_in, "-framerate", str(fps), "-i", "pipe:0",
        *sound_in, "-i", str(samples),
        "-f", "ffmetadata", "-i", str(metadata),
        "-map", "0:v", "-map", "1:a", "-map_metadata", "2",
        "-vf", BT709, "-c:v", "libx264", "-preset", "fast", "-crf", "18", "-pix_fmt", "yuv420p",
        "-c:a", "aac", "-b:a", "96k",
        "-movflags", "+faststart", "-f", "mp4", str(output),
    ]  # fmt: skip


class Encoder:
    """One running ffmpeg: bytes go in, and its end is either success or a MediaError."""

    def __init__(self, command: Sequence[str], clip: Path) -> None:
        """Starts ffmpeg. `clip` is the file that error messages name. Raises OSError."""
        self._clip = clip
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            start_new_session=True,  # Ctrl-C is for us; what becomes of ffmpeg is decided here
        )
        assert self._process.stdin is not None
        self._input = self._process.stdin
        self._last_lines: deque[bytes] = deque(maxlen=KEPT_LINES)
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    def write(self, data: bytes) -> None:
        """Hands over bytes; waits while ffmpeg is busy. Raises MediaError when it has ended."""
        try:
            self._input.write(data)
        except OSError as error:
            raise self._failure() from error

    def finish(self) -> None:
        """Ends the input and waits for the file. Raises MediaError unless ffmpeg succeeded."""
        try:
            self._input.close()
        except OSError as error:
            raise self._failure() from error
        if self._process.wait() != 0:
            raise self._failure()

    def stop(self) -> None:
        """Ends ffmpeg if it still runs, and waits until it is gone. Harmless when it is."""
        self._process.kill()
        with suppress(OSError):  # what was still buffered has nowhere to go
            self._input.close()
        self._process.wait()
        self._listener.join()

    def _listen(self) -> None:
        """Reads what ffmpeg says as it says it: a full pipe would make it wait for ever."""
        assert self._process.stderr is not None
        with self._process.stderr as lines:
            self._last_lines.extend(lines)

    def _failure(self) -> MediaError:
        """What went wrong, in ffmpeg's words. It has closed its input, so it is about to end."""
        code = self._process.wait()
        self._listener.join()
        said = b"".join(self._last_lines).decode(errors="replace").strip()
        ended = f"was ended by signal {-code}" if code < 0 else f"ended with code {code}"
        return MediaError(
            f"{self._clip} could not be written: ffmpeg {ended}"
            + (f" and said:\n{said}\n" if said else " without a word. ")
            + _remedy(code, said, self._clip.parent)
        )


def _remedy(code: int, said: str, folder: Path) -> str:
    if "No space left" in said:
        return f"Free some space on the disk that holds {folder}."
    if code < 0:
        return "Often the machine ran out of memory: close other programs and render again."
    return "Another ffmpeg may do better: name one in IMAGEIO_FFMPEG_EXE."
