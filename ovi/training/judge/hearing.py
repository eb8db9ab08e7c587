"""Hears a clip: what kind of sound, when it starts, how loud and how high in every frame.

Legend: S samples, F frames, T milliseconds.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ovi.training.world.scene import FPS, NUM_FRAMES, SAMPLE_RATE

Waveform = NDArray[np.float32]
Track = NDArray[np.float64]

SILENT_LEVEL = 0.008
"""Root mean square below which a clip is silent; the quietest sound of the world has 0.03."""
STRUCK_SHARE = 0.32
"""Of the time that thuds and clicks are louder than a quarter of their loudest, at most."""
CLICK_HZ = 1000.0
"""Centre of the spectrum that divides thuds from clicks."""
SWEEP = 1.6
"""Highest over lowest pitch of a tone that moves; truly up to 4."""
PITCH_RANGE_HZ = (70.0, 1000.0)
PITCH_WINDOW = 1280
LEAST_PERIODICITY = 0.6
ONSET_GAP = 0.11
"""Seconds between two onsets, at least."""


@dataclass(frozen=True, slots=True, eq=False)
class Heard:
    """What was heard."""

    kind: str
    """silence, thud, click, rising tone, falling tone, hum or whoosh"""
    onsets: Track
    """seconds at which something struck"""
    starts: float | None
    """seconds until the first sound"""
    loudness: Track
    """(F,) root mean square around each frame"""
    pitch: Track
    """(F,) Hz; not a number where there is none"""


def hear(waveform: Waveform) -> Heard:
    """What is heard in samples (S,)."""
    envelope = _envelope(waveform)
    loudness = frame_loudness(waveform)
    pitch = _pitch(waveform, loudness)
    level = float(np.sqrt(np.mean(waveform.astype(np.float64) ** 2)))
    if level < SILENT_LEVEL:
        return Heard("silence", np.array([]), None, loudness, pitch)
    loud = np.flatnonzero(envelope > 0.25 * envelope.max())
    return Heard(
        kind=_kind(waveform, envelope, loudness, pitch),
        onsets=_onsets(envelope),
        starts=float(loud[0]) / 1000.0,
        loudness=loudness,
        pitch=pitch,
    )


def frame_loudness(waveform: Waveform) -> Track:
    """Root mean square (F,) in the two frames' time around each frame."""
    energy = np.concatenate([[0.0], np.cumsum(waveform.astype(np.float64) ** 2)])
    centres = np.arange(NUM_FRAMES) * SAMPLE_RATE / FPS
    half = SAMPLE_RATE / FPS
    start = np.clip(centres - half, 0, len(waveform)).astype(int)
    stop = np.clip(centres + half, 0, len(waveform)).astype(int)
    loudness: Track = np.sqrt((energy[stop] - energy[start]) / (2 * half))
    return loudness


def median_pitch(heard: Heard) -> float | None:
    """Hz, or None where no pitch was heard."""
    known = heard.pitch[~np.isnan(heard.pitch)]
    return float(np.median(known)) if len(known) else None


def _envelope(waveform: Waveform) -> Track:
    """Root mean square (T,) of 8 ms, every millisecond."""
    window = SAMPLE_RATE // 125
    power = np.convolve(waveform.astype(np.float64) ** 2, np.ones(window) / window, "same")
    return np.asarray(np.sqrt(np.maximum(power, 0.0))[:: SAMPLE_RATE // 1000])


def _onsets(envelope: Track) -> Track:
    """Where the envelope rises steeply: the steepest places, each at half its rise."""
    ahead, behind = 14, 6
    rise = np.zeros(len(envelope))
    padded = np.concatenate([np.zeros(behind), envelope])
    rise[: len(envelope) - ahead] = envelope[ahead:] - padded[: len(envelope) - ahead]
    least = 0.3 * envelope.max()
    found: list[float] = []
    for index in np.argsort(-rise):
        if rise[index] < least:
            break
        if all(abs(index / 1000.0 - other) > ONSET_GAP for other in found):
            found.append(float(index) / 1000.0)
    times = []
    for time in sorted(found):
        start = max(round(time * 1000) - 20, 0)
        piece = envelope[start : start + 50]
        low, high = piece[:20].min(), piece.max()
        times.append((start + int(np.argmax(piece > (low + high) / 2.0))) / 1000.0)
    return np.array(times)


def _pitch(waveform: Waveform, loudness: Track) -> Track:
    """Hz (F,) by the first strong peak of the autocorrelation."""
    shortest, longest = (round(SAMPLE_RATE / hertz) for hertz in PITCH_RANGE_HZ[::-1])
    padded = np.pad(waveform.astype(np.float64), PITCH_WINDOW)
    pitch = np.full(NUM_FRAMES, np.nan)
    for index in range(NUM_FRAMES):
        if loudness[index] < max(0.15 * loudness.max(), SILENT_LEVEL):
            continue
        centre = round(index * SAMPLE_RATE / FPS) + PITCH_WINDOW
        piece = padded[centre - PITCH_WINDOW // 2 : centre + PITCH_WINDOW // 2]
        spectrum = np.fft.rfft(piece - piece.mean(), 2 * PITCH_WINDOW)
        agreement = np.fft.irfft(np.abs(spectrum) ** 2)[: longest + 2]
        # Fewer samples overlap at longer lags.
        agreement /= agreement[0] * (1.0 - np.arange(longest + 2) / PITCH_WINDOW) + 1e-12
        inner = agreement[shortest : longest + 1]
        is_peak = (inner >= agreement[shortest - 1 : longest]) & (
            inner > agreement[shortest + 1 : longest + 2]
        )
        peaks = np.flatnonzero(is_peak)
        if len(peaks) and inner[peaks].max() > LEAST_PERIODICITY:
            strong = peaks[inner[peaks] > 0.88 * inner[peaks].max()]
            pitch[index] = SAMPLE_RATE / (shortest + strong[0])
    return pitch


def _kind(waveform: Waveform, envelope: Track, loudness: Track, pitch: Track) -> str:
    if np.mean(envelope > 0.25 * envelope.max()) < STRUCK_SHARE:
        power = np.abs(np.fft.rfft(waveform)) ** 2
        hertz = np.fft.rfftfreq(len(waveform), 1.0 / SAMPLE_RATE)
        return "click" if (power * hertz).sum() / power.sum() > CLICK_HZ else "thud"
    sounding = loudness > 0.3 * loudness.max()
    voiced = sounding & ~np.isnan(pitch)
    if voiced.sum() < 0.6 * sounding.sum():
        return "whoosh"
    known = pitch[voiced]
    low, high = np.percentile(known, [8, 92])
    if high < SWEEP * low:
        return "hum"
    return "rising tone" if known[-len(known) // 3 :].mean() > known.mean() else "falling tone"
