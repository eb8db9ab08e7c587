"""Operations of each stage, against the table that was computed from the published shapes."""

import pytest

from ovi.spec.flops import (
    decode_flops,
    denoise_flops,
    encode_flops,
    forward_flops,
    sound_flops,
    text_flops,
    video_tokens,
)
from ovi.spec.geometry import FrameSize
from ovi.spec.variants import VARIANTS

FORWARD = [
    ("720x720_5s", "704x704", 15_004, 236.6, 37, 465),
    ("720x720_5s", "544x960", 15_810, 253.9, 38, 499),
    ("720x720_5s", "512x992", 15_376, 244.5, 37, 481),
    ("720x720_5s", "448x1152", 15_624, 249.9, 37, 491),
    ("960x960_5s", "960x960", 27_900, 571.1, 51, 1123),
    ("960x960_5s", "704x1280", 27_280, 552.2, 51, 1086),
    ("960x960_10s", "960x960", 54_900, 1676.6, 67, 3297),
    ("960x960_10s", "704x1280", 53_680, 1615.3, 67, 3177),
]
"""Variant, size, tokens, TFLOP a pass, per cent of it in attention, TFLOP a step with a layer
skipped."""

DECODE = [
    ("720x720_5s", "704x704", 1106),
    ("720x720_5s", "544x960", 1165),
    ("960x960_5s", "960x960", 2057),
    ("960x960_5s", "704x1280", 2011),
    ("960x960_10s", "960x960", 4093),
    ("960x960_10s", "704x1280", 4002),
]


@pytest.mark.parametrize(("name", "size", "tokens", "forward", "attention", "step"), FORWARD)
def test_a_pass_of_the_transformer(
    name: str, size: str, tokens: int, forward: float, attention: int, step: float
) -> None:
    variant, frame = VARIANTS[name], FrameSize.parse(size)
    flops = forward_flops(variant, frame)
    assert video_tokens(variant, frame) == tokens
    assert flops.needed / 1e12 == pytest.approx(forward, abs=0.06)
    assert 100 * flops.attention / flops.needed == pytest.approx(attention, abs=1)
    skipping = denoise_flops(variant, frame, 1, skips_layer=True)
    needed = skipping * flops.needed / (flops.needed + flops.text)
    assert needed / 1e12 == pytest.approx(step, abs=0.6)
    assert denoise_flops(variant, frame, 1, skips_layer=False) > skipping


@pytest.mark.parametrize(("name", "size", "decode"), DECODE)
def test_decoding_the_picture(name: str, size: str, decode: float) -> None:
    flops = decode_flops(VARIANTS[name], FrameSize.parse(size))
    assert flops / 1e12 == pytest.approx(decode, abs=0.6)


def test_the_other_stages() -> None:
    five, ten = VARIANTS["720x720_5s"], VARIANTS["960x960_10s"]
    assert encode_flops(five, FrameSize(704, 704)) / 1e12 == pytest.approx(2.3, abs=0.05)
    assert encode_flops(ten, FrameSize(960, 960)) / 1e12 == pytest.approx(4.3, abs=0.05)
    assert text_flops(five, 512) / 1e12 == pytest.approx(4.84, abs=0.01)
    assert sound_flops(five) / 1e12 == pytest.approx(0.61, abs=0.01)
    assert sound_flops(ten) / 1e12 == pytest.approx(1.22, abs=0.01)
