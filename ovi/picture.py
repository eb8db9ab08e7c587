"""Draws a first frame from a prompt, with FLUX.1-Krea through diffusers (mode t2i2v).

diffusers and transformers are an optional extra: they are imported when a picture is drawn.
"""

import gc
import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ovi.errors import PlacementError, WeightsError
from ovi.spec.request import PictureRequest

MISSING_EXTRA = (
    "Mode t2i2v draws its first frame with diffusers, which is not installed: "
    'pip install "ovi-studio[image]".'
)


def is_available() -> bool:
    """Whether the packages that draw a picture are installed. Imports none of them."""
    return all(importlib.util.find_spec(name) for name in ("diffusers", "transformers"))


def draw_picture(
    request: PictureRequest,
    source: str,
    device: torch.device,
    on_step: Callable[[int, int], None] = lambda _step, _num_steps: None,
) -> np.ndarray:
    """A picture uint8 (H, W, 3) for the prompt.

    `source` is a folder in diffusers' layout or a repository name of the Hugging Face hub, whose
    cache and token settings apply. The noise comes from a CPU generator with the request's seed, so
    a picture does not depend on the GPU's random numbers. The text encoders have had their turn
    and are let go before the rest comes to the device, and that before this returns: the fusion
    transformer needs its memory. Raises PlacementError without diffusers, WeightsError when the
    model cannot be had, and whatever `on_step` raises.
    """
    if not is_available():
        raise PlacementError(MISSING_EXTRA)
    pipeline = _load(source, device)
    num_steps = request.num_steps

    def report(_: Any, step: int, __: Any, tensors: dict[str, Any]) -> dict[str, Any]:
        on_step(step + 1, num_steps)
        return tensors

    try:
        with torch.inference_mode():
            text, pooled_text = _encode_prompt(pipeline, request.prompt, device)
            pipeline.to(device)
            picture = pipeline(
                prompt_embeds=text,
                pooled_prompt_embeds=pooled_text,
                height=request.size.height,
                width=request.size.width,
                guidance_scale=request.guidance_scale,
                num_inference_steps=num_steps,
                generator=torch.Generator("cpu").manual_seed(request.seed),
                output_type="np",
                callback_on_step_end=report,
            ).images[0]
    finally:
        del pipeline
        gc.collect()  # the image transformer refers to itself, so it does not go on its own
        if device.type == "cuda":
            torch.cuda.empty_cache()
    return (np.asarray(picture) * 255).round().clip(0, 255).astype(np.uint8)


def _encode_prompt(pipeline: Any, prompt: str, device: torch.device) -> tuple[Tensor, Tensor]:
    """What both text encoders make of the prompt, on the device; the pipeline loses them then.

    diffusers can move models in turns by itself, but only with another package (accelerate).
    """
    for encoder in (pipeline.text_encoder, pipeline.text_encoder_2):
        encoder.to(device)
    text, pooled_text, _ = pipeline.encode_prompt(prompt, None, device=device)
    pipeline.text_encoder = pipeline.text_encoder_2 = None
    return text, pooled_text


def _load(source: str, device: torch.device) -> Any:
    """The image pipeline, on the CPU."""
    from diffusers import FluxPipeline
    from diffusers.utils import logging
    from safetensors import SafetensorError

    logging.disable_progress_bar()
    dtype = torch.bfloat16 if device.type == "cuda" else torch.float32
    try:
        pipeline = FluxPipeline.from_pretrained(source, torch_dtype=dtype, use_safetensors=True)
    except (OSError, ValueError, SafetensorError) as error:
        raise WeightsError(
            f"The image model {source} cannot be loaded: {error}\n{_remedy(source)}"
        ) from error
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def _remedy(source: str) -> str:
    if Path(source).is_absolute():
        return (
            "Download it again, or name another folder in diffusers' layout with --picture-model."
        )
    return (
        "FLUX.1-Krea-dev is gated (non-commercial licence): accept its terms on the Hugging Face "
        "hub and log in there, or name a local folder with --picture-model."
    )
