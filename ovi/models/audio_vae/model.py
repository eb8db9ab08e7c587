"""The audio VAE as one module: mel spectrogram to audio latents and back.

Run it in float32: the whole decode costs less than a thousandth of one denoising step, and
bfloat16 would leave the sound with eight significant bits. bfloat16 works, where memory must be
saved.

Legend: B batch, C latent channels, L audio latents, M mel bands, T mel frames.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from ovi.models.audio_vae.config import AudioVaeConfig
from ovi.models.audio_vae.decoder import Decoder
from ovi.models.audio_vae.encoder import Encoder

LOG_VARIANCE_RANGE = (-30.0, 20.0)
"""Bounds on the log-variance, with which the published model was trained."""


class LatentDistribution(NamedTuple):
    """What the encoder knows of the latents: a normal distribution for each number."""

    mean: Tensor
    """(B, C, L)."""
    logvar: Tensor
    """(B, C, L), natural logarithm of the variance."""


def transpose_latents(latents: Tensor) -> Tensor:
    """(B, L, C) to (B, C, L), or back: the one crossing between the engine's layout and the VAE's.

    The engine keeps audio latents as tokens, length first; convolutions want channels first.
    """
    return latents.transpose(1, 2)


class AudioVae(nn.Module):
    """Encoder and decoder between log10-mel spectrograms and audio latents, channels first."""

    mel_mean: Tensor
    mel_std: Tensor

    def __init__(self, config: AudioVaeConfig) -> None:
        super().__init__()
        self.config = config
        mean = config.mel_mean or (0.0,) * config.mel_bands
        std = config.mel_std or (1.0,) * config.mel_bands
        self.register_buffer("mel_mean", torch.tensor(mean)[None, :, None])
        self.register_buffer("mel_std", torch.tensor(std)[None, :, None])
        self.encoder = Encoder(config)
        self.decoder = Decoder(config)

    def encode(self, mel: Tensor) -> LatentDistribution:
        """The latents' distribution, (B, C, L) each, of a log10-mel spectrogram (B, M, T).

        L is T // frames_per_latent. The engine uses the mean.
        """
        moments = self.encoder((mel - self.mel_mean) / self.mel_std)
        mean, logvar = moments.chunk(2, dim=1)
        return LatentDistribution(mean, logvar.clamp(*LOG_VARIANCE_RANGE))

    def decode(self, latents: Tensor) -> Tensor:
        """The log10-mel spectrogram (B, M, L * frames_per_latent) of latents (B, C, L)."""
        return self.decode_normalised(latents) * self.mel_std + self.mel_mean

    def decode_normalised(self, latents: Tensor) -> Tensor:
        """As `decode`, but with each band still at mean 0 and standard deviation 1."""
        mel: Tensor = self.decoder(latents)
        return mel
