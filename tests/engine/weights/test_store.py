"""Which files a variant needs, what is said when they are missing, and what identifies them."""

import hashlib
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from ovi.errors import WeightsError
from ovi.spec.request import Precision, TransformerPrecision
from ovi.spec.variants import VARIANTS, variant_named
from ovi.weights import manifest
from ovi.weights.licences import PICTURE_SOURCE
from ovi.weights.manifest import (
    FP8_FUSION_PATH,
    FP8_SOURCE,
    FUSION_PATHS,
    MODEL_NAMES,
    SHARED_COMPONENTS,
    components_of,
    nano_files,
)
from ovi.weights.quantized import quantized_path
from ovi.weights.store import licences_for_render, locate_files, weight_identities
from ovi.weights.verify import RecordedFile, write_record

BF16 = Precision()
FP8 = Precision(transformer=TransformerPrecision.FP8)
INT8 = Precision(transformer=TransformerPrecision.INT8)
SMALL = variant_named("720x720_5s")
LONG = variant_named("960x960_10s")


@pytest.fixture
def ckpt_dir(tmp_path: Path) -> Path:
    """A published folder whose files each hold their own path."""
    for path in (*FUSION_PATHS.values(), FP8_FUSION_PATH, *(c.path for c in SHARED_COMPONENTS)):
        file = tmp_path / path
        if file.name == "umt5-xxl":
            file /= "tokenizer.json"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(path)
    return tmp_path


def test_every_published_variant_has_all_components() -> None:
    for variant in VARIANTS.values():
        names = {component.name for component in components_of(variant, BF16)}
        assert names == (set() if variant.is_embedded else {*MODEL_NAMES, "tokenizer"})


def test_each_variant_takes_its_own_transformer(ckpt_dir: Path) -> None:
    for name, path in FUSION_PATHS.items():
        files = locate_files(variant_named(name), BF16, ckpt_dir)
        assert files is not None
        assert files["fusion"] == ckpt_dir / path


def test_all_missing_files_are_named_at_once_with_their_source(tmp_path: Path) -> None:
    with pytest.raises(WeightsError) as caught:
        locate_files(LONG, BF16, tmp_path)
    message = str(caught.value)
    for component in components_of(LONG, BF16):
        assert component.path in message
        assert component.source in message
    assert str(tmp_path) in message


def test_missing_folder_is_said_and_one_missing_file_is_all_that_is_named(ckpt_dir: Path) -> None:
    with pytest.raises(WeightsError, match="does not exist"):
        locate_files(SMALL, BF16, ckpt_dir / "nowhere")
    (ckpt_dir / "MMAudio/ext_weights/v1-16.pth").unlink()
    with pytest.raises(WeightsError) as caught:
        locate_files(SMALL, BF16, ckpt_dir)
    assert "v1-16.pth" in str(caught.value)
    assert "best_netG" not in str(caught.value)


def test_empty_tokenizer_folder_is_missing(ckpt_dir: Path) -> None:
    folder = ckpt_dir / "Wan2.2-TI2V-5B/google/umt5-xxl"
    (folder / "tokenizer.json").rename(folder / "something.json")
    with pytest.raises(WeightsError, match="umt5-xxl"):
        locate_files(SMALL, BF16, ckpt_dir)


def test_fp8_takes_the_published_file_where_there_is_one(ckpt_dir: Path) -> None:
    ready = weight_identities(SMALL, FP8, ckpt_dir)["fusion"]
    assert ready == f"sha256:{hashlib.sha256(FP8_FUSION_PATH.encode()).hexdigest()}"
    (ckpt_dir / FP8_FUSION_PATH).unlink()
    made = weight_identities(SMALL, FP8, ckpt_dir)["fusion"]
    assert made == weight_identities(SMALL, BF16, ckpt_dir)["fusion"] + " as fp8-rows-1"
    assert weight_identities(LONG, FP8, ckpt_dir)["fusion"].endswith(" as fp8-rows-1")


# Files saved by `ovi weights quantize`


def save_quantized(
    ckpt_dir: Path,
    original: str,
    precision: TransformerPrecision,
    *,
    source_sha256: str | None = None,
    method: str | None = None,
    is_recorded: bool = True,
) -> Path:
    """A file as `ovi weights quantize` leaves it, as far as its header and its record go."""
    saved = quantized_path(original, precision)
    assert saved is not None
    metadata = {
        "ovi_method": method or f"{precision}-rows-1",
        "ovi_source": Path(original).name,
        "ovi_source_sha256": source_sha256 or hashlib.sha256(original.encode()).hexdigest(),
    }
    header = json.dumps({"__metadata__": metadata}).encode()
    path = ckpt_dir / saved
    path.write_bytes(len(header).to_bytes(8, "little") + header)
    if is_recorded:
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        record = RecordedFile(path.stat().st_size, digest, "a/b", "", "Apache-2.0")
        write_record(ckpt_dir, {saved: record})
    return path


@pytest.mark.parametrize("precision", [TransformerPrecision.FP8, TransformerPrecision.INT8])
def test_saved_file_is_taken_first_and_is_what_would_be_made_while_loading(
    ckpt_dir: Path, precision: TransformerPrecision
) -> None:
    wanted = Precision(transformer=precision)
    (ckpt_dir / FP8_FUSION_PATH).unlink()
    made = weight_identities(SMALL, wanted, ckpt_dir)
    path = save_quantized(ckpt_dir, FUSION_PATHS[SMALL.name], precision)
    files = locate_files(SMALL, wanted, ckpt_dir)
    assert files is not None
    assert files["fusion"] == path
    assert weight_identities(SMALL, wanted, ckpt_dir) == made
    assert made["fusion"] != weight_identities(SMALL, BF16, ckpt_dir)["fusion"]


def test_published_fp8_saved_fp8_and_int8_are_three_identities(ckpt_dir: Path) -> None:
    published = weight_identities(SMALL, FP8, ckpt_dir)["fusion"]
    save_quantized(ckpt_dir, FUSION_PATHS[SMALL.name], TransformerPrecision.FP8)
    ours = weight_identities(SMALL, FP8, ckpt_dir)["fusion"]
    int8 = weight_identities(SMALL, INT8, ckpt_dir)["fusion"]
    assert len({published, ours, int8, weight_identities(SMALL, BF16, ckpt_dir)["fusion"]}) == 4


def test_saved_file_of_another_original_is_another_identity(ckpt_dir: Path) -> None:
    save_quantized(
        ckpt_dir, FUSION_PATHS[SMALL.name], TransformerPrecision.INT8, source_sha256="ab" * 32
    )
    identity = weight_identities(SMALL, INT8, ckpt_dir)["fusion"]
    assert identity == f"sha256:{'ab' * 32} as int8-rows-1"


def test_saved_file_that_is_not_the_recorded_one_is_known_by_its_own_hash(ckpt_dir: Path) -> None:
    path = save_quantized(ckpt_dir, FUSION_PATHS[SMALL.name], TransformerPrecision.INT8)
    path.write_bytes(path.read_bytes() + b"changed")
    own = f"sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}"
    assert weight_identities(SMALL, INT8, ckpt_dir)["fusion"] == own
    (ckpt_dir / "ovi_weights.json").unlink()
    path = save_quantized(
        ckpt_dir, FUSION_PATHS[SMALL.name], TransformerPrecision.INT8, is_recorded=False
    )
    own = f"sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}"
    assert weight_identities(SMALL, INT8, ckpt_dir)["fusion"] == own


def test_text_encoder_in_int8_has_its_own_file_and_identity(ckpt_dir: Path) -> None:
    both = replace(INT8, text_encoder=TransformerPrecision.INT8)
    before = weight_identities(SMALL, both, ckpt_dir)
    plain = weight_identities(SMALL, BF16, ckpt_dir)["text_encoder"]
    assert before["text_encoder"] == f"{plain} as int8-rows-1"
    assert weight_identities(SMALL, INT8, ckpt_dir)["text_encoder"] == plain
    original = "Wan2.2-TI2V-5B/models_t5_umt5-xxl-enc-bf16.pth"
    path = save_quantized(ckpt_dir, original, TransformerPrecision.INT8)
    files = locate_files(SMALL, both, ckpt_dir)
    assert files is not None
    assert files["text_encoder"] == path
    assert weight_identities(SMALL, both, ckpt_dir) == before
    for without in (BF16, INT8):
        files = locate_files(SMALL, without, ckpt_dir)
        assert files is not None
        assert files["text_encoder"] == ckpt_dir / original


def test_original_need_not_stay(ckpt_dir: Path) -> None:
    path = save_quantized(ckpt_dir, FUSION_PATHS[LONG.name], TransformerPrecision.INT8)
    (ckpt_dir / FUSION_PATHS[LONG.name]).unlink()
    assert (locate_files(LONG, INT8, ckpt_dir) or {})["fusion"] == path
    with pytest.raises(WeightsError, match=r"model_960x960_10s\.safetensors  \(from"):
        locate_files(LONG, BF16, ckpt_dir)


@pytest.mark.parametrize("method", ["int8-rows-2", "fp8-rows-1", "something"])
def test_saved_file_of_another_method_is_refused(ckpt_dir: Path, method: str) -> None:
    path = save_quantized(
        ckpt_dir, FUSION_PATHS[SMALL.name], TransformerPrecision.INT8, method=method
    )
    with pytest.raises(WeightsError, match=rf"{path.name}.*'{method}'.*quantize --force"):
        locate_files(SMALL, INT8, ckpt_dir)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x05\0\0\0\0\0\0\0",
        b"\xff" * 20,
        b"\x02\0\0\0\0\0\0\0{}",
        b"\x02\0\0\0\0\0\0\0[]",
        b"\x04\0\0\0\0\0\0\0\xff\xfe\0\0",
        (34).to_bytes(8, "little") + b'{"__metadata__":{"ovi_method":"5"}}'[:34],
        (33).to_bytes(8, "little") + b'{"__metadata__":{"ovi_method":5}}',
        (18).to_bytes(8, "little") + b'{"__metadata__":5}',
        (100_000).to_bytes(8, "little") + b"[" * 100_000,
    ],
)
def test_saved_file_with_a_hostile_header_is_refused(ckpt_dir: Path, content: bytes) -> None:
    path = save_quantized(ckpt_dir, FUSION_PATHS[SMALL.name], TransformerPrecision.INT8)
    path.write_bytes(content)
    with pytest.raises(WeightsError, match=rf"{path.name} does not say.*quantize --force"):
        locate_files(SMALL, INT8, ckpt_dir)


@pytest.mark.parametrize("source", ["ab" * 31, "ab" * 33, "as int8 " * 8, "AB" * 32])
def test_saved_file_that_names_no_original_is_refused(ckpt_dir: Path, source: str) -> None:
    save_quantized(
        ckpt_dir, FUSION_PATHS[SMALL.name], TransformerPrecision.INT8, source_sha256=source
    )
    with pytest.raises(WeightsError, match="names no original"):
        weight_identities(SMALL, INT8, ckpt_dir)


def test_random_nano_in_eight_bits_is_another_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(manifest, "NANO_DIR", Path("/nowhere"))
    identities = weight_identities(variant_named("nano"), INT8, None)
    assert identities["fusion"] == "random:0:2 as int8-rows-1"
    assert set(identities.values()) == {"random:0:2", "random:0:2 as int8-rows-1"}


# Licences


def test_licences_of_a_render_are_those_of_the_files_it_takes(ckpt_dir: Path) -> None:
    bf16 = licences_for_render(SMALL, BF16, ckpt_dir)
    assert bf16["chetwinlow1/Ovi"] == "Apache-2.0"
    assert set(bf16) == {"chetwinlow1/Ovi", "Wan-AI/Wan2.2-TI2V-5B", "hkchengrex/MMAudio"}
    assert FP8_SOURCE in licences_for_render(SMALL, FP8, ckpt_dir)
    save_quantized(ckpt_dir, FUSION_PATHS[SMALL.name], TransformerPrecision.FP8)
    assert licences_for_render(SMALL, FP8, ckpt_dir) == bf16


def test_licence_of_the_image_model_is_there_too(ckpt_dir: Path) -> None:
    named = licences_for_render(LONG, BF16, ckpt_dir, PICTURE_SOURCE)
    assert "non-commercial" in named[PICTURE_SOURCE]
    folder = licences_for_render(LONG, BF16, ckpt_dir, "/home/somebody/model")
    assert not any("/home" in text for entry in folder.items() for text in entry)
    assert folder["image model from a folder"] == "see the publisher's page"
    nano = variant_named("nano")
    assert licences_for_render(nano, BF16, None) == {}
    assert set(licences_for_render(nano, BF16, None, PICTURE_SOURCE)) == {PICTURE_SOURCE}


def test_identities_are_the_hashes_of_the_files_and_change_with_them(ckpt_dir: Path) -> None:
    before = weight_identities(SMALL, BF16, ckpt_dir)
    assert set(before) == {*MODEL_NAMES, "tokenizer"}
    path = "Wan2.2-TI2V-5B/Wan2.2_VAE.pth"
    assert before["video_vae"] == f"sha256:{hashlib.sha256(path.encode()).hexdigest()}"
    (ckpt_dir / path).write_text("another")
    (ckpt_dir / "Wan2.2-TI2V-5B/google/umt5-xxl/tokenizer.json").write_text("another")
    after = weight_identities(SMALL, BF16, ckpt_dir)
    assert {name for name in before if before[name] != after[name]} == {"video_vae", "tokenizer"}


def test_sizes_beside_the_files_are_part_of_the_identity(ckpt_dir: Path) -> None:
    assert "sizes" not in weight_identities(SMALL, BF16, ckpt_dir)
    (ckpt_dir / "ovi_config.json").write_text(json.dumps({"vocoder": {}}))
    assert "sizes" in weight_identities(SMALL, BF16, ckpt_dir)


def test_untrained_nano_is_identified_by_its_seed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(manifest, "NANO_DIR", Path("/nowhere"))
    nano = variant_named("nano")
    assert locate_files(nano, BF16, None) is None
    assert set(weight_identities(nano, BF16, None).values()) == {"random:0:2"}


def test_trained_nano_is_identified_by_its_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(manifest, "NANO_DIR", tmp_path)
    assert nano_files() is None
    for name in MODEL_NAMES[:-1]:
        (tmp_path / f"{name}.safetensors").write_text(name)
    with pytest.raises(WeightsError, match=r"text_encoder\.safetensors"):
        nano_files()
    (tmp_path / "text_encoder.safetensors").write_text("text_encoder")
    identities = weight_identities(variant_named("nano"), BF16, None)
    assert identities == {
        name: f"sha256:{hashlib.sha256(name.encode()).hexdigest()}" for name in MODEL_NAMES
    }


def test_nano_as_it_ships_is_trained_and_identified_by_its_files() -> None:
    files = nano_files()
    assert files is not None
    assert weight_identities(variant_named("nano"), BF16, None) == {
        name: f"sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}"
        for name, path in files.items()
    }


def test_weight_files_cost_no_torch() -> None:
    code = (
        "import sys, ovi.weights.store, ovi.weights.sizes, ovi.spec.accelerator as a;"
        "a.detect_accelerator(); assert not {'torch', 'numpy'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
