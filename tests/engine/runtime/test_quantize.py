"""Eight-bit weights: how far from bfloat16, which layers, which tensors, and under which names."""

from collections.abc import Callable, Iterator

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ovi.models.fusion.config import BackboneConfig, FusionConfig
from ovi.models.fusion.model import FusionModel
from ovi.models.nano import NANO_CONFIGS
from ovi.models.text_encoder.keys import from_published
from ovi.models.text_encoder.model import TextEncoder
from ovi.runtime.quantize import (
    FP8,
    INT8,
    EightBitLinear,
    EightBits,
    expected_state,
    quantize_rows,
    set_multiply,
    store_fp8,
    store_int8,
)
from ovi.runtime.random_weights import fill_random
from tests.engine.golden import check_fusion, check_text_encoder
from tests.engine.golden.cases import Case, read_cases
from tests.engine.runtime.toy_model import ToyModel

Store = Callable[[nn.Module], nn.Module]

STORES: dict[str, tuple[EightBits, Store]] = {"fp8": (FP8, store_fp8), "int8": (INT8, store_int8)}
KINDS = pytest.mark.parametrize(("bits", "store"), STORES.values(), ids=STORES)
BITS = pytest.mark.parametrize("bits", [FP8, INT8], ids=STORES)
STORED = pytest.mark.parametrize("store", [store_fp8, store_int8], ids=STORES)
GOLDEN = read_cases()


@pytest.fixture(autouse=True)
def without_gradients() -> Iterator[None]:
    """Nothing here is trained."""
    with torch.no_grad():
        yield


def rms_error(actual: Tensor, exact: Tensor) -> float:
    return float((actual.double() - exact.double()).norm() / exact.double().norm())


def plain_cast(layer: nn.Linear) -> EightBitLinear:
    """As the published fp8 file holds a layer."""
    new = EightBitLinear(layer.in_features, layer.out_features, FP8)
    new.bias = layer.bias
    new.hold("weight", layer.weight.detach().clamp(-448, 448).to(torch.float8_e4m3fn))
    return new


def fusion_model() -> FusionModel:
    """Wide enough for a product to average over many weights; random weights."""
    sizes = {"dim": 192, "num_heads": 2, "num_layers": 2, "ffn_dim": 256}
    text = {"text_dim": 64, "text_len": 16}
    video = BackboneConfig(in_channels=48, out_channels=48, patch_size=(1, 2, 2), **sizes, **text)
    audio = BackboneConfig(in_channels=20, out_channels=20, patch_size=(1,), **sizes, **text)
    model = FusionModel(FusionConfig(video, audio))
    fill_random(model, 0)
    return model.to(torch.bfloat16).requires_grad_(False).eval()


def weights_like(kind: str, deviation: float) -> Tensor:
    """256 rows of the published width, of one distribution, as bfloat16 has them."""
    generator = torch.Generator().manual_seed(0)
    shape = (256, 3072)
    weights = torch.randn(shape, generator=generator)
    if kind == "laplace":
        weights = weights * torch.empty(shape).exponential_(1.0, generator=generator).sqrt()
    if kind == "student":
        chi_square = sum(torch.randn(shape, generator=generator).square() for _ in range(5))
        weights = weights * (3.0 / torch.as_tensor(chi_square)).sqrt()
    if kind == "outliers":
        is_outlier = torch.rand(shape, generator=generator) < 0.001
        weights = torch.where(is_outlier, 10 * weights, weights)
    return (deviation * weights).to(torch.bfloat16)


# How far from bfloat16


@pytest.mark.parametrize(
    ("kind", "deviation", "cast", "fp8", "int8"),
    [
        ("normal", 0.018, 3.52, 2.65, 0.85),
        ("normal", 0.005, 11.3, 2.65, 0.85),
        ("laplace", 0.018, 3.62, 2.62, 1.40),
        ("student", 0.018, 3.60, 2.61, 1.81),
        ("outliers", 0.018, 3.44, 2.56, 2.78),
    ],
)
def test_error_of_weights_is_the_documented_one(
    kind: str, deviation: float, cast: float, fp8: float, int8: float
) -> None:
    layer = nn.Linear(3072, 256, bias=False)
    layer.weight = nn.Parameter(weights_like(kind, deviation))
    wanted = {"cast": cast, "fp8": fp8, "int8": int8}
    stored = {
        "cast": plain_cast(layer),
        "fp8": EightBitLinear.replacing(layer, FP8),
        "int8": EightBitLinear.replacing(layer, INT8),
    }
    for name, replaced in stored.items():
        exact = layer.weight.double()
        error = (replaced.dequantized(torch.float32).double() - exact).norm(dim=1)
        mean = float((error / exact.norm(dim=1)).mean())
        assert 100 * mean == pytest.approx(wanted[name], rel=0.03), name


def test_the_largest_weight_is_the_best_limit_of_int8() -> None:
    weights = weights_like("laplace", 0.018).float()
    _, scale = quantize_rows(weights, INT8)

    def error_at(share: float) -> float:
        step = (share * scale)[:, None]
        return rms_error((weights / step).round().clamp(-127, 127) * step, weights)

    assert all(error_at(1.0) < error_at(share) for share in (0.5, 0.7, 0.8, 0.9, 1.1))


@BITS
def test_product_of_a_layer_is_that_of_its_dequantized_weight(bits: EightBits) -> None:
    torch.manual_seed(0)
    layer = nn.Linear(512, 64)
    x = torch.randn(2, 7, 512)
    stored = EightBitLinear.replacing(layer, bits)
    numbers, scale = quantize_rows(layer.weight, bits)
    weight = numbers.double() * scale.double()[:, None]
    wanted = F.linear(x.double(), weight, layer.bias.double())
    assert rms_error(stored(x), wanted) < 1e-6
    # In bfloat16, its own rounding of input, weight and result comes on top, and nothing else.
    assert rms_error(stored(x.bfloat16()), wanted) < 0.005
    assert stored(x.bfloat16()).dtype is torch.bfloat16


@pytest.mark.parametrize("case", [case for case in GOLDEN if case.kind == "fusion"], ids=str)
def test_golden_transformers_stay_close(case: Case) -> None:
    if case.weights("fusion", None)["video_model.head.head.weight"].dtype is torch.float8_e4m3fn:
        return  # quantized already
    exact = check_fusion.run(check_fusion.build_model(case, torch.float32), case)
    for store, limit in ((store_fp8, 0.09), (store_int8, 0.025)):
        ours = check_fusion.run(store(check_fusion.build_model(case, torch.bfloat16)), case)
        for name in exact:
            assert 0 < rms_error(ours[name], exact[name]) < limit, (name, store)


@pytest.mark.parametrize("case", [case for case in GOLDEN if case.kind == "t5"], ids=str)
def test_golden_text_encoders_stay_close(case: Case) -> None:
    config = check_text_encoder.read_config(
        case.config["text_encoder"], int(case.about["text_len"])
    )
    encoder = TextEncoder(config)
    encoder.load_state_dict(from_published(case.weights("text_encoder"), config))
    ids, mask = case.tensors["in.ids"], case.tensors["in.mask"]
    exact = encoder.eval()(ids, mask)[mask.bool()]
    assert 0 < rms_error(store_int8(encoder.bfloat16())(ids, mask)[mask.bool()], exact) < 0.02


@pytest.mark.parametrize(("store", "limit"), [(store_fp8, 0.09), (store_int8, 0.025)])
def test_nano_stays_close(store: Store, limit: float) -> None:
    def velocities(change: Store) -> tuple[Tensor, ...]:
        plain = FusionModel(NANO_CONFIGS.fusion)
        fill_random(plain, 0)
        model = change(plain.to(torch.bfloat16))
        generator = torch.Generator().manual_seed(0)
        text = torch.randn(1, 9, 128, generator=generator).bfloat16()
        video = torch.randn(1, 48, 3, 4, 4, generator=generator).bfloat16()
        audio = torch.randn(1, 12, 20, generator=generator).bfloat16()
        outputs: tuple[Tensor, ...] = model(video, audio, torch.tensor([500]), text, text)
        return outputs

    for ours, exact in zip(velocities(store), velocities(lambda model: model), strict=True):
        assert 0 < rms_error(ours, exact) < limit


# Which layers and which tensors


@STORED
def test_only_plain_layers_in_blocks_change(store: Store) -> None:
    plain, stored = fusion_model(), store(fusion_model())
    changed = {
        name for name, module in stored.named_modules() if isinstance(module, EightBitLinear)
    }
    per_block = 4 + 6 + 2  # self attention, fused cross attention, feed-forward
    assert len(changed) == 2 * 2 * per_block
    assert all(".blocks." in name for name in changed)
    scales = {f"{name}.weight_scale" for name in changed}
    assert stored.state_dict().keys() == plain.state_dict().keys() | scales
    for key in plain.state_dict().keys() - {f"{name}.weight" for name in changed}:
        assert torch.equal(stored.state_dict()[key], plain.state_dict()[key])


def test_layers_of_a_kind_of_their_own_stay() -> None:
    class Own(nn.Linear):
        """Computes differently."""

    model = ToyModel()
    model.get_submodule("blocks.1").register_module("1", Own(48, 96))
    stored = store_int8(model)
    assert type(stored.get_submodule("blocks.1.1")) is Own
    assert type(stored.get_submodule("blocks.1.2")) is EightBitLinear


def test_text_encoder_changes_all_but_tables_and_norms() -> None:
    encoder = store_int8(TextEncoder(NANO_CONFIGS.text_encoder))
    kinds = {key: tensor.dtype for key, tensor in encoder.state_dict().items()}
    num_layers = NANO_CONFIGS.text_encoder.num_layers
    assert sum(kind is torch.int8 for kind in kinds.values()) == 7 * num_layers
    for key, kind in kinds.items():
        is_linear = ".attention." in key or ".feed_forward." in key
        is_table = "position_bias" in key or key.endswith("weight_scale")
        assert (kind is torch.int8) == (is_linear and not is_table), key


@STORED
def test_all_tensors_are_plain_parameters_and_buffers_and_can_be_moved(store: Store) -> None:
    """Streaming copies them one by one and hangs the copies in."""
    stored = store(ToyModel())
    layer = stored.get_submodule("blocks.1.1")
    assert isinstance(layer, EightBitLinear)
    assert {name for name, _ in layer.named_parameters()} == {"weight", "bias"}
    assert {name for name, _ in layer.named_buffers()} == {"weight_scale"}
    assert layer.weight.element_size() == 1
    assert layer.weight_scale is not None
    assert layer.weight_scale.dtype is torch.float32
    x = torch.randn(3, 48)
    before = layer(x)
    layer.weight = nn.Parameter(layer.weight.clone(), requires_grad=False)
    layer.weight_scale = 2 * layer.weight_scale
    layer.bias = nn.Parameter(2 * layer.bias, requires_grad=False)
    assert torch.allclose(layer(x), 2 * before)


@KINDS
def test_made_on_meta_it_has_the_formats_it_will_have(bits: EightBits, store: Store) -> None:
    with torch.device("meta"):
        layer = store(ToyModel()).get_submodule("blocks.0.2")
    assert layer.weight.dtype is bits.dtype
    assert layer.weight_scale.shape == (48,)


@STORED
def test_another_way_to_multiply_is_set_from_outside(store: Store) -> None:
    stored = store(ToyModel())
    seen: list[tuple[int, ...]] = []

    def multiply(layer: EightBitLinear, x: Tensor) -> Tensor:
        seen.append(tuple(layer.weight.shape))
        return x.new_zeros(*x.shape[:-1], layer.out_features)

    set_multiply(stored, multiply)
    stored(torch.randn(1, 2, 48))
    assert seen == [(96, 48), (48, 96)] * 3


# What is held


@BITS
def test_rows_of_zeros_and_rows_of_very_different_size(bits: EightBits) -> None:
    layer = nn.Linear(640, 3, bias=False)
    layer.weight.data[0] = 0
    layer.weight.data[1] *= 1e-6
    layer.weight.data[2] *= 1e6
    stored = EightBitLinear.replacing(layer, bits).dequantized(torch.float32)
    assert torch.equal(stored[0], torch.zeros(640))
    for row in (1, 2):
        assert rms_error(stored[row], layer.weight[row]) < 0.03


def test_the_largest_weight_of_a_row_becomes_the_largest_number() -> None:
    weight = torch.tensor([[0.25, -2.0, 1.0], [3e-3, 1e-3, 0.0]])
    for bits in (FP8, INT8):
        numbers, scale = quantize_rows(weight, bits)
        assert numbers.float().abs().amax(dim=1).tolist() == [bits.largest, bits.largest]
        assert torch.equal(scale, scale.bfloat16().float())


def test_a_published_cast_is_kept_bit_for_bit_and_has_no_scales() -> None:
    weight = torch.randn(8, 16).to(torch.float8_e4m3fn)
    layer = EightBitLinear(16, 8, FP8)
    layer.hold("weight", weight)
    assert layer.weight.data_ptr() == weight.data_ptr()
    assert layer.weight_scale is None
    assert not list(layer.named_buffers())
    x = torch.randn(4, 16, dtype=torch.bfloat16)
    assert torch.equal(layer(x), F.linear(x, weight.bfloat16()))


@BITS
@pytest.mark.parametrize("order", [("weight", "weight_scale"), ("weight_scale", "weight")])
def test_stored_numbers_and_scales_may_come_in_any_order(
    bits: EightBits, order: tuple[str, str]
) -> None:
    made = EightBitLinear.replacing(nn.Linear(16, 8, bias=False), bits)
    assert made.weight_scale is not None
    stored = {"weight": made.weight.data, "weight_scale": made.weight_scale}
    taken = EightBitLinear(16, 8, bits)
    for leaf in order:
        taken.hold(leaf, stored[leaf])
    x = torch.randn(4, 16, dtype=torch.bfloat16)
    assert torch.equal(taken(x), made(x))


# What a file has to bring


def headers(store: Store | None, drop: str = "nothing") -> dict[str, Tensor]:
    with torch.device("meta"):
        model = ToyModel() if store is None else store(ToyModel())
    return {key: tensor for key, tensor in model.state_dict().items() if not key.endswith(drop)}


@KINDS
def test_scales_are_expected_beside_stored_weights_only(bits: EightBits, store: Store) -> None:
    with torch.device("meta"):
        model = store(ToyModel())
    scales = {f"blocks.{i}.{j}.weight_scale" for i in range(3) for j in (1, 2)}
    assert expected_state(model, headers(store)).keys() >= scales
    assert not expected_state(model, headers(None)).keys() & scales
    plain = expected_state(model, headers(store, drop="weight_scale")).keys() & scales
    assert plain == (set() if bits is FP8 else scales), "only fp8 has plain casts"
