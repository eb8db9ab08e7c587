"""One branch of the fusion transformer: latents to tokens, conditioning, tokens to velocity.

The blocks are held here, under the published names, and run by the model that holds both
branches.

B batch, C channels, F latent frames, H W latent rows and columns, L tokens, D width,
T distinct timesteps.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ovi.models.fusion.block import BackboneBlock, Conditioning
from ovi.models.fusion.config import BackboneConfig
from ovi.models.fusion.layers import (
    AudioPatchEmbedding,
    Float32Linear,
    Head,
    TimeVectors,
    VideoPatchEmbedding,
    embed_timestep,
)
from ovi.ops.rope import rotary_table


class Backbone(nn.Module):
    """What both branches share: text, time, positions, blocks and the head."""

    def __init__(
        self, config: BackboneConfig, patch_embedding: VideoPatchEmbedding | AudioPatchEmbedding
    ) -> None:
        super().__init__()
        dim = config.dim
        self.config = config
        self.text_embedding = nn.Sequential(
            nn.Linear(config.text_dim, dim), nn.GELU(approximate="tanh"), nn.Linear(dim, dim)
        )
        self.time_embedding = nn.Sequential(
            Float32Linear(config.freq_dim, dim), nn.SiLU(), Float32Linear(dim, dim)
        )
        self.time_projection = nn.Sequential(nn.SiLU(), Float32Linear(dim, 6 * dim))
        self.blocks = nn.ModuleList(BackboneBlock(config) for _ in range(config.num_layers))
        self.head = Head(config)
        self.patch_embedding = patch_embedding

    def condition(
        self,
        grid: tuple[int, ...],
        timestep: Tensor,
        text: Tensor,
        *,
        num_clean_frames: int = 0,
    ) -> Conditioning:
        """What the blocks need: `timestep` (B,), `text` (B, n, text_dim) for tokens on `grid`.

        The first `num_clean_frames` steps of the grid's first axis count as free of noise.
        """
        return Conditioning(
            time=self.embed_time(grid, timestep, num_clean_frames),
            rope=rotary_table(
                grid, self.config.head_dim, self.config.rope_time_scale, timestep.device
            ),
            text=self.embed_text(text),
        )

    def embed_text(self, text: Tensor) -> Tensor:
        """`text` (B, n, text_dim), n at most text_len, to (B, text_len, D).

        Rows are padded with zeros before the network, not after, and nothing masks them later:
        the model was trained to attend to what the network makes of a zero row.
        """
        missing = self.config.text_len - text.shape[1]
        assert missing >= 0, f"{text.shape[1]} rows of text, at most {self.config.text_len} fit"
        embedded: Tensor = self.text_embedding(
            F.pad(text.to(self.patch_embedding.dtype), (0, 0, 0, missing))
        )
        return embedded

    def embed_time(
        self, grid: tuple[int, ...], timestep: Tensor, num_clean_frames: int = 0
    ) -> TimeVectors:
        """The vectors of `timestep` (B,), and before them those of 0 where frames are clean."""
        frame_tokens = math.prod(grid[1:])
        token_runs: tuple[int, ...] = (grid[0] * frame_tokens,)
        timesteps = timestep[:, None]
        if num_clean_frames:
            clean = num_clean_frames * frame_tokens
            token_runs = (clean, token_runs[0] - clean)
            timesteps = torch.cat((torch.zeros_like(timesteps), timesteps), dim=1)
        embedding = self.time_embedding(embed_timestep(timesteps, self.config.freq_dim))
        projection = torch.unflatten(self.time_projection(embedding), -1, (6, -1))
        return TimeVectors(embedding, projection, token_runs)

    def embed(self, latents: Tensor) -> Tensor:
        """Tokens (B, L, D) of the branch's latents, in the order of the grid."""
        tokens: Tensor = self.patch_embedding(latents)
        return tokens


class VideoBackbone(Backbone):
    """The branch that sees latents (B, C, F, H, W), one token a patch."""

    def __init__(self, config: BackboneConfig) -> None:
        super().__init__(config, VideoPatchEmbedding(config))

    def grid_of(self, latents: Tensor) -> tuple[int, ...]:
        """Tokens along frames, rows and columns."""
        sizes = latents.shape[2:]
        patches = self.config.patch_size
        assert all(size % patch == 0 for size, patch in zip(sizes, patches, strict=True)), (
            f"latents {tuple(sizes)} are no whole number of patches {patches}"
        )
        return tuple(size // patch for size, patch in zip(sizes, patches, strict=True))

    def project(self, tokens: Tensor, given: Conditioning, grid: tuple[int, ...]) -> Tensor:
        """The velocity (B, C, F, H, W) that tokens (B, L, D) stand for."""
        patches: Tensor = self.head(tokens, given.time)
        return self.unpatchify(patches, grid)

    def unpatchify(self, patches: Tensor, grid: tuple[int, ...]) -> Tensor:
        """The velocity (B, C, F, H, W) whose patches, one a token, are (B, L, patch volume * C)."""
        # Inside a patch the channel runs fastest, unlike in the patch embedding.
        f, h, w = grid
        frames, rows, columns = self.config.patch_size
        patches = patches.reshape(len(patches), f, h, w, frames, rows, columns, -1)
        patches = patches.permute(0, 7, 1, 4, 2, 5, 3, 6)
        return patches.reshape(len(patches), -1, f * frames, h * rows, w * columns)


class AudioBackbone(Backbone):
    """The branch that sees latents (B, L, C), one token each."""

    def __init__(self, config: BackboneConfig) -> None:
        super().__init__(config, AudioPatchEmbedding(config))

    def grid_of(self, latents: Tensor) -> tuple[int, ...]:
        """Tokens along time."""
        return (latents.shape[1],)

    def project(self, tokens: Tensor, given: Conditioning) -> Tensor:
        """The velocity (B, L, C) that tokens (B, L, D) stand for."""
        velocity: Tensor = self.head(tokens, given.time)
        return velocity
