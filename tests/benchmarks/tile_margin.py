"""Exact tiles against overlapping, blended ones: `python -m tests.benchmarks.tile_margin`.

PSNR to the frame decoded whole, float32, 2 x 2 tiles of 256x256 pixels, smooth random latents, for
nano's video VAE and for the one of the golden cases. Blended: each tile is decoded by itself with
half the overlap more to each inner side, and weights fall linearly across the overlap.
"""

import sys

import torch
import torch.nn.functional as F
from torch import Tensor

from ovi.models.nano import NANO_CONFIGS
from ovi.models.video_vae.model import VideoVae
from ovi.runtime.random_weights import fill_random
from ovi.runtime.tiling import decode_tiled
from ovi.spec.geometry import FrameSize
from ovi.spec.tiles import Tile, grid_tiles
from tests.benchmarks.vae_tiling import psnr
from tests.engine.golden.cases import read_cases
from tests.engine.golden.check_video_vae import load_video_vae

SIZE = FrameSize(256, 256)
LATENT_FRAMES = 3
OVERLAPS = (32, 64, 96, 128)


def decode_blended(vae: VideoVae, latents: Tensor, tiles: tuple[Tile, ...], overlap: int) -> Tensor:
    """Frames (1, 3, T, H, W) from whole decoders on overlapping tiles."""
    half = overlap // 2
    total, weights = torch.zeros(()), torch.zeros(())
    for tile in tiles:
        top, left = max(0, tile.top - half), max(0, tile.left - half)
        bottom, right = min(SIZE.height, tile.bottom + half), min(SIZE.width, tile.right + half)
        part = latents[..., top // 16 : bottom // 16, left // 16 : right // 16]
        frames = vae.decode(part, clamp=False)
        weight = _ramp(top, bottom, SIZE.height, overlap)[:, None] * _ramp(
            left, right, SIZE.width, overlap
        )
        around = (left, SIZE.width - right, top, SIZE.height - bottom)
        total = total + F.pad(frames * weight, around)
        weights = weights + F.pad(weight, around)
    return total / weights


def _ramp(start: int, end: int, length: int, overlap: int) -> Tensor:
    """1 inside, falling towards inner edges."""
    weight = torch.ones(end - start)
    fall = (torch.arange(overlap) + 0.5) / overlap
    if start > 0:
        weight[:overlap] *= fall
    if end < length:
        weight[-overlap:] *= fall.flip(0)
    return weight


@torch.inference_mode()
def main() -> None:
    """Prints one line for each VAE and way of tiling."""
    nano = VideoVae(NANO_CONFIGS.video_vae).eval()
    fill_random(nano, 0)
    golden = next(case for case in read_cases() if case.kind == "vae22_dec")
    noise = torch.randn(1, 48, LATENT_FRAMES, 6, 6, generator=torch.Generator().manual_seed(0))
    latents = F.interpolate(noise, (LATENT_FRAMES, *SIZE.latent_shape), mode="trilinear")
    tiles = grid_tiles(SIZE, 2, 2)
    for name, vae in (("nano", nano), ("golden", load_video_vae(golden, torch.float32))):
        whole = vae.decode(latents, clamp=False)
        exact = torch.cat(list(decode_tiled(vae, latents, tiles, clamp=False)), dim=2)
        sys.stdout.write(f"{name:7} exact tiles          {psnr(exact, whole):6.1f} dB\n")
        for overlap in OVERLAPS:
            frames = decode_blended(vae, latents, tiles, overlap)
            sys.stdout.write(
                f"{name:7} blended, overlap {overlap:3} {psnr(frames, whole):6.1f} dB\n"
            )


if __name__ == "__main__":
    main()
