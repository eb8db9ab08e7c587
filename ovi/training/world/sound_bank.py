"""The recorded sounds of the nano world: spoken words from a file, thuds and clicks from formulas.

The file `speech_bank.npz` holds every word of the vocabulary in both voices, spoken by espeak-ng
and trimmed; `python -m ovi.training.world.make_speech_bank` makes it again. The words are the
output of espeak-ng (GPL-3 program; its output is not covered by that licence).

Legend: S samples.
"""

import math
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ovi.training.world.scene import FPS, NUM_FRAMES, NUM_SAMPLES, SAMPLE_RATE, SIZES

BANK_FILE = "speech_bank.npz"
THUD_HZ = {"small": 190.0, "medium": 120.0, "big": 75.0}
THUD_SECONDS = 0.22
CLICK_HZ = 2100.0
CLICK_SECONDS = 0.035
NOISE_BAND_HZ = (350.0, 2600.0)
NOISE_LEVEL = 0.12
"""Root mean square of the whoosh."""
MOUTH_WINDOW_SECONDS = 2.0 / FPS
MOUTH_CURVE = 0.7
"""Exponent from loudness (root mean square over the voice's loudest) to opening."""


@dataclass(frozen=True, slots=True, eq=False)
class SoundBank:
    """Sounds laid end to end."""

    samples: Tensor
    """float32 (S,) in [-1, 1]"""
    noise: Tensor
    """float32 (NUM_SAMPLES,): what a whoosh is cut from"""
    spans: dict[str, tuple[int, int]]
    """"voice:word", "thud:size" or "click" -> offset and length in samples"""
    energy: NDArray[np.float64]
    """(S + 1,) running sum of the squared samples"""
    loudest: dict[str, float]
    """voice -> the largest root mean square of its words within a mouth's window"""

    def to(self, device: torch.device | str) -> "SoundBank":
        """The same bank on another device."""
        return SoundBank(
            self.samples.to(device), self.noise.to(device), self.spans, self.energy, self.loudest
        )

    def mouth_opening(
        self, placed: tuple[tuple[int, int, int], ...], voice: str
    ) -> NDArray[np.float64]:
        """Opening (NUM_FRAMES,), 0 to 1, of a mouth that says these sounds; follows loudness."""
        half = round(MOUTH_WINDOW_SECONDS * SAMPLE_RATE / 2)
        centres = np.round(np.arange(NUM_FRAMES) * SAMPLE_RATE / FPS).astype(np.int64)
        energy = np.zeros(NUM_FRAMES)
        for offset, length, first in placed:
            start = np.clip(centres - half - first, 0, length) + offset
            stop = np.clip(centres + half - first, 0, length) + offset
            energy += self.energy[stop] - self.energy[start]
        loudness = np.sqrt(energy / (2 * half)) / self.loudest[voice]
        opening: NDArray[np.float64] = np.clip(loudness, 0.0, 1.0) ** MOUTH_CURVE
        return opening


@lru_cache(maxsize=1)
def load_sound_bank() -> SoundBank:
    """The bank, on the CPU. Read once a process."""
    with np.load(str(files("ovi.training.world") / BANK_FILE)) as archive:
        sounds = {name: archive[name].astype(np.float32) / 32767.0 for name in archive.files}
    voices = {name.split(":")[0] for name in sounds}
    sounds |= {f"thud:{size}": _thud(THUD_HZ[size]) for size in SIZES}
    sounds["click"] = _click()
    spans, offset = {}, 0
    for name, sound in sounds.items():
        spans[name] = (offset, len(sound))
        offset += len(sound)
    samples = np.concatenate(list(sounds.values()))
    energy = np.concatenate([[0.0], np.cumsum(samples.astype(np.float64) ** 2)])
    loudest = {voice: _loudest(energy, spans, voice) for voice in voices}
    return SoundBank(torch.from_numpy(samples), torch.from_numpy(_noise()), spans, energy, loudest)


def _loudest(energy: NDArray[np.float64], spans: dict[str, tuple[int, int]], voice: str) -> float:
    window = round(MOUTH_WINDOW_SECONDS * SAMPLE_RATE)
    largest = 0.0
    for name, (offset, length) in spans.items():
        if name.startswith(f"{voice}:"):
            running = energy[offset : offset + length + 1]
            largest = max(largest, float((running[window:] - running[:-window]).max()))
    return math.sqrt(largest / window)


def _thud(hertz: float) -> NDArray[np.float32]:
    """A struck, damped low tone that sinks a little, with a short knock at its start."""
    times = np.arange(round(THUD_SECONDS * SAMPLE_RATE)) / SAMPLE_RATE
    turns = hertz * (times + 0.02 * (1.0 - np.exp(-times / 0.03)))
    body = 0.75 * np.sin(2.0 * np.pi * turns) * np.exp(-times / 0.055)
    knock = 0.25 * np.sin(2.0 * np.pi * 5.0 * hertz * times) * np.exp(-times / 0.012)
    ending = np.clip((THUD_SECONDS - times) / 0.02, 0.0, 1.0)
    return ((body + knock) * ending).astype(np.float32)


def _click() -> NDArray[np.float32]:
    """A short tick."""
    times = np.arange(round(CLICK_SECONDS * SAMPLE_RATE)) / SAMPLE_RATE
    tick = 0.6 * np.sin(2.0 * np.pi * CLICK_HZ * times) * np.exp(-times / 0.006)
    return tick.astype(np.float32)


def _noise() -> NDArray[np.float32]:
    """One clip's length of noise between two frequencies; its end fits its start."""
    draw = np.random.default_rng(1)
    spectrum = np.fft.rfft(draw.standard_normal(NUM_SAMPLES))
    hertz = np.fft.rfftfreq(NUM_SAMPLES, 1.0 / SAMPLE_RATE)
    low, high = NOISE_BAND_HZ
    spectrum *= (1.0 / (1.0 + (low / np.maximum(hertz, 1.0)) ** 4)) / (1.0 + (hertz / high) ** 4)
    noise = np.fft.irfft(spectrum, NUM_SAMPLES)
    scaled: NDArray[np.float32] = (noise * (NOISE_LEVEL / noise.std())).astype(np.float32)
    return scaled
