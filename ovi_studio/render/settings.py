"""What choices mean for a variant: sampling, guidance, number formats and placement.

What nobody chose is filled in here: the published values, but for `nano`, which takes fewer steps.
"""

from typing import TypeVar

from ovi.spec.accelerator import detect_accelerator
from ovi.spec.placement import Offload, Placement
from ovi.spec.request import (
    Guidance,
    Mode,
    NoiseSource,
    Precision,
    Sampling,
    TransformerPrecision,
    default_sampling,
)
from ovi.spec.variants import Variant
from ovi_studio.errors import UsageError
from ovi_studio.render.choices import Choices

_Value = TypeVar("_Value")

MAX_REPEATS = 10_000
"""Clips of one prompt in one command; a year of rendering is rather a typing mistake."""

GPU_ATTENTION = ("flash3", "flash2", "cudnn", "flash")
"""Attention backends that exist on NVIDIA GPUs only."""


def mode_for(chosen: Choices) -> Mode:
    """What the clip starts from: as chosen, else a first frame where there is one."""
    return chosen.mode or (Mode.T2V if chosen.image is None else Mode.I2V)


def sampling_for(chosen: Choices, variant: Variant) -> Sampling:
    """The sampling of the first repeat. Raises RequestError for values that cannot be."""
    default = default_sampling(variant.name)
    return Sampling(
        seed=_either(chosen.seed, default.seed),
        num_steps=_either(chosen.num_steps, default.num_steps),
        shift=_either(chosen.shift, default.shift),
        solver=_either(chosen.solver, default.solver),
    )


def repeats_for(chosen: Choices) -> int:
    """How many clips a prompt becomes, with this seed and the next ones. Raises UsageError."""
    repeats = _either(chosen.repeats, 1)
    if repeats < 1:
        raise UsageError(f"{repeats} repeats make no clip: use 1 or more.")
    if repeats > MAX_REPEATS:
        raise UsageError(f"{repeats} repeats of one prompt are too many: {MAX_REPEATS} at most.")
    return repeats


def guidance_for(chosen: Choices, variant: Variant) -> Guidance:
    """The guidance. Raises RequestError for values that cannot be."""
    default = Guidance()
    skip_layer = default.skip_layer
    if chosen.slg_layer is not None:
        skip_layer = chosen.slg_layer if chosen.slg_layer > 0 else None
    elif skip_layer is not None and skip_layer >= variant.num_layers:
        skip_layer = None  # the published default was chosen for 30 layers
    return Guidance(
        video_scale=_either(chosen.video_guidance, default.video_scale),
        audio_scale=_either(chosen.audio_guidance, default.audio_scale),
        video_negative=_either(chosen.video_negative, default.video_negative),
        audio_negative=_either(chosen.audio_negative, default.audio_negative),
        skip_layer=skip_layer,
    )


def idle_skip_layer(guidance: Guidance, variant: Variant) -> str | None:
    """A sentence if a layer is to be skipped that the variant does not have."""
    layer = guidance.skip_layer
    if layer is None or layer < variant.num_layers:
        return None
    return (
        f"SLG layer {layer} skips nothing: {variant.name} has the layers 0 to "
        f"{variant.num_layers - 1}."
    )


def precision_for(chosen: Choices) -> Precision:
    """The number formats: bfloat16 on an accelerator and float32 elsewhere, if not chosen.

    Raises RequestError for a format that a model does not run in.
    """
    bf16, fp32 = TransformerPrecision.BF16, TransformerPrecision.FP32
    transformer = chosen.precision or (fp32 if _device_kind(chosen) == "cpu" else bf16)
    return Precision(
        transformer=transformer,
        text_encoder=fp32 if transformer is fp32 else bf16,
        video_vae=chosen.vae_precision or Precision().video_vae,
    )


def placement_for(chosen: Choices, mode: Mode) -> Placement:
    """Where it runs. A first frame that is drawn needs the memory of the other models.

    Raises RequestError for an unknown device or attention backend.
    """
    default = Placement()
    if chosen.device is not None and chosen.device.partition(":")[0] == "cuda":
        _check_cuda(chosen.device)
    attention = _either(chosen.attention, default.attention)
    if attention in GPU_ATTENTION and _device_kind(chosen) != "cuda":
        raise UsageError(
            f"Attention {attention} needs an NVIDIA GPU, and this render is on "
            f"{_device_kind(chosen)}: use auto, sdpa or math."
        )
    return Placement(
        device=_either(chosen.device, default.device),
        offload=chosen.offload or (Offload.MODEL if mode is Mode.T2I2V else default.offload),
        attention=attention,
    )


def _check_cuda(device: str) -> None:
    if detect_accelerator() != "cuda":
        raise UsageError(
            f"Device {device} needs an NVIDIA GPU and a CUDA build of torch, and this machine or "
            "this installation lacks one of them: use --device cpu, or install torch anew."
        )


def noise_for(chosen: Choices) -> NoiseSource:
    """Where the noise is drawn. Raises UsageError for GPU noise without a GPU."""
    noise = chosen.noise or NoiseSource.CPU
    if noise is NoiseSource.CUDA and _device_kind(chosen) != "cuda":
        raise UsageError("--noise cuda needs an NVIDIA GPU to draw on; use --noise cpu.")
    return noise


def _device_kind(chosen: Choices) -> str:
    """`cuda`, `mps` or `cpu`."""
    device = _either(chosen.device, "auto")
    return detect_accelerator() if device == "auto" else device.partition(":")[0]


def _either(said: _Value | None, default: _Value) -> _Value:
    return default if said is None else said
