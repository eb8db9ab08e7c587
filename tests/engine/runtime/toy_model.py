"""A model small enough to check by hand, with every kind of tensor that loading meets."""

import torch
from torch import Tensor, nn


class ToyModel(nn.Module):
    """Blocks of linear layers, a norm, a convolution and a buffer."""

    scale: Tensor

    def __init__(self, width: int = 48) -> None:
        super().__init__()
        self.embedding = nn.Linear(width, width)
        self.blocks = nn.ModuleList(
            nn.Sequential(
                nn.LayerNorm(width), nn.Linear(width, 2 * width), nn.Linear(2 * width, width)
            )
            for _ in range(3)
        )
        self.conv = nn.Conv1d(width, width, 3, padding=1)
        self.register_buffer("scale", torch.ones(width))

    def forward(self, x: Tensor) -> Tensor:
        """(B, L, width) to the same."""
        x = self.embedding(x)
        for block in self.blocks:
            x = x + block(x)
        out: Tensor = self.conv(x.transpose(1, 2)).transpose(1, 2) * self.scale
        return out


def toy_state(seed: int = 0) -> dict[str, Tensor]:
    """Random tensors for every key of `ToyModel`, float32."""
    generator = torch.Generator().manual_seed(seed)
    return {
        key: torch.randn(tensor.shape, generator=generator) * 0.1
        for key, tensor in ToyModel().state_dict().items()
    }
