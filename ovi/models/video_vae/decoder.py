"""The decoder of the video VAE: latents to frames, piece by piece.

B batch, T frames, H W rows and columns, C channels, F latent frames.
"""

import torch.nn.functional as F
from torch import Tensor, nn

from ovi.models.video_vae.config import PATCH, VideoVaeConfig
from ovi.models.video_vae.history import CausalHistory
from ovi.models.video_vae.layers import CausalConv3d, ChannelNorm, Middle, ResidualBlock
from ovi.models.video_vae.resample import Upsample, repeat_up, unfold_patches


class DecoderStage(nn.Module):
    """Residual blocks, then, except in the finest stage, a larger picture beside a shortcut."""

    def __init__(self, config: VideoVaeConfig, stage: int) -> None:
        super().__init__()
        mult = config.dim_mult
        in_channels = config.decoder_dim * mult[min(stage + 1, len(mult) - 1)]
        self.channels = config.decoder_dim * mult[stage]
        self.blocks = nn.ModuleList(
            ResidualBlock(in_channels if block == 0 else self.channels, self.channels)
            for block in range(config.num_res_blocks + 1)
        )
        self.upsample = None
        if stage > 0:
            double_time = config.temporal_downsample[stage - 1]
            self.time_factor = 2 if double_time else 1
            self.upsample = Upsample(self.channels, double_time=double_time)

    def forward(self, x: Tensor, history: CausalHistory) -> Tensor:
        """(B, T, H, W, C) to (B, T', H', W', C')."""
        return self.enlarge(self.refine(x, history), x, history)

    def refine(self, x: Tensor, history: CausalHistory) -> Tensor:
        """The residual blocks: (B, T, H, W, C) to (B, T, H, W, C')."""
        for block in self.blocks:
            x = block(x, history)
        return x

    def enlarge(self, refined: Tensor, stage_input: Tensor, history: CausalHistory) -> Tensor:
        """The larger picture (B, T', 2H, 2W, C') of what the blocks made of the stage's input."""
        if self.upsample is None:
            return refined
        shortcut = repeat_up(
            stage_input, self.channels, self.time_factor, 2, is_start=history.is_start
        )
        result: Tensor = self.upsample(refined, history) + shortcut
        return result


class Decoder(nn.Module):
    """The way in from the latents, the middle, the stages, and a convolution out."""

    def __init__(self, config: VideoVaeConfig) -> None:
        super().__init__()
        num_stages = len(config.dim_mult)
        coarsest_dim = config.decoder_dim * config.dim_mult[-1]
        finest_dim = config.decoder_dim * config.dim_mult[0]
        self.latents = CausalConv3d(config.latent_channels, config.latent_channels, (1, 1, 1))
        self.input = CausalConv3d(config.latent_channels, coarsest_dim)
        self.middle = Middle(coarsest_dim)
        self.stages = nn.ModuleList(
            DecoderStage(config, stage) for stage in reversed(range(num_stages))
        )
        self.output_norm = ChannelNorm(finest_dim)
        self.output = CausalConv3d(finest_dim, 3 * PATCH**2)

    def forward(self, latents: Tensor, history: CausalHistory) -> Tensor:
        """The next raw latents (B, C, F, H, W) of a clip to frames (B, 3, T, 16H, 16W)."""
        x = self.latents(latents.movedim(1, -1), history)
        x = self.middle(self.input(x, history), history)
        for stage in self.stages:
            x = stage(x, history)
        x = self.output(F.silu(self.output_norm(x)), history)
        history.is_start = False
        return unfold_patches(x)
