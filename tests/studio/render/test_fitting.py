"""Which profile fits which machine, which choice wins, and what comes after an out-of-memory."""

from dataclasses import replace
from pathlib import Path

import pytest

from ovi.errors import RequestError
from ovi.spec.geometry import FrameSize
from ovi.spec.identity import clip_identity
from ovi.spec.machine import Gpu, Machine, Ram
from ovi.spec.placement import HostMemory, Offload
from ovi.spec.profiles import PROFILES
from ovi.spec.request import Mode, Precision, TransformerPrecision, VaeTiling
from ovi.spec.variants import VARIANTS
from ovi_studio.actions.rendering import RenderOrder, plan_render
from ovi_studio.errors import UsageError
from ovi_studio.project.published_config import PublishedConfig
from ovi_studio.render import settings
from ovi_studio.render.choices import Choices, choices_of_config
from ovi_studio.render.fitting import (
    Limits,
    limits_of,
    next_down,
    resolve_auto,
    set_up,
    setups_of_profiles,
)
from ovi_studio.render.settings import placement_for, precision_for, tiling_for

BF16, FP32, INT8, FP8 = (TransformerPrecision(name) for name in ("bf16", "fp32", "int8", "fp8"))
FIVE, TEN = VARIANTS["720x720_5s"], VARIANTS["960x960_10s"]
SQUARE = FrameSize(704, 704)


@pytest.fixture(autouse=True)
def _cuda(monkeypatch):
    monkeypatch.setattr(settings, "detect_accelerator", lambda: "cuda")


def card(gigabytes, ram=64, free=None):
    total = round(gigabytes * 1e9)
    gpu = Gpu(0, f"Card {gigabytes}", total, 0 if free is None else total - round(free * 1e9))
    return Machine((gpu,), Ram(round(ram * 1e9), None))


def limits(gigabytes, ram=64):
    return limits_of(card(gigabytes, ram), Choices())


def made(**chosen):
    return set_up(Choices(**chosen), FIVE, SQUARE, Mode.T2V, limits(80))


# What wins.


def test_a_profile_sets_both_sides():
    setup = made(profile="8gb")
    assert setup.precision == Precision(transformer=INT8, text_encoder=BF16, video_vae=BF16)
    assert setup.vae_tiling == VaeTiling()
    assert setup.placement.offload is Offload.BLOCKS
    assert setup.placement.resident_blocks > 0
    assert setup.placement.token_chunk is None, "few tokens"
    ten = set_up(Choices(profile="8gb"), TEN, FrameSize(960, 960), Mode.T2V, limits(80))
    assert ten.placement.token_chunk is not None


def test_without_a_profile_nothing_changes():
    setup = made()
    assert setup.precision == Precision()
    assert (setup.vae_tiling, setup.placement.offload) == (None, Offload.NONE)
    assert setup.placement.token_chunk is None
    exact = made(profile="exact")
    assert (exact.precision, exact.placement) == (setup.precision, setup.placement)


def test_options_win_over_the_profile_beside_them():
    setup = made(
        profile="8gb", precision=BF16, vae_precision=FP32, tile_side=0, resident_blocks=3,
        text_precision=INT8, host_memory=HostMemory.MAPPED,
    )  # fmt: skip
    assert setup.precision == Precision(transformer=BF16, text_encoder=INT8, video_vae=FP32)
    assert setup.vae_tiling is None
    assert setup.placement.resident_blocks == 3
    assert setup.placement.host_memory is HostMemory.MAPPED
    assert setup.placement.offload is Offload.BLOCKS, "what nobody named stays the profile's"


def test_a_profile_wins_over_what_lower_layers_decide():
    configured = Choices(
        precision=FP8, vae_precision=BF16, offload=Offload.MODEL, tile_side=256, seed=7
    )
    merged = Choices(profile="exact").over(configured)
    assert precision_for(merged) == Precision()
    assert placement_for(merged, Mode.T2V).offload is Offload.NONE
    assert tiling_for(merged) is None
    assert merged.seed == 7, "what profiles do not decide stays"


def test_an_option_wins_over_a_configured_profile():
    merged = Choices(precision=BF16).over(Choices(profile="8gb"))
    assert precision_for(merged).transformer is BF16
    assert precision_for(merged).video_vae is BF16, "the rest is the profile's"


def test_published_keys_keep_working_and_give_way_to_a_profile():
    published = choices_of_config(PublishedConfig(cpu_offload=True, qint8=True))
    assert precision_for(published).transformer is INT8
    assert placement_for(published, Mode.T2V).offload is Offload.MODEL
    named = Choices(profile="fp8").over(published)
    assert precision_for(named).transformer is FP8
    assert placement_for(named, Mode.T2V).offload is Offload.NONE


def test_an_unknown_profile_is_named_with_the_known_ones():
    with pytest.raises(RequestError, match=r"no profile '8bg'.*Known: exact, .*Did you mean 8gb\?"):
        made(profile="8bg")


def test_a_profile_for_the_processor_takes_it_unless_a_device_is_named():
    assert placement_for(Choices(profile="cpu"), Mode.T2V).device == "cpu"
    named = Choices(profile="cpu", device="cuda")
    assert placement_for(named, Mode.T2V).device == "cuda"
    assert precision_for(Choices(profile="cpu")).transformer is BF16


def test_a_drawn_first_frame_makes_room_for_the_image_model():
    placement = placement_for(Choices(profile="exact"), Mode.T2I2V)
    assert placement.offload is Offload.MODEL
    assert placement_for(Choices(profile="8gb"), Mode.T2I2V).offload is Offload.BLOCKS


# What fits.


@pytest.mark.parametrize(
    ("gigabytes", "variant", "profile"),
    [
        (85.0, FIVE, "exact"), (85.0, TEN, "exact"), (50.0, TEN, "24gb"), (34.2, FIVE, "24gb"),
        (25.4, TEN, "24gb"), (17.1, TEN, "16gb"), (12.9, TEN, "12gb"), (8.6, TEN, "8gb"),
        (6.4, FIVE, "6gb"),
    ],
)  # fmt: skip
def test_auto_takes_the_first_that_fits(gigabytes, variant, profile):
    assert resolve_auto(Choices(), variant, limits(gigabytes)) == profile


def test_auto_says_what_is_short_when_nothing_fits():
    with pytest.raises(UsageError, match=r"No profile makes 960x960_10s fit: with 6gb, it takes"):
        resolve_auto(Choices(), TEN, limits(4))
    with pytest.raises(UsageError, match=r"of RAM, and the machine has 8\.0 GB"):
        resolve_auto(Choices(), FIVE, limits(8.6, ram=8))


def test_weights_wait_in_their_files_where_ram_is_short():
    roomy = set_up(Choices(profile="16gb"), FIVE, SQUARE, Mode.T2V, limits(17, ram=64))
    assert roomy.placement.host_memory is HostMemory.PINNED
    short = set_up(Choices(profile="16gb"), FIVE, SQUARE, Mode.T2V, limits(17, ram=16))
    assert short.placement.host_memory is HostMemory.MAPPED
    assert short.shortage is None
    assert (short.precision, short.vae_tiling) == (roomy.precision, roomy.vae_tiling)


@pytest.mark.parametrize(("ram", "profile"), [(96, "exact"), (48, "int8"), (32, "cpu")])
def test_a_mac_shares_its_memory(monkeypatch, ram, profile):
    monkeypatch.setattr(settings, "detect_accelerator", lambda: "mps")
    shared = limits_of(Machine((), Ram(ram * 10**9, None)), Choices())
    assert resolve_auto(Choices(), FIVE, shared) == profile


def test_nothing_is_judged_that_is_not_known():
    unknown = limits_of(Machine((), Ram(None, None)), Choices())
    assert unknown == Limits("cuda")
    setups = setups_of_profiles(Choices(), TEN, FrameSize(960, 960), Mode.T2V, unknown)
    assert [setup.shortage for setup in setups] == [None] * len(PROFILES)


def test_the_second_gpu_is_judged_by_its_own_memory():
    machine = Machine(
        (Gpu(0, "Small", 6 * 10**9, 0), Gpu(1, "Large", 80 * 10**9, 0)), Ram(None, None)
    )
    assert limits_of(machine, Choices(device="cuda:1")).device == "Large"
    assert limits_of(machine, Choices()).device == "Small"


# What is planned for a command.


def plan(folder, machine, *sources, variant="720x720_5s", **said):
    order = RenderOrder(sources or ("a cat",), Choices(variant=variant, **said))
    return plan_render(order, folder, needs_weights=False, machine=machine)


def test_auto_is_resolved_before_hashing_and_said_aloud(tmp_path):
    machine = card(8.6)
    auto, named = plan(tmp_path, machine, profile="auto"), plan(tmp_path, machine, profile="8gb")
    assert auto.clips[0].request == named.clips[0].request
    assert auto.clips[0].setup.profile == "8gb"
    assert any("Profile 8gb for 720x720_5s" in note for note in auto.notes)


def test_auto_does_not_depend_on_what_is_free_at_the_moment(tmp_path):
    busy = plan(tmp_path, card(85, free=3), profile="auto")
    assert busy.clips[0].setup.profile == "exact"
    assert any("Other programs use the GPU: 3.0 GB are free" in note for note in busy.notes)


def test_auto_is_the_same_for_all_sizes_of_a_set(tmp_path):
    (tmp_path / "set.csv").write_text("text_prompt,size\na,448x1152\nb,704x704\nc,1152x448\n")
    clips = plan(tmp_path, card(12.9), "set.csv", profile="auto").clips
    assert len({clip.request.size for clip in clips}) == 3
    assert len({(clip.setup.profile, clip.placement) for clip in clips}) == 1


def test_what_will_not_fit_is_said_with_the_profile_that_does(tmp_path):
    (note,) = [n for n in plan(tmp_path, card(8.6)).notes if "does not fit" in n]
    assert "of GPU memory" in note
    assert "Card 8.6 has 8.6 GB" in note
    assert note.endswith("--profile 8gb does.")
    assert not [n for n in plan(tmp_path, card(8.6), profile="8gb").notes if "does not fit" in n]
    assert not [n for n in plan(tmp_path, card(85)).notes if "does not fit" in n]


def test_where_no_memory_is_known_auto_changes_nothing_and_says_so(tmp_path):
    made = plan(tmp_path, Machine((), Ram(None, None)), profile="auto")
    assert made.clips[0].setup.profile is None
    assert any("not known, so profile auto changes nothing" in note for note in made.notes)


# What comes after an out-of-memory.


def test_the_fallback_is_the_next_profile_down_that_fits():
    chosen = Choices(profile="exact")
    setup = set_up(chosen, FIVE, SQUARE, Mode.T2V, limits(80))
    assert next_down(setup, chosen, Mode.T2V, limits(80)).profile == "24gb"
    assert next_down(setup, chosen, Mode.T2V, limits(12.9)).profile == "12gb"
    unnamed = set_up(Choices(), FIVE, SQUARE, Mode.T2V, limits(80))
    assert next_down(unnamed, Choices(), Mode.T2V, limits(80)).profile == "24gb"


def test_each_profile_falls_to_a_smaller_one_and_the_last_to_none():
    falls = {}
    for name in PROFILES:
        chosen = Choices(profile=name)
        setup = set_up(chosen, TEN, FrameSize(960, 960), Mode.T2V, limits(80))
        below = next_down(setup, chosen, Mode.T2V, limits(80))
        falls[name] = None if below is None else below.profile
        if below is not None:
            assert below.memory.device_bytes < setup.memory.device_bytes
    assert falls["24gb"] == "16gb"
    assert falls["16gb"] == "12gb"
    assert falls["6gb"] is None


def test_options_stay_in_the_fallback():
    chosen = Choices(profile="24gb", precision=BF16, vae_precision=FP32)
    setup = set_up(chosen, FIVE, SQUARE, Mode.T2V, limits(80))
    below = next_down(setup, chosen, Mode.T2V, limits(80))
    assert below.precision == setup.precision
    fixed = replace(chosen, offload=Offload.NONE, profile=None)
    setup = set_up(fixed, FIVE, SQUARE, Mode.T2V, limits(80))
    assert next_down(setup, fixed, Mode.T2V, limits(80)) is None, "nothing would be saved"


def test_a_task_carries_its_fallback_with_an_identity_of_its_own(tmp_path):
    (clip,) = plan(tmp_path, card(85), variant="nano", profile="exact").clips
    task = clip.to_task(is_forced=False)
    fallback = task.fallback
    assert (task.profile, fallback.profile) == ("exact", "24gb")
    assert fallback.identity == clip_identity(fallback.request, fallback.weights)
    assert fallback.placement.offload is Offload.BLOCKS
    assert Path(fallback.output).parent == task.output.parent
    other = clip.to_task(is_forced=False)
    assert other.identity == task.identity
    (lower,) = plan(tmp_path, card(85), variant="nano", profile="fast").clips
    task = lower.to_task(is_forced=False)
    assert task.fallback.profile == "24gb"
    assert task.fallback.identity != task.identity
    assert task.fallback.output != task.output


def test_profiles_that_differ_in_placement_alone_make_the_same_clip(tmp_path):
    exact, large, small = (
        plan(tmp_path, card(85), profile=name).clips[0] for name in ("exact", "24gb", "16gb")
    )
    assert large.request == small.request, "rendering it again is a lookup"
    assert large.placement != small.placement
    assert replace(large.request, vae_tiling=None) == exact.request, "and tiles do not show"
