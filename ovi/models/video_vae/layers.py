"""The layers of the video VAE that keep the size of the picture.

Activations have their channels last: norms, shortcuts and attention act on the last axis, and the
convolutions meet channels-last memory, which suits them on the CPU and on the GPU.

B batch, T frames, H W rows and columns, C channels.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ovi.models.video_vae.history import CausalHistory

NORM_EPS = 1e-24
"""Keeps an all-zero pixel zero; without effect on any other."""


class FrameConv(nn.Conv2d):
    """A convolution over the rows and columns of each frame by itself."""

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, H, W, C) to (B, T, H', W', C')."""
        frames: Tensor = super().forward(x.flatten(0, 1).movedim(-1, 1)).movedim(1, -1)
        return frames.view(*x.shape[:2], *frames.shape[1:])


class CausalConv3d(nn.Conv3d):
    """A convolution that sees earlier frames, never later ones, and keeps the picture's size."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: tuple[int, int, int] = (3, 3, 3),
        *,
        time_stride: int = 1,
    ) -> None:
        super().__init__(in_channels, out_channels, kernel_size, stride=(time_stride, 1, 1))
        _, rows, columns = kernel_size
        self.padding = (0, rows // 2, columns // 2)

    def forward(  # type: ignore[override]  # causal over pieces of a clip, hence the history
        self, x: Tensor, history: CausalHistory
    ) -> Tensor:
        """(B, T, H, W, C) to (B, T, H, W, C'); zeros lie before the first frame."""
        reach = self.kernel_size[0] - 1
        return self.convolve(history.extend(self, x, reach) if reach else x)

    def convolve(self, window: Tensor) -> Tensor:
        """The frames whose whole past lies in `window` (B, T, H, W, C), at least one."""
        if window.device.type == "cpu":
            return self._sum_over_taps(window)
        return super().forward(window.movedim(-1, 1)).movedim(1, -1)

    def _sum_over_taps(self, window: Tensor) -> Tensor:
        """The same as a sum of 2-D convolutions, one for each tap in time.

        On the CPU torch takes its fast kernels for a 3-D convolution only when the input is large,
        and a few frames of a small picture are not: decoding 45 frames of 128x128 at decoder_dim 20
        takes one core 1.2 s this way and 3.1 s by 3-D convolutions. An H100 takes 2.5 s this way
        for 121 frames of 704x704 and 2.3 s by 3-D convolutions, which also round only once.
        """
        taps, stride = self.kernel_size[0], self.stride[0]
        last_start = window.shape[1] - taps
        total: Tensor | None = None
        for tap in range(taps):
            frames = window[:, tap : last_start + tap + 1 : stride]
            bias = self.bias if tap == 0 else None
            part = F.conv2d(
                frames.flatten(0, 1).movedim(-1, 1),
                self.weight[:, :, tap],
                bias,
                padding=self.padding[1:],
            )
            total = part if total is None else total + part
        assert total is not None
        frames = total.movedim(1, -1)
        return frames.view(window.shape[0], -1, *frames.shape[1:])


class ChannelNorm(nn.Module):
    """Brings each pixel's root mean square over channels to a learned gain, in float32 inside."""

    def __init__(self, channels: int, num_unit_axes: int = 3) -> None:
        super().__init__()
        # The trailing axes of size one are the published shape.
        self.gamma = nn.Parameter(torch.ones(channels, *[1] * num_unit_axes))

    def forward(self, x: Tensor) -> Tensor:
        """(..., C) to the same shape."""
        gamma = self.gamma.flatten()
        return F.rms_norm(x, gamma.shape, gamma, NORM_EPS)


class ResidualBlock(nn.Module):
    """Norm, SiLU and convolution, twice, beside a skip path that fits the width."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.norm_in = ChannelNorm(in_channels)
        self.conv_in = CausalConv3d(in_channels, out_channels)
        self.norm_out = ChannelNorm(out_channels)
        self.conv_out = CausalConv3d(out_channels, out_channels)
        self.skip = None
        if in_channels != out_channels:
            self.skip = CausalConv3d(in_channels, out_channels, (1, 1, 1))

    def forward(self, x: Tensor, history: CausalHistory) -> Tensor:
        """(B, T, H, W, C) to (B, T, H, W, C')."""
        branch = self.conv_in(F.silu(self.norm_in(x)), history)
        branch = self.conv_out(F.silu(self.norm_out(branch)), history)
        result: Tensor = branch + (x if self.skip is None else self.skip(x, history))
        return result


class FrameAttention(nn.Module):
    """Attention among the pixels of each frame by itself: one head, as wide as the frame."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = ChannelNorm(channels, num_unit_axes=2)
        self.query_key_value = FrameConv(channels, 3 * channels, 1)
        self.output = FrameConv(channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, H, W, C) to the same shape."""
        qkv = self.query_key_value(self.norm(x)).flatten(2, 3)
        attended = F.scaled_dot_product_attention(*qkv.chunk(3, dim=-1))
        result: Tensor = x + self.output(attended.view_as(x))
        return result


class Middle(nn.Module):
    """What encoder and decoder do where the picture is smallest."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.block_in = ResidualBlock(channels, channels)
        self.attention = FrameAttention(channels)
        self.block_out = ResidualBlock(channels, channels)

    def forward(self, x: Tensor, history: CausalHistory) -> Tensor:
        """(B, T, H, W, C) to the same shape."""
        x = self.attention(self.block_in(x, history))
        result: Tensor = self.block_out(x, history)
        return result
