"""What decoding in tiles costs and saves: `python -m tests.benchmarks.vae_tiling [--sides N,N]`.

The published video VAE with random weights, a few latent frames of noise (each step after the first
costs the same, and memory does not grow with the clip). For each size and tile side: milliseconds a
step of four frames, most memory of tensors and what torch held, weights included, and PSNR against
the whole frame and against float32.
"""

import argparse
import itertools
import math
import sys
import time

import torch
from torch import Tensor

from ovi.models.video_vae.config import WAN22, VideoVaeConfig
from ovi.models.video_vae.model import VideoVae
from ovi.runtime.random_weights import fill_random_fast
from ovi.runtime.tiling import decode_tiled
from ovi.spec.geometry import FrameSize
from ovi.spec.request import VaeTiling
from ovi.spec.tiles import plan_tiles

LATENT_FRAMES = 5
CUDA = torch.device("cuda")


def random_vae(dtype: torch.dtype, device: torch.device, config: VideoVaeConfig) -> VideoVae:
    """The same weights in every dtype, but for rounding."""
    with torch.device("meta"):
        vae = VideoVae(config)
    vae = vae.to_empty(device=device)
    fill_random_fast(vae, 0)
    return vae.to(dtype).requires_grad_(False).eval()


@torch.inference_mode()
def decode(vae: VideoVae, latents: Tensor, tiling: VaeTiling | None) -> tuple[Tensor, float]:
    """The frames on the host, and the seconds of a step, the first two left out."""
    size = FrameSize(16 * latents.shape[3], 16 * latents.shape[4])
    pieces, times = [], []
    for frames in decode_tiled(vae, latents, plan_tiles(size, tiling), clamp=False):
        if latents.is_cuda:
            torch.cuda.synchronize()
        times.append(time.perf_counter())
        pieces.append(frames.cpu())
    steps = [after - before for before, after in itertools.pairwise(times)][1:]
    return torch.cat(pieces, dim=2), sorted(steps)[len(steps) // 2]


def psnr(frames: Tensor, wanted: Tensor) -> float:
    """In dB; the frames are in [-1, 1], as they are shown."""
    error = float((frames.clamp(-1, 1) - wanted.clamp(-1, 1)).square().mean())
    return math.inf if error == 0 else 10 * math.log10(4 / error)


def measure(size: FrameSize, sides: list[int], dtypes: list[torch.dtype]) -> None:
    """Prints one line for each dtype and tile side."""
    generator = torch.Generator(CUDA).manual_seed(1)
    shape = (1, WAN22.latent_channels, LATENT_FRAMES, *size.latent_shape)
    latents = torch.randn(shape, generator=generator, device=CUDA)
    exact = decode(random_vae(torch.float32, CUDA, WAN22), latents, None)[0]
    for dtype in dtypes:
        vae = random_vae(dtype, CUDA, WAN22)
        whole: Tensor | None = None
        for side in (None, *sides):
            tiling = None if side is None else VaeTiling(side=side)
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats()
            frames, seconds = decode(vae, latents, tiling)
            tensors, held = torch.cuda.max_memory_allocated(), torch.cuda.max_memory_reserved()
            whole = frames if whole is None else whole
            sys.stdout.write(
                f"{size} {str(dtype)[6:]:9} tiles {side or 'none':>4} "
                f"x{len(plan_tiles(size, tiling)):<2} {1e3 * seconds:7.1f} ms/step  "
                f"{tensors / 1e9:6.2f} GB of tensors {held / 1e9:6.2f} held  "
                f"PSNR {psnr(frames, whole):6.1f} to whole {psnr(frames, exact):6.1f} to fp32\n"
            )
            sys.stdout.flush()
            del frames
        del vae, whole


def main() -> None:
    """Measures on the GPU."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--sizes", default="704x704,704x1280")
    options.add_argument("--sides", default="256,384,512")
    options.add_argument("--dtypes", default="bfloat16,float32")
    chosen = options.parse_args()
    for size in chosen.sizes.split(","):
        measure(
            FrameSize.parse(size),
            [int(side) for side in chosen.sides.split(",")],
            [getattr(torch, name) for name in chosen.dtypes.split(",")],
        )


if __name__ == "__main__":
    main()
