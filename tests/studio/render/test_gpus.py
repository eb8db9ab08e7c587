"""How clips share the GPUs of a command."""

import pytest

from ovi.spec.machine import Gpu, Machine, Ram
from ovi.spec.placement import Offload
from ovi_studio.actions.rendering import RenderOrder, plan_render
from ovi_studio.errors import UsageError
from ovi_studio.project.published_config import PublishedConfig
from ovi_studio.render import settings
from ovi_studio.render.choices import Choices, choices_of_config, choices_of_options
from ovi_studio.render.gpus import GpuUse, share_gpus

FOUR = Machine(tuple(Gpu(n, "Card", 80 * 10**9, 0) for n in range(4)), Ram(None, None))


@pytest.fixture(autouse=True)
def _cuda(monkeypatch):
    monkeypatch.setattr(settings, "detect_accelerator", lambda: "cuda")


@pytest.mark.parametrize(
    ("gpus", "split", "num_clips", "shared"),
    [
        (None, None, 5, GpuUse(None)),
        (4, None, 5, GpuUse(4, 1)),
        (4, None, 1, GpuUse(4, 4)),
        (4, "rows", 1, GpuUse(4, 1)),
        (4, "clip", 5, GpuUse(4, 4)),
        (4, "2", 5, GpuUse(4, 2)),
        (1, None, 1, GpuUse(1, 1)),
    ],
)
def test_a_set_takes_a_gpu_a_clip_and_one_clip_takes_all(gpus, split, num_clips, shared):
    chosen = choices_of_options(gpus=gpus, gpus_per_clip=split)
    assert share_gpus(chosen, num_clips, FOUR) == shared


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"gpus": 0}, "0 GPUs cannot render"),
        ({"gpus": 5}, "asks for more than this machine has: 4"),
        ({"gpus": 4, "gpus_per_clip": "3"}, "cannot be shared out 3 for each clip"),
        ({"gpus": 2, "device": "cuda:1"}, "--device cuda:1 names one"),
        ({"gpus_per_clip": "clip"}, "give their number with --gpus N"),
        ({"gpus": 2, "gpus_per_clip": "half"}, "'half' is no way to share GPUs"),
        ({"gpus": 2, "device": "mps"}, "leave out --gpus"),
    ],
)
def test_what_cannot_be_is_a_sentence(options, said):
    with pytest.raises(UsageError) as raised:
        share_gpus(choices_of_options(**options), 3, FOUR)
    assert said in str(raised.value)


def test_processes_of_a_cpu_are_not_counted():
    assert share_gpus(Choices(gpus=9, device="cpu"), 9, FOUR) == GpuUse(9, 1)


def test_a_processor_is_not_given_a_hundred_workers():
    with pytest.raises(UsageError, match="would start 100 workers"):
        share_gpus(Choices(gpus=100, device="cpu"), 200, FOUR)


def planned(folder, machine, sources, **said):
    order = RenderOrder(sources, Choices(**said))
    return plan_render(order, folder, needs_weights=False, machine=machine).clips


def test_gpus_reach_the_task_and_the_placement(tmp_path):
    (clip,) = planned(tmp_path, FOUR, ["a cat"], gpus=4)
    task = clip.to_task(is_forced=False)
    assert (task.gpus, task.placement.num_gpus, task.placement.is_sharded) == (4, 4, False)
    two = planned(tmp_path, FOUR, ["a cat", "a dog"], gpus=4)
    assert [(c.gpus, c.placement.num_gpus) for c in two] == [(4, 1), (4, 1)]
    (alone,) = planned(tmp_path, FOUR, ["a cat"])
    assert (alone.gpus, alone.placement.num_gpus) == (None, 1)
    assert alone.identity == clip.identity, "the number of GPUs changes no pixel"


def test_weights_are_shared_out_where_one_card_cannot_hold_them(tmp_path):
    small = Machine(tuple(Gpu(n, "Card", 24 * 10**9, 0) for n in range(4)), Ram(None, None))
    (clip,) = planned(tmp_path, small, ["a cat"], variant="720x720_5s", gpus=4)
    assert clip.placement.is_sharded
    assert clip.placement.offload is Offload.NONE
    (large,) = planned(tmp_path, FOUR, ["a cat"], variant="720x720_5s", gpus=4)
    assert not large.placement.is_sharded


def test_a_clip_on_several_gpus_is_known_as_the_one_without_tiles_that_it_is(tmp_path):
    (plain,) = planned(tmp_path, FOUR, ["a cat"])
    (tiled,) = planned(tmp_path, FOUR, ["a cat"], tile_side=128)
    assert tiled.identity != plain.identity
    (shared,) = planned(tmp_path, FOUR, ["a cat"], tile_side=128, gpus=4)
    assert shared.request.vae_tiling is None, "ranks decode strips and never tiles"
    assert (shared.identity, shared.output) == (plain.identity, plain.output)
    row, _ = planned(tmp_path, FOUR, ["a cat", "a dog"], tile_side=128, gpus=4)
    assert row.identity == tiled.identity, "a clip on one GPU is decoded in tiles"


def test_more_gpus_than_heads_are_refused_before_anything_starts(tmp_path):
    ten = Machine(tuple(Gpu(n, "Card", 80 * 10**9, 0) for n in range(10)), Ram(None, None))
    assert planned(tmp_path, ten, ["a cat"], gpus=8)[0].placement.num_gpus == 8
    for number in (5, 10):
        with pytest.raises(UsageError, match="4 attention heads go round among 8 at most"):
            planned(tmp_path, ten, ["a cat"], gpus=number)
    assert len(planned(tmp_path, ten, ["a cat", "a dog"], gpus=10)) == 2


@pytest.mark.parametrize(
    ("sp_size", "said"), [(None, (None, None)), (1, (None, None)), (4, (4, 0))]
)
def test_the_published_sp_size_shares_one_clip(sp_size, said):
    chosen = choices_of_config(PublishedConfig(sp_size=sp_size))
    assert (chosen.gpus, chosen.gpus_per_clip) == said
