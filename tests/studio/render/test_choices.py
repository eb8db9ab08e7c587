"""Choices of rows, configurations and options, and which of them wins."""

import pytest

from ovi.spec.geometry import FrameSize
from ovi.spec.placement import Offload
from ovi.spec.request import Caching, Mode, TransformerPrecision
from ovi.spec.variants import VARIANTS
from ovi_studio.errors import UsageError
from ovi_studio.project.published_config import PublishedConfig
from ovi_studio.render.choices import (
    Choices,
    choices_of_config,
    choices_of_options,
    choices_of_row,
    columns_without_effect,
)
from ovi_studio.render.settings import sampling_for


def test_upper_choices_win_and_lower_ones_fill_the_gaps():
    said = Choices(seed=0, slg_layer=-1)
    merged = said.over(Choices(seed=7, num_steps=10)).over(Choices(num_steps=20, shift=3.0))
    assert merged == Choices(seed=0, slg_layer=-1, num_steps=10, shift=3.0)


def test_cells_of_a_row_are_read_under_all_their_names():
    row = {
        "text_prompt": "x", "image_path": " a.png ", "seed": "7", "steps": "12", "height": "64",
        "width": "96", "negative": "blur", "audio_negative_prompt": "echo", "shift": "3.5",
        "solver_name": "euler", "slg_layer": "-1", "mode": "t2v", "comment": "no choice",
        "video_guidance": "",
    }  # fmt: skip
    assert choices_of_row(row) == Choices(
        image="a.png", seed=7, num_steps=12, size=FrameSize(64, 96), video_negative="blur",
        audio_negative="echo", shift=3.5, solver="euler", slg_layer=-1, mode=Mode.T2V,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"seed": "one"}, "column seed: 'one' is not a whole number"),
        ({"shift": "x"}, "column shift: 'x' is not a number"),
        ({"size": "720"}, "column size: '720' is not a size"),
        ({"mode": "v2v"}, "column mode: There is no mode 'v2v'. Known: t2v, i2v, t2i2v."),
        ({"height": "720"}, "only one of height and width"),
        ({"steps": "5", "num_steps": "6"}, "contradict each other"),
        ({"size": "1x2", "height": "3", "width": "4"}, "contradict each other"),
    ],
)
def test_what_is_wrong_in_a_row_is_named(row, said):
    with pytest.raises(UsageError) as raised:
        choices_of_row(row)
    assert said in str(raised.value)


def test_columns_that_decide_nothing_are_told_with_the_near_name():
    columns = ("id", "text_prompt", "Seed", "notes", "height", "ignore")
    assert columns_without_effect(columns) == ["Seed (did you mean seed?)", "notes"]


def test_a_published_configuration_becomes_choices():
    config = PublishedConfig(
        model_name="720x720_5s", mode="t2v", fp8=True, cpu_offload=True, seed=1,
        each_example_n_times=2, video_frame_height_width=(512, 992), slg_layer=0,
    )  # fmt: skip
    assert choices_of_config(config) == Choices(
        variant="720x720_5s", mode=Mode.T2V, precision=TransformerPrecision.FP8,
        offload=Offload.MODEL, seed=1, repeats=2, size=FrameSize(512, 992), slg_layer=0,
    )  # fmt: skip
    assert choices_of_config(PublishedConfig(fp8=False, cpu_offload=False)) == Choices()


def test_options_are_read_and_unknown_names_listed():
    said = choices_of_options(mode="i2v", size="704x1280", precision="int8", seed=None)
    assert said == Choices(
        mode=Mode.I2V, size=FrameSize(704, 1280), precision=TransformerPrecision.INT8
    )
    with pytest.raises(UsageError, match=r"no vae precision 'fp4'\. Known: fp32, bf16"):
        choices_of_options(vae_precision="fp4")


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, None),
        ({"guidance_cache": "none", "step_cache": 0.0}, None),
        ({"guidance_cache": "0.3"}, Caching(0.3, 4, 0.0)),
        ({"guidance_cache": "0.5:7", "step_cache": 0.1}, Caching(0.5, 7, 0.1)),
        ({"guidance_cache": "0.3:1"}, None),  # every pass is run
        ({"step_cache": 0.2}, Caching(1.0, 1, 0.2)),
    ],
)
def test_caches_reach_the_request(options, expected):
    chosen = choices_of_options(**options)
    assert sampling_for(chosen, VARIANTS["nano"]).caching == expected


@pytest.mark.parametrize("text", ["", "often", "0.3:", "0.3:x", "-0.1", "0.3:4:5"])
def test_a_guidance_cache_that_cannot_be_read_is_named(text):
    with pytest.raises(UsageError, match=r"no guidance cache.*such as 0\.3:4"):
        choices_of_options(guidance_cache=text)
