"""Decoding in tiles: the frames of the whole, a few at a time, and little memory."""

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from ovi import pipeline as pipeline_module
from ovi.models.nano import NANO_CONFIGS
from ovi.models.video_vae.config import WAN22, VideoVaeConfig
from ovi.models.video_vae.history import CausalHistory
from ovi.models.video_vae.model import VideoVae
from ovi.pipeline import load_pipeline
from ovi.runtime import tiling
from ovi.runtime.random_weights import fill_random
from ovi.runtime.tiling import decode_tiled, plan_areas
from ovi.spec.geometry import FrameSize
from ovi.spec.placement import Offload, Placement
from ovi.spec.request import Precision, VaeTiling
from ovi.spec.tiles import Tile, grid_tiles
from tests.engine.golden.cases import read_cases, relative_error
from tests.engine.golden.check_video_vae import load_video_vae
from tests.engine.toy_checkpoints import write_toy_checkpoints

SMALL = VideoVaeConfig(
    encoder_dim=2,
    decoder_dim=4,
    latent_channels=3,
    latent_mean=(0.1, -0.2, 0.3),
    latent_std=(0.5, 1.0, 2.0),
)
GRIDS = [(1, 2), (2, 1), (2, 3), (6, 8)]


@pytest.fixture(autouse=True)
def without_gradients() -> Iterator[None]:
    with torch.inference_mode():
        yield


def random_vae(config: VideoVaeConfig = SMALL, dtype: torch.dtype = torch.float64) -> VideoVae:
    vae = VideoVae(config)
    fill_random(vae, 0)
    return vae.to(dtype).eval()


def random_latents(config: VideoVaeConfig, frames: int, rows: int, columns: int) -> Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.randn(1, config.latent_channels, frames, rows, columns, generator=generator)


def size_of(latents: Tensor) -> FrameSize:
    return FrameSize(16 * latents.shape[3], 16 * latents.shape[4])


def decode(vae: VideoVae, latents: Tensor, tiles: Sequence[Tile], **options: Any) -> Tensor:
    return torch.cat(list(decode_tiled(vae, latents, tiles, **options)), dim=2)


def psnr(frames: Tensor, wanted: Tensor) -> float:
    error = float((frames.double() - wanted.double()).square().mean())
    return math.inf if error == 0 else 10 * math.log10(4 / error)


# Seams


@pytest.mark.parametrize("grid", GRIDS)
def test_tiles_give_the_whole_frame(grid: tuple[int, int]) -> None:
    vae, latents = random_vae(), random_latents(SMALL, 3, 6, 8)
    whole = vae.decode(latents, clamp=False)
    tiled = decode(vae, latents, grid_tiles(size_of(latents), *grid), clamp=False)
    assert tiled.dtype is torch.float32
    assert relative_error(tiled, whole) < 1e-6


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_nano_in_tiles_differs_by_rounding_at_most(dtype: torch.dtype) -> None:
    config = NANO_CONFIGS.video_vae
    vae, latents = random_vae(config, dtype), random_latents(config, 2, 8, 8)
    whole = vae.decode(latents)
    tiled = decode(vae, latents, grid_tiles(size_of(latents), 2, 2))
    assert psnr(tiled, whole) > (120 if dtype is torch.float32 else 50)


VAE_CASES = [case for case in read_cases() if case.kind == "vae22_dec"]


@pytest.mark.parametrize("case", VAE_CASES, ids=[case.file for case in VAE_CASES])
def test_golden_frames_come_out_of_tiles(case: Any) -> None:
    vae = load_video_vae(case, torch.float32)
    groups = case.groups(".in.latent")
    assert groups
    for group in groups:
        latents = case.tensors[f"{group}.in.latent"].float()
        tiles = grid_tiles(size_of(latents), 2, 2)
        assert len(tiles) > 1, group
        frames = decode(vae, latents, tiles)
        assert relative_error(frames, case.tensors[f"{group}.out.video_clamped"]) <= case.tolerance


@pytest.mark.parametrize("lacking", ["CONV_REACH", "BLOCK_REACH"])
def test_with_less_around_a_tile_there_are_seams(
    lacking: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The margin is the reach of the decoder: no wider than it has to be."""
    vae, latents = random_vae(), random_latents(SMALL, 2, 6, 8)
    whole = vae.decode(latents)
    monkeypatch.setattr(tiling, lacking, getattr(tiling, lacking) - 1)
    assert psnr(decode(vae, latents, grid_tiles(size_of(latents), 2, 2)), whole) < 60


def test_published_decoder_reaches_44_pixels() -> None:
    with torch.device("meta"):
        decoder = VideoVae(replace(WAN22, decoder_dim=2, encoder_dim=2)).decoder
    areas = plan_areas(decoder, Tile(320, 320, 320, 320), 960, 960)
    cell = 8  # pixels, where the fine part begins
    reach = areas[-1].top * 2 - areas[0].top * cell
    assert 44 <= reach < 44 + cell
    corner = plan_areas(decoder, Tile(0, 0, 320, 320), 960, 960)[0]
    assert (corner.top, corner.left) == (0, 0), "nothing lies beyond the frame"


# Order and memory


def test_frames_come_in_order_and_only_when_asked_for() -> None:
    vae, latents = random_vae(), random_latents(SMALL, 4, 4, 4)
    calls = 0

    def count(*_: Any) -> None:
        nonlocal calls
        calls += 1

    vae.decoder.input.register_forward_hook(count)
    stream = decode_tiled(vae, latents, grid_tiles(size_of(latents), 2, 2))
    assert calls == 0
    assert [next(stream).shape[2], calls] == [1, 1]
    assert [next(stream).shape[2], calls] == [4, 2]
    assert [frames.shape[2] for frames in stream] == [4, 4]


def test_one_tile_is_the_plain_decoder_bit_for_bit() -> None:
    vae = random_vae(dtype=torch.float32)
    latents = random_latents(SMALL, 3, 4, 4)
    assert torch.equal(
        decode(vae, latents, grid_tiles(size_of(latents), 1, 1)), vae.decode(latents)
    )


class LargestTensor(TorchDispatchMode):
    """Sees the size of every tensor that is made."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.numbers = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        if isinstance(result, Tensor):
            self.numbers = max(self.numbers, result.numel())
        return result


def test_no_activation_is_larger_than_a_tile_needs() -> None:
    config = replace(SMALL, decoder_dim=24)
    vae, latents = random_vae(config), random_latents(config, 1, 16, 16)
    with LargestTensor() as whole:
        next(iter(vae.decode_stream(latents)))
    with LargestTensor() as tiled:
        next(decode_tiled(vae, latents, grid_tiles(size_of(latents), 4, 4)))
    assert tiled.numbers < whole.numbers / 4


def test_histories_do_not_grow_with_time(monkeypatch: pytest.MonkeyPatch) -> None:
    histories: list[CausalHistory] = []

    def new_history() -> CausalHistory:
        histories.append(CausalHistory())
        return histories[-1]

    monkeypatch.setattr(tiling, "CausalHistory", new_history)
    vae, latents = random_vae(), random_latents(SMALL, 4, 4, 4)
    held = []
    for _ in decode_tiled(vae, latents, grid_tiles(size_of(latents), 2, 2)):
        tensors = itertools.chain.from_iterable(h._frames.values() for h in histories)
        held.append(sum(tensor.numel() for tensor in tensors))
    assert len(histories) == 1 + 4
    assert held[1] == held[2] == held[3] > 0


def test_a_pipeline_decodes_in_the_tiles_of_a_request(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_toy_checkpoints(tmp_path)
    placement = Placement(device="cpu", offload=Offload.MODEL)
    pipeline = load_pipeline("960x960_5s", Precision(), placement, tmp_path)
    latents = random_latents(WAN22, 2, 16, 10)
    grids: list[int] = []

    def watched(vae: VideoVae, latents: Tensor, tiles: Sequence[Tile]) -> Iterator[Tensor]:
        grids.append(len(tiles))
        return decode_tiled(vae, latents, tiles)

    monkeypatch.setattr(pipeline_module, "decode_tiled", watched)
    whole = torch.cat(list(pipeline.decode_video(latents)), dim=2)
    tiled = torch.cat(list(pipeline.decode_video(latents, VaeTiling(side=128))), dim=2)
    assert grids == [1, 2 * 2]
    assert psnr(tiled, whole) > 120
