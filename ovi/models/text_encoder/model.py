"""The text encoder: token ids in, one vector a token out.

Leaves tokenization to `tokenizer.py` and the way from texts to trimmed embeddings to `encode.py`.

Shapes: B batch, L tokens, D width.
"""

from torch import Tensor, nn

from ovi.models.text_encoder.config import TextEncoderConfig
from ovi.models.text_encoder.layers import EncoderLayer
from ovi.models.text_encoder.position import bucket_grid


class TextEncoder(nn.Module):
    """umT5's encoder. Computes in the dtype of its weights; norms and softmax in float32."""

    def __init__(self, config: TextEncoderConfig) -> None:
        super().__init__()
        self.config = config
        self.token_embedding = nn.Embedding(config.vocab_size, config.dim)
        self.layers = nn.ModuleList(EncoderLayer(config) for _ in range(config.num_layers))
        self.final_norm = nn.RMSNorm(config.dim, eps=config.eps)

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        """Embeddings (B, L, dim) of ids (B, L), int64 in [0, vocab_size); any L >= 1.

        `mask` (B, L) is 1 or true at real tokens, of which each text has at least one. No token
        reads padding; the rows at padding hold numbers without meaning.
        """
        buckets = bucket_grid(ids.shape[1], self.config).to(ids.device)
        is_padding = mask == 0
        x = self.token_embedding(ids)
        for layer in self.layers:
            x = layer(x, buckets, is_padding)
        return self.final_norm(x)  # type: ignore[no-any-return]
