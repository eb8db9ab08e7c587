"""Magnitude-preserving building blocks shared by the audio encoder and decoder.

Each block keeps the size of its activations near one by construction: weights of unit gain,
activations divided by the gain they have on unit noise, weighted sums divided by the length of
their weights, and channel vectors scaled to unit root mean square. So no biases, no learned norms.
The convolutions here are plain: `keys.py` folds the published weight normalisation at load.

Source: Karras et al., "Analyzing and Improving the Training Dynamics of Diffusion Models", 2024.
Legend: B batch, C channels, T steps in time.
"""

import math
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

NORM_EPS = 1e-4
"""Added to a root mean square before dividing by it, in weights and activations alike."""

SILU_GAIN = 0.596
"""Root mean square of SiLU on standard normal noise."""

BRANCH_WEIGHT = 0.3
"""Share of the branch in a residual sum; the skip path has the rest."""

ACTIVATION_LIMIT = 256.0
"""Bound on activations between blocks, with which the published model was trained."""


def make_conv(in_channels: int, out_channels: int, kernel_size: int) -> nn.Conv1d:
    """A convolution without bias that keeps length, started at unit gain on unit noise."""
    conv = nn.Conv1d(in_channels, out_channels, kernel_size, padding=kernel_size // 2, bias=False)
    nn.init.normal_(conv.weight, std=(in_channels * kernel_size) ** -0.5)
    return conv


def pixel_norm(x: Tensor, dim: int = 1) -> Tensor:
    """`x` scaled so that each vector along `dim` has root mean square one."""
    length: Tensor = torch.linalg.vector_norm(x, dim=dim, keepdim=True)
    return x / (NORM_EPS + length / math.sqrt(x.shape[dim]))


def scaled_silu(x: Tensor) -> Tensor:
    """SiLU divided by its gain on unit noise."""
    return F.silu(x) / SILU_GAIN


def merge(skip: Tensor, branch: Tensor) -> Tensor:
    """The weighted sum of a skip path and a branch, unit-sized when both are and are unrelated."""
    size = math.hypot(1.0 - BRANCH_WEIGHT, BRANCH_WEIGHT)
    return torch.lerp(skip, branch, BRANCH_WEIGHT) / size


def limit(x: Tensor) -> Tensor:
    """`x` held within the bound on activations."""
    return x.clamp(-ACTIVATION_LIMIT, ACTIVATION_LIMIT)


class ResidualBlock(nn.Module):
    """Two convolutions of three taps beside a skip path, which is a 1x1 where widths differ."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.conv_in = make_conv(in_channels, out_channels, 3)
        self.conv_out = make_conv(out_channels, out_channels, 3)
        self.skip: nn.Module = nn.Identity()
        if in_channels != out_channels:
            self.skip = make_conv(in_channels, out_channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C in, T) to (B, C out, T)."""
        x = pixel_norm(x)
        branch = self.conv_out(scaled_silu(self.conv_in(scaled_silu(x))))
        return merge(self.skip(x), branch)


class AttentionBlock(nn.Module):
    """Single-head attention over time, without positions and without a norm in front."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.query_key_value = make_conv(channels, 3 * channels, 1)
        self.output = make_conv(channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, T) to the same shape."""
        # Channel 3c of the projection is channel c of the queries, 3c + 1 of the keys, 3c + 2 of
        # the values: the published layout, which the reshape reads as it lies.
        stacked = self.query_key_value(x).unflatten(1, (-1, 3))
        query, key, value = pixel_norm(stacked).permute(2, 0, 3, 1)
        attended = F.scaled_dot_product_attention(query, key, value)
        return merge(x, self.output(attended.transpose(1, 2)))


class Level(nn.Module):
    """Residual blocks of one width, each followed by attention where the level has it."""

    def __init__(
        self, in_channels: int, out_channels: int, num_blocks: int, *, has_attention: bool
    ) -> None:
        super().__init__()
        widths = [in_channels] + [out_channels] * num_blocks
        self.blocks = nn.ModuleList(
            ResidualBlock(before, after) for before, after in pairwise(widths)
        )
        num_attentions = num_blocks if has_attention else 0
        self.attentions = nn.ModuleList(AttentionBlock(out_channels) for _ in range(num_attentions))

    def forward(self, x: Tensor) -> Tensor:
        """(B, C in, T) to (B, C out, T)."""
        for i, block in enumerate(self.blocks):
            x = block(x)
            if self.attentions:
                x = self.attentions[i](x)
            x = limit(x)
        return x


class Middle(nn.Module):
    """The stretch between encoder or decoder levels and the latents: block, attention, block."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.block_in = ResidualBlock(channels, channels)
        self.attention = AttentionBlock(channels)
        self.block_out = ResidualBlock(channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, T) to the same shape."""
        return limit(self.block_out(self.attention(self.block_in(x))))


class OutputConv(nn.Module):
    """The last activation and convolution, with a learned gain of `1 + gain`."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.conv = make_conv(in_channels, out_channels, 3)
        self.gain = nn.Parameter(torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        """(B, C in, T) to (B, C out, T)."""
        result: Tensor = self.conv(scaled_silu(x)) * (1.0 + self.gain)
        return result
