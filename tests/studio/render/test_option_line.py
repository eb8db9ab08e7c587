"""Options of a render written in one line: the same as those of `ovi render`."""

import typing
from pathlib import Path

import pytest

from ovi.errors import RequestError
from ovi.spec.geometry import FrameSize
from ovi_studio.cli.render import render
from ovi_studio.errors import UsageError
from ovi_studio.render.choices import Choices, choices_of_options, read_seeds
from ovi_studio.render.option_line import OPTIONS, choices_of_line

NOT_OF_A_CLIP = {
    "sources", "config", "rows", "cluster", "progress", "force", "dry_run", "detach", "resume",
    "only_failed", "json",
}  # fmt: skip


def test_every_option_of_the_command_that_decides_a_clip_can_be_written():
    names = {
        f"--{name.replace('_', '-')}"
        for name in typing.get_type_hints(render)
        if name not in NOT_OF_A_CLIP | {"return"}
    }
    assert names == set(OPTIONS) - {"-o"}


def test_options_become_choices_beside_those_of_the_fields():
    line = '--size 720x720 --gpus=2 --video-negative "two words" -o there --split clip'
    assert choices_of_line(line, num_steps=8, variant=None) == Choices(
        size=FrameSize(720, 720), gpus=2, video_negative="two words", output=Path("there"),
        gpus_per_clip=0, num_steps=8,
    )  # fmt: skip
    assert choices_of_line("   ") == Choices()
    assert choices_of_line("--slg-layer -1").slg_layer == -1


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("--sovler euler", "Did you mean --solver?"),
        ("hello", "no option 'hello'"),
        ("--steps", "--steps needs a value"),
        ("--steps --gpus 2", "--steps needs a value"),
        ("--steps many", "is not a whole number"),
        ("--shift x", "is not a number"),
        ("--steps 8 --steps 9", "said twice"),
        ('--video-negative "open', "Close every quote"),
        ("--precision fp3", "There is no precision 'fp3'"),
    ],
)
def test_a_mistake_is_named(line, said):
    with pytest.raises(UsageError, match=said.replace("?", r"\?")):
        choices_of_line(line)
    with pytest.raises(RequestError):
        choices_of_line("--size big")


def test_what_a_field_says_is_not_said_again():
    with pytest.raises(UsageError, match="--steps is said twice"):
        choices_of_line("--steps 8", num_steps=9)


def test_seeds_are_numbers_ranges_and_drawn_ones():
    assert read_seeds("3, 5-7,3") == (3, 5, 6, 7)
    drawn = read_seeds("random:50")
    assert len(set(drawn)) == 50
    assert all(0 <= seed < 2**31 for seed in drawn)
    assert read_seeds("random") != read_seeds("random")
    for wrong in ("", "x", "7-5", "1-99999999", "random:0", "-3", "1,,2"):
        with pytest.raises(UsageError):
            read_seeds(wrong)
    with pytest.raises(UsageError, match="leave out --seed and --repeats"):
        choices_of_options(seeds="1-3", seed=5)


def test_several_loras_go_together():
    line = "--lora rain.safetensors:0.5 --lora 'my style.safetensors'"
    assert choices_of_line(line) == choices_of_options(
        loras=["rain.safetensors:0.5", "my style.safetensors"]
    )
