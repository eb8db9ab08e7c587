"""Losses as pure functions of tensors.

B batch, C channels, T frames or samples, H W rows and columns.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from ovi.models.audio_vae.mel import MEL_FLOOR

MAGNITUDE_FLOOR = 1e-2
"""Added to magnitudes before their logarithm: some 90 dB below a full sine, nothing is told apart
any more; a lower floor would make the loss one of numbers that nobody hears."""


def edge_loss(made: Tensor, wanted: Tensor) -> Tensor:
    """Mean absolute difference of the steps to the next column, row and frame: (B, C, T, H, W).

    Plain differences leave thin edges soft, since they cover few pixels; their steps are all here.
    """
    parts = [
        (made.diff(dim=axis) - wanted.diff(dim=axis)).abs().mean()
        for axis in (-1, -2, -3)
        if made.shape[axis] > 1
    ]
    return torch.stack(parts).sum()


def coarse_loss(made: Tensor, wanted: Tensor, factors: Sequence[int] = (4, 16)) -> Tensor:
    """Mean absolute difference of pictures (B, C, T, H, W) averaged over squares of pixels."""
    parts = [(F.avg_pool3d(made - wanted, (1, factor, factor))).abs().mean() for factor in factors]
    return torch.stack(parts).sum()


def spectral_loss(
    made: Tensor, wanted: Tensor, windows: Sequence[int] = (256, 512, 1024, 2048)
) -> Tensor:
    """How far apart two sounds (B, T) are in magnitude, over several resolutions.

    For each: the distance relative to the loudness of the wanted sound, and the mean absolute
    difference of the logarithms. Source: Yamamoto et al. 2020, "Parallel WaveGAN".
    """
    total = made.new_zeros(())
    for window in windows:
        made_size, wanted_size = _magnitudes(made, window), _magnitudes(wanted, window)
        distance = torch.linalg.vector_norm(wanted_size - made_size, dim=(1, 2))
        loudness = torch.linalg.vector_norm(wanted_size, dim=(1, 2))
        # Silence has no loudness to be relative to; a thousandth of full scale stands in.
        total = total + (distance / (loudness + 1e-3 * window)).mean()
        total = total + (made_size.log() - wanted_size.log()).abs().mean()
    return total / len(windows)


def mel_loss(made: Tensor, wanted: Tensor, basis: Tensor) -> Tensor:
    """Mean absolute difference of log10-mel spectrograms of two sounds (B, T).

    `basis` (mel bands, window // 2 + 1) weighs the frequencies of one window.
    """
    window = 2 * (basis.shape[1] - 1)
    bands = [(basis @ _magnitudes(sound, window)).clamp_min(MEL_FLOOR) for sound in (made, wanted)]
    return (bands[0].log10() - bands[1].log10()).abs().mean()


def normal_divergence(mean: Tensor, logvar: Tensor) -> Tensor:
    """Kullback-Leibler divergence of normal distributions from the standard one, a mean."""
    return 0.5 * (mean.square() + logvar.exp() - 1 - logvar).mean()


def noised(clean: Tensor, noise: Tensor, sigma: Tensor) -> Tensor:
    """Latents `sigma` (B,) of the way from clean to noise, both (B, ...)."""
    share = sigma.view(-1, *[1] * (clean.ndim - 1))
    return torch.lerp(clean, noise, share)


def velocity_loss(made: Tensor, clean: Tensor, noise: Tensor) -> Tensor:
    """Squared error (B,) of a velocity (B, ...) against noise - clean, a mean for each clip."""
    return (made.float() - (noise - clean)).square().flatten(1).mean(1)


def _magnitudes(sound: Tensor, window: int) -> Tensor:
    shape = torch.hann_window(window, device=sound.device)
    spectrum = torch.stft(sound.float(), window, window // 4, window=shape, return_complex=True)
    power = torch.view_as_real(spectrum).square().sum(-1)
    return (power + MAGNITUDE_FLOOR**2).sqrt()
