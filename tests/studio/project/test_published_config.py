"""The published configuration is read as it is; what is wrong in one is named with its line."""

from pathlib import Path

import pytest

from ovi_studio.errors import UsageError
from ovi_studio.project.published_config import PublishedConfig, read_published_config

PUBLISHED = Path(__file__).parents[2] / "fixtures" / "inference_fusion.yaml"


def read(tmp_path, text):
    path = tmp_path / "config.yaml"
    path.write_text(text, encoding="utf-8")
    return read_published_config(path)


def test_the_published_file_is_read_as_it_is():
    assert read_published_config(PUBLISHED) == PublishedConfig(
        ckpt_dir="./ckpts",
        output_dir="./outputs",
        sample_steps=50,
        solver_name="unipc",
        model_name="960x960_10s",
        shift=5.0,
        audio_guidance_scale=3.0,
        video_guidance_scale=4.0,
        mode="i2v",
        fp8=False,
        cpu_offload=False,
        seed=103,
        video_negative_prompt="jitter, bad hands, blur, distortion",
        audio_negative_prompt="robotic, muffled, echo, distorted",
        video_frame_height_width=(704, 1280),
        text_prompt="example_prompts/gpt_examples_10s_i2v.csv",
        slg_layer=11,
        each_example_n_times=2,
        sp_size=1,
    )


def test_keys_that_exist_in_the_wild_are_known(tmp_path):
    config = read(
        tmp_path,
        "num_steps: 20\nqint8: true\nimage_path: a.png\nshard_text_model: false\nshift: 7\n",
    )
    assert (config.sample_steps, config.qint8, config.image_path) == (20, True, "a.png")
    assert config.shift == 7.0


def test_an_empty_file_and_empty_values_say_nothing(tmp_path):
    assert read(tmp_path, "") == PublishedConfig()
    assert read(tmp_path, "# nothing\nseed:\nimage_path: null\n") == PublishedConfig()


def test_numbers_without_a_decimal_point_in_scientific_form_are_numbers(tmp_path):
    assert read(tmp_path, "shift: 5e0\n").shift == 5.0


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("seed: 1\nsample_step: 50\n", ["line 2", "sample_step", "Did you mean sample_steps"]),
        ("teacache: true\n", ["line 1", "teacache", "Known: model_name"]),
        ("# x\n\nseed: abc\n", ["line 3", "seed", "whole number", "'abc'"]),
        ("seed: true\n", ["line 1", "whole number, not True"]),
        ("seed: 1.5\n", ["whole number, not 1.5"]),
        ("shift: high\n", ["shift must be a number, not 'high'"]),
        ("shift: '5'\n", ["shift must be a number"]),
        ("fp8: 1\n", ["fp8 must be true or false, not 1"]),
        ("text_prompt: 7\n", ["text_prompt must be text, not 7"]),
        ("text_prompt: [a, b]\n", ["text_prompt must be text"]),
        ("video_frame_height_width: 720\n", ["[height, width]", "not 720"]),
        ("video_frame_height_width: [720]\n", ["[height, width]"]),
        ("video_frame_height_width: ['a', 2]\n", ["[height, width]"]),
        ("sp_size: 0\n", ["sp_size is 0", "leave it out"]),
        ("shard_text_model: true\n", ["shard_text_model is true", "set it to false"]),
        ("fp8: true\nqint8: true\n", ["fp8 and qint8 are both true"]),
        ("sample_steps: 20\nnum_steps: 30\n", ["line 2", "num_steps says 30", "20"]),
        ("seed: 1\nseed: 2\n", ["line 2", "line 1 already"]),
        ("- a\n- b\n", ["key: value"]),
        ("seed: [1\nshift: 2\n", ["line", "not YAML"]),
        ("seed: \x00\n", ["not YAML"]),
    ],
)
def test_what_is_wrong_is_named(tmp_path, text, said):
    with pytest.raises(UsageError) as raised:
        read(tmp_path, text)
    assert "config.yaml" in str(raised.value)
    for part in said:
        assert part in str(raised.value)


def test_a_missing_file_a_folder_and_other_encodings_are_named(tmp_path):
    with pytest.raises(UsageError, match=r"There is no configuration file .*none\.yaml"):
        read_published_config(tmp_path / "none.yaml")
    with pytest.raises(UsageError, match="cannot be read"):
        read_published_config(tmp_path)
    latin = tmp_path / "latin.yaml"
    latin.write_bytes("text_prompt: Fähre\n".encode("latin-1"))
    with pytest.raises(UsageError, match=r"latin\.yaml is not UTF-8"):
        read_published_config(latin)
