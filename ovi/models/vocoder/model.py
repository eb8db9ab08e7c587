"""The vocoder: log10-mel spectrogram to waveform.

Run it in float32: it costs little, and bfloat16 would leave the waveform with eight significant
bits. bfloat16 works where memory must be saved. Convolutions are plain; `keys.py` folds the
published weight normalisation at load.

Source: Lee et al., "BigVGAN: A Universal Neural Vocoder with Large-Scale Training", 2023.
Legend: B batch, C channels, T mel frames, later samples of a stage's rate.
"""

import torch
from torch import Tensor, nn

from ovi.models.vocoder.activation import AntiAliasedSnake
from ovi.models.vocoder.config import VocoderConfig


class AmpUnit(nn.Module):
    """A dilated and a plain convolution, an activation before each, beside a skip path."""

    def __init__(self, channels: int, kernel_size: int, dilation: int) -> None:
        super().__init__()
        reach = kernel_size // 2
        self.dilated_activation = AntiAliasedSnake(channels)
        self.dilated_conv = nn.Conv1d(
            channels, channels, kernel_size, dilation=dilation, padding=reach * dilation
        )
        self.plain_activation = AntiAliasedSnake(channels)
        self.plain_conv = nn.Conv1d(channels, channels, kernel_size, padding=reach)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, T) to the same shape."""
        branch = self.dilated_conv(self.dilated_activation(x))
        branch = self.plain_conv(self.plain_activation(branch))
        result: Tensor = x + branch
        return result


class UpsampleStage(nn.Module):
    """A transposed convolution to a higher rate and half the width, then the mean of AMP blocks.

    An AMP block (anti-aliased multi-periodicity composition) is a chain of units of one kernel
    size; the blocks of a stage run side by side.
    """

    def __init__(self, config: VocoderConfig, stage: int) -> None:
        super().__init__()
        channels = config.initial_channels >> (stage + 1)
        rate, kernel = config.upsample_rates[stage], config.upsample_kernels[stage]
        self.upsample = nn.ConvTranspose1d(
            2 * channels, channels, kernel, stride=rate, padding=(kernel - rate) // 2
        )
        self.amp_blocks = nn.ModuleList(
            nn.Sequential(*(AmpUnit(channels, taps, dilation) for dilation in dilations))
            for taps, dilations in zip(config.amp_kernels, config.amp_dilations, strict=True)
        )

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, T) to (B, C / 2, T * rate)."""
        x = self.upsample(x)
        total = self.amp_blocks[0](x)
        for block in self.amp_blocks[1:]:
            total = total + block(x)
        mean: Tensor = total / len(self.amp_blocks)
        return mean


class Vocoder(nn.Module):
    """A convolution in, the upsampling stages, an activation and a convolution out."""

    def __init__(self, config: VocoderConfig) -> None:
        super().__init__()
        self.config = config
        self.input = nn.Conv1d(config.mel_bands, config.initial_channels, 7, padding=3)
        num_stages = len(config.upsample_rates)
        self.stages = nn.ModuleList(UpsampleStage(config, stage) for stage in range(num_stages))
        final_channels = config.initial_channels >> num_stages
        self.output_activation = AntiAliasedSnake(final_channels)
        self.output = nn.Conv1d(final_channels, 1, 7, padding=3)

    def forward(self, mel: Tensor) -> Tensor:
        """The waveform (B, 1, T * hop_length) in [-1, 1] of a log10-mel (B, mel bands, T)."""
        x = self.input(mel)
        for stage in self.stages:
            x = stage(x)
        return torch.tanh(self.output(self.output_activation(x)))
