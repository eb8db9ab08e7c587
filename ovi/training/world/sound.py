"""Draws the waveforms of many scenes at once, on the CPU or a GPU.

A waveform is a steady sound (three harmonics of a moving pitch, and noise, within a gate) plus
recorded sounds copied from the bank to their places.

Legend: B clips, S samples, F frames, K recorded sounds placed in a clip.
"""

import math

import torch
from torch import Tensor

from ovi.training.world.batch import SceneBatch
from ovi.training.world.scene import FPS, NUM_FRAMES, NUM_SAMPLES, SAMPLE_RATE
from ovi.training.world.sound_bank import SoundBank

RAMP_SECONDS = 0.012
"""In which a steady sound fades in and out at its gate."""


def render_waveforms(batch: SceneBatch, bank: SoundBank) -> Tensor:
    """Waveforms float32 (B, S) in [-1, 1]; batch and bank must be on the same device."""
    return (_steady(batch, bank) + _recorded(batch, bank)).clamp_(-1.0, 1.0)


def _steady(batch: SceneBatch, bank: SoundBank) -> Tensor:
    times = torch.arange(NUM_SAMPLES, device=batch.device) / SAMPLE_RATE
    # float64 keeps the phase exact over tens of thousands of added steps.
    turns = _at_samples(batch.pitch).double().div_(SAMPLE_RATE).cumsum(dim=1)
    angle = (torch.remainder(turns, 1.0) * (2.0 * math.pi)).float()
    sound = torch.zeros_like(angle)
    for harmonic in range(3):
        sound += batch.timbre[:, harmonic, None] * torch.sin((harmonic + 1) * angle)
    sample = torch.arange(NUM_SAMPLES, device=batch.device)
    rolled = torch.remainder(sample[None] + batch.noise_shift[:, None], NUM_SAMPLES)
    sound += batch.timbre[:, 3, None] * bank.noise[rolled]
    begin, end = batch.gate[:, :1], batch.gate[:, 1:]
    fade = torch.minimum(times - begin, end - times).div_(RAMP_SECONDS).clamp_(0.0, 1.0)
    return sound * fade * _at_samples(batch.level)


def _at_samples(per_frame: Tensor) -> Tensor:
    """Values (B, F + 1), one a frame, as straight lines through all samples: (B, S)."""
    position = torch.arange(NUM_SAMPLES, device=per_frame.device) * (FPS / SAMPLE_RATE)
    left = position.long().clamp_max(NUM_FRAMES - 1)
    share = (position - left).clamp_max_(1.0)
    return torch.lerp(per_frame[:, left], per_frame[:, left + 1], share)


def _recorded(batch: SceneBatch, bank: SoundBank) -> Tensor:
    sample = torch.arange(NUM_SAMPLES, device=batch.device)
    waveform = torch.zeros((len(batch), NUM_SAMPLES), device=batch.device)
    for column in range(batch.placed.shape[1]):
        offset, length, first = batch.placed[:, column, :, None].unbind(dim=1)
        within = sample - first
        sounds = (within >= 0) & (within < length)
        heard = bank.samples[(offset + within).clamp_(0, len(bank.samples) - 1)]
        waveform += torch.where(sounds, heard, 0.0)
    return waveform
