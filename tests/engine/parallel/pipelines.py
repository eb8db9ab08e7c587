"""Toy pipelines of one and of two ranks, and the request they render."""

from collections.abc import Sequence
from typing import Any

import torch

import ovi.parallel
from ovi.noise import draw_noise
from ovi.parallel.layout import Layout
from ovi.parallel.ranks import RANK_COMMAND
from ovi.spec.geometry import FrameSize
from ovi.spec.placement import Placement
from ovi.spec.request import (
    ClipRequest,
    Guidance,
    NoiseSource,
    Precision,
    Sampling,
    TransformerPrecision,
)
from ovi.spec.variants import NANO
from ovi.types import Latents, TextEmbeddings

FP32 = TransformerPrecision.FP32


def precision_of(transformer: TransformerPrecision = FP32) -> Precision:
    return Precision(transformer=transformer, text_encoder=FP32, video_vae=FP32)


def load(
    num_gpus: int,
    transformer: TransformerPrecision = FP32,
    *,
    layout: Layout | None = None,
    rank_command: Sequence[str] = RANK_COMMAND,
    **placement: Any,
) -> Any:
    """A pipeline on the CPU; what is said beyond the first options is said to its placement."""
    return ovi.parallel.load_pipeline(
        "nano",
        precision_of(transformer),
        Placement(device="cpu", num_gpus=num_gpus, **placement),
        None,
        layout=layout,
        rank_command=rank_command,
    )


def load_pair(**options: Any) -> Any:
    return load(2, **options)


def request_of(transformer: TransformerPrecision = FP32, steps: int = 2) -> ClipRequest:
    return ClipRequest(
        text="A red ball rolls. Audio: a thud.",
        variant="nano",
        size=FrameSize(64, 96),
        sampling=Sampling(num_steps=steps),
        guidance=Guidance(skip_layer=2),
        precision=precision_of(transformer),
    )


def latents_of(pipeline: Any) -> Latents:
    """Two steps from the same noise and texts."""
    generator = torch.Generator().manual_seed(0)
    width = pipeline.models.fusion.config.video.text_dim
    texts = TextEmbeddings(*(torch.randn(n, width, generator=generator) for n in (5, 3, 7)))
    noise = draw_noise(NANO, FrameSize(64, 96), 1, NoiseSource.CPU, pipeline.device)
    return pipeline.denoise_latents(
        texts, noise, None, Sampling(num_steps=2), Guidance(skip_layer=2)
    )
