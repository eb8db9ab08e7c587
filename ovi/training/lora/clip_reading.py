"""Reads a clip of any format as a variant's frames and samples, through ffmpeg.

T frames, S samples, H W rows and columns.
"""

import io
import subprocess
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ovi.media.encoder import find_ffmpeg
from ovi.spec.geometry import FrameSize
from ovi.spec.variants import FPS, SAMPLE_RATE, Variant
from ovi.training.errors import TrainingError

FORGIVEN_FRAMES = 2
"""So many frames may be missing at the end; the last one is shown again."""

FLAT_SIDE = 16
"""Pixels of a frame that is only counted."""


@dataclass(frozen=True, slots=True)
class ClipFacts:
    """What a clip has to offer."""

    size: FrameSize
    """as it is shown, rotation applied"""
    num_frames: int
    """at the variant's frame rate, counted no further than the variant needs"""
    has_sound: bool

    def is_long_enough(self, variant: Variant) -> bool:
        """Whether the clip lasts as long as the variant's do."""
        return self.num_frames >= variant.num_frames - FORGIVEN_FRAMES


def look_at(path: Path, variant: Variant) -> ClipFacts:
    """What `path` holds. Raises TrainingError for what is no clip."""
    shown = _run(path, "-map", "0:v:0", "-frames:v", "1", "-c:v", "png", "-f", "image2pipe")
    try:
        with Image.open(io.BytesIO(shown)) as image:
            size = FrameSize(image.height, image.width)
    except OSError as error:
        raise TrainingError(f"{path} shows no picture that ffmpeg can read. Remove it.") from error
    flat = _frames(path, FrameSize(FLAT_SIDE, FLAT_SIDE), variant.num_frames)
    return ClipFacts(size, len(flat), bool(_run(path, *_sound(SAMPLE_RATE // 10))))


def read_clip(path: Path, size: FrameSize, variant: Variant) -> tuple[Tensor, Tensor | None]:
    """Frames (1, 3, T, H, W) and samples (1, S), float32 in [-1, 1]; None for no sound.

    The clip's beginning is taken, scaled to cover `size` and cut around its middle. Raises
    TrainingError for a clip that is too short.
    """
    frames = _frames(path, size, variant.num_frames)
    missing = variant.num_frames - len(frames)
    if missing > FORGIVEN_FRAMES:
        raise TrainingError(f"{path} is too short for {variant.name}: {len(frames)} frames.")
    frames = np.concatenate([frames, np.repeat(frames[-1:], missing, axis=0)])
    pixels = torch.from_numpy(frames).permute(3, 0, 1, 2)[None].float().div_(127.5).sub_(1)
    samples = np.frombuffer(_run(path, *_sound(variant.num_samples)), np.float32)
    if not len(samples):
        return pixels, None
    waveform = np.zeros(variant.num_samples, np.float32)
    waveform[: len(samples)] = samples[: variant.num_samples]
    return pixels, torch.from_numpy(waveform).clamp_(-1, 1)[None]


def _frames(path: Path, size: FrameSize, count: int) -> np.ndarray:
    """At most `count` frames, uint8 (T, H, W, 3)."""
    cover = f"scale={size.width}:{size.height}:force_original_aspect_ratio=increase:flags=lanczos"
    steps = f"fps={FPS},{cover},crop={size.width}:{size.height}"
    raw = _run(
        path, "-map", "0:v:0", "-vf", steps, "-frames:v", str(count),
        "-pix_fmt", "rgb24", "-f", "rawvideo",
    )  # fmt: skip
    return np.frombuffer(raw, np.uint8).reshape(-1, size.height, size.width, 3)


def _sound(num_samples: int) -> tuple[str, ...]:
    seconds = f"{num_samples / SAMPLE_RATE:.6f}"
    return ("-vn", "-ac", "1", "-ar", str(SAMPLE_RATE), "-t", seconds, "-f", "f32le")


def _run(path: Path, *arguments: str) -> bytes:
    """What ffmpeg makes of a file; nothing where it has no such stream, or is no clip."""
    command = [find_ffmpeg(), "-v", "error", "-nostdin", "-i", str(path.resolve()), *arguments, "-"]
    return subprocess.run(command, capture_output=True, check=False).stdout
