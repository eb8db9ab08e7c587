"""LoRA files of every convention, and adapters that come and go without a trace."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from ovi.errors import WeightsError
from ovi.models.fusion import FusionModel
from ovi.runtime.block_offload import FUSION, BlockParking, offload_fusion
from ovi.runtime.lora import LoraRack
from ovi.runtime.lora_file import read_adapters
from ovi.runtime.staging import Staging
from ovi.runtime.token_chunks import run_in_chunks
from ovi.spec.request import LoraFile
from ovi.weights.hashes import hash_files
from tests.engine.runtime.tiny_fusion import STORES, assert_identical, passes, tiny_fusion

CPU = torch.device("cpu")
RANK = 2
LAYERS = (
    "video_model.blocks.0.self_attn.q",
    "video_model.blocks.3.cross_attn.v_fusion",
    "audio_model.blocks.5.ffn.2",
)


def adapters_for(model: FusionModel, seed: int = 0) -> dict[str, tuple[Tensor, Tensor]]:
    """A pair (down, up) for each of LAYERS, large enough to be seen."""
    generator = torch.Generator().manual_seed(seed)
    pairs = {}
    for name in LAYERS:
        layer = model.get_submodule(name)
        assert isinstance(layer, nn.Linear)
        down = torch.randn(RANK, layer.in_features, generator=generator) * 0.3
        up = torch.randn(layer.out_features, RANK, generator=generator) * 0.3
        pairs[name] = (down, up)
    return pairs


def peft(name: str) -> tuple[str, str]:
    return f"{name}.lora_A.weight", f"{name}.lora_B.weight"


def kohya(name: str) -> tuple[str, str]:
    flat = "lora_unet_" + name.replace(".", "_")
    return f"{flat}.lora_down.weight", f"{flat}.lora_up.weight"


NAMINGS: dict[str, Callable[[str], tuple[str, str]]] = {
    "ours": peft,
    "comfy": lambda name: peft(f"diffusion_model.{name}"),
    "peft": lambda name: peft(f"base_model.model.{name}"),
    "named adapter": lambda name: (
        f"{name}.lora_A.default.weight",
        f"{name}.lora_B.default.weight",
    ),
    "kohya": kohya,
    "old diffusers": lambda name: (
        f"transformer.{name}.lora.down.weight",
        f"transformer.{name}.lora.up.weight",
    ),
}


def write_lora(
    path: Path,
    pairs: Mapping[str, tuple[Tensor, Tensor]],
    naming: Callable[[str], tuple[str, str]] = peft,
    extra: Mapping[str, Tensor] | None = None,
    weight: float = 1.0,
) -> LoraFile:
    tensors = dict(extra or {})
    for name, halves in pairs.items():
        tensors |= dict(zip(naming(name), halves, strict=True))
    save_file(tensors, path)
    return LoraFile(str(path), hash_files([path])[path], weight)


def merged(model: FusionModel, pairs: Mapping[str, tuple[Tensor, Tensor]], share: float) -> None:
    """Adds the adapters to the weights themselves."""
    for name, (down, up) in pairs.items():
        weight = model.get_submodule(name).weight
        assert isinstance(weight, Tensor)
        weight.add_(share * (up @ down).to(weight.dtype))


@pytest.mark.parametrize("naming", NAMINGS)
def test_every_naming_gives_the_same_adapters(tmp_path: Path, naming: str) -> None:
    model = tiny_fusion()
    pairs = adapters_for(model)
    write_lora(tmp_path / "a.safetensors", pairs, NAMINGS[naming])
    found = read_adapters(tmp_path / "a.safetensors", model)
    assert set(found) == set(LAYERS)
    for name, (down, up) in pairs.items():
        assert torch.equal(found[name].down, down)
        assert torch.equal(found[name].up, up)


def test_a_file_for_the_picture_alone_finds_its_tower(tmp_path: Path) -> None:
    model = tiny_fusion()
    pair = adapters_for(model)[LAYERS[0]]
    for name in ("blocks.0.self_attn.q", "blocks.0.attn1.to_q"):
        write_lora(tmp_path / "a.safetensors", {f"diffusion_model.{name}": pair})
        assert list(read_adapters(tmp_path / "a.safetensors", model)) == [LAYERS[0]]


def test_alpha_scales_by_the_rank(tmp_path: Path) -> None:
    model = tiny_fusion()
    pairs = adapters_for(model)
    name = LAYERS[2]
    alpha = {kohya(name)[0].replace(".lora_down.weight", ".alpha"): torch.tensor(0.5)}
    write_lora(tmp_path / "a.safetensors", pairs, kohya, alpha)
    found = read_adapters(tmp_path / "a.safetensors", model)
    assert torch.equal(found[name].up, pairs[name][1] * (0.5 / RANK))
    assert torch.equal(found[LAYERS[0]].up, pairs[LAYERS[0]][1])


def test_several_at_once_are_the_sum_of_merged_weights(tmp_path: Path) -> None:
    model, other = tiny_fusion(), tiny_fusion()
    first, second = adapters_for(model, 1), adapters_for(model, 2)
    loras = (
        write_lora(tmp_path / "a.safetensors", first, weight=0.7),
        write_lora(tmp_path / "b.safetensors", second, kohya, weight=-1.5),
    )
    merged(other, first, 0.7)
    merged(other, second, -1.5)
    plain = passes(model)
    with LoraRack(model, CPU, torch.float32).applied(loras):
        got = passes(model)
    for one, wanted, before in zip(got, passes(other), plain, strict=True):
        assert (one - wanted).abs().max() < 1e-5 * wanted.abs().max()
        assert (one - before).abs().max() > 1e-2 * wanted.abs().max()


@pytest.mark.parametrize("storage", STORES)
def test_switching_restores_the_base_bit_for_bit(tmp_path: Path, storage: str) -> None:
    model = tiny_fusion(storage)
    plain = passes(model)
    state = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    rack = LoraRack(model, CPU, torch.float32 if storage == "fp32" else torch.bfloat16)
    one = write_lora(tmp_path / "a.safetensors", adapters_for(model, 1))
    two = write_lora(tmp_path / "b.safetensors", adapters_for(model, 2))
    results = []
    for loras in ((one,), (two,), (one,), ()):
        with rack.applied(loras):
            results.append(passes(model))
    assert_identical(results[0], results[2])
    assert not torch.equal(results[0][0], results[1][0])
    assert not torch.equal(results[0][0], plain[0])
    assert_identical(results[3], plain)
    assert_identical(list(model.state_dict().values()), list(state.values()))


def test_an_error_inside_leaves_the_base(tmp_path: Path) -> None:
    model = tiny_fusion()
    plain = passes(model)
    lora = write_lora(tmp_path / "a.safetensors", adapters_for(model))
    rack = LoraRack(model, CPU, torch.float32)
    with pytest.raises(KeyboardInterrupt), rack.applied((lora,)):
        raise KeyboardInterrupt
    assert_identical(passes(model), plain)


def test_weight_zero_changes_nothing(tmp_path: Path) -> None:
    model = tiny_fusion()
    lora = write_lora(tmp_path / "a.safetensors", adapters_for(model), weight=0.0)
    plain = passes(model)
    with LoraRack(model, CPU, torch.float32).applied((lora,)):
        assert_identical(passes(model), plain)


@pytest.mark.parametrize("storage", ["fp32", "int8"])
@pytest.mark.parametrize("is_parked", [True, False])
def test_blocks_that_pass_through_the_device_have_them(
    tmp_path: Path, storage: str, is_parked: bool
) -> None:
    dtype = torch.float32 if storage == "fp32" else torch.bfloat16
    usual, model = tiny_fusion(storage), tiny_fusion(storage)
    lora = write_lora(tmp_path / "a.safetensors", adapters_for(model))
    parking = BlockParking(FUSION, model.config.num_layers, CPU)
    if is_parked:
        parking.park_all(model)
    source = parking.parcels if is_parked else Staging(CPU)
    offload = offload_fusion(model, CPU, 1, source)
    with LoraRack(usual, CPU, dtype).applied((lora,)):
        wanted = passes(usual)
    rack = LoraRack(model, CPU, dtype)
    with rack.applied((lora,)), offload.visit():
        got = passes(model)
    assert_identical(got, wanted)
    with rack.applied(()), offload.visit():
        assert_identical(passes(model), passes(usual))
    parking.close()


def test_chunks_of_tokens_have_them(tmp_path: Path) -> None:
    model = tiny_fusion("int8")
    lora = write_lora(tmp_path / "a.safetensors", adapters_for(model))
    with LoraRack(model, CPU, torch.bfloat16).applied((lora,)):
        wanted = passes(model)
        model.run_block = run_in_chunks(5)
        got = passes(model)
    for one, other in zip(got, wanted, strict=True):
        assert (one - other).float().abs().max() <= 0.03 * other.float().abs().max()


def test_a_file_that_changed_is_refused(tmp_path: Path) -> None:
    model = tiny_fusion()
    lora = write_lora(tmp_path / "a.safetensors", adapters_for(model, 1))
    write_lora(tmp_path / "a.safetensors", adapters_for(model, 2))
    rack = LoraRack(model, CPU, torch.float32)
    with pytest.raises(WeightsError, match="has changed since"), rack.applied((lora,)):
        pass


BROKEN: dict[str, tuple[dict[str, Tensor], str]] = {
    "another model's": (
        dict(zip(peft("blocks.9.self_attn.q"), torch.zeros(2, 2, 24), strict=True)),
        "2 keys are for a layer that the model does not have",
    ),
    "a kind that is not known": (
        {f"{LAYERS[0]}.hada_w1_a": torch.zeros(2, 2)},
        "of an unknown kind",
    ),
    "half": ({peft(LAYERS[0])[0]: torch.zeros(2, 24)}, "without its other half"),
    "another width": (
        dict(zip(peft(LAYERS[0]), (torch.zeros(2, 23), torch.zeros(24, 2)), strict=True)),
        "lora_A.weight is 2x23, not 2x24",
    ),
    "ranks that differ": (
        dict(zip(peft(LAYERS[0]), (torch.zeros(2, 24), torch.zeros(24, 3)), strict=True)),
        "lora_B.weight is 24x3, not 24x2",
    ),
    "not finite": (
        dict(
            zip(peft(LAYERS[0]), (torch.full((2, 24), torch.nan), torch.zeros(24, 2)), strict=True)
        ),
        "not finite",
    ),
    "empty": ({}, "holds no LoRA"),
}


@pytest.mark.parametrize("fault", BROKEN)
def test_what_does_not_fit_is_named(tmp_path: Path, fault: str) -> None:
    tensors, message = BROKEN[fault]
    save_file(tensors, tmp_path / "a.safetensors")
    with pytest.raises(WeightsError, match=message) as caught:
        read_adapters(tmp_path / "a.safetensors", tiny_fusion())
    assert "a.safetensors" in str(caught.value)
