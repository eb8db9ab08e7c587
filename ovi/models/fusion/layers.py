"""The parts of a backbone that mix no tokens: norms, modulation, embeddings and the head.

Norm statistics, modulation and everything that depends on the timestep alone are computed in
float32 whatever the parameters' dtype; the caller rounds once, when a value enters a matrix
product or the residual stream. Parameters that are not matrices may therefore be stored in any
floating dtype.

B batch, C channels, F latent frames, H W latent rows and columns, L tokens, D width,
T distinct timesteps (1, or 2 when the first frame is clean).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ovi.models.fusion.config import BackboneConfig


class Float32Linear(nn.Linear):
    """A linear layer for a handful of rows, where full precision costs nothing."""

    def forward(self, x: Tensor) -> Tensor:
        bias = None if self.bias is None else self.bias.float()
        return F.linear(x.float(), self.weight.float(), bias)


class Float32Conv1d(nn.Conv1d):
    """A convolution along a short sequence (B, L, C) of the same length, in full precision.

    Computed as one matrix product over windows: for so few tokens that is faster than a
    convolution, which on CUDA would moreover round float32 to TF32 unless told not to.
    """

    def __init__(self, in_channels: int, out_channels: int, width: int, *, bias: bool) -> None:
        super().__init__(in_channels, out_channels, width, padding=width // 2, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        width, reach = self.kernel_size[0], self.kernel_size[0] // 2
        windows = F.pad(x.float(), (0, 0, reach, reach)).unfold(1, width, 1)
        bias = None if self.bias is None else self.bias.float()
        return F.linear(windows.flatten(2), self.weight.float().flatten(1), bias)


class LayerNorm(nn.LayerNorm):
    """Layer norm that leaves its result in float32."""

    def forward(self, x: Tensor) -> Tensor:
        weight = None if self.weight is None else self.weight.float()
        bias = None if self.bias is None else self.bias.float()
        return F.layer_norm(x.float(), self.normalized_shape, weight, bias, self.eps)


class RMSNorm(nn.RMSNorm):
    """Root-mean-square norm that leaves its result in float32."""

    def forward(self, x: Tensor) -> Tensor:
        return F.rms_norm(x.float(), self.normalized_shape, self.weight.float(), self.eps)


@dataclass(frozen=True, slots=True)
class TimeVectors:
    """What a backbone knows of the timestep: one row per distinct timestep, never per token."""

    embedding: Tensor
    """(B, T, D) float32, read by the head."""
    projection: Tensor
    """(B, T, 6, D) float32, read by every block."""
    token_runs: tuple[int, ...]
    """T lengths: how many consecutive tokens share each row; they sum to L."""


@dataclass(frozen=True, slots=True)
class ShiftScaleGate:
    """How the timestep steers one sublayer; each (B, T, D) float32."""

    shift: Tensor
    scale: Tensor
    gate: Tensor


def embed_timestep(timestep: Tensor, num_channels: int) -> Tensor:
    """`timestep` (...), 0 to 1000, as cosines, then sines, at falling frequencies: (..., C).

    float64 inside, since 1000 turns of the fastest channel would cost float32 three digits.
    """
    half = num_channels // 2
    exponents = torch.arange(half, dtype=torch.float64, device=timestep.device) / half
    angles = timestep.double()[..., None] * 10000.0**-exponents
    return torch.cat((angles.cos(), angles.sin()), dim=-1).float()


def modulate(x: Tensor, shift: Tensor, scale: Tensor, token_runs: tuple[int, ...]) -> Tensor:
    """x (1 + scale) + shift: `x` (B, L, D), the others (B, T, D), row t for the t-th run."""
    parts = zip(_runs(x, token_runs), _rows(shift), _rows(scale), strict=True)
    return _join([torch.addcmul(move, run, 1 + stretch) for run, move, stretch in parts])


def add_gated(x: Tensor, update: Tensor, gate: Tensor, token_runs: tuple[int, ...]) -> Tensor:
    """x + gate * update in x's dtype: (B, L, D) both, `gate` (B, T, D), row t for the t-th run."""
    parts = zip(_runs(x, token_runs), _runs(update, token_runs), _rows(gate), strict=True)
    joined = _join([torch.addcmul(run, change, opening) for run, change, opening in parts])
    return joined.to(x.dtype)


class Modulation(nn.Module):
    """A block's learned offsets to the six vectors that the timestep gives."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.modulation = nn.Parameter(torch.randn(1, 6, dim) / dim**0.5)

    def forward(self, time: TimeVectors) -> tuple[ShiftScaleGate, ShiftScaleGate]:
        """The modulation of self attention and that of the feed-forward network."""
        vectors = (time.projection + self.modulation.float()).unbind(dim=2)
        return ShiftScaleGate(*vectors[:3]), ShiftScaleGate(*vectors[3:])


class Head(nn.Module):
    """Tokens (B, L, D) to the velocity of their patches (B, L, patch volume * C)."""

    def __init__(self, config: BackboneConfig) -> None:
        super().__init__()
        dim = config.dim
        self.norm = LayerNorm(dim, config.eps, elementwise_affine=False)
        self.head = nn.Linear(dim, config.patch_volume * config.out_channels)
        self.modulation = nn.Parameter(torch.randn(1, 2, dim) / dim**0.5)

    def forward(self, x: Tensor, time: TimeVectors) -> Tensor:
        shift, scale = (time.embedding[:, :, None] + self.modulation.float()).unbind(dim=2)
        modulated = modulate(self.norm(x), shift, scale, time.token_runs)
        velocity: Tensor = self.head(modulated.to(x.dtype))
        return velocity


class VideoPatchEmbedding(nn.Conv3d):
    """Latents (B, C, F, H, W) to tokens (B, L, D), ordered by frame, row, column.

    Stored as the convolution that it is, computed as one matrix product: patches do not overlap,
    and half-precision 3-D convolutions are slow or absent on many devices.
    """

    def __init__(self, config: BackboneConfig) -> None:
        frames, rows, columns = config.patch_size
        patch_size = (frames, rows, columns)
        super().__init__(config.in_channels, config.dim, patch_size, stride=patch_size)

    def forward(self, latents: Tensor) -> Tensor:
        frames, rows, columns = self.kernel_size
        batch, channels, *sizes = latents.shape
        f, h, w = sizes[0] // frames, sizes[1] // rows, sizes[2] // columns
        patches = latents.reshape(batch, channels, f, frames, h, rows, w, columns)
        patches = patches.permute(0, 2, 4, 6, 1, 3, 5, 7)
        tokens = patches.flatten(4).flatten(1, 3).to(self.dtype)
        return F.linear(tokens, self.weight.flatten(1).to(self.dtype), self.bias)

    @property
    def dtype(self) -> torch.dtype:
        """The dtype of the tokens: the bias keeps it when matrices are stored in fewer bits."""
        assert self.bias is not None
        return self.bias.dtype


class ConvGate(nn.Module):
    """A gated feed-forward network made of convolutions along time: (B, L, D) to the same."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        # The usual width of a gated network: two thirds of 4 D, up to a multiple of 256.
        hidden = -(-(8 * dim // 3) // 256) * 256
        self.w1 = Float32Conv1d(dim, hidden, 7, bias=False)
        self.w2 = Float32Conv1d(hidden, dim, 7, bias=False)
        self.w3 = Float32Conv1d(dim, hidden, 7, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        gated: Tensor = self.w2(F.silu(self.w1(x)) * self.w3(x))
        return gated


class AudioPatchEmbedding(nn.Sequential):
    """Latents (B, L, C) to tokens (B, L, D); each token sees some neighbours to either side.

    Rounded to bfloat16, these gated convolutions would blur the sound more than all the blocks
    after them do. In float32 they take 6 of the 576 ms of a forward pass of the published model
    (704x704, 5 s, H100), 2 ms more than in bfloat16.
    """

    def __init__(self, config: BackboneConfig) -> None:
        dim = config.dim
        first = Float32Conv1d(config.in_channels, dim, 7, bias=True)
        super().__init__(first, nn.SiLU(), ConvGate(dim))

    def forward(self, latents: Tensor) -> Tensor:
        x = latents
        for stage in self:
            x = stage(x)
        return x.to(self.dtype)

    @property
    def dtype(self) -> torch.dtype:
        """The dtype of the tokens: the bias keeps it when matrices are stored in fewer bits."""
        first = self[0]
        assert isinstance(first, Float32Conv1d)
        assert first.bias is not None
        return first.bias.dtype


def _runs(x: Tensor, lengths: tuple[int, ...]) -> Sequence[Tensor]:
    """`x` (B, L, D) cut into runs of tokens."""
    return x.split_with_sizes(lengths, dim=1)


def _rows(vectors: Tensor) -> Sequence[Tensor]:
    """`vectors` (B, T, D) as T tensors (B, 1, D)."""
    return vectors.split_with_sizes([1] * vectors.shape[1], dim=1)


def _join(parts: list[Tensor]) -> Tensor:
    """The runs of tokens as one sequence; the usual single run costs no copy."""
    return parts[0] if len(parts) == 1 else torch.cat(parts, dim=1)
