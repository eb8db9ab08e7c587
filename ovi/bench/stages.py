"""Times every stage of one render, with the functions that a render uses."""

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch

from ovi.bench.timing import Measurement, measure
from ovi.media import ClipWriter
from ovi.noise import draw_noise
from ovi.pipeline import OviPipeline
from ovi.spec.request import ClipRequest
from ovi.spec.variants import FPS, SAMPLE_RATE
from ovi.types import Latents, TextEmbeddings

T = TypeVar("T")

PROMPT = (
    "A woman with short grey hair stands on a windy pier at dusk and looks into the camera. She "
    "says, <S>The boats come home tonight.<E> Gulls cross the sky behind her. Audio: A calm, low "
    "voice, waves against wood, distant gulls."
)


def measure_forward(
    pipeline: OviPipeline, request: ClipRequest, *, repeats: int, used_before: int | None = None
) -> Measurement:
    """One pass of the transformer at the request's size, warmed up; the median of `repeats`."""
    model, dtype, device = pipeline.models.fusion, pipeline.models.compute_dtype, pipeline.device
    noise = draw_noise(pipeline.variant, request.size, 0, request.noise, device)
    text = pipeline.encode_text(request.text)[0].to(dtype)[None]
    video, audio = noise.video.to(dtype), noise.audio.to(dtype)
    timestep = torch.full((1,), 500, device=device)

    def forward() -> None:
        with torch.inference_mode():
            model(video, audio, timestep, text, text)

    return measure("forward", forward, device, repeats=repeats, warm_up=2, used_before=used_before)[
        0
    ]


def measure_stages(
    pipeline: OviPipeline,
    request: ClipRequest,
    *,
    used_before: int | None = None,
    writes_mp4: bool = True,
) -> tuple[Measurement, ...]:
    """Every stage of the request once, in order; the MP4 too, unless that is left out."""

    def timed(name: str, work: Callable[[], T]) -> tuple[Measurement, T]:
        return measure(name, work, device, used_before=used_before)

    device, sampling, guidance = pipeline.device, request.sampling, request.guidance

    def encode_texts() -> TextEmbeddings:
        texts = (request.text, guidance.video_negative, guidance.audio_negative)
        return TextEmbeddings(*(embedding for embedding, _ in pipeline.encode_texts(texts)))

    noise = draw_noise(pipeline.variant, request.size, sampling.seed, request.noise, device)
    text, embeddings = timed("text", encode_texts)
    denoise, latents = timed(
        f"denoise, {sampling.num_steps} steps",
        lambda: pipeline.denoise_latents(embeddings, noise, None, sampling, guidance),
    )
    sound, waveform = timed("sound", lambda: pipeline.decode_audio(latents.audio))
    picture, _ = timed("picture", lambda: _drain(pipeline, request, latents))
    found = (text, denoise, sound, picture)
    if not writes_mp4:
        return found
    written, _ = timed("picture into mp4", lambda: _write(pipeline, request, latents, waveform))
    return (*found, written)


def _drain(pipeline: OviPipeline, request: ClipRequest, latents: Latents) -> None:
    """Decodes every frame and keeps none."""
    for _ in pipeline.decode_frames(latents.video, tiling=request.vae_tiling):
        pass


def _write(
    pipeline: OviPipeline, request: ClipRequest, latents: Latents, waveform: np.ndarray
) -> None:
    """Decodes the frames into an MP4, as a render does, in a folder that is removed again."""
    with (
        tempfile.TemporaryDirectory() as folder,
        ClipWriter(
            Path(folder) / "bench.mp4",
            size=request.size,
            num_frames=pipeline.variant.num_frames,
            fps=FPS,
            sample_rate=SAMPLE_RATE,
            waveform=waveform,
            recipe={"benchmark": True},
        ) as writer,
    ):
        for frames in pipeline.decode_frames(latents.video, tiling=request.vae_tiling):
            writer.write(frames)
