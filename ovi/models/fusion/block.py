"""A fusion block: one block of each branch, run in lock step.

B batch, L tokens, D width.
"""

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor, nn

from ovi.models.fusion.attention import FusedCrossAttention, SelfAttention
from ovi.models.fusion.config import BackboneConfig
from ovi.models.fusion.layers import (
    LayerNorm,
    Modulation,
    ShiftScaleGate,
    TimeVectors,
    add_gated,
    modulate,
)
from ovi.ops.rope import RotaryTable


@dataclass(frozen=True, slots=True)
class Conditioning:
    """All that a branch's blocks need beside the tokens; constant through one forward pass."""

    time: TimeVectors
    rope: RotaryTable
    """The positions of the branch's tokens."""
    text: Tensor
    """(B, text_len, D): the embedded text, padding included."""


class BackboneBlock(nn.Module):
    """One branch's half of a fusion block, as three sublayers on tokens (B, L, D).

    It has no forward of its own: the halves are interleaved by `run_fusion_block`.
    """

    def __init__(self, config: BackboneConfig) -> None:
        super().__init__()
        dim, eps = config.dim, config.eps
        self.modulation = Modulation(dim)
        self.norm1 = LayerNorm(dim, eps, elementwise_affine=False)
        self.self_attn = SelfAttention(config)
        self.norm3 = LayerNorm(dim, eps)
        self.cross_attn = FusedCrossAttention(config)
        self.norm2 = LayerNorm(dim, eps, elementwise_affine=False)
        self.ffn = nn.Sequential(
            nn.Linear(dim, config.ffn_dim),
            nn.GELU(approximate="tanh"),
            nn.Linear(config.ffn_dim, dim),
        )

    def attend_to_self(self, x: Tensor, steer: ShiftScaleGate, given: Conditioning) -> Tensor:
        """Self attention, steered by the timestep."""
        runs = given.time.token_runs
        inner = modulate(self.norm1(x), steer.shift, steer.scale, runs).to(x.dtype)
        return add_gated(x, self.self_attn(inner, given.rope), steer.gate, runs)

    def attend_to_others(
        self, x: Tensor, given: Conditioning, other: Tensor, other_rope: RotaryTable
    ) -> Tensor:
        """Attention to the text and to the tokens of the other branch; no steering, no gate."""
        inner = self.norm3(x).to(x.dtype)
        answer: Tensor = self.cross_attn(inner, given.rope, given.text, other, other_rope)
        return x + answer

    def feed_forward(self, x: Tensor, steer: ShiftScaleGate, given: Conditioning) -> Tensor:
        """The feed-forward network, steered by the timestep."""
        runs = given.time.token_runs
        inner = modulate(self.norm2(x), steer.shift, steer.scale, runs).to(x.dtype)
        return add_gated(x, self.ffn(inner), steer.gate, runs)


RunBlock = Callable[
    [BackboneBlock, BackboneBlock, Tensor, Tensor, Conditioning, Conditioning],
    tuple[Tensor, Tensor],
]
"""The form of `run_fusion_block`, for whatever takes its place."""


def run_fusion_block(
    video_block: BackboneBlock,
    audio_block: BackboneBlock,
    video: Tensor,
    audio: Tensor,
    video_given: Conditioning,
    audio_given: Conditioning,
) -> tuple[Tensor, Tensor]:
    """Tokens of both branches (B, L, D), one fusion block further.

    The order is part of the model: sound reads a picture that has attended to itself, and the
    picture reads the sound as it was before sound read anything.
    """
    video_attention, video_ffn = video_block.modulation(video_given.time)
    audio_attention, audio_ffn = audio_block.modulation(audio_given.time)

    audio = audio_block.attend_to_self(audio, audio_attention, audio_given)
    video = video_block.attend_to_self(video, video_attention, video_given)
    audio_before_cross = audio

    audio = audio_block.attend_to_others(audio, audio_given, video, video_given.rope)
    audio = audio_block.feed_forward(audio, audio_ffn, audio_given)

    video = video_block.attend_to_others(video, video_given, audio_before_cross, audio_given.rope)
    video = video_block.feed_forward(video, video_ffn, video_given)
    return video, audio
