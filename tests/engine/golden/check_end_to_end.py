"""Golden check of the whole render: recorded noise and text in, latents, sound and frames out.

Runs the stages of `OviPipeline` in the order that `OviPipeline.render` runs them; only the text
embeddings and the noise are recorded values instead of computed ones.
"""

from typing import Any

import torch
from torch import Tensor

from ovi.guidance import FusionForward
from ovi.pipeline import OviPipeline
from ovi.runtime.models import Models
from ovi.solvers import solver_for
from ovi.spec.geometry import FrameSize, fit_size, fit_size_to_image
from ovi.spec.placement import Placement
from ovi.spec.request import Guidance, Sampling
from ovi.spec.variants import NANO
from ovi.types import Latents, TextEmbeddings
from tests.engine.golden import check_audio, check_fusion, check_video_vae
from tests.engine.golden.cases import Case, assert_golden


def check(case: Case) -> None:
    """Fails unless every recorded stage of the render comes out as recorded."""
    params, tensors = case.about["params"], case.tensors
    calls = RecordedCalls(check_fusion.build_model(case, torch.float32))
    pipeline = build_pipeline(case, calls)

    size = clip_size(params, tensors)
    noise = Latents(tensors["in.video_noise"][None], tensors["in.audio_noise"][None])
    assert noise.video.shape[-2:] == size.latent_shape, (
        f"{case.file}: {size} does not fit the noise"
    )
    first_frame = None
    if "in.image_rgb_u8" in tensors:
        first_frame = pipeline.encode_first_frame(tensors["in.image_rgb_u8"].numpy(), size)
        expect(case, "image_latent", first_frame)
    latents = pipeline.denoise_latents(
        TextEmbeddings(
            tensors["in.text_pos"], tensors["in.text_video_neg"], tensors["in.text_audio_neg"]
        ),
        noise,
        first_frame,
        Sampling(
            seed=params["seed"],
            num_steps=params["steps"],
            shift=params["shift"],
            solver=params["solver"],
        ),
        Guidance(
            video_scale=params["video_guidance_scale"],
            audio_scale=params["audio_guidance_scale"],
            skip_layer=params["slg_layer"],
        ),
    )
    timesteps = solver_for(params["solver"], params["steps"], params["shift"]).schedule.timesteps
    expect(case, "timesteps", torch.tensor(timesteps, dtype=tensors["out.timesteps"].dtype))
    for name, recorded in calls.by_name().items():
        expect(case, name, recorded)
    expect(case, "final_video_latent", latents.video)
    expect(case, "final_audio_latent_bcl", latents.audio.transpose(1, 2))
    expect(case, "waveform", torch.from_numpy(pipeline.decode_audio(latents.audio)))
    if "out.video_frames" in tensors:
        frames = torch.cat(list(pipeline.decode_video(latents.video)), dim=2)
        expect(case, "video_frames", frames[0])


def expect(case: Case, name: str, actual: Tensor) -> None:
    assert_golden(actual, case.tensors[f"out.{name}"], case.tolerance, f"{case.file} out.{name}")


def clip_size(params: dict[str, Any], tensors: dict[str, Tensor]) -> FrameSize:
    """The output size by the rules of the case's mode."""
    if "in.image_rgb_u8" in tensors:
        height, width = tensors["in.image_rgb_u8"].shape[:2]
        return fit_size_to_image(height, width, params["target_area"])
    height, width = params["video_frame_height_width"]
    return fit_size(height, width, params["target_area"])


class RecordedCalls:
    """The fusion model, keeping what went in and came out of each call."""

    def __init__(self, model: FusionForward) -> None:
        self.model = model
        self.calls: list[tuple[Tensor, Tensor, Tensor, Tensor]] = []

    def __call__(self, video: Tensor, audio: Tensor, *rest: Any, **options: Any) -> Any:
        video_velocity, audio_velocity = self.model(video, audio, *rest, **options)
        self.calls.append((video[0], audio[0], video_velocity[0], audio_velocity[0]))
        return video_velocity, audio_velocity

    def by_name(self) -> dict[str, Tensor]:
        """Stacked over steps, under the names that the cases use; positive passes come first."""
        video_in, audio_in, video_out, audio_out = (
            torch.stack(parts) for parts in zip(*self.calls, strict=True)
        )
        return {
            "model_video_in": video_in[::2],
            "model_audio_in": audio_in[::2],
            "pred_video_pos": video_out[::2],
            "pred_video_neg": video_out[1::2],
            "pred_audio_pos": audio_out[::2],
            "pred_audio_neg": audio_out[1::2],
        }


def build_pipeline(case: Case, fusion: Any) -> OviPipeline:
    """A pipeline of the case's models. Text goes in as embeddings, so it has no encoder."""
    models = Models(
        fusion=fusion,
        video_vae=check_video_vae.load_video_vae(case, torch.float32),
        audio_vae=check_audio.load_audio_vae(case, check_audio.audio_vae_config(case)),
        vocoder=check_audio.load_vocoder(case),
        text_encoder=None,
        tokenizer=None,
        device=torch.device("cpu"),
        compute_dtype=torch.float32,
    )
    return OviPipeline(NANO, models, Placement(device="cpu"))
