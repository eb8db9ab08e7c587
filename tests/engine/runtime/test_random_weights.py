"""Random weights: reproducible, of ordinary size, and finite through every model of `nano`."""

import hashlib

import pytest
import torch
from torch import nn

from ovi.models.nano import NANO_CONFIGS
from ovi.models.vocoder.model import Vocoder
from ovi.runtime.random_weights import fill_random, fill_random_fast
from ovi.weights.manifest import NANO_SEED, RANDOM_WEIGHTS_VERSION
from tests.engine.runtime.toy_model import ToyModel


def digest_of(model: nn.Module) -> str:
    digest = hashlib.sha256()
    for name, parameter in sorted(model.named_parameters()):
        digest.update(name.encode() + parameter.detach().numpy().tobytes())
    return digest.hexdigest()


def test_same_seed_same_weights_whatever_came_before() -> None:
    first, second, third = ToyModel(), ToyModel(), ToyModel()
    fill_random(first, 7)
    torch.manual_seed(99)
    fill_random(second, 7)
    fill_random(third, 8)
    assert digest_of(first) == digest_of(second) != digest_of(third)


def test_weights_are_the_same_on_every_machine() -> None:
    # When this changes on purpose, raise RANDOM_WEIGHTS_VERSION, a part of clip identities.
    model = ToyModel()
    fill_random(model, NANO_SEED)
    assert (RANDOM_WEIGHTS_VERSION, digest_of(model)[:16]) == (2, "1ed46554db57b9b8")


def test_a_parameter_keeps_its_values_when_others_come_or_go() -> None:
    whole, part = ToyModel(), ToyModel()
    del part.conv
    fill_random(whole, 0)
    fill_random(part, 0)
    assert torch.equal(whole.blocks[2][1].weight, part.blocks[2][1].weight)
    assert not torch.equal(whole.blocks[2][1].weight, whole.blocks[1][1].weight)


@pytest.mark.parametrize("fill", [fill_random, fill_random_fast])
def test_matrices_scale_with_their_inputs_and_vectors_are_neutral(fill: object) -> None:
    model = ToyModel(width=128)
    for parameter in model.parameters():
        parameter.data.fill_(torch.nan)
    fill(model, 0)  # type: ignore[operator]
    assert model.embedding.weight.std().item() == pytest.approx(128**-0.5, rel=0.05)
    assert model.conv.weight.std().item() == pytest.approx((3 * 128) ** -0.5, rel=0.05)
    assert model.embedding.bias.abs().max() == 0
    norm = model.blocks[0][0]
    assert (norm.weight.unique().tolist(), norm.bias.unique().tolist()) == ([1.0], [0.0])
    assert model(torch.randn(2, 9, 128)).std().item() == pytest.approx(2.0, abs=1.0)


def test_narrow_layers_are_matrices_too() -> None:
    layer = nn.Sequential(nn.Linear(100, 1))
    fill_random(layer, 0)
    assert layer[0].weight.std().item() == pytest.approx(0.1, rel=0.3)


def test_fast_fill_keeps_the_dtype() -> None:
    model = ToyModel().to(torch.bfloat16)
    fill_random_fast(model, 0)
    assert model.conv.weight.dtype is torch.bfloat16


def test_random_vocoder_makes_sound_within_bounds() -> None:
    vocoder = Vocoder(NANO_CONFIGS.vocoder)
    fill_random(vocoder, NANO_SEED)
    with torch.inference_mode():
        waveform = vocoder(torch.randn(1, NANO_CONFIGS.vocoder.mel_bands, 8))
    assert waveform.isfinite().all()
    assert waveform.abs().mean() > 0.01
