"""Chunks of tokens: the same results up to rounding, and no tensor larger than they allow."""

from typing import Any

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from ovi.runtime.quantize import EightBitLinear, multiply_dequantized
from ovi.runtime.token_chunks import chunks_of, run_in_chunks
from tests.engine.runtime.tiny_fusion import (
    STORES,
    VIDEO,
    assert_identical,
    passes,
    tiny_fusion,
)

NUM_TOKENS = 18
"""Of the picture, in `passes`: 6 a frame."""


# Half-precision products of a few rows are slow on a CPU, so only float32 goes through all chunks.
EVERY_CHUNK = [("fp32", size) for size in (1, 4, 5, 6, 17, 18, 100)]
SOME_CHUNKS = [(storage, size) for storage in STORES if storage != "fp32" for size in (5, 18)]


@pytest.mark.parametrize(("storage", "token_chunk"), EVERY_CHUNK + SOME_CHUNKS)
@pytest.mark.parametrize("first_frame_is_clean", [False, True])
def test_result_is_the_same_up_to_rounding(
    storage: str, token_chunk: int, first_frame_is_clean: bool
) -> None:
    model = tiny_fusion(storage)
    wanted = passes(model, first_frame_is_clean=first_frame_is_clean)
    model.run_block = run_in_chunks(token_chunk)
    got = passes(model, first_frame_is_clean=first_frame_is_clean)
    tolerance = 1e-5 if storage == "fp32" else 0.03
    for one, other in zip(got, wanted, strict=True):
        assert (one - other).float().abs().max() <= tolerance * other.float().abs().max()
    if token_chunk >= NUM_TOKENS:
        assert_identical(got, wanted)


WEIGHT_SHAPE = (VIDEO.dim, VIDEO.ffn_dim)
"""Of the weight that leads back from the hidden layer, turned over for the product."""


class LargestHidden(TorchDispatchMode):
    """Remembers the most tokens of any tensor as wide as the feed-forward network."""

    def __init__(self) -> None:
        super().__init__()
        self.num_tokens = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        is_wide = isinstance(out, torch.Tensor) and out.shape[-1:] == (VIDEO.ffn_dim,)
        if is_wide and out.dim() > 1 and out.shape != WEIGHT_SHAPE:
            self.num_tokens = max(self.num_tokens, out.numel() // VIDEO.ffn_dim)
        return out


@pytest.mark.parametrize("token_chunk", [2, 7, 18])
def test_hidden_layer_is_no_longer_than_a_chunk(token_chunk: int) -> None:
    model = tiny_fusion()
    model.run_block = run_in_chunks(token_chunk)
    with LargestHidden() as largest:
        passes(model, [None])
    assert 0 < largest.num_tokens <= token_chunk


def test_chunks_cover_all_tokens_once_and_are_about_even() -> None:
    model = tiny_fusion()
    text, timestep = torch.zeros(1, 4, 10), torch.tensor([500.0])
    for grid, clean in (((5, 7, 9), 1), ((5, 7, 9), 0), ((300, 2, 2), 1)):
        given = model.video_model.condition(grid, timestep, text, num_clean_frames=clean)
        num_tokens = grid[0] * grid[1] * grid[2]
        for token_chunk in (1, 100, 128, 129, 300, 5000):
            chunks = chunks_of(given, token_chunk)
            tokens = [token for c in chunks for token in range(num_tokens)[c.tokens]]
            assert tokens == list(range(num_tokens))
            for chunk in chunks:
                runs, length = chunk.given.time.token_runs, len(range(num_tokens)[chunk.tokens])
                assert sum(runs) == length <= token_chunk
                assert len(runs) == len(given.time.token_runs)
                assert len(chunk.given.rope.cos) == len(chunk.given.rope.sin) == length
            clean_tokens = sum(c.given.time.token_runs[0] for c in chunks)
            assert clean_tokens == given.time.token_runs[0]


@pytest.mark.parametrize("storage", ["fp8", "int8"])
def test_eight_bit_weights_become_floating_once_for_all_chunks(
    storage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[int] = []
    dequantized = EightBitLinear.dequantized

    def count(layer: EightBitLinear, dtype: torch.dtype) -> torch.Tensor:
        made.append(id(layer))
        return dequantized(layer, dtype)

    monkeypatch.setattr(EightBitLinear, "dequantized", count)
    model = tiny_fusion(storage)
    model.run_block = run_in_chunks(4)
    passes(model, [None])
    layers = [module for module in model.modules() if isinstance(module, EightBitLinear)]
    # Keys and values of the text and of the other branch come from different tokens.
    shared = [layer for name, layer in model.named_modules() if name.endswith("cross_attn.k")]
    assert made
    for layer in layers:
        assert made.count(id(layer)) <= 1 + (layer in shared)
        assert layer.multiply is multiply_dequantized
