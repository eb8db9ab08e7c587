"""Weights saved in eight bits: the same clip as from their original, and safe files."""

import hashlib
import json
import shutil
import weakref
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor

from ovi.errors import WeightsError
from ovi.models.text_encoder.encode import encode_texts
from ovi.runtime import quantize_file
from ovi.runtime.models import Models, load_models
from ovi.runtime.quantize_file import check_space, main, plan_conversion, save_quantized
from ovi.spec.placement import Placement
from ovi.spec.request import Precision, TransformerPrecision
from ovi.spec.variants import variant_named
from ovi.weights.manifest import FP8_FUSION_PATH, FUSION_PATHS, SHARED_COMPONENTS
from ovi.weights.quantized import quantized_path, read_origin
from tests.engine.toy_checkpoints import write_toy_checkpoints

CPU = torch.device("cpu")
VARIANT = "960x960_5s"
FP8, INT8 = TransformerPrecision.FP8, TransformerPrecision.INT8
ORIGINALS = {
    "fusion": FUSION_PATHS[VARIANT],
    "text_encoder": next(c.path for c in SHARED_COMPONENTS if c.name == "text_encoder"),
}


@pytest.fixture(scope="module")
def shared_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("ckpts")
    write_toy_checkpoints(folder)
    return folder


@pytest.fixture
def ckpt_dir(shared_dir: Path, tmp_path: Path) -> Path:
    """A folder to change."""
    return shutil.copytree(shared_dir, tmp_path / "ckpts")


def target_of(ckpt_dir: Path, model: str, precision: TransformerPrecision) -> Path:
    saved = quantized_path(ORIGINALS[model], precision)
    assert saved is not None
    return ckpt_dir / saved


def save(
    ckpt_dir: Path, model: str = "fusion", precision: TransformerPrecision = INT8
) -> tuple[Path, str]:
    """The saved file and its hash."""
    source, target = ckpt_dir / ORIGINALS[model], target_of(ckpt_dir, model, precision)
    digest = hashlib.sha256(source.read_bytes()).hexdigest()
    variant = variant_named(VARIANT)
    conversion = plan_conversion(model, variant, ckpt_dir, source, digest, precision)
    return target, save_quantized(conversion, target, CPU, lambda *_: None)


def load(ckpt_dir: Path, precision: TransformerPrecision = INT8) -> Models:
    text = INT8 if precision is INT8 else TransformerPrecision.BF16
    return load_models(
        variant_named(VARIANT),
        Precision(transformer=precision, text_encoder=text),
        Placement(device="cpu"),
        CPU,
        ckpt_dir,
    )


def outputs_of(models: Models) -> list[Tensor]:
    generator = torch.Generator().manual_seed(0)
    with torch.inference_mode():
        text = encode_texts(models.text_encoder, models.tokenizer, ["A cat: <S>hello<E>"], CPU)[0]
        video = torch.randn(1, 48, 2, 4, 4, generator=generator).bfloat16()
        audio = torch.randn(1, 9, 20, generator=generator).bfloat16()
        rows = text[None].bfloat16()
        return [text, *models.fusion(video, audio, torch.tensor([500]), rows, rows)]


# The same clip


@pytest.mark.parametrize("precision", [FP8, INT8])
def test_saved_weights_are_those_made_while_loading_bit_for_bit(
    ckpt_dir: Path, precision: TransformerPrecision
) -> None:
    made = load(ckpt_dir, precision)
    saved = [save(ckpt_dir, "fusion", precision)[0]]
    if precision is INT8:
        saved.append(save(ckpt_dir, "text_encoder", precision)[0])
    for model in ("fusion", "text_encoder")[: len(saved)]:
        (ckpt_dir / ORIGINALS[model]).unlink()  # nothing else can be read now
    loaded = load(ckpt_dir, precision)
    for model in ("fusion", "text_encoder"):
        one, other = getattr(made, model).state_dict(), getattr(loaded, model).state_dict()
        assert one.keys() == other.keys()
        for key in one:
            assert one[key].dtype is other[key].dtype, key
            assert torch.equal(one[key].view(torch.uint8), other[key].view(torch.uint8)), key
    for ours, wanted in zip(outputs_of(loaded), outputs_of(made), strict=True):
        assert torch.equal(ours, wanted)


def test_everything_but_the_quantized_layers_is_as_it_was(ckpt_dir: Path) -> None:
    path, _ = save(ckpt_dir)
    saved, original = load_file(path), load_file(ckpt_dir / ORIGINALS["fusion"])
    scales = {key for key in saved if key.endswith(".weight_scale")}
    assert saved.keys() - scales == original.keys()
    stored = {key.removesuffix("_scale") for key in scales}
    assert stored
    assert all(saved[key].dtype is torch.int8 for key in stored)
    for key in original.keys() - stored:
        assert torch.equal(saved[key], original[key])
    # Beside the blocks this toy has nearly nothing; the real one shrinks to 53 %.
    assert sum(saved[key].nbytes for key in stored) * 2 == sum(
        original[key].nbytes for key in stored
    )


def test_the_header_names_original_and_method_and_the_hash_is_that_of_the_file(
    ckpt_dir: Path,
) -> None:
    path, sha256 = save(ckpt_dir)
    source = ckpt_dir / ORIGINALS["fusion"]
    origin = read_origin(path)
    assert origin.method == "int8-rows-1"
    assert origin.source == source.name
    assert origin.source_sha256 == hashlib.sha256(source.read_bytes()).hexdigest()
    assert sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    with safe_open(path, "pt") as file:
        assert file.metadata()["format"] == "pt"


def test_saving_twice_gives_the_same_bytes(ckpt_dir: Path) -> None:
    assert save(ckpt_dir)[1] == save(ckpt_dir)[1]


def test_only_tensors_at_hand_are_held(ckpt_dir: Path) -> None:
    source = ckpt_dir / ORIGINALS["fusion"]
    conversion = plan_conversion("fusion", variant_named(VARIANT), ckpt_dir, source, "0" * 64, INT8)
    held: list[weakref.ref[Tensor]] = []
    most = 0

    def read(key: str) -> Tensor:
        nonlocal most
        tensor = conversion.checkpoint.read(key).clone()
        held.append(weakref.ref(tensor))
        most = max(most, sum(reference() is not None for reference in held))
        return tensor

    watched = replace(conversion, checkpoint=replace(conversion.checkpoint, read=read))
    save_quantized(watched, target_of(ckpt_dir, "fusion", INT8), CPU, lambda *_: None)
    assert len(held) == len(conversion.checkpoint.headers)
    assert most <= 3, "the one at hand, and those that it replaces"


# Safe files


def test_published_fp8_is_no_original(ckpt_dir: Path) -> None:
    with pytest.raises(WeightsError, match="eight-bit weights already"):
        plan_conversion(
            "fusion", variant_named(VARIANT), ckpt_dir, ckpt_dir / FP8_FUSION_PATH, "0" * 64, INT8
        )


def test_weights_that_are_not_finite_are_named_and_nothing_is_left(ckpt_dir: Path) -> None:
    source = ckpt_dir / ORIGINALS["fusion"]
    state = load_file(source)
    key = "video_model.blocks.1.ffn.0.weight"
    state[key][3, 4] = float("nan")
    save_file(state, source)
    before = sorted(source.parent.iterdir())
    with pytest.raises(WeightsError, match=rf"not finite in {key}"):
        save(ckpt_dir)
    assert sorted(source.parent.iterdir()) == before


def test_too_little_space_is_said_before_anything_is_written(
    ckpt_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quantize_file, "free_bytes", lambda _: 1000)
    source = ckpt_dir / ORIGINALS["fusion"]
    conversion = plan_conversion("fusion", variant_named(VARIANT), ckpt_dir, source, "0" * 64, INT8)
    with pytest.raises(WeightsError, match="Make room first"):
        check_space(conversion, target_of(ckpt_dir, "fusion", INT8))
    monkeypatch.setattr(quantize_file, "free_bytes", lambda _: 10**9)
    target, _ = save(ckpt_dir)
    assert check_space(conversion, target) == target.stat().st_size


def test_a_disk_that_fills_up_leaves_nothing_behind(ckpt_dir: Path) -> None:
    target = target_of(ckpt_dir, "fusion", INT8)
    target.with_name(f"{target.name}.part").symlink_to("/dev/full")
    with pytest.raises(WeightsError, match=r"cannot be written: No space left.*make room"):
        save(ckpt_dir)
    assert not target.exists()
    assert not list(target.parent.glob("*.part"))


def test_the_process_tells_size_progress_and_hash_or_the_error(
    ckpt_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, target = ckpt_dir / ORIGINALS["fusion"], target_of(ckpt_dir, "fusion", FP8)
    options = ["--model", "fusion", "--to", "fp8", "--source", str(source), "--target", str(target)]
    options += ["--source-sha256", "0" * 64, "--variant", VARIANT, "--ckpt-dir", str(ckpt_dir)]
    assert main(options) == 0
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert told[0] == {"size_bytes": target.stat().st_size}
    steps = [(fact["done"], fact["total"]) for fact in told[1:-1]]
    assert steps == sorted(steps)
    assert steps[-1][0] == steps[-1][1]
    assert told[-1] == {"sha256": hashlib.sha256(target.read_bytes()).hexdigest()}
    source.write_bytes(source.read_bytes()[:-10])
    assert main(options) == 1
    assert "damaged" in json.loads(capsys.readouterr().out)["error"]


# Damaged saved files, as a render meets them


def change(path: Path, **tensors: Tensor | None) -> None:
    """The file with some tensors replaced or, being None, left out; the header text stays."""
    with safe_open(path, "pt") as file:
        metadata = file.metadata()
    state = load_file(path)
    for key, tensor in tensors.items():
        if tensor is None:
            del state[key]
        else:
            state[key] = tensor
    save_file(state, path, metadata)


KEY = "audio_model.blocks.0.self_attn.q"


@pytest.mark.parametrize(
    ("tensors", "message"),
    [
        ({f"{KEY}.weight_scale": None}, r"1 missing \(audio_model.*weight_scale\)"),
        ({f"{KEY}.weight_scale": torch.ones(5)}, r"weight_scale is 5, not 16"),
        ({f"{KEY}.weight_scale": torch.full((16,), float("nan"))}, r"not finite.*weight_scale"),
        ({f"{KEY}.weight": torch.zeros(16, 8, dtype=torch.int8)}, r"16x8, not 16x16"),
        ({f"{KEY}.weight": torch.zeros(16, 16)}, r"1 unexpected .*weight_scale"),
        ({f"{KEY}.weight": torch.zeros(16, 16, dtype=torch.int32)}, r"int32"),
        ({"audio_model.blocks.0.extra": torch.ones(1)}, r"1 unexpected"),
    ],
)
def test_saved_files_that_do_not_fit_are_refused(
    ckpt_dir: Path, tensors: dict[str, Tensor | None], message: str
) -> None:
    path, _ = save(ckpt_dir)
    change(path, **tensors)
    with pytest.raises(WeightsError, match=rf"(?s)ovi-int8\.safetensors.*{message}"):
        load(ckpt_dir)


@pytest.mark.parametrize("share", [0.0, 0.2, 0.9])
def test_the_beginning_of_a_saved_file_is_refused(ckpt_dir: Path, share: float) -> None:
    path, _ = save(ckpt_dir)
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    with pytest.raises(WeightsError, match=r"ovi-int8\.safetensors"):
        load(ckpt_dir)


def test_a_saved_file_of_another_method_is_refused_with_the_remedy(ckpt_dir: Path) -> None:
    path, _ = save(ckpt_dir)
    path.write_bytes(path.read_bytes().replace(b"int8-rows-1", b"int8-rows-2"))
    with pytest.raises(WeightsError, match=r"'int8-rows-2'.*quantize --force"):
        load(ckpt_dir)
