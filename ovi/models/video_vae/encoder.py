"""The encoder of the video VAE: frames to the mean of the latents, piece by piece.

B batch, T frames, H W rows and columns, C channels, F latent frames.
"""

import torch.nn.functional as F
from torch import Tensor, nn

from ovi.models.video_vae.config import PATCH, VideoVaeConfig
from ovi.models.video_vae.history import CausalHistory
from ovi.models.video_vae.layers import CausalConv3d, ChannelNorm, Middle, ResidualBlock
from ovi.models.video_vae.resample import Downsample, average_down, fold_patches


class EncoderStage(nn.Module):
    """Residual blocks, then a smaller picture except in the coarsest stage, beside a shortcut."""

    def __init__(self, config: VideoVaeConfig, stage: int) -> None:
        super().__init__()
        mult, is_coarsest = config.dim_mult, stage == len(config.dim_mult) - 1
        halve_time = not is_coarsest and config.temporal_downsample[stage]
        in_channels = config.encoder_dim * mult[max(stage - 1, 0)]
        self.channels = config.encoder_dim * mult[stage]
        self.time_factor = 2 if halve_time else 1
        self.space_factor = 1 if is_coarsest else 2
        self.blocks = nn.ModuleList(
            ResidualBlock(in_channels if block == 0 else self.channels, self.channels)
            for block in range(config.num_res_blocks)
        )
        self.downsample = None
        if not is_coarsest:
            self.downsample = Downsample(self.channels, halve_time=halve_time)

    def forward(self, x: Tensor, history: CausalHistory) -> Tensor:
        """(B, T, H, W, C) to (B, T', H', W', C')."""
        shortcut = average_down(x, self.channels, self.time_factor, self.space_factor)
        for block in self.blocks:
            x = block(x, history)
        if self.downsample is not None:
            x = self.downsample(x, history)
        result: Tensor = x + shortcut
        return result


class Encoder(nn.Module):
    """A convolution in, the stages, the middle, and the way out to the latents' mean."""

    def __init__(self, config: VideoVaeConfig) -> None:
        super().__init__()
        num_stages = len(config.dim_mult)
        coarsest_dim = config.encoder_dim * config.dim_mult[-1]
        num_moments = 2 * config.latent_channels
        self.input = CausalConv3d(3 * PATCH**2, config.encoder_dim * config.dim_mult[0])
        self.stages = nn.ModuleList(EncoderStage(config, stage) for stage in range(num_stages))
        self.middle = Middle(coarsest_dim)
        self.output_norm = ChannelNorm(coarsest_dim)
        self.output = CausalConv3d(coarsest_dim, num_moments)
        self.moments = CausalConv3d(num_moments, num_moments, (1, 1, 1))

    def forward(self, frames: Tensor, history: CausalHistory) -> Tensor:
        """The next frames (B, 3, T, H, W) of a clip to raw latents (B, C, F, H/16, W/16).

        The variance that the network predicts beside the mean is dropped: nothing is sampled.
        """
        x = self.input(fold_patches(frames), history)
        for stage in self.stages:
            x = stage(x, history)
        x = self.middle(x, history)
        x = self.output(F.silu(self.output_norm(x)), history)
        mean: Tensor = self.moments(x, history).chunk(2, dim=-1)[0]
        history.is_start = False
        return mean.movedim(-1, 1)
