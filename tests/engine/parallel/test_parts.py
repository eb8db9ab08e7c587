"""The parts of a shared pass that need no other process."""

import pytest
import torch

from ovi.models.fusion.model import FusionModel
from ovi.models.nano import NANO_CONFIGS
from ovi.ops.attention import math_attention
from ovi.parallel.frames import one_ahead
from ovi.parallel.kept_texts import texts_kept
from ovi.parallel.layout import shares
from ovi.parallel.partial_attention import attend_with_weights, merge_answers


@pytest.mark.parametrize("parts", [1, 2, 7])
def test_answers_over_parts_of_the_keys_merge_into_the_whole(parts):
    torch.manual_seed(0)
    q, k, v = (torch.randn(1, length, 3, 8) for length in (4, 5, 5))
    pieces = [
        attend_with_weights(q, *pair)
        for pair in zip(k.split(shares(5, parts), 1), v.split(shares(5, parts), 1), strict=True)
    ]
    merged = merge_answers(
        torch.stack([answer for answer, _ in pieces]),
        torch.stack([weight.transpose(1, 2)[..., None] for _, weight in pieces]),
    )
    torch.testing.assert_close(merged, math_attention(q, k, v))


def test_a_text_is_read_once_and_forgotten_afterwards():
    model = FusionModel(NANO_CONFIGS.fusion)
    attention = model.video_model.blocks[0].cross_attn
    reads = []
    attention.v.register_forward_hook(lambda *_: reads.append(1))
    first, second = torch.randn(2, 1, 3, NANO_CONFIGS.fusion.video.dim)
    expected = attention.text_keys_values(second)[0]
    reads.clear()
    with texts_kept(model):
        for text in (first, second, first, second):
            keys, _ = attention.text_keys_values(text)
        assert len(reads) == 2
        torch.testing.assert_close(keys, expected)
    attention.text_keys_values(first)
    assert len(reads) == 3


def test_things_come_one_ahead_and_none_is_lost():
    asked = []

    def things():
        for number in range(3):
            asked.append(number)
            yield number

    seen = [(thing, list(asked)) for thing in one_ahead(things())]
    assert seen == [(0, [0, 1]), (1, [0, 1, 2]), (2, [0, 1, 2])]
    assert list(one_ahead([])) == []
