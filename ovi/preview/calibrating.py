"""Fits a preview's map to what the VAEs of a variant make of clips."""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import cast

import torch
from torch import Tensor

from ovi.errors import MediaError
from ovi.models.audio_vae.mel import log_mel
from ovi.models.audio_vae.model import AudioVae
from ovi.models.video_vae.model import VideoVae
from ovi.preview.fitting import MapFit
from ovi.preview.latent_map import LatentMap
from ovi.preview.maps import pixels_per_latent
from ovi.preview.material import Sample
from ovi.runtime.components import load_components
from ovi.runtime.devices import resolve_device
from ovi.spec.placement import Placement
from ovi.spec.request import Precision
from ovi.spec.variants import Variant

MIN_AUDIO_LATENTS = 8
"""A shorter sound is left out."""

OnClip = Callable[[int], None]
"""(clips done)."""


def calibrate(
    variant: Variant,
    samples: Iterable[Sample],
    ckpt_dir: Path | None,
    device_name: str,
    weights: Mapping[str, str],
    on_clip: OnClip = lambda _: None,
) -> LatentMap:
    """The map that agrees best with what the VAEs decode from what they encoded.

    `weights` are the identities of both VAEs' weights. Raises MediaError when there is no sample
    or none with sound, and what loading raises.
    """
    device = resolve_device(device_name)
    names = ("video_vae", "audio_vae")
    parts = load_components(
        names, variant, Precision(), Placement(device=device_name), device, ckpt_dir
    )
    video_vae = cast("VideoVae", parts.modules["video_vae"])
    audio_vae = cast("AudioVae", parts.modules["audio_vae"])
    fit = MapFit(pixels_per_latent(variant))
    num_clips = num_sounds = 0
    with torch.inference_mode():
        for sample in samples:
            latents, frames = _through_video_vae(video_vae, sample.frames.to(device))
            fit.add_video(latents, frames)
            if sample.waveform is not None:
                sound, mel = _through_audio_vae(audio_vae, sample.waveform.to(device))
                if len(sound) >= MIN_AUDIO_LATENTS:
                    fit.add_audio(sound, mel)
                    num_sounds += 1
            num_clips += 1
            on_clip(num_clips)
    if not num_sounds:
        raise MediaError(
            f"{num_clips} clips were read, and none has sound: the preview's map needs some. "
            "Name a folder of videos with sound, or leave --clips out."
        )
    return fit.solve(weights)


def _through_video_vae(vae: VideoVae, frames: Tensor) -> tuple[Tensor, Tensor]:
    """Latents (C, F, H, W) of frames (3, T, H, W), and what they decode to, 0 to 1."""
    latents = vae.encode(frames[None])
    return latents[0], (vae.decode(latents)[0] + 1) / 2


def _through_audio_vae(vae: AudioVae, waveform: Tensor) -> tuple[Tensor, Tensor]:
    """Latents (L, C) of a waveform (samples,), and the mel (M, T) they decode to, normalised."""
    latents = vae.encode(log_mel(waveform[None], vae.config)).mean
    return latents[0].T, vae.decode_normalised(latents)[0]
