"""Sizes of a umT5 text encoder."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TextEncoderConfig:
    """Everything that decides the encoder's parameters and its arithmetic."""

    vocab_size: int
    """Rows of the token embedding; at least the tokenizer's vocabulary."""

    dim: int
    """Width of the residual stream and of the output."""

    attention_dim: int
    """Width of queries, keys and values, all heads together."""

    ffn_dim: int
    """Hidden width of the feed-forward layers."""

    num_heads: int
    """Attention heads; divides attention_dim."""

    num_layers: int
    """Transformer layers."""

    num_buckets: int = 32
    """Distances that the position bias tells apart, both directions together; a multiple of 4."""

    max_distance: int = 128
    """Tokens from which on all distances are one bucket."""

    eps: float = 1e-6
    """Added to the mean square in every norm."""

    text_len: int = 512
    """Tokens a text is padded or cut to."""

    def __post_init__(self) -> None:
        assert self.attention_dim % self.num_heads == 0, "heads must share attention_dim evenly"
        assert self.num_buckets % 4 == 0, "half of each direction's buckets count exact distances"


UMT5_XXL = TextEncoderConfig(
    vocab_size=256384,
    dim=4096,
    attention_dim=4096,
    ffn_dim=10240,
    num_heads=64,
    num_layers=24,
)
"""The encoder of the released checkpoints (Wan2.2-TI2V-5B/models_t5_umt5-xxl-enc-bf16.pth)."""
