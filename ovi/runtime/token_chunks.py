"""The work of a fusion block on single tokens, done a chunk of tokens at a time.

Norms, projections and feed-forward networks treat each token alone, and their intermediate results
are what a block needs most memory for: at 54,000 tokens the hidden layer of the feed-forward
network takes 1.6 GB in bfloat16 and every norm 0.7 GB in float32. Here only queries, keys and
values, and what attention makes of them, exist for all tokens at once. Weights held in eight bits
are made floating for each layer once, not once a chunk.

The same numbers come out up to rounding: a matrix product may add in another order when it has
fewer rows.

B batch, L tokens, N heads, D width.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ovi.models.fusion.block import BackboneBlock, Conditioning, RunBlock
from ovi.models.fusion.layers import ShiftScaleGate, add_gated, modulate
from ovi.ops.rope import RotaryTable
from ovi.runtime.quantize import EightBitLinear, Multiply, multiply_dequantized

CHUNK_STEP = 128
"""Chunks are multiples of so many tokens, as matrix products like them, where they may be."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some consecutive tokens, and what they are told."""

    tokens: slice
    given: Conditioning


def run_in_chunks(token_chunk: int) -> RunBlock:
    """What takes the place of `run_fusion_block`, with at most `token_chunk` tokens in a chunk."""

    def run_block(
        video_block: BackboneBlock,
        audio_block: BackboneBlock,
        video: Tensor,
        audio: Tensor,
        video_given: Conditioning,
        audio_given: Conditioning,
    ) -> tuple[Tensor, Tensor]:
        # The order of steps is that of `run_fusion_block`, where it is explained.
        video_attention, video_ffn = video_block.modulation(video_given.time)
        audio_attention, audio_ffn = audio_block.modulation(audio_given.time)
        video_chunks = chunks_of(video_given, token_chunk)
        audio_chunks = chunks_of(audio_given, token_chunk)

        audio = _attend_to_self(audio_block, audio, audio_attention, audio_chunks)
        video = _attend_to_self(video_block, video, video_attention, video_chunks)
        audio_before_cross = audio

        audio = _attend_to_others(audio_block, audio, audio_chunks, video, video_chunks)
        audio = _feed_forward(audio_block, audio, audio_ffn, audio_chunks)

        video = _attend_to_others(
            video_block, video, video_chunks, audio_before_cross, audio_chunks
        )
        video = _feed_forward(video_block, video, video_ffn, video_chunks)
        return video, audio

    return run_block


def chunks_of(given: Conditioning, token_chunk: int) -> list[Chunk]:
    """All tokens of a branch, in chunks of about the same length."""
    num_tokens = sum(given.time.token_runs)
    num_chunks = -(-num_tokens // token_chunk)
    even = -(-num_tokens // num_chunks)
    length = min(token_chunk, -(-even // CHUNK_STEP) * CHUNK_STEP)
    return [
        Chunk(slice(start, start + length), _given_to(given, start, start + length))
        for start in range(0, num_tokens, length)
    ]


def _given_to(given: Conditioning, start: int, stop: int) -> Conditioning:
    """The conditioning of the tokens from `start` up to `stop`."""
    runs, first = [], 0
    for length in given.time.token_runs:
        # A run that does not reach into the chunk stays as one of no tokens: rows match runs.
        runs.append(max(0, min(first + length, stop) - max(first, start)))
        first += length
    rope = RotaryTable(given.rope.cos[start:stop], given.rope.sin[start:stop])
    return replace(given, time=replace(given.time, token_runs=tuple(runs)), rope=rope)


def _attend_to_self(
    block: BackboneBlock, x: Tensor, steer: ShiftScaleGate, chunks: Sequence[Chunk]
) -> Tensor:
    attention = block.self_attn
    shape = (*x.shape[:2], -1, attention.head_dim)
    q, k, v = (torch.empty_like(x).view(shape) for _ in range(3))
    with _floating(chunks, x.dtype, attention.q, attention.k, attention.v):
        for chunk in chunks:
            normed, runs = block.norm1(x[:, chunk.tokens]), chunk.given.time.token_runs
            inner = modulate(normed, steer.shift, steer.scale, runs).to(x.dtype)
            made = attention.queries_keys_values(inner, chunk.given.rope)
            for whole, part in zip((q, k, v), made, strict=True):
                whole[:, chunk.tokens] = part
    attended = attention.attend(q, k, v)
    del q, k, v
    result = torch.empty_like(x)
    with _floating(chunks, x.dtype, attention.o):
        for chunk in chunks:
            update = attention.o(attended[:, chunk.tokens].flatten(2))
            runs = chunk.given.time.token_runs
            result[:, chunk.tokens] = add_gated(x[:, chunk.tokens], update, steer.gate, runs)
    return result


def _attend_to_others(
    block: BackboneBlock,
    x: Tensor,
    chunks: Sequence[Chunk],
    other: Tensor,
    other_chunks: Sequence[Chunk],
) -> Tensor:
    attention = block.cross_attn
    text = attention.text_keys_values(chunks[0].given.text)
    shape = (*other.shape[:2], -1, attention.head_dim)
    keys, values = (torch.empty_like(other).view(shape) for _ in range(2))
    with _floating(other_chunks, x.dtype, attention.k_fusion, attention.v_fusion):
        for chunk in other_chunks:
            made = attention.other_keys_values(other[:, chunk.tokens], chunk.given.rope)
            keys[:, chunk.tokens], values[:, chunk.tokens] = made
    result = torch.empty_like(x)
    with _floating(chunks, x.dtype, attention.q, attention.o):
        for chunk in chunks:
            tokens = x[:, chunk.tokens]
            inner = block.norm3(tokens).to(x.dtype)
            answer = attention.answer(inner, chunk.given.rope, text, (keys, values))
            result[:, chunk.tokens] = tokens + answer
    return result


def _feed_forward(
    block: BackboneBlock, x: Tensor, steer: ShiftScaleGate, chunks: Sequence[Chunk]
) -> Tensor:
    result = torch.empty_like(x)
    with _floating(chunks, x.dtype, *block.ffn):
        for chunk in chunks:
            result[:, chunk.tokens] = block.feed_forward(x[:, chunk.tokens], steer, chunk.given)
    return result


@contextmanager
def _floating(chunks: Sequence[Chunk], dtype: torch.dtype, *layers: nn.Module) -> Iterator[None]:
    """Those of the layers that hold eight bits keep their weight in `dtype` inside the block."""
    held = [
        layer
        for layer in layers
        if isinstance(layer, EightBitLinear) and layer.multiply is multiply_dequantized
    ]
    if len(chunks) == 1:
        held = []  # nothing to share
    try:
        for layer in held:
            layer.multiply = _multiply_by(layer.dequantized(dtype))
        yield
    finally:
        for layer in held:
            layer.multiply = multiply_dequantized


def _multiply_by(weight: Tensor) -> Multiply:
    """Multiplies by a weight that has been made floating before."""

    def multiply(layer: EightBitLinear, x: Tensor) -> Tensor:
        bias = None if layer.bias is None else layer.bias.to(x.dtype)
        return F.linear(x, weight, bias)

    return multiply
