"""The text encoder: token ids in, one vector a token out.

Leaves tokenization to `tokenizer.py` and the way from texts to trimmed embeddings to `encode.py`.

Shapes: B batch, L tokens, D width.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import cast

from torch import Tensor, nn

from ovi.models.text_encoder.config import TextEncoderConfig
from ovi.models.text_encoder.layers import EncoderLayer
from ovi.models.text_encoder.position import bucket_grid


@dataclass(frozen=True, slots=True, eq=False)
class EncoderState:
    """A batch of texts on its way through the layers."""

    x: Tensor
    """(B, L, D)"""
    buckets: Tensor
    """(L, L): of the position bias"""
    is_padding: Tensor
    """(B, L)"""


RunLayer = Callable[[EncoderLayer, Sequence[EncoderState]], list[EncoderState]]
"""The form of `run_layer`, for whatever takes its place."""


def run_layer(layer: EncoderLayer, states: Sequence[EncoderState]) -> list[EncoderState]:
    """Every batch, one layer further."""
    return [
        EncoderState(
            layer(state.x, state.buckets, state.is_padding), state.buckets, state.is_padding
        )
        for state in states
    ]


class TextEncoder(nn.Module):
    """umT5's encoder. Computes in the dtype of its weights; norms and softmax in float32."""

    def __init__(self, config: TextEncoderConfig) -> None:
        super().__init__()
        self.config = config
        self.token_embedding: nn.Module = nn.Embedding(config.vocab_size, config.dim)
        self.layers = nn.ModuleList(EncoderLayer(config) for _ in range(config.num_layers))
        self.final_norm = nn.RMSNorm(config.dim, eps=config.eps)
        self.run_layer: RunLayer = run_layer
        """Runs one layer; replace it to stream layers."""

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        """Embeddings (B, L, dim) of ids (B, L), int64 in [0, vocab_size); any L >= 1.

        `mask` (B, L) is 1 or true at real tokens, of which each text has at least one. No token
        reads padding; the rows at padding hold numbers without meaning.
        """
        return self.encode_each([(ids, mask)])[0]

    def encode_each(self, batches: Sequence[tuple[Tensor, Tensor]]) -> list[Tensor]:
        """As `forward` for each (ids, mask), of any lengths, together: each layer is needed once.

        A batch gets the same embeddings, bit for bit, whatever others come with it.
        """
        states = [
            EncoderState(
                self.token_embedding(ids),
                bucket_grid(ids.shape[1], self.config).to(ids.device),
                mask == 0,
            )
            for ids, mask in batches
        ]
        for layer in self.layers:
            states = self.run_layer(cast("EncoderLayer", layer), states)
        return [self.final_norm(state.x) for state in states]
