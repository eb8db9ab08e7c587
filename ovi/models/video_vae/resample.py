"""The parts of the video VAE that change the size of the picture or the number of frames.

Channels are last, as everywhere inside this model.

B batch, T frames, H W rows and columns, C channels.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ovi.models.video_vae.config import PATCH
from ovi.models.video_vae.history import CausalHistory
from ovi.models.video_vae.layers import CausalConv3d, FrameConv


class Downsample(nn.Module):
    """Halves rows and columns, and with `halve_time` the number of frames, by convolutions."""

    def __init__(self, channels: int, *, halve_time: bool) -> None:
        super().__init__()
        self.space_conv = FrameConv(channels, channels, 3, stride=2)
        self.time_conv = None
        if halve_time:
            self.time_conv = CausalConv3d(channels, channels, (3, 1, 1), time_stride=2)

    def forward(self, x: Tensor, history: CausalHistory) -> Tensor:
        """(B, T, H, W, C) to (B, T', H/2, W/2, C); 1+2k frames at the start, later 2k, make 1+k, k.

        The first frame of the clip passes unchanged; each later one is made from three frames, of
        which the first is also the last of its predecessor.
        """
        x = self.space_conv(F.pad(x, (0, 0, 0, 1, 0, 1)))
        if self.time_conv is None:
            return x
        window = history.extend(self.time_conv, x, 1, pad=False)
        if window.shape[1] == 1:
            return x
        later = self.time_conv.convolve(window)
        return torch.cat([x[:, :1], later], dim=1) if history.is_start else later


class Upsample(nn.Module):
    """Doubles rows and columns, and with `double_time` the number of frames, by convolutions."""

    def __init__(self, channels: int, *, double_time: bool) -> None:
        super().__init__()
        self.time_conv = None
        if double_time:
            self.time_conv = CausalConv3d(channels, 2 * channels, (3, 1, 1))
        self.space_conv = FrameConv(channels, channels, 3, padding=1)

    def forward(self, x: Tensor, history: CausalHistory) -> Tensor:
        """(B, T, H, W, C) to (B, T', 2H, 2W, C); 1+k frames at the start, later k, make 1+2k, 2k.

        The first frame of the clip passes unchanged, and the later ones do not see it.
        """
        if self.time_conv is not None:
            first, later = x.tensor_split([1 if history.is_start else 0], dim=1)
            if later.shape[1]:
                pairs = self.time_conv(later, history).unflatten(-1, (2, -1))
                later = pairs.movedim(4, 2).flatten(1, 2)
            x = torch.cat([first, later], dim=1)
        doubled = x.repeat_interleave(2, dim=2).repeat_interleave(2, dim=3)
        result: Tensor = self.space_conv(doubled)
        return result


def average_down(x: Tensor, channels: int, time_factor: int, space_factor: int) -> Tensor:
    """The shortcut around an encoder stage: averages (B, T, H, W, C) down to `channels` wide.

    A zero frame goes in front where the frames do not divide by `time_factor`, which is so at the
    start of a clip.
    """
    x = F.pad(x, (0, 0, 0, 0, 0, 0, -x.shape[1] % time_factor, 0))
    x = x.unflatten(3, (-1, space_factor)).unflatten(2, (-1, space_factor))
    x = x.unflatten(1, (-1, time_factor))
    # (B, T, time, H, row, W, column, C) to (B, T, H, W, C time row column)
    return fit_channels(x.permute(0, 1, 3, 5, 7, 2, 4, 6).flatten(4), channels)


def repeat_up(
    x: Tensor, channels: int, time_factor: int, space_factor: int, *, is_start: bool
) -> Tensor:
    """The shortcut around a decoder stage: repeats (B, T, H, W, C) up to `channels` wide.

    Of the first frame of the clip only the last copy in time is kept.
    """
    offsets = (time_factor, space_factor, space_factor)
    x = fit_channels(x, channels * math.prod(offsets)).unflatten(-1, (channels, *offsets))
    # (B, T, H, W, C, time, row, column) to (B, T time, H row, W column, C)
    x = x.permute(0, 1, 5, 2, 6, 3, 7, 4).flatten(5, 6).flatten(3, 4).flatten(1, 2)
    return x[:, time_factor - 1 :] if is_start else x


def fit_channels(x: Tensor, channels: int) -> Tensor:
    """(..., C) to (..., channels): each one the mean of the old channels that it lies over.

    As in resizing by area. The published widths divide, so there it is a mean of equal groups or a
    repetition.
    """
    common = math.gcd(x.shape[-1], channels)
    if channels > common:
        x = x.repeat_interleave(channels // common, dim=-1)
    if x.shape[-1] > channels:
        x = x.unflatten(-1, (channels, -1)).mean(-1)
    return x


def fold_patches(frames: Tensor) -> Tensor:
    """(B, 3, T, H, W) to channels-last (B, T, H/2, W/2, 12), ordered colour, column, row."""
    x: Tensor = frames.unflatten(4, (-1, PATCH)).unflatten(3, (-1, PATCH))
    # (B, colour, T, H/2, row, W/2, column) to (B, T, H/2, W/2, colour column row)
    return x.permute(0, 2, 3, 5, 1, 6, 4).flatten(4)


def unfold_patches(x: Tensor) -> Tensor:
    """The inverse of `fold_patches`."""
    x = x.unflatten(-1, (-1, PATCH, PATCH))
    # (B, T, H/2, W/2, colour, column, row) to (B, colour, T, H/2 row, W/2 column)
    return x.permute(0, 4, 1, 2, 6, 3, 5).flatten(5, 6).flatten(3, 4)
