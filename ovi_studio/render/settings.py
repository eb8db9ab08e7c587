"""What choices mean for a variant: sampling, guidance, number formats and placement.

What nobody chose is filled in here: from the profile, and beyond that the published values, but for
`nano`, which takes fewer steps. The profile `auto` has to be resolved before (`render/fitting.py`).
"""

from typing import TypeVar

from ovi.spec.accelerator import detect_accelerator
from ovi.spec.placement import HostMemory, Offload, Placement
from ovi.spec.profiles import AUTO, Profile, precision_of, profile_named
from ovi.spec.request import (
    Caching,
    Guidance,
    Mode,
    NoiseSource,
    Precision,
    Sampling,
    VaeTiling,
    default_sampling,
)
from ovi.spec.variants import Variant
from ovi_studio.errors import UsageError
from ovi_studio.render.choices import MAX_SEEDS, Choices

_Value = TypeVar("_Value")

MAX_REPEATS = MAX_SEEDS

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
        caching=caching_for(chosen),
    )


def caching_for(chosen: Choices) -> Caching | None:
    """The model passes to leave out, if any. Raises RequestError for values that cannot be."""
    starts_after, every = _either(chosen.guidance_cache, (1.0, 1))
    caching = Caching(starts_after, every, _either(chosen.step_cache, 0.0))
    leaves_out = starts_after < 1 and every > 1
    return caching if leaves_out or caching.step_threshold > 0 else None


def repeats_for(chosen: Choices) -> int:
    """How many clips a prompt becomes, with this seed and the next ones. Raises UsageError."""
    repeats = _either(chosen.repeats, 1)
    if repeats < 1:
        raise UsageError(f"{repeats} repeats make no clip: use 1 or more.")
    if repeats > MAX_REPEATS:
        raise UsageError(f"{repeats} repeats of one prompt are too many: {MAX_REPEATS} at most.")
    return repeats


def seeds_for(chosen: Choices, variant: Variant) -> tuple[int, ...]:
    """The seeds of a prompt's clips. Raises UsageError."""
    if chosen.seeds is not None:
        return chosen.seeds
    first = _either(chosen.seed, default_sampling(variant.name).seed)
    return tuple(range(first, first + repeats_for(chosen)))


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


def profile_for(chosen: Choices) -> Profile:
    """The profile that was chosen, or the one that changes nothing. Raises RequestError.

    `auto` changes nothing until it is resolved.
    """
    return profile_named(None if chosen.profile == AUTO else chosen.profile)


def precision_for(chosen: Choices) -> Precision:
    """The number formats: bfloat16 on an accelerator and float32 elsewhere, if not chosen.

    Raises RequestError for a format that a model does not run in.
    """
    return precision_of(
        profile_for(chosen),
        on_cpu=device_kind(chosen) == "cpu",
        transformer=chosen.precision,
        text_encoder=chosen.text_precision,
        video_vae=chosen.vae_precision,
    )


def tiling_for(chosen: Choices) -> VaeTiling | None:
    """The tiles in which pictures are decoded. Raises RequestError for a side that cannot be."""
    if chosen.tile_side is None:
        return profile_for(chosen).vae_tiling
    return VaeTiling(side=chosen.tile_side) if chosen.tile_side else None


def placement_for(chosen: Choices, mode: Mode) -> Placement:
    """Where it runs. A first frame that is drawn needs the memory of the other models.

    How many blocks stay on the device, and how many tokens are worked on at a time, depends on the
    variant: `render/fitting.py`.
    Raises RequestError for an unknown device or attention backend.
    """
    default, profile = Placement(), profile_for(chosen)
    if chosen.device is not None and chosen.device.partition(":")[0] == "cuda":
        _check_cuda(chosen.device, chosen.accelerator or detect_accelerator())
    attention = _either(chosen.attention, default.attention)
    if attention in GPU_ATTENTION and device_kind(chosen) != "cuda":
        raise UsageError(
            f"Attention {attention} needs an NVIDIA GPU, and this render is on "
            f"{device_kind(chosen)}: use auto, sdpa or math."
        )
    offload = _offload_for(chosen, profile, mode)
    return Placement(
        device=_either(chosen.device, profile.device or default.device),
        offload=offload,
        attention=attention,
        resident_blocks=_either(chosen.resident_blocks, default.resident_blocks),
        host_memory=chosen.host_memory or HostMemory.PINNED,
    )


def _offload_for(chosen: Choices, profile: Profile, mode: Mode) -> Offload:
    if chosen.offload is not None:
        return chosen.offload
    offload = profile.offload or Offload.NONE
    return Offload.MODEL if mode is Mode.T2I2V and offload is Offload.NONE else offload


def _check_cuda(device: str, accelerator: str) -> None:
    if accelerator != "cuda":
        raise UsageError(
            f"Device {device} needs an NVIDIA GPU and a CUDA build of torch, and this machine or "
            "this installation lacks one of them: use --device cpu, or install torch anew."
        )


def noise_for(chosen: Choices) -> NoiseSource:
    """Where the noise is drawn. Raises UsageError for GPU noise without a GPU."""
    noise = chosen.noise or NoiseSource.CPU
    if noise is NoiseSource.CUDA and device_kind(chosen) != "cuda":
        raise UsageError("--noise cuda needs an NVIDIA GPU to draw on; use --noise cpu.")
    return noise


def device_kind(chosen: Choices) -> str:
    """`cuda`, `mps` or `cpu`."""
    device = _either(chosen.device, profile_for(chosen).device or "auto")
    if device != "auto":
        return device.partition(":")[0]
    return chosen.accelerator or detect_accelerator()


def _either(said: _Value | None, default: _Value) -> _Value:
    return default if said is None else said
