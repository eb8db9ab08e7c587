"""One layer of the text encoder: self-attention with a position bias, gated feed-forward.

Differs from most transformers in three ways: queries are not scaled, no linear layer has a bias,
and every layer has its own table of position biases.

Shapes: B batch, L tokens, N heads, D width.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ovi.models.text_encoder.config import TextEncoderConfig


class SelfAttention(nn.Module):
    """Attention of all tokens to all real tokens."""

    def __init__(self, config: TextEncoderConfig) -> None:
        super().__init__()
        self.num_heads = config.num_heads
        self.query = nn.Linear(config.dim, config.attention_dim, bias=False)
        self.key = nn.Linear(config.dim, config.attention_dim, bias=False)
        self.value = nn.Linear(config.dim, config.attention_dim, bias=False)
        self.output = nn.Linear(config.attention_dim, config.dim, bias=False)
        self.position_bias = nn.Embedding(config.num_buckets, config.num_heads)

    def forward(self, x: Tensor, buckets: Tensor, is_padding: Tensor) -> Tensor:
        """(B, L, D) from x (B, L, D), buckets (L, L) and is_padding (B, L), true at padding."""
        query, key, value = (
            layer(x).unflatten(-1, (self.num_heads, -1)).transpose(1, 2)  # (B, N, L, head width)
            for layer in (self.query, self.key, self.value)
        )
        logits = (query @ key.transpose(-1, -2)).float()
        logits = logits + self.position_bias(buckets).permute(2, 0, 1).float()
        logits = logits.masked_fill(is_padding[:, None, None, :], torch.finfo(logits.dtype).min)
        attended = logits.softmax(-1).to(value.dtype) @ value
        return self.output(attended.transpose(1, 2).flatten(2))  # type: ignore[no-any-return]


class FeedForward(nn.Module):
    """Gated feed-forward: a GELU branch scales a linear one."""

    def __init__(self, config: TextEncoderConfig) -> None:
        super().__init__()
        self.gate = nn.Linear(config.dim, config.ffn_dim, bias=False)
        self.widen = nn.Linear(config.dim, config.ffn_dim, bias=False)
        self.narrow = nn.Linear(config.ffn_dim, config.dim, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """(B, L, D) from (B, L, D)."""
        gate = F.gelu(self.gate(x), approximate="tanh")
        return self.narrow(self.widen(x) * gate)  # type: ignore[no-any-return]


class EncoderLayer(nn.Module):
    """Both parts, each behind a root-mean-square norm and added to the residual stream."""

    def __init__(self, config: TextEncoderConfig) -> None:
        super().__init__()
        # torch's norm keeps its statistics in float32 whatever the model's dtype.
        self.attention_norm = nn.RMSNorm(config.dim, eps=config.eps)
        self.attention = SelfAttention(config)
        self.feed_forward_norm = nn.RMSNorm(config.dim, eps=config.eps)
        self.feed_forward = FeedForward(config)

    def forward(self, x: Tensor, buckets: Tensor, is_padding: Tensor) -> Tensor:
        """(B, L, D) from (B, L, D); arguments as for `SelfAttention`."""
        x = x + self.attention(self.attention_norm(x), buckets, is_padding)
        return x + self.feed_forward(self.feed_forward_norm(x))  # type: ignore[no-any-return]
