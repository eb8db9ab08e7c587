"""Waveform to log-mel spectrogram, with a mel basis of our own.

Only the encoder side needs it: generation goes from latents to mel and never back. Everything is
computed in float32 whatever the input's dtype, since an STFT has no bfloat16 form.

Legend: B batch, C mel bands, T mel frames.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from ovi.models.audio_vae.config import AudioVaeConfig

MAGNITUDE_FLOOR = 1e-9
"""Added to the squared magnitude, so that its root has a gradient at silence."""

MEL_FLOOR = 1e-5
"""Smallest mel magnitude; silence is log10 of it, -5."""

LINEAR_HZ_PER_MEL = 200.0 / 3.0
LINEAR_TOP_HZ = 1000.0
LOG_STEP = math.log(6.4) / 27.0
"""Slaney's mel scale: linear up to 1 kHz, then 27 mels for every factor of 6.4."""


def hz_to_mel(frequency: float) -> float:
    """A frequency in Hz on Slaney's mel scale. Source: Auditory Toolbox, 1998."""
    if frequency < LINEAR_TOP_HZ:
        return frequency / LINEAR_HZ_PER_MEL
    return LINEAR_TOP_HZ / LINEAR_HZ_PER_MEL + math.log(frequency / LINEAR_TOP_HZ) / LOG_STEP


def mel_to_hz(mel: Tensor) -> Tensor:
    """The inverse of `hz_to_mel`, element by element."""
    knee = LINEAR_TOP_HZ / LINEAR_HZ_PER_MEL
    above = LINEAR_TOP_HZ * torch.exp(LOG_STEP * (mel - knee))
    return torch.where(mel < knee, mel * LINEAR_HZ_PER_MEL, above)


def mel_basis(config: AudioVaeConfig) -> Tensor:
    """Triangular band weights (mel_bands, n_fft // 2 + 1), float32, on the CPU.

    Band i rises from corner i to corner i + 1 and falls to corner i + 2, the corners being equally
    spaced in mels. Each triangle has area one over frequency in Hz, so that bands weigh alike.
    """
    corners_mel = torch.linspace(
        hz_to_mel(config.min_frequency),
        hz_to_mel(config.max_frequency),
        config.mel_bands + 2,
        dtype=torch.float64,
    )
    corners = mel_to_hz(corners_mel)[:, None]
    bins = torch.arange(config.n_fft // 2 + 1, dtype=torch.float64)
    frequencies = bins * (config.sample_rate / config.n_fft)
    lower, peak, upper = corners[:-2], corners[1:-1], corners[2:]
    rising = (frequencies - lower) / (peak - lower)
    falling = (upper - frequencies) / (upper - peak)
    triangles = torch.minimum(rising, falling).clamp_min(0.0)
    return (triangles * (2.0 / (upper - lower))).float()


def log_mel(waveform: Tensor, config: AudioVaeConfig) -> Tensor:
    """The log10-mel spectrogram (B, C, samples // hop_length) of `waveform` (B, samples).

    Samples beyond [-1, 1] are clamped. Values are at least -5; frames are not centred but the
    waveform is mirrored by (n_fft - hop_length) / 2 samples at both ends. Raises ValueError for a
    waveform too short to mirror.
    """
    margin = (config.n_fft - config.hop_length) // 2
    shortest = max(margin + 1, config.hop_length)
    if waveform.ndim != 2 or waveform.shape[1] < shortest:
        raise ValueError(
            f"A mel spectrogram needs a waveform (batch, samples) of at least {shortest} samples; "
            f"this one is {tuple(waveform.shape)}. Pad it with silence first."
        )
    samples = waveform.float().clamp(-1.0, 1.0)
    samples = F.pad(samples, (margin, margin), mode="reflect")
    window = torch.hann_window(config.n_fft, device=samples.device)
    spectrum = torch.stft(
        samples,
        config.n_fft,
        hop_length=config.hop_length,
        window=window,
        center=False,
        return_complex=True,
    )
    power = torch.view_as_real(spectrum).square().sum(dim=-1)
    magnitude = (power + MAGNITUDE_FLOOR).sqrt()
    bands = mel_basis(config).to(samples.device) @ magnitude
    return bands.clamp_min(MEL_FLOOR).log10()
