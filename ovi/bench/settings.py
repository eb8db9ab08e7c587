"""What a benchmark renders, from the command's options: request, number formats, placement."""

import argparse
from dataclasses import replace

import torch

from ovi.bench.stages import PROMPT
from ovi.errors import RequestError
from ovi.spec.geometry import FrameSize, fit_size
from ovi.spec.memory import RenderShape
from ovi.spec.placement import HostMemory, Offload, Placement
from ovi.spec.profiles import fit_to_card, precision_of, profile_named
from ovi.spec.request import ClipRequest, Sampling, TransformerPrecision, VaeTiling
from ovi.spec.variants import variant_named


def read_settings(
    options: argparse.Namespace, device: torch.device
) -> tuple[ClipRequest, RenderShape]:
    """The request, and what its memory and time depend on. Raises RequestError."""
    variant, profile = variant_named(options.variant), profile_named(options.profile)
    precision = precision_of(
        profile,
        on_cpu=device.type == "cpu",
        transformer=_precision(options.precision),
        text_encoder=_precision(options.text_precision),
        video_vae=_precision(options.vae_precision),
    )
    tiling = profile.vae_tiling
    if options.tile_side is not None:
        tiling = VaeTiling(side=options.tile_side) if options.tile_side else None
    offload = Offload(options.offload) if options.offload else profile.offload or Offload.NONE
    placement = Placement(
        device=options.device,
        offload=offload,
        attention=options.attention,
        host_memory=HostMemory(options.host_memory),
    )
    side = round(variant.target_area**0.5)
    wanted = FrameSize.parse(options.size) if options.size else FrameSize(side, side)
    request = ClipRequest(
        text=PROMPT,
        variant=variant.name,
        size=fit_size(wanted.height, wanted.width, variant.target_area),
        sampling=Sampling(num_steps=options.steps),
        precision=precision,
        vae_tiling=tiling,
    )
    shape = RenderShape(
        variant=variant,
        size=request.size,
        precision=precision,
        vae_tiling=tiling,
        placement=placement,
        on_cpu=device.type == "cpu",
    )
    placement = fit_to_card(shape, profile).placement
    if options.resident_blocks is not None:
        placement = replace(placement, resident_blocks=options.resident_blocks)
    if options.token_chunk is not None:
        placement = replace(placement, token_chunk=options.token_chunk)
    return request, replace(shape, placement=placement)


def limit_memory(gigabytes: float, device: torch.device, beside: int) -> None:
    """Lets torch take no more of a GPU than makes the process `gigabytes` (10^9 bytes) in all.

    `beside` is what the process takes of the GPU beside torch's own memory. Raises RequestError.
    """
    if device.type != "cuda":
        raise RequestError("--memory-limit needs an NVIDIA GPU: leave it out here.")
    total = torch.cuda.get_device_properties(device).total_memory
    allowed = gigabytes * 1e9 - beside
    if not 0 < allowed <= total:
        raise RequestError(
            f"--memory-limit {gigabytes:g} leaves torch {allowed / 1e9:.1f} GB of the GPU's "
            f"{total / 1e9:.1f}: use a number between."
        )
    torch.cuda.set_per_process_memory_fraction(allowed / total, device)


def _precision(name: str | None) -> TransformerPrecision | None:
    return None if name is None else TransformerPrecision(name)
