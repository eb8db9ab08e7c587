"""Clips that a preview's map is fitted to: drawn ones of the nano world, or the user's videos."""

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from ovi.errors import MediaError
from ovi.media.encoder import find_ffmpeg
from ovi.spec.variants import FPS, SAMPLE_RATE
from ovi.training.world_source import WorldSource

NUM_FRAMES = 45
"""Frames of a video that are read: twelve latent frames, 1.9 seconds."""

MIN_FRAMES = 5
"""Two latent frames; a shorter video teaches nothing about motion."""

VIDEO_SUFFIXES = (".mp4", ".mov", ".mkv", ".webm", ".avi", ".m4v", ".gif")

FIRST_SEED = 10_000
"""Of the drawn clips."""

READ_SECONDS = 120.0
"""ffmpeg may take that long over one video."""


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """One clip, or a part of one."""

    frames: Tensor
    """(3, T, H, W) in [-1, 1]"""
    waveform: Tensor | None
    """(samples,) in [-1, 1], None where there is no sound"""


def drawn_samples(num_clips: int) -> Iterator[Sample]:
    """Clips of the nano world, 128x128."""
    world, cpu = WorldSource(), torch.device("cpu")
    for seed in range(FIRST_SEED, FIRST_SEED + num_clips):
        scenes = world.scenes([seed])
        yield Sample(world.frames(scenes, cpu)[0], world.waveforms(scenes, cpu)[0])


def video_samples(folder: Path, side: int, num_clips: int) -> Iterator[Sample]:
    """The beginnings of the videos in a folder, cut to squares of `side` pixels.

    A file that cannot be read is named and left out.
    """
    ffmpeg = find_ffmpeg()
    files = (path for path in sorted(folder.iterdir()) if path.suffix.lower() in VIDEO_SUFFIXES)
    found = 0
    for path in files:
        if found == num_clips:
            return
        try:
            sample = _read_video(ffmpeg, path, side)
        except MediaError as error:
            sys.stderr.write(f"{error} It is left out.\n")
            continue
        found += 1
        yield sample


def _read_video(ffmpeg: str, path: Path, side: int) -> Sample:
    shape = f"scale={side}:{side}:force_original_aspect_ratio=increase,crop={side}:{side}"
    read = (ffmpeg, "-v", "error", "-nostdin", "-i", str(path))
    taken = ("-vf", f"fps={FPS},{shape}", "-frames:v", str(NUM_FRAMES))
    picture = _run(*read, *taken, "-f", "rawvideo", "-pix_fmt", "rgb24", "-")
    pixels = torch.frombuffer(bytearray(picture), dtype=torch.uint8) if picture else torch.empty(0)
    num_frames = pixels.numel() // (side * side * 3)
    if num_frames < MIN_FRAMES:
        raise MediaError(f"{path} has no {MIN_FRAMES} frames that ffmpeg can read.")
    frames = pixels[: num_frames * side * side * 3].view(num_frames, side, side, 3)
    seconds = str(num_frames / FPS)
    heard = ("-vn", "-t", seconds, "-ac", "1", "-ar", str(SAMPLE_RATE))
    sound = _run(*read, *heard, "-f", "f32le", "-")
    waveform = torch.frombuffer(bytearray(sound), dtype=torch.float32) if sound else None
    return Sample(frames.permute(3, 0, 1, 2).float() / 127.5 - 1.0, waveform)


def _run(*command: str) -> bytes:
    """What ffmpeg writes; nothing when it fails."""
    try:
        done = subprocess.run(command, capture_output=True, check=False, timeout=READ_SECONDS)
    except subprocess.TimeoutExpired:
        return b""
    return done.stdout if done.returncode == 0 else b""
