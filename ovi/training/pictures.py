"""Samples as files: frames in a grid, spectrograms, sounds."""

import wave
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ovi.spec.variants import SAMPLE_RATE


def write_frames(path: Path, clips: Tensor, moments: Sequence[int]) -> None:
    """Clips (B, 3, T, H, W) in [-1, 1] as rows of a picture, frames at `moments` as columns."""
    chosen = [min(moment, clips.shape[2] - 1) for moment in moments]
    rows = clips[:, :, chosen].permute(0, 3, 2, 4, 1)  # (B, H, columns, W, 3)
    grid = rows.reshape(rows.shape[0] * rows.shape[1], -1, 3)
    pixels = ((grid.float().clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8)
    Image.fromarray(pixels.cpu().numpy()).save(path)


def write_spectrograms(path: Path, mels: Tensor) -> None:
    """Log10-mel spectrograms (B, M, T), -5 to 1, one above the other, low bands at the bottom."""
    rows = mels.float().flip(1).reshape(-1, mels.shape[-1])
    pixels = ((rows + 5) / 6 * 255).clamp(0, 255).to(torch.uint8)
    Image.fromarray(pixels.cpu().numpy()).save(path)


def write_sound(path: Path, waveform: Tensor) -> None:
    """A waveform (samples,) in [-1, 1] as a 16-bit WAV file."""
    samples = (waveform.float().clamp(-1, 1) * 32767).to(torch.int16).cpu().numpy()
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE)
        file.writeframes(samples.astype(np.dtype("<i2")).tobytes())
