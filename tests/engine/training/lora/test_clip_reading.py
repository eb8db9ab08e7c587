"""Clips of any shape and length as a variant takes them; real files, made by ffmpeg."""

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from ovi.media.encoder import find_ffmpeg
from ovi.spec.geometry import FrameSize
from ovi.spec.variants import NANO
from ovi.training.errors import TrainingError
from ovi.training.lora.clip_reading import look_at, read_clip

SHORT = replace(NANO, num_video_latents=4, num_audio_latents=17)
"""13 frames, 0.54 s."""


def make_clip(path: Path, seconds: float, *, rate: int = 30, with_sound: bool = True) -> None:
    """Red on the left, blue on the right, 200x100, with a tone of 440 Hz in stereo at 44.1 kHz."""
    picture = (
        f"color=red:s=100x100:r={rate}:d={seconds}[a];color=blue:s=100x100:r={rate}:d={seconds}[b]"
    )
    command = [find_ffmpeg(), "-v", "error", "-y"]
    command += ["-filter_complex", f"{picture};[a][b]hstack[v]", "-map", "[v]"]
    if with_sound:
        command[4:4] = ["-f", "lavfi", "-i", f"sine=440:r=44100:d={seconds}"]
        command += ["-map", "0:a", "-ac", "2"]
    subprocess.run([*command, str(path)], check=True)


def test_a_clip_is_scaled_cut_and_resampled(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    make_clip(path, 0.9)
    facts = look_at(path, SHORT)
    assert (facts.size, facts.num_frames, facts.has_sound) == (FrameSize(100, 200), 13, True)
    assert facts.is_long_enough(SHORT)
    pixels, waveform = read_clip(path, FrameSize(64, 32), SHORT)
    assert pixels.shape == (1, 3, 13, 64, 32)
    # Scaled to 64x128 and cut to the middle 32 columns: still half red, half blue.
    left, right = pixels[0, :, 6, 32, 4], pixels[0, :, 6, 32, 27]
    assert left[0] > 0.8
    assert left[2] < -0.8
    assert right[0] < -0.8
    assert right[2] > 0.8
    assert waveform is not None
    assert waveform.shape == (1, SHORT.num_samples)
    power = torch.fft.rfft(waveform[0]).abs()
    peak = power.argmax().item() * 16_000 / SHORT.num_samples
    assert abs(peak - 440) < 3


def test_silent_and_short_clips_are_known(tmp_path: Path) -> None:
    make_clip(tmp_path / "silent.mp4", 0.6, with_sound=False)
    facts = look_at(tmp_path / "silent.mp4", SHORT)
    assert not facts.has_sound
    assert read_clip(tmp_path / "silent.mp4", FrameSize(32, 32), SHORT)[1] is None
    make_clip(tmp_path / "short.mp4", 0.3)
    facts = look_at(tmp_path / "short.mp4", SHORT)
    assert not facts.is_long_enough(SHORT)
    with pytest.raises(TrainingError, match=r"short.mp4 is too short"):
        read_clip(tmp_path / "short.mp4", FrameSize(32, 32), SHORT)


def test_a_frame_or_two_may_be_missing(tmp_path: Path) -> None:
    make_clip(tmp_path / "a.mp4", 0.5, rate=24)
    assert look_at(tmp_path / "a.mp4", SHORT).num_frames == 12
    pixels, _ = read_clip(tmp_path / "a.mp4", FrameSize(32, 32), SHORT)
    assert torch.equal(pixels[:, :, 12], pixels[:, :, 11])


def test_what_is_no_clip_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_text("no clip")
    with pytest.raises(TrainingError, match=r"a.mp4 shows no picture"):
        look_at(tmp_path / "a.mp4", SHORT)
