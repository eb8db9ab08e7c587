"""The anti-aliased SnakeBeta activation: a periodic function applied at twice the sample rate.

A sine of the signal makes harmonics beyond what the sample rate can hold. So the signal is
interpolated to twice the rate, bent there, and low-pass filtered on the way back.

Both filters run as depthwise convolutions over one shared filter. Sums of shifted copies of the
even and odd phases, measured on two CPU cores, take up to half less time on the narrow layers of a
small vocoder but two thirds more on the wide layers of the published one, and more lines.

Source: Lee et al., "BigVGAN: A Universal Neural Vocoder with Large-Scale Training", 2023.
Legend: B batch, C channels, T samples.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

NUM_TAPS = 12
CUTOFF = 0.25
"""Corner of the low-pass filter in cycles per sample of the doubled rate."""
HALF_WIDTH = 0.3
"""Half the width of its transition, in the same unit."""


def kaiser_sinc_filter() -> Tensor:
    """The low-pass filter of both rate changes, (1, 1, 12), float32: symmetric, summing to one.

    A sinc under a Kaiser window, with Kaiser's rule for the window's shape.
    """
    half = NUM_TAPS // 2
    attenuation = 2.285 * (half - 1) * math.pi * (4 * HALF_WIDTH) + 7.95
    beta = 0.1102 * (attenuation - 8.7)
    window = torch.kaiser_window(NUM_TAPS, periodic=False, beta=beta, dtype=torch.float64)
    positions = torch.arange(-half, half, dtype=torch.float64) + 0.5
    taps = window * torch.sinc(2 * CUTOFF * positions)
    return (taps / taps.sum()).float()[None, None]


class AntiAliasedSnake(nn.Module):
    """SnakeBeta, `x + sin(x * e^alpha)^2 / e^beta`, between doubling and halving the rate."""

    up_filter: Tensor
    down_filter: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.alpha = nn.Parameter(torch.zeros(channels))
        self.beta = nn.Parameter(torch.zeros(channels))
        # The checkpoint stores the filters, and its values are the ones used.
        self.register_buffer("up_filter", kaiser_sinc_filter())
        self.register_buffer("down_filter", kaiser_sinc_filter())

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, T) to the same shape."""
        return self.halve_rate(self.bend(self.double_rate(x)))

    def double_rate(self, x: Tensor) -> Tensor:
        """(B, C, T) to (B, C, 2T), interpolated; the ends are held."""
        channels = x.shape[1]
        reach = NUM_TAPS // 2 - 1
        # Padding of a transposed convolution crops its output: what the held samples add to it,
        # and the filter's delay.
        return F.conv_transpose1d(
            F.pad(x, (reach, reach), mode="replicate"),
            2.0 * self.up_filter.expand(channels, 1, NUM_TAPS),
            stride=2,
            padding=3 * reach,
            groups=channels,
        )

    def bend(self, x: Tensor) -> Tensor:
        """SnakeBeta alone, channel by channel."""
        frequency = self.alpha.exp()[:, None]
        magnitude = 1.0 / (self.beta.exp() + 1e-9)[:, None]
        return x + magnitude * torch.sin(x * frequency).square()

    def halve_rate(self, x: Tensor) -> Tensor:
        """(B, C, 2T) to (B, C, T), low-pass filtered; the ends are held."""
        channels = x.shape[1]
        half = NUM_TAPS // 2
        return F.conv1d(
            F.pad(x, (half - 1, half), mode="replicate"),
            self.down_filter.expand(channels, 1, NUM_TAPS),
            stride=2,
            groups=channels,
        )
