"""The memory of a plan, against the models themselves, run at full size without memory."""

import itertools
from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from ovi.models.fusion.attention import set_attention
from ovi.models.fusion.config import OVI_11B, FusionConfig
from ovi.models.fusion.model import FusionModel
from ovi.models.text_encoder.config import UMT5_XXL
from ovi.models.text_encoder.model import TextEncoder
from ovi.models.video_vae.config import WAN22
from ovi.models.video_vae.model import VideoVae
from ovi.models.vocoder.config import BIGVGAN_16K
from ovi.models.vocoder.model import Vocoder
from ovi.runtime.tiling import decode_tiled
from ovi.runtime.token_chunks import run_in_chunks
from ovi.spec.geometry import FrameSize, fit_size
from ovi.spec.memory import RenderMemory, RenderShape, render_memory
from ovi.spec.placement import HostMemory, Offload, Placement
from ovi.spec.profiles import PROFILES, TOKEN_CHUNK, fit_to_card, precision_of
from ovi.spec.request import Precision, TransformerPrecision, VaeTiling
from ovi.spec.tiles import plan_tiles
from ovi.spec.variants import VARIANTS, Variant

from .full_size import empty, on_meta, peak_of

BF16, FP32 = TransformerPrecision.BF16, TransformerPrecision.FP32
ON_DEVICE = Placement(offload=Offload.MODEL)
LADDER = ("exact", "fast", "fp8", "24gb", "16gb", "12gb", "8gb", "6gb")
"""Each needs no more than the one before; int8 beside fp8 changes the text encoder too."""


def shape(name: str, size: str, **changes: object) -> RenderShape:
    plain = RenderShape(
        variant=VARIANTS[name], size=FrameSize.parse(size), precision=Precision(),
        vae_tiling=None, placement=ON_DEVICE,
    )  # fmt: skip
    return replace(plain, **changes)  # type: ignore[arg-type]


def profiled(name: str, variant: Variant, size: FrameSize) -> RenderMemory:
    profile = PROFILES[name]
    plan = RenderShape(
        variant=variant, size=size, precision=precision_of(profile, on_cpu=False),
        vae_tiling=profile.vae_tiling, placement=Placement(offload=profile.offload or Offload.NONE),
    )  # fmt: skip
    return render_memory(fit_to_card(plan, profile))


def working(plan: RenderShape, stage: str) -> int:
    memory = render_memory(plan)
    return next(entry.working_bytes for entry in memory.stages if entry.stage == stage)


def attend(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Takes what a fused kernel takes: its result."""
    del k, v
    return torch.empty_like(q)


@pytest.fixture(scope="module")
def transformer() -> FusionModel:
    """Two blocks of thirty: what one holds, the next one holds again."""
    few = FusionConfig(
        video=replace(OVI_11B.video, num_layers=2), audio=replace(OVI_11B.audio, num_layers=2)
    )
    model: FusionModel = on_meta(lambda: FusionModel(few), torch.bfloat16)
    set_attention(model, attend)
    return model


@pytest.mark.parametrize("chunk", [None, TOKEN_CHUNK])
@pytest.mark.parametrize(
    ("name", "size"), [("720x720_5s", "704x704"), ("960x960_5s", "960x960"),
                       ("960x960_10s", "960x960")],
)  # fmt: skip
def test_denoising_holds_what_the_plan_says(
    transformer: FusionModel, name: str, size: str, chunk: int | None
) -> None:
    plan = shape(name, size, placement=replace(ON_DEVICE, token_chunk=chunk))
    rows, columns = plan.size.latent_shape
    frames, sounds = plan.variant.num_video_latents, plan.variant.num_audio_latents
    bf16 = torch.bfloat16
    original = transformer.run_block
    if chunk is not None:
        transformer.run_block = run_in_chunks(chunk)
    peak = peak_of(
        lambda: transformer(
            empty(1, 48, frames, rows, columns, dtype=bf16),
            empty(1, sounds, 20, dtype=bf16),
            torch.full((1,), 500, device="meta"),
            empty(1, 100, 4096, dtype=bf16),
            empty(1, 100, 4096, dtype=bf16),
        ),
        transformer,
    )
    transformer.run_block = original
    latents = 10 * 4 * 48 * frames * rows * columns
    assert working(plan, "denoise") - latents == pytest.approx(peak, rel=0.03)


@pytest.mark.parametrize("number", [FP32, BF16])
@pytest.mark.parametrize("side", [None, 384])
@pytest.mark.parametrize("size", ["704x704", "704x1280", "960x960"])
def test_decoding_holds_what_the_plan_says(
    size: str, side: int | None, number: TransformerPrecision
) -> None:
    tiling = None if side is None else VaeTiling(side=side)
    plan = shape("960x960_5s", size, precision=Precision(video_vae=number), vae_tiling=tiling)
    dtype = torch.float32 if number is FP32 else torch.bfloat16
    vae = on_meta(lambda: VideoVae(WAN22), dtype)
    one = empty(48, 1, 1, 1)
    vae._latent_scale = lambda _: (one, one)
    latents = empty(1, 48, 4, *plan.size.latent_shape)
    tiles = plan_tiles(plan.size, tiling)

    def decode() -> None:
        for _ in decode_tiled(vae, latents, tiles):
            pass

    rows, columns = plan.size.latent_shape
    kept = 2 * 4 * 48 * plan.variant.num_video_latents * rows * columns
    assert working(plan, "picture") - kept == pytest.approx(peak_of(decode, vae), rel=0.03)


def test_the_small_stages_hold_what_the_plan_says() -> None:
    plan = shape("720x720_5s", "704x704", has_first_frame=True)
    encoder = on_meta(lambda: TextEncoder(UMT5_XXL), torch.bfloat16)
    ids = torch.empty(1, 512, dtype=torch.int64, device="meta")
    text = peak_of(lambda: encoder(ids, torch.ones(1, 512, device="meta")), encoder)
    assert working(plan, "text") == pytest.approx(text, rel=0.05)

    vae = on_meta(lambda: VideoVae(WAN22), torch.float32)
    one = empty(48, 1, 1, 1)
    vae._latent_scale = lambda _: (one, one)
    first = peak_of(lambda: vae.encode(empty(1, 3, 1, 704, 704)), vae)
    assert working(plan, "first frame") == pytest.approx(first, rel=0.05)

    vocoder = on_meta(lambda: Vocoder(BIGVGAN_16K), torch.float32)
    sound = peak_of(lambda: vocoder(empty(1, 80, 314)), vocoder)
    latents = 2 * 4 * 48 * 31 * 44 * 44
    assert working(plan, "sound") - latents == pytest.approx(sound, rel=0.05)


MEASURED = [
    ("720x720_5s", "exact", None, "denoise", 39.9, 41.1),
    ("720x720_5s", "exact", None, "picture", 46.4, 50.8),
    ("720x720_5s", "8gb", 4, "text", 0.87, 1.70),
    ("720x720_5s", "8gb", 4, "denoise", 4.86, 5.72),
    ("720x720_5s", "8gb", 4, "sound", 0.80, 1.66),
    ("720x720_5s", "8gb", 4, "picture", 3.80, 5.37),
    ("720x720_5s", "24gb", 19, "denoise", 17.98, 19.31),
    ("720x720_5s", "24gb", 19, "picture", 7.44, 9.87),
    ("960x960_10s", "8gb", 0, "denoise", 4.46, 5.49),
]
"""Variant, profile, resident blocks, stage; GB of tensors, and of the process as nvidia-smi shows
it, on an H100 (docs/profiles.md). 8gb worked in chunks on both variants."""


@pytest.mark.parametrize(("name", "profile", "blocks", "stage", "tensors", "process"), MEASURED)
def test_plans_are_within_a_tenth_of_what_was_measured(
    name: str, profile: str, blocks: int | None, stage: str, tensors: float, process: float
) -> None:
    named = PROFILES[profile]
    size = "704x704" if name == "720x720_5s" else "704x1280"
    plan = fit_to_card(
        shape(
            name, size, precision=precision_of(named, on_cpu=False),
            vae_tiling=named.vae_tiling, placement=Placement(offload=named.offload or Offload.NONE),
        ),
        named,
    )  # fmt: skip
    if blocks is not None:
        chunk = TOKEN_CHUNK if named.chunks_tokens else None
        kept = replace(plan.placement, resident_blocks=blocks, token_chunk=chunk)
        plan = replace(plan, placement=kept)
    memory = render_memory(plan)
    held = next(entry.device_bytes for entry in memory.stages if entry.stage == stage)
    close = 0.15 if stage == "text" else 0.1  # the measured text was shorter than the longest
    assert held / 1e9 == pytest.approx(tensors, rel=close)
    assert memory.device_bytes_of(stage) / 1e9 == pytest.approx(process, rel=0.1)


def test_weights_on_the_device_follow_the_offload() -> None:
    def held(stage: str, placement: Placement) -> int:
        memory = render_memory(shape("720x720_5s", "704x704", placement=placement))
        return next(entry.weights_bytes for entry in memory.stages if entry.stage == stage)

    everything = held("denoise", Placement())
    assert everything == held("picture", Placement()) == pytest.approx(38.62e9, rel=0.001)
    assert held("denoise", ON_DEVICE) == 2 * 11_660_753_108
    assert held("picture", ON_DEVICE) == 4 * 704_688_668
    streamed = Placement(offload=Offload.BLOCKS)
    block = 2 * 10_952_785_920 // 30
    bare = held("denoise", streamed)
    assert bare == pytest.approx(2 * 707_967_188 + 2 * block, rel=0.001), "two slots"
    kept = held("denoise", replace(streamed, resident_blocks=7))
    assert kept - bare == pytest.approx(7 * block, rel=0.001)
    assert held("denoise", replace(streamed, resident_blocks=99)) == held("denoise", ON_DEVICE)
    assert held("text", streamed) == pytest.approx(2 * 2 * 4_630_757_376 / 24, rel=0.001)


def test_several_gpus_share_weights_where_asked_and_work_always() -> None:
    def stage(**placement: object) -> tuple[int, int]:
        shared = Placement(**placement)  # type: ignore[arg-type]
        memory = render_memory(shape("960x960_10s", "960x960", placement=shared))
        found = next(entry for entry in memory.stages if entry.stage == "denoise")
        return found.weights_bytes, found.working_bytes

    whole, work = stage()
    copied, split = stage(num_gpus=8)
    sharded, _ = stage(num_gpus=4, is_sharded=True)
    blocks = 2 * 10_952_785_920
    assert copied == whole, "every GPU holds all weights"
    assert sharded == pytest.approx(2 * 707_967_188 + blocks / 4 + 2 * blocks / 30, rel=0.001)
    assert split < 0.6 * work


def test_host_memory_is_what_waits_there() -> None:
    plan = shape("720x720_5s", "704x704")
    waiting = render_memory(plan)
    assert waiting.pinned_bytes == 0
    assert waiting.mapped_bytes == pytest.approx(38.62e9, rel=0.001), "the files as they are"
    int8 = replace(plan, precision=Precision(transformer=TransformerPrecision.INT8))
    made = render_memory(int8)
    assert made.ram_bytes - waiting.ram_bytes == pytest.approx(12.38e9, rel=0.001)
    streamed = replace(int8, placement=Placement(offload=Offload.BLOCKS))
    pinned = render_memory(streamed)
    assert pinned.pinned_bytes == pytest.approx(12.38e9, rel=0.001)
    bf16 = replace(plan, placement=Placement(offload=Offload.BLOCKS))
    mapped = replace(bf16, placement=replace(bf16.placement, host_memory=HostMemory.MAPPED))
    assert render_memory(mapped).pinned_bytes == 0
    assert render_memory(bf16).ram_bytes - render_memory(mapped).ram_bytes == 2 * 11_660_753_108
    resident = render_memory(replace(plan, placement=Placement()))
    assert resident.ram_bytes < 4e9
    assert resident.mapped_bytes == 0


@given(
    height=st.integers(200, 3000),
    width=st.integers(200, 3000),
    name=st.sampled_from([name for name in VARIANTS if name != "nano"]),
)
@settings(max_examples=60, deadline=None)
def test_a_smaller_profile_never_needs_more(height: int, width: int, name: str) -> None:
    variant = VARIANTS[name]
    size = fit_size(height, width, variant.target_area)
    needs = [profiled(profile, variant, size).device_bytes for profile in LADDER]
    assert all(more >= less for more, less in itertools.pairwise(needs)), needs
    assert profiled("int8", variant, size).device_bytes <= needs[LADDER.index("fp8")]


@given(height=st.integers(200, 3000), width=st.integers(200, 3000))
@settings(max_examples=60, deadline=None)
def test_profiles_keep_to_their_cards_at_every_shape(height: int, width: int) -> None:
    for name in ("720x720_5s", "960x960_10s"):
        variant = VARIANTS[name]
        size = fit_size(height, width, variant.target_area)
        for gigabytes in (24, 16, 12, 8) if name == "960x960_10s" else (24, 16, 12, 8, 6):
            taken = profiled(f"{gigabytes}gb", variant, size).device_bytes
            assert taken <= gigabytes * 1e9, (name, size, gigabytes)


@given(
    height=st.integers(200, 2000), width=st.integers(200, 2000),
    blocks=st.integers(0, 29), gpus=st.integers(1, 8),
)  # fmt: skip
@settings(max_examples=60, deadline=None)
def test_more_of_anything_takes_more(height: int, width: int, blocks: int, gpus: int) -> None:
    def needed(name: str, **settings: object) -> int:
        variant = VARIANTS[name]
        placement = Placement(offload=Offload.BLOCKS, **settings)  # type: ignore[arg-type]
        size = fit_size(height, width, variant.target_area)
        plan = RenderShape(
            variant=variant, size=size, precision=Precision(), vae_tiling=None,
            placement=placement,
        )  # fmt: skip
        return render_memory(plan).device_bytes_of("denoise")

    assert needed("960x960_5s", resident_blocks=blocks) < needed(
        "960x960_10s", resident_blocks=blocks
    )
    assert needed("960x960_5s", resident_blocks=blocks) <= needed(
        "960x960_5s", resident_blocks=blocks + 1
    )
    assert needed("960x960_10s", token_chunk=8192) < needed("960x960_10s")
    sharded = [
        render_memory(
            shape("960x960_10s", "960x960", placement=Placement(num_gpus=n, is_sharded=True))
        ).device_bytes_of("denoise")
        for n in (2 * gpus, 2 * gpus + 2)
    ]
    assert sharded[0] > sharded[1]
