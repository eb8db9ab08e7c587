"""Attention of a branch to itself, and to the text and the other branch at once.

Queries and keys are normalised over the whole token, before it is split into heads, and stay in
float32 until they have been turned; they are rounded once, to the dtype of the tokens.

The attention itself is a plain attribute, `attend` (and `attend_text` for the keys that every
rank of a parallel group holds in full), so that another kernel, or sequence parallelism, is put
in from outside by `set_attention`.

B batch, L tokens, N heads, D width.
"""

import torch
from torch import Tensor, nn

from ovi.models.fusion.config import BackboneConfig
from ovi.models.fusion.layers import LayerNorm, RMSNorm
from ovi.ops.attention import Attend, sdpa_attention
from ovi.ops.rope import RotaryTable, rotate


class Attention(nn.Module):
    """What both kinds of attention learn: four projections, and the norms of queries and keys."""

    def __init__(self, config: BackboneConfig) -> None:
        super().__init__()
        dim, eps = config.dim, config.eps
        self.head_dim = config.head_dim
        self.q, self.k, self.v, self.o = (nn.Linear(dim, dim) for _ in range(4))
        self.norm_q, self.norm_k = RMSNorm(dim, eps), RMSNorm(dim, eps)
        self.attend: Attend = sdpa_attention


class SelfAttention(Attention):
    """Attention among the tokens of one branch."""

    def forward(self, x: Tensor, rope: RotaryTable) -> Tensor:
        """`x` (B, L, D) to the same; `rope` holds the positions of its tokens."""
        out: Tensor = self.o(self.attend(*self.queries_keys_values(x, rope)).flatten(2))
        return out

    def queries_keys_values(self, x: Tensor, rope: RotaryTable) -> tuple[Tensor, Tensor, Tensor]:
        """What tokens `x` (B, L, D) put into attention, each (B, L, N, D / N); turned by `rope`."""
        q = rotate(_split_heads(self.norm_q(self.q(x)), self.head_dim), rope)
        k = rotate(_split_heads(self.norm_k(self.k(x)), self.head_dim), rope)
        v = _split_heads(self.v(x), self.head_dim)
        return q.to(v.dtype), k.to(v.dtype), v


class FusedCrossAttention(Attention):
    """One query per token, put to the text and to the other branch; both answers are summed."""

    def __init__(self, config: BackboneConfig) -> None:
        super().__init__(config)
        dim, eps = config.dim, config.eps
        self.pre_attn_norm_fusion = LayerNorm(dim, eps)
        self.k_fusion, self.v_fusion = nn.Linear(dim, dim), nn.Linear(dim, dim)
        self.norm_k_fusion = RMSNorm(dim, eps)
        self.attend_text: Attend = sdpa_attention

    def forward(
        self, x: Tensor, rope: RotaryTable, text: Tensor, other: Tensor, other_rope: RotaryTable
    ) -> Tensor:
        """`x` (B, L, D) to the same.

        `text` (B, text_len, D) is this branch's embedded text, `other` (B, L', D) the tokens of
        the other branch; each branch's table holds the positions of its own tokens.
        """
        from_text, from_other = (
            self.text_keys_values(text),
            self.other_keys_values(other, other_rope),
        )
        return self.answer(x, rope, from_text, from_other)

    def answer(
        self,
        x: Tensor,
        rope: RotaryTable,
        text: tuple[Tensor, Tensor],
        other: tuple[Tensor, Tensor],
    ) -> Tensor:
        """What tokens `x` (B, L, D) learn from keys and values of the text and the other branch."""
        q = _split_heads(self.norm_q(self.q(x)), self.head_dim)
        from_text = self.attend_text(q.to(text[1].dtype), *text)
        from_other = self.attend(rotate(q, rope).to(other[1].dtype), *other)
        out: Tensor = self.o((from_text + from_other).flatten(2))
        return out

    def text_keys_values(self, text: Tensor) -> tuple[Tensor, Tensor]:
        """Keys and values (B, text_len, N, D / N) of the text: the same in every step of a clip.

        Words have no place on the clip's time axis, so the keys do not turn.
        """
        v = _split_heads(self.v(text), self.head_dim)
        return _split_heads(self.norm_k(self.k(text)), self.head_dim).to(v.dtype), v

    def other_keys_values(self, other: Tensor, rope: RotaryTable) -> tuple[Tensor, Tensor]:
        """Keys, turned to their own positions, and values of the other branch's tokens."""
        other = self.pre_attn_norm_fusion(other).to(other.dtype)
        k = rotate(_split_heads(self.norm_k_fusion(self.k_fusion(other)), self.head_dim), rope)
        v = _split_heads(self.v_fusion(other), self.head_dim)
        return k.to(v.dtype), v


def set_attention(model: nn.Module, attend: Attend) -> None:
    """Makes every attention inside `model` use `attend`."""
    for module in model.modules():
        if isinstance(module, SelfAttention):
            module.attend = attend
        elif isinstance(module, FusedCrossAttention):
            module.attend = module.attend_text = attend


def _split_heads(x: Tensor, head_dim: int) -> Tensor:
    """(B, L, D) as (B, L, N, D / N)."""
    return torch.unflatten(x, -1, (-1, head_dim))
