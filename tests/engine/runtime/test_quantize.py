"""Eight-bit weights: how far from bfloat16, which layers, and under which names."""

from collections.abc import Iterator

import pytest
import torch
from torch import Tensor, nn

from ovi.models.fusion.config import BackboneConfig, FusionConfig
from ovi.models.fusion.model import FusionModel
from ovi.runtime.quantize import EightBitLinear, Fp8Linear, Int8Linear, store_fp8, store_int8
from ovi.runtime.random_weights import fill_random
from tests.engine.runtime.toy_model import ToyModel

STORES = {Fp8Linear: store_fp8, Int8Linear: store_int8}
KINDS = pytest.mark.parametrize("kind", STORES)


@pytest.fixture(autouse=True)
def without_gradients() -> Iterator[None]:
    """Nothing here is trained."""
    with torch.no_grad():
        yield


def rms_error(actual: Tensor, exact: Tensor) -> float:
    return float(((actual.double() - exact).square().mean() / exact.square().mean()).sqrt())


def fusion_model() -> FusionModel:
    """Wide enough for a product to average over many weights; random weights."""
    sizes = {"dim": 192, "num_heads": 2, "num_layers": 2, "ffn_dim": 256}
    text = {"text_dim": 64, "text_len": 16}
    video = BackboneConfig(in_channels=48, out_channels=48, patch_size=(1, 2, 2), **sizes, **text)
    audio = BackboneConfig(in_channels=20, out_channels=20, patch_size=(1,), **sizes, **text)
    model = FusionModel(FusionConfig(video, audio))
    fill_random(model, 0)
    return model.to(torch.bfloat16).requires_grad_(False).eval()


@pytest.mark.parametrize(
    ("kind", "deviation", "expected"),
    [
        (Fp8Linear, 0.005, 0.112),
        (Fp8Linear, 0.02, 0.033),
        (Fp8Linear, 0.2, 0.027),
        (Int8Linear, 0.005, 0.009),
        (Int8Linear, 0.02, 0.009),
        (Int8Linear, 0.2, 0.009),
    ],
)
def test_error_of_one_layer_is_the_documented_one(
    kind: type[EightBitLinear], deviation: float, expected: float
) -> None:
    torch.manual_seed(0)
    layer = nn.Linear(2048, 256).to(torch.bfloat16)
    nn.init.normal_(layer.weight, std=deviation)
    x = torch.randn(64, 2048, dtype=torch.bfloat16)
    exact = nn.functional.linear(x.double(), layer.weight.double(), layer.bias.double())
    assert rms_error(kind.replacing(layer)(x), exact) == pytest.approx(expected, rel=0.12)


@KINDS
def test_whole_transformer_stays_close_to_bfloat16(kind: type[EightBitLinear]) -> None:
    torch.manual_seed(0)
    inputs = (
        torch.randn(1, 48, 2, 4, 4).bfloat16(),
        torch.randn(1, 9, 20).bfloat16(),
        torch.tensor([500]),
        torch.randn(1, 5, 64).bfloat16(),
        torch.randn(1, 5, 64).bfloat16(),
    )
    plain, stored = fusion_model()(*inputs), STORES[kind](fusion_model())(*inputs)
    limit = 0.1 if kind is Fp8Linear else 0.02
    for got, wanted in zip(stored, plain, strict=True):
        assert 0 < rms_error(got, wanted.double()) < limit


@KINDS
def test_names_stay_and_only_plain_layers_in_blocks_change(kind: type[EightBitLinear]) -> None:
    plain, stored = fusion_model(), STORES[kind](fusion_model())
    assert stored.state_dict().keys() == plain.state_dict().keys()
    changed = {name for name, module in stored.named_modules() if isinstance(module, kind)}
    per_block = 4 + 6 + 2  # self attention, fused cross attention, feed-forward
    assert len(changed) == 2 * 2 * per_block
    assert all(".blocks." in name for name in changed)
    kept = {key for key in plain.state_dict() if key.removesuffix(".weight") not in changed}
    for key in kept:
        assert torch.equal(stored.state_dict()[key], plain.state_dict()[key])


@KINDS
def test_stored_weights_take_one_byte(kind: type[EightBitLinear]) -> None:
    stored = STORES[kind](ToyModel())
    for index in range(3):
        assert stored.get_submodule(f"blocks.{index}.1").weight.element_size() == 1


def test_fp8_values_are_kept_bit_for_bit_and_large_ones_do_not_become_nan() -> None:
    layer = nn.Linear(4, 1, bias=False)
    layer.weight.data = torch.tensor([[1e4, -1e4, 0.3, 0.0]])
    stored = Fp8Linear.replacing(layer)
    assert stored.weight.float().tolist() == [[448.0, -448.0, 0.3125, 0.0]]
    again = Fp8Linear(4, 1, bias=False, device="meta")
    again.hold(stored.weight.data)
    assert again.weight.data_ptr() == stored.weight.data_ptr()


def test_int8_handles_rows_of_zeros_and_rows_of_very_different_size() -> None:
    layer = nn.Linear(64, 3).float()
    layer.weight.data[0] = 0
    layer.weight.data[1] *= 1e-4
    layer.weight.data[2] *= 1e4
    stored = Int8Linear.replacing(layer)
    x = torch.randn(10, 64)
    exact = layer(x).double()
    for row in range(3):
        assert rms_error(stored(x)[:, row], exact[:, row]) < 0.015


@KINDS
def test_layer_without_bias_and_other_activation_dtypes(kind: type[EightBitLinear]) -> None:
    layer = nn.Linear(64, 8, bias=False)
    stored = kind.replacing(layer)
    for dtype in (torch.float32, torch.bfloat16):
        assert stored(torch.randn(2, 3, 64, dtype=dtype)).dtype is dtype
