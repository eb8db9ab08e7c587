"""One pass on several ranks: the picture's tokens divided, heads exchanged for self attention.

Per fusion block, of P ranks with the tokens of the picture divided among them:

- self attention of the picture needs all tokens. Queries, keys and values go from "my tokens, all
  heads" to "all tokens, my heads", the answer goes back: the only exchange that grows with the
  clip. Values travel while keys are computed, keys while queries are.
- the sound is a hundredth of the picture and bound by reading its weights, which takes as long for
  half the tokens: every rank keeps it whole. So do the text and what is read of them, and cross
  attention of the picture needs no exchange.
- the sound reads the picture: each rank answers for its own tokens, and the answers are merged by
  how much weight they stand for, some megabytes instead of the keys and values of all tokens.

Nothing is padded: shares of tokens and of heads may differ by one.

B batch, L tokens, N heads, D head width; l and n are a rank's own tokens and heads.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import cast

import torch
from torch import Tensor
from torch.distributed import ProcessGroup

from ovi.models.fusion.attention import Attention, SelfAttention
from ovi.models.fusion.backbone import Backbone
from ovi.models.fusion.block import BackboneBlock, Conditioning
from ovi.models.fusion.layers import TimeVectors
from ovi.models.fusion.model import FusionModel
from ovi.ops.attention import Attend
from ovi.ops.rope import RotaryTable, rotate
from ovi.parallel.group import Pending, gather_from_peers, start_exchange
from ovi.parallel.layout import bounds, shares
from ovi.parallel.partial_attention import attend_with_weights, merge_answers


@dataclass(frozen=True, slots=True, eq=False)
class TokenShare:
    """A rank's share of a picture's tokens, and of the heads."""

    group: ProcessGroup
    index: int
    """of this rank among its peers"""
    tokens: tuple[int, ...]
    """of each peer, in order"""
    heads: tuple[int, ...]
    """of each peer, in order"""

    @classmethod
    def of(
        cls, group: ProcessGroup, index: int, num_peers: int, num_tokens: int, num_heads: int
    ) -> "TokenShare":
        """Equal shares for all peers."""
        return cls(group, index, shares(num_tokens, num_peers), shares(num_heads, num_peers))

    @property
    def span(self) -> tuple[int, int]:
        """The rank's own tokens: the first, and the one after the last."""
        return bounds(self.tokens, self.index)

    def start_to_heads(self, x: Tensor) -> Pending:
        """Begins the way from (1, l, N, D) to (1, L, n, D); `arrived_heads` ends it."""
        width = x.shape[-1]
        own = self.tokens[self.index]
        sizes = [own * heads * width for heads in self.heads]
        sent = x.new_empty(sum(sizes))
        for part, heads, flat in zip(
            x.split(self.heads, dim=2), self.heads, sent.split(sizes), strict=True
        ):
            flat.view(1, own, heads, width).copy_(part)
        wanted = [tokens * self.heads[self.index] * width for tokens in self.tokens]
        return start_exchange(sent, sizes, wanted, self.group)

    def arrived_heads(self, pending: Pending) -> Tensor:
        """(1, L, n, D), in the order of the tokens."""
        return pending.wait().view(1, sum(self.tokens), self.heads[self.index], -1)

    def start_to_tokens(self, x: Tensor) -> Pending:
        """Begins the way from (1, L, n, D) back to (1, l, N, D); `arrived_tokens` ends it."""
        width, own = x.shape[-1], self.heads[self.index]
        sizes = [tokens * own * width for tokens in self.tokens]
        wanted = [self.tokens[self.index] * heads * width for heads in self.heads]
        return start_exchange(x.reshape(-1), sizes, wanted, self.group)

    def arrived_tokens(self, pending: Pending, width: int) -> Tensor:
        """(1, l, N, D), where D is `width`."""
        own = self.tokens[self.index]
        sizes = [own * heads * width for heads in self.heads]
        parts = zip(pending.wait().split(sizes), self.heads, strict=True)
        return torch.cat([flat.view(1, own, heads, width) for flat, heads in parts], dim=2)

    def cut(self, given: Conditioning) -> Conditioning:
        """What the blocks need for the rank's own tokens."""
        start, stop = self.span
        return Conditioning(
            time=_cut_runs(given.time, start, stop),
            rope=RotaryTable(given.rope.cos[start:stop], given.rope.sin[start:stop]),
            text=given.text,
        )


@contextmanager
def divided(model: FusionModel, share: TokenShare) -> Iterator[None]:
    """Inside, the model's blocks take the rank's own picture tokens, and all of the sound's."""
    pictures = [block.self_attn for block in _blocks(model.video_model)]
    sounds = [block.cross_attn for block in _blocks(model.audio_model)]
    changed: list[Attention] = [*pictures, *sounds]
    usual = [attention.attend for attention in changed]
    for attention in pictures:
        attention.forward = partial(  # type: ignore[method-assign]
            _attend_to_self, attention, attention.attend, share
        )
        # For those who run a block piece by piece and never call its forward.
        attention.attend = partial(_attend_by_heads, attention.attend, share)
    for reader in sounds:
        reader.attend = partial(_attend_to_shares, share)
    try:
        yield
    finally:
        for attention in pictures:
            del attention.forward
        for restored, attend in zip(changed, usual, strict=True):
            restored.attend = attend


def _attend_to_self(
    attention: SelfAttention, attend: Attend, share: TokenShare, x: Tensor, rope: RotaryTable
) -> Tensor:
    """In place of the attention's own forward: `x` (1, l, D) to the same."""

    def heads_of(projected: Tensor) -> Tensor:
        return torch.unflatten(projected, -1, (-1, attention.head_dim))

    v = heads_of(attention.v(x))
    coming_v = share.start_to_heads(v)
    k = rotate(heads_of(attention.norm_k(attention.k(x))), rope).to(v.dtype)
    coming_k = share.start_to_heads(k)
    q = rotate(heads_of(attention.norm_q(attention.q(x))), rope).to(v.dtype)
    coming_q = share.start_to_heads(q)
    attended = attend(*map(share.arrived_heads, (coming_q, coming_k, coming_v)))
    answer = share.arrived_tokens(share.start_to_tokens(attended), attention.head_dim)
    out: Tensor = attention.o(answer.flatten(2))
    return out


def _attend_by_heads(attend: Attend, share: TokenShare, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """In place of `attend`: q, k, v (1, l, N, D) of the rank's own tokens, in one exchange."""
    width = q.shape[-1]
    packed = share.arrived_heads(share.start_to_heads(torch.cat((q, k, v), dim=-1)))
    attended = attend(*packed.split(width, dim=-1))
    return share.arrived_tokens(share.start_to_tokens(attended), width)


def _attend_to_shares(share: TokenShare, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Attention of q (1, Lq, N, D), the same on every rank, over keys that are divided."""
    answer, weight = attend_with_weights(q, k, v)
    # One exchange for both: the weight rides along as a last column.
    packed = torch.cat([answer.float(), weight.transpose(1, 2)[..., None]], dim=-1)
    all_packed = gather_from_peers(packed, len(share.tokens), share.group)
    return merge_answers(all_packed[..., :-1], all_packed[..., -1:]).to(q.dtype)


def _cut_runs(time: TimeVectors, start: int, stop: int) -> TimeVectors:
    """The same vectors for tokens `start` to `stop`; a run may become empty."""
    lengths = [
        max(
            min(bounds(time.token_runs, run)[1], stop)
            - max(bounds(time.token_runs, run)[0], start),
            0,
        )
        for run in range(len(time.token_runs))
    ]
    return TimeVectors(time.embedding, time.projection, tuple(lengths))


def _blocks(branch: Backbone) -> list[BackboneBlock]:
    return [cast("BackboneBlock", block) for block in branch.blocks]
