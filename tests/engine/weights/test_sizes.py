"""`ovi_config.json`: what it may say, and how it changes the configs."""

import json
from pathlib import Path

import pytest

from ovi.errors import WeightsError
from ovi.runtime.sizes import PUBLISHED_CONFIGS, configs_of
from ovi.spec.variants import variant_named

VARIANT = variant_named("720x720_5s")


def write(folder: Path, content: object) -> Path:
    (folder / "ovi_config.json").write_text(json.dumps(content))
    return folder


def test_without_the_file_all_sizes_are_the_published_ones(tmp_path: Path) -> None:
    assert configs_of(VARIANT, tmp_path) == PUBLISHED_CONFIGS


def test_named_fields_change_and_the_others_stay(tmp_path: Path) -> None:
    sizes = {
        "fusion": {"video": {"num_layers": 2}, "audio": {"num_layers": 2, "rope_time_scale": 1}},
        "vocoder": {"amp_kernels": [3, 7], "amp_dilations": [[1, 3], [1, 3]]},
    }
    configs = configs_of(VARIANT, write(tmp_path, sizes))
    assert configs.fusion.num_layers == 2
    assert configs.fusion.video.dim == 3072
    assert configs.fusion.audio.rope_time_scale == 1.0
    assert configs.vocoder.amp_dilations == ((1, 3), (1, 3))
    assert configs.video_vae == PUBLISHED_CONFIGS.video_vae


@pytest.mark.parametrize(
    ("content", "named"),
    [
        ({"transformer": {}}, "transformer"),
        ({"vocoder": {"chanels": 3}}, "chanels"),
        ({"vocoder": {"initial_channels": "many"}}, "initial_channels"),
        ({"vocoder": {"initial_channels": True}}, "must be like"),
        ({"vocoder": {"initial_channels": 100}}, "halved"),
        ({"fusion": {"video": {"num_layers": 2}}}, "num_layers"),
        ({"text_encoder": {"num_heads": 5}}, "heads"),
        ({"vocoder": 3}, "object"),
        ([], "object"),
    ],
)
def test_what_cannot_be_applied_is_named_with_the_file(
    tmp_path: Path, content: object, named: str
) -> None:
    with pytest.raises(WeightsError, match=rf"(?s)ovi_config\.json.*{named}"):
        configs_of(VARIANT, write(tmp_path, content))


def test_a_file_that_is_not_json_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "ovi_config.json").write_text("{")
    with pytest.raises(WeightsError, match="JSON"):
        configs_of(VARIANT, tmp_path)
