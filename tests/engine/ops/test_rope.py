"""Rotary tables and their application, against complex numbers and against what they are for."""

import pytest
import torch

from ovi.ops.rope import pairs_per_axis, rotary_table, rotate

CPU = torch.device("cpu")


def test_published_head_splits_its_pairs_22_21_21():
    assert pairs_per_axis(128) == (22, 21, 21)


@pytest.mark.parametrize("head_dim", [2, 4, 12, 32, 34, 128])
def test_every_pair_of_a_head_belongs_to_one_axis(head_dim):
    assert sum(pairs_per_axis(head_dim)) == head_dim // 2


def test_rotation_equals_complex_multiplication():
    table = rotary_table((2, 3, 2), 12, 1.0, CPU)
    x = torch.randn(2, 12, 3, 12, generator=torch.Generator().manual_seed(0))
    positions = [(f, h, w) for f in range(2) for h in range(3) for w in range(2)]
    pairs = torch.view_as_complex(x.double().reshape(2, 12, 3, 6, 2))
    frequencies = torch.tensor([1.0, 0.01], dtype=torch.float64)  # 10000^(-i/2) on every axis
    angles = torch.stack(
        [torch.cat([position * frequencies for position in place]) for place in positions]
    )
    turned = pairs * torch.polar(torch.ones_like(angles), angles)[:, None]
    expected = torch.view_as_real(turned).flatten(-2)
    torch.testing.assert_close(rotate(x, table).double(), expected, atol=1e-6, rtol=1e-6)


def test_audio_turns_the_time_share_and_leaves_the_rest():
    x = torch.ones(1, 5, 1, 128)
    turned = rotate(x, rotary_table((5,), 128, 0.19676, CPU))
    assert (turned[..., 44:] == 1).all()
    assert (turned[:, 1:, :, :2] != 1).all()


def test_audio_and_video_agree_on_a_moment_in_time():
    video = rotary_table((5, 1, 1), 128, 1.0, CPU)
    audio = rotary_table((17,), 128, 0.25, CPU)
    torch.testing.assert_close(audio.cos[::4, :44], video.cos[:, :44])
    torch.testing.assert_close(audio.sin[::4, :44], video.sin[:, :44])


def test_scores_depend_on_distance_alone():
    table = rotary_table((8,), 16, 0.5, CPU)
    q, k = torch.randn(2, 16, generator=torch.Generator().manual_seed(0))
    turned_q = rotate(q.expand(1, 8, 1, 16), table)[0, :, 0]
    turned_k = rotate(k.expand(1, 8, 1, 16), table)[0, :, 0]
    scores = turned_q @ turned_k.T
    torch.testing.assert_close(scores[1:, 1:], scores[:-1, :-1])
    assert not torch.allclose(scores[0, 0], scores[0, 1])


def test_far_positions_keep_float32_accuracy():
    table = rotary_table((2000,), 128, 1.0, CPU)
    exponents = torch.arange(22, dtype=torch.float64) / 22
    expected = (1999 * 10000.0**-exponents).cos()
    torch.testing.assert_close(table.cos[-1, :44:2].double(), expected, atol=1e-7, rtol=0)


def test_half_precision_heads_are_turned_in_float32():
    x = torch.randn(1, 4, 2, 12, generator=torch.Generator().manual_seed(0)).bfloat16()
    table = rotary_table((4,), 12, 1.0, CPU)
    assert torch.equal(rotate(x, table), rotate(x.float(), table))


def test_equal_grids_share_one_table():
    assert rotary_table((3, 2, 2), 12, 1.0, CPU) is rotary_table((3, 2, 2), 12, 1.0, CPU)
    assert rotary_table((3, 2, 2), 12, 1.0, CPU) is not rotary_table((2, 3, 2), 12, 1.0, CPU)
