"""Rotary position embedding: the table of a token grid, and its application to heads.

A head of D channels is read as P = D/2 interleaved pairs (2k, 2k+1), and pair k of the token at
position p turns by the angle p * frequency[k]. Frames take the first share of the pairs, rows and
columns a share each; a grid with a time axis alone (audio) turns the time share and leaves the
other pairs as they are, so that sound and picture agree on what a moment in time looks like.

B batch, L tokens, N heads, D head width, P pairs.
"""

from dataclasses import dataclass
from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor

THETA = 10000.0
"""Ratio between the fastest frequency of an axis and the limit of its slowest."""


@dataclass(frozen=True, slots=True)
class RotaryTable:
    """The cosine and sine of every token's angles, once for either channel of a pair."""

    cos: Tensor
    """(L, D) float32."""
    sin: Tensor
    """(L, D) float32; negated for the first channel of a pair."""


def pairs_per_axis(head_dim: int) -> tuple[int, int, int]:
    """How many channel pairs of a head belong to time, rows and columns: 128 gives (22, 21, 21)."""
    pairs = head_dim // 2
    spatial = pairs // 3
    return pairs - 2 * spatial, spatial, spatial


@lru_cache(maxsize=4)
def rotary_table(
    grid: tuple[int, ...], head_dim: int, time_scale: float, device: torch.device
) -> RotaryTable:
    """The table for tokens laid out on `grid`, last axis fastest.

    `grid` is (frames, rows, columns), or (tokens,) for a sequence in time alone. `time_scale` is
    the time that one step of the first axis takes, in latent frames of video.

    The same few grids return in every step of every clip, hence the cache; 4 tables of the
    longest variant are 0.2 GB.
    """
    # A table first built while sampling must also serve training, where autograd refuses
    # tensors that were made in inference mode.
    with torch.inference_mode(False):
        angles = [
            _axis_angles(size, pairs, time_scale if axis == 0 else 1.0, device)
            .reshape([size if other == axis else 1 for other in range(len(grid))] + [pairs])
            .expand(*grid, pairs)
            for axis, (size, pairs) in enumerate(zip(grid, pairs_per_axis(head_dim), strict=False))
        ]
        table = torch.cat(angles, dim=-1).flatten(0, -2)
        table = F.pad(table, (0, head_dim // 2 - table.shape[-1]))
        cos, sin = table.cos().float(), table.sin().float()
        return RotaryTable(
            cos=torch.stack((cos, cos), dim=-1).flatten(1),
            sin=torch.stack((-sin, sin), dim=-1).flatten(1),
        )


def rotate(x: Tensor, table: RotaryTable) -> Tensor:
    """`x` (B, L, N, D) with every head turned by its token's angles; computed in float32."""
    swapped = torch.unflatten(x, -1, (-1, 2)).flip(-1).flatten(-2)
    return torch.addcmul(x * table.cos[:, None], swapped, table.sin[:, None])


def _axis_angles(size: int, pairs: int, scale: float, device: torch.device) -> Tensor:
    """Angles (size, pairs) of one axis, in float64: late positions turn many times."""
    exponents = torch.arange(pairs, dtype=torch.float64, device=device) / max(pairs, 1)
    positions = torch.arange(size, dtype=torch.float64, device=device)
    return torch.outer(positions, scale * THETA**-exponents)
