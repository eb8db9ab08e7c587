"""All models of a variant from a checkpoint folder, and the fallbacks around it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from ovi.errors import PlacementError, WeightsError
from ovi.models.text_encoder.encode import encode_texts
from ovi.models.text_encoder.tokenizer import ByteTokenizer
from ovi.runtime import components as components_module
from ovi.runtime.models import Models, load_models
from ovi.runtime.offload import resident
from ovi.runtime.quantize import FP8 as FP8_BITS
from ovi.runtime.quantize import INT8 as INT8_BITS
from ovi.runtime.quantize import EightBitLinear, EightBits
from ovi.spec.placement import HostMemory, Offload, Placement
from ovi.spec.request import Precision, TransformerPrecision
from ovi.spec.variants import VARIANTS, variant_named
from ovi.weights import hashes, manifest
from ovi.weights.manifest import FP8_FUSION_PATH, FUSION_PATHS
from ovi.weights.sizes import SIZES_FILE
from ovi.weights.store import weight_identities
from tests.engine.toy_checkpoints import write_toy_checkpoints

CPU = torch.device("cpu")
PUBLISHED = [name for name, variant in VARIANTS.items() if not variant.is_embedded]
BF16, FP8 = TransformerPrecision.BF16, TransformerPrecision.FP8


@pytest.fixture(scope="module")
def shared_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The toy folder, for tests that only read it."""
    folder = tmp_path_factory.mktemp("ckpts")
    write_toy_checkpoints(folder)
    return folder


@pytest.fixture
def ckpt_dir(tmp_path: Path) -> Path:
    """A toy folder to break."""
    write_toy_checkpoints(tmp_path)
    return tmp_path


@pytest.fixture(autouse=True)
def without_gradients() -> Iterator[None]:
    with torch.inference_mode():
        yield


def load(
    ckpt_dir: Path | None,
    variant: str = "720x720_5s",
    precision: TransformerPrecision = TransformerPrecision.FP32,
    placement: Placement | None = None,
    device: torch.device = CPU,
) -> Models:
    chosen = Precision(transformer=precision)
    return load_models(
        variant_named(variant), chosen, placement or Placement(device="cpu"), device, ckpt_dir
    )


def velocity_of(models: Models) -> tuple[Tensor, Tensor]:
    """One pass through text encoder and transformer, on a few tokens of fixed noise."""
    generator = torch.Generator().manual_seed(0)
    dtype = models.compute_dtype
    text = encode_texts(models.text_encoder, models.tokenizer, ["A cat speaks: hello."], CPU)[0]
    text = text[None].to(dtype)
    video = torch.randn(1, 48, 2, 4, 4, generator=generator).to(dtype)
    audio = torch.randn(1, 9, 20, generator=generator).to(dtype)
    result: tuple[Tensor, Tensor] = models.fusion(video, audio, torch.tensor([500]), text, text)
    return result


@pytest.mark.parametrize("variant", PUBLISHED)
def test_published_layout_loads_and_every_model_computes(shared_dir: Path, variant: str) -> None:
    models = load(shared_dir, variant)
    video, audio = velocity_of(models)
    mel = models.audio_vae.decode(audio.transpose(1, 2))
    waveform = models.vocoder(mel)
    frames = models.video_vae.decode(video)
    assert frames.shape == (1, 3, 5, 64, 64)
    assert waveform.shape == (1, 1, 9 * 512)
    for tensor in (video, audio, waveform, frames):
        assert tensor.isfinite().all()
        assert tensor.std() > 0
    assert not models.has_random_weights


def test_variants_have_weights_of_their_own(shared_dir: Path) -> None:
    results = [velocity_of(load(shared_dir, variant))[0] for variant in PUBLISHED]
    assert not torch.equal(results[0], results[1])
    assert not torch.equal(results[1], results[2])


def test_transformer_has_the_values_of_the_file(shared_dir: Path) -> None:
    state = load(shared_dir).fusion.state_dict()
    stored = load_file(shared_dir / FUSION_PATHS["720x720_5s"])
    assert state.keys() == stored.keys()
    assert all(torch.equal(state[key], stored[key].float()) for key in stored)


@pytest.mark.parametrize(
    ("precision", "bits"), [(FP8, FP8_BITS), (TransformerPrecision.INT8, INT8_BITS)]
)
def test_eight_bit_precisions_store_eight_bits(
    shared_dir: Path, precision: TransformerPrecision, bits: EightBits
) -> None:
    models = load(shared_dir, precision=precision)
    layer = models.fusion.get_submodule("audio_model.blocks.1.ffn.2")
    assert isinstance(layer, EightBitLinear)
    assert layer.bits is bits
    assert layer.weight.element_size() == 1
    assert models.compute_dtype is torch.bfloat16
    reference = velocity_of(load(shared_dir, precision=BF16))
    for got, wanted in zip(velocity_of(models), reference, strict=True):
        assert 0 < (got - wanted).float().std() / wanted.float().std() < 0.2


def test_fp8_from_the_fp8_file_and_from_the_ordinary_one(ckpt_dir: Path) -> None:
    from_file = load(ckpt_dir, precision=FP8)
    # The fp8 file has more of the transformer in fp8 than its blocks.
    stored = load_file(ckpt_dir / FP8_FUSION_PATH)
    key = "video_model.text_embedding.0.weight"
    assert torch.equal(from_file.fusion.state_dict()[key], stored[key].bfloat16())
    key = "video_model.blocks.0.ffn.0"
    layer = from_file.fusion.get_submodule(key)
    assert isinstance(layer, EightBitLinear)
    assert layer.weight_scale is None
    assert torch.equal(layer.weight.view(torch.uint8), stored[f"{key}.weight"].view(torch.uint8))
    (ckpt_dir / FP8_FUSION_PATH).unlink()
    layer = load(ckpt_dir, precision=FP8).fusion.get_submodule(key)
    assert isinstance(layer, EightBitLinear)
    assert layer.weight.dtype is torch.float8_e4m3fn
    assert layer.weight_scale is not None


def test_offload_gives_identical_output_and_keeps_weights_off_the_device(
    shared_dir: Path,
) -> None:
    meta = torch.device("meta")
    stay = load(shared_dir, placement=Placement(device="cpu"))
    away = load(shared_dir, placement=Placement(device="cpu", offload=Offload.MODEL), device=meta)
    assert next(away.fusion.parameters()).device.type == "cpu"
    assert away.device == meta
    with resident(away.fusion, meta, Offload.MODEL):
        assert next(away.fusion.parameters()).is_meta
    assert all(map(torch.equal, velocity_of(stay), velocity_of(away)))


def test_half_of_the_video_vae_comes_to_the_device_alone(shared_dir: Path) -> None:
    meta = torch.device("meta")
    for offload in (Offload.MODEL, Offload.BLOCKS):
        placement = Placement(device="cpu", offload=offload, host_memory=HostMemory.MAPPED)
        vae = (models := load(shared_dir, placement=placement, device=meta)).video_vae
        with models.on_device(vae.decoder):
            assert all(parameter.is_meta for parameter in vae.decoder.parameters())
            assert not any(parameter.is_meta for parameter in vae.encoder.parameters())
        assert not any(parameter.is_meta for parameter in vae.parameters())
    resident_vae = (models := load(shared_dir)).video_vae
    with models.on_device(resident_vae.decoder):
        assert resident_vae.decode(torch.randn(1, 48, 1, 4, 4)).isfinite().all()


def test_files_of_other_sizes_are_refused_unless_the_folder_says_so(ckpt_dir: Path) -> None:
    (ckpt_dir / SIZES_FILE).unlink()
    with pytest.raises(WeightsError, match=r"model\.safetensors does not fit the fusion model"):
        load(ckpt_dir)


def test_last_file_is_checked_before_the_first_is_read(
    ckpt_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(components_module, "load_model", lambda *_, **__: pytest.fail("loaded"))
    encoder = ckpt_dir / "Wan2.2-TI2V-5B/models_t5_umt5-xxl-enc-bf16.pth"
    encoder.write_bytes(encoder.read_bytes()[:-50])
    with pytest.raises(WeightsError, match="umt5"):
        load(ckpt_dir)


def test_progress_goes_up_to_the_size_of_all_files(shared_dir: Path) -> None:
    seen: list[tuple[int, int]] = []
    load_models(
        variant_named("960x960_5s"),
        Precision(),
        Placement(),
        CPU,
        shared_dir,
        on_progress=lambda done, total: seen.append((done, total)),
    )
    assert seen == sorted(seen)
    assert seen[-1][0] == seen[-1][1] > 0


def test_untrained_nano_is_random_and_the_same_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(manifest, "NANO_DIR", Path("/nowhere"))
    first, second = load(None, "nano"), load(None, "nano")
    assert first.has_random_weights
    assert isinstance(first.tokenizer, ByteTokenizer)
    assert all(
        torch.equal(a, b)
        for a, b in zip(first.fusion.parameters(), second.fusion.parameters(), strict=True)
    )


def test_trained_nano_comes_from_the_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Here with our own key names, which every model's `from_published` lets pass."""
    monkeypatch.setattr(manifest, "NANO_DIR", tmp_path)
    random = load(None, "nano")
    for name in manifest.MODEL_NAMES:
        state = {key: tensor + 0.01 for key, tensor in getattr(random, name).state_dict().items()}
        save_file(state, tmp_path / f"{name}.safetensors")
    trained = load(None, "nano")
    assert not trained.has_random_weights
    key = "video_model.blocks.0.ffn.0.weight"
    assert torch.equal(trained.fusion.state_dict()[key], random.fusion.state_dict()[key] + 0.01)


@pytest.mark.parametrize("precision", [BF16, FP8])
def test_random_weights_of_a_published_variant_need_no_weight_file(
    shared_dir: Path, tmp_path: Path, precision: TransformerPrecision
) -> None:
    # Nothing but the sizes, so that the test need not make eleven billion numbers.
    (tmp_path / SIZES_FILE).write_text((shared_dir / SIZES_FILE).read_text())
    models = load_models(
        variant_named("720x720_5s"),
        Precision(transformer=precision),
        Placement(device="cpu"),
        CPU,
        tmp_path,
        use_random_weights=True,
    )
    assert models.has_random_weights
    video, audio = velocity_of(models)
    waveform = models.vocoder(models.audio_vae.decode(audio.float().transpose(1, 2)))
    for tensor in (video, audio, waveform, models.video_vae.decode(video)):
        assert tensor.isfinite().all()
        assert tensor.float().std() > 0
    kinds = {type(module) for module in models.fusion.modules()}
    assert (EightBitLinear in kinds) == (precision is FP8)


def test_mps_has_no_fp8(shared_dir: Path) -> None:
    with pytest.raises(PlacementError, match="int8"):
        load(shared_dir, precision=FP8, device=torch.device("mps"))


def test_identities_of_the_toy_folder(
    shared_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hashes, "cache_file", lambda: tmp_path / "hashes.json")
    identities = weight_identities(variant_named("720x720_5s"), Precision(), shared_dir)
    assert set(identities) == {*manifest.MODEL_NAMES, "tokenizer", "sizes"}
