"""The audio encoder: a normalised mel spectrogram to the two halves of the latent distribution.

Legend: B batch, C channels, T mel frames, L audio latents.
"""

from itertools import pairwise

import torch.nn.functional as F
from torch import Tensor, nn

from ovi.models.audio_vae.config import AudioVaeConfig
from ovi.models.audio_vae.layers import Level, Middle, OutputConv, make_conv


class Downsample(nn.Module):
    """Halves time by averaging pairs, between two 1x1 convolutions; an odd last step is dropped."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv_in = make_conv(channels, channels, 1)
        self.conv_out = make_conv(channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, T) to (B, C, T // 2)."""
        halved: Tensor = self.conv_out(F.avg_pool1d(self.conv_in(x), 2))
        return halved


class Encoder(nn.Module):
    """Levels from fine to coarse, the middle, and a convolution to mean and log-variance."""

    def __init__(self, config: AudioVaeConfig) -> None:
        super().__init__()
        widths = [config.hidden_dim * multiple for multiple in (1, *config.dim_mult)]
        self.input = make_conv(config.mel_bands, config.hidden_dim, 3)
        self.levels = nn.ModuleList()
        self.downsamples = nn.ModuleDict()
        for level, (before, after) in enumerate(pairwise(widths)):
            has_attention = level in config.attention_levels
            self.levels.append(
                Level(before, after, config.num_res_blocks, has_attention=has_attention)
            )
            if level in config.downsample_levels:
                self.downsamples[str(level)] = Downsample(after)
        self.middle = Middle(widths[-1])
        self.output = OutputConv(widths[-1], 2 * config.latent_channels)

    def forward(self, mel: Tensor) -> Tensor:
        """(B, mel bands, T) to (B, 2 * latent channels, L), means first."""
        x = self.input(mel)
        for level, blocks in enumerate(self.levels):
            x = blocks(x)
            if str(level) in self.downsamples:
                x = self.downsamples[str(level)](x)
        moments: Tensor = self.output(self.middle(x))
        return moments
