"""Which files a variant needs, what is said when they are missing, and what identifies them."""

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

from ovi.errors import WeightsError
from ovi.spec.request import Precision, TransformerPrecision
from ovi.spec.variants import VARIANTS, variant_named
from ovi.weights import manifest
from ovi.weights.manifest import (
    FP8_FUSION_PATH,
    FUSION_PATHS,
    MODEL_NAMES,
    SHARED_COMPONENTS,
    components_of,
    nano_files,
)
from ovi.weights.store import locate_files, weight_identities

BF16 = Precision()
FP8 = Precision(transformer=TransformerPrecision.FP8)
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
    cast = weight_identities(SMALL, FP8, ckpt_dir)["fusion"]
    assert cast == weight_identities(SMALL, BF16, ckpt_dir)["fusion"] + " cast to fp8"
    assert weight_identities(LONG, FP8, ckpt_dir)["fusion"].endswith("cast to fp8")


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
    assert set(weight_identities(nano, BF16, None).values()) == {"random:0:1"}


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


def test_weight_files_cost_no_torch() -> None:
    code = (
        "import sys, ovi.weights.store, ovi.weights.sizes, ovi.spec.accelerator as a;"
        "a.detect_accelerator(); assert not {'torch', 'numpy'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
