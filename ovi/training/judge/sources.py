"""Where judged clips come from: the world itself, the world through the VAEs, or the model."""

import hashlib
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from ovi.models.audio_vae.mel import log_mel
from ovi.models.nano import NANO_CONFIGS
from ovi.pipeline import OviPipeline
from ovi.spec.geometry import FrameSize
from ovi.spec.request import ClipRequest, Guidance, ImageFile, LoraFile, Precision, Sampling
from ovi.training.judge.exam import Question
from ovi.training.world.batch import pack_scenes
from ovi.training.world.picture import render_frames
from ovi.training.world.scene import SIDE, Scene
from ovi.training.world.sound import render_waveforms
from ovi.training.world.sound_bank import load_sound_bank

LARGEST_PSNR = 99.0
"""dB given to equal pictures."""


@dataclass(frozen=True, slots=True, eq=False)
class JudgedClip:
    """A clip to judge."""

    frames: NDArray[np.uint8]
    """(F, H, W, 3)"""
    waveform: NDArray[np.float32]
    """(S,)"""
    psnr: float | None = None
    """dB between the given first frame and the clip's, if one was given"""


Source = Callable[[Question], JudgedClip]


def true_clip(question: Question) -> JudgedClip:
    """What the world itself shows: the judge's ceiling."""
    frames, waveform = _draw(question.scene)
    return JudgedClip(_to_array(frames[0]), waveform[0].numpy())


def through_vaes(pipeline: OviPipeline) -> Source:
    """True clips encoded and decoded again: the ceiling of anything these VAEs can show."""

    def make(question: Question) -> JudgedClip:
        frames, waveform = _draw(question.scene)
        models = pipeline.models
        pixels = frames.transpose(1, 2).to(pipeline.device).float() / 127.5 - 1.0
        mel = log_mel(waveform.to(pipeline.device), NANO_CONFIGS.audio_vae)
        with torch.inference_mode():
            with models.on_device(models.video_vae):
                dtype = next(models.video_vae.parameters()).dtype
                video = models.video_vae.encode(pixels.to(dtype)).float()
            with models.on_device(models.audio_vae):
                audio = models.audio_vae.encode(mel).mean
        decoded = np.concatenate(list(pipeline.decode_frames(video)))
        return JudgedClip(decoded, pipeline.decode_audio(audio.transpose(1, 2)))

    return make


def by_model(
    pipeline: OviPipeline,
    sampling: Sampling,
    guidance: Guidance,
    precision: Precision,
    *,
    from_first_frame: bool = False,
    loras: Sequence[LoraFile] = (),
) -> Source:
    """What the model makes of the prompt, or of the prompt and the true first frame."""

    def make(question: Question) -> JudgedClip:
        given = _to_array(_draw(question.scene)[0][0])[0] if from_first_frame else None
        with tempfile.TemporaryDirectory() as folder:
            request = ClipRequest(
                text=question.prompt,
                variant=pipeline.variant.name,
                size=FrameSize(SIDE, SIDE),
                sampling=Sampling(
                    seed=question.seed,
                    num_steps=sampling.num_steps,
                    shift=sampling.shift,
                    solver=sampling.solver,
                ),
                guidance=guidance,
                precision=precision,
                loras=tuple(loras),
                first_frame=None if given is None else _saved(given, Path(folder)),
            )
            stream = pipeline.render(request)
            frames = np.concatenate(list(stream.frames))
        psnr = None if given is None else peak_signal_to_noise(frames[0], given)
        return JudgedClip(frames, stream.waveform, psnr)

    return make


def peak_signal_to_noise(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> float:
    """dB between two pictures of 0..255."""
    error = float(np.mean((one.astype(np.float64) - other.astype(np.float64)) ** 2))
    return LARGEST_PSNR if error == 0 else min(10.0 * np.log10(255.0**2 / error), LARGEST_PSNR)


def _draw(scene: Scene) -> tuple[Tensor, Tensor]:
    bank = load_sound_bank()
    batch = pack_scenes([scene], bank)
    return render_frames(batch), render_waveforms(batch, bank)


def _to_array(frames: Tensor) -> NDArray[np.uint8]:
    array: NDArray[np.uint8] = frames.permute(0, 2, 3, 1).contiguous().numpy()
    return array


def _saved(picture: NDArray[np.uint8], folder: Path) -> ImageFile:
    path = folder / "first-frame.png"
    Image.fromarray(picture).save(path)
    return ImageFile(str(path), hashlib.sha256(path.read_bytes()).hexdigest())
