"""The noise a clip starts from."""

import torch
from torch import Tensor

from ovi.errors import PlacementError
from ovi.spec.geometry import FrameSize
from ovi.spec.request import NoiseSource
from ovi.spec.variants import AUDIO_LATENT_CHANNELS, VIDEO_LATENT_CHANNELS, Variant
from ovi.types import Latents


def draw_noise(
    variant: Variant, size: FrameSize, seed: int, source: NoiseSource, device: torch.device
) -> Latents:
    """Standard normal latents: float32 video (1, C, F, h, w) and audio (1, L, C) on `device`.

    `NoiseSource.CPU`: float32 from one CPU generator, video first, so a seed means the same noise
    on every machine. `NoiseSource.CUDA`: as the published engine draws it, bfloat16 on the GPU from
    two fresh generators with the same seed; it differs between GPU models and torch versions.
    """
    video_shape = (VIDEO_LATENT_CHANNELS, variant.num_video_latents, *size.latent_shape)
    audio_shape = (variant.num_audio_latents, AUDIO_LATENT_CHANNELS)
    if source is NoiseSource.CPU:
        generator = torch.Generator("cpu").manual_seed(seed)
        video = torch.randn(video_shape, generator=generator)
        audio = torch.randn(audio_shape, generator=generator)
    else:
        if device.type != "cuda":
            raise PlacementError(
                f"The published noise is drawn on an NVIDIA GPU, and this render is on {device}: "
                "use --noise cpu."
            )
        video, audio = (_draw_on_gpu(shape, seed, device) for shape in (video_shape, audio_shape))
    return Latents(video=video[None].float().to(device), audio=audio[None].float().to(device))


def _draw_on_gpu(shape: tuple[int, ...], seed: int, device: torch.device) -> Tensor:
    generator = torch.Generator(device).manual_seed(seed)
    return torch.randn(shape, generator=generator, device=device, dtype=torch.bfloat16)
