"""What a render would take under every profile: what `ovi plan` does, for every screen."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ovi.spec.machine import Gpu, Machine, Ram, read_machine
from ovi.spec.memory import RenderMemory
from ovi.spec.profiles import PROFILES
from ovi.spec.rates import Rates, rates_for
from ovi.spec.seconds import render_seconds
from ovi.weights.hashes import cache_file
from ovi_studio.actions.outlook import Outlook, outlook_of
from ovi_studio.actions.rendering import RenderOrder, plan_render
from ovi_studio.errors import UsageError
from ovi_studio.render.choices import Choices
from ovi_studio.render.fitting import (
    Limits,
    Setup,
    Shortage,
    changes_pixels,
    limits_of,
    limits_under,
    resolve_auto,
    setups_of_profiles,
)
from ovi_studio.render.planned import PlannedClip, RenderPlan

ANY_PROMPT = "A prompt."
"""Stands for what will be written: memory and time do not depend on it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherMachine:
    """A machine that is planned for instead of this one; 1 GB is 10^9 bytes. None: as here."""

    vram_gb: float | None = None
    ram_gb: float | None = None
    gpu: str | None = None
    """a name, which decides the seconds"""


HERE = OtherMachine()
"""This machine."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfileForecast:
    """What the clips of a plan take under one profile."""

    profile: str
    shortage: Shortage | None
    """None: it fits, or nobody knows"""
    memory: RenderMemory
    """of the clip that takes most"""
    resident_blocks: int | None
    """blocks that stay on the GPU; None: nothing passes through"""
    seconds: float | None
    """for all clips together, once the models are loaded; None: not known"""
    changes_pixels: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """What a render would take."""

    plan: RenderPlan
    limits: Limits
    profiles: tuple[ProfileForecast, ...]
    auto: str | None
    """what `auto` stands for here; None: nothing fits, see `auto_reason`"""
    auto_reason: str
    as_planned: Outlook
    """what the clips take with the profile that was named, or with none"""
    rates: Rates | None
    """None: nothing is known about the speed of this device"""


def forecast(
    order: RenderOrder,
    working_folder: Path,
    other: OtherMachine = HERE,
    *,
    on_weight_bytes: Callable[[int, int], None] | None = None,
) -> Forecast:
    """What the clips of an order would take; of one clip where no source is named.

    Nothing is loaded; `on_weight_bytes` is told of weight files being read
    for their identity. Raises UsageError and RequestError for an order that cannot be carried out.
    """
    machine, said = _machine_for(other, order.said)
    if not order.sources and order.config is None:
        order = replace(order, sources=(ANY_PROMPT,))
    plan = plan_render(
        replace(order, said=said),
        working_folder,
        needs_weights=False,
        on_weight_bytes=on_weight_bytes,
        machine=machine,
    )
    first = plan.clips[0]
    limits = limits_of(machine, first.choices)
    rates = rates_for(limits.device or limits.kind, rates_file())
    auto, reason = _auto(plan, limits)
    return Forecast(
        plan=plan,
        limits=limits,
        profiles=_forecast_profiles(plan.clips, limits, rates),
        auto=auto,
        auto_reason=reason,
        as_planned=outlook_of(plan, rates_file(), machine),
        rates=rates,
    )


def rates_file() -> Path:
    """Where `ovi bench` keeps the rates of this machine."""
    return cache_file().with_name("rates.json")


def _machine_for(other: OtherMachine, said: Choices) -> tuple[Machine, Choices]:
    """The machine to plan for, and the choices with what it has."""
    for name, value in (("--vram", other.vram_gb), ("--ram", other.ram_gb)):
        if value is not None and not 0 < value < 1e6:
            raise UsageError(f"{name} {value:g} is no size of memory: give GB, such as {name} 16.")
    here = read_machine()
    ram, gpus = here.ram, here.gpus
    if other.ram_gb is not None:
        ram = Ram(round(other.ram_gb * 1e9), None)
    if other.vram_gb is not None or other.gpu is not None:
        said = replace(said, accelerator="cuda")
        size = gpus[0].total_bytes if gpus else 0
        if other.vram_gb is not None:
            size = round(other.vram_gb * 1e9)
        if not size:
            raise UsageError("--gpu names a GPU that is not here: say its memory too, --vram GB.")
        name = other.gpu or f"a GPU with {other.vram_gb:g} GB"
        gpus = tuple(Gpu(index, name, size, 0) for index in range(said.gpus or 1))
    return Machine(gpus, ram), said


def _auto(plan: RenderPlan, limits: Limits) -> tuple[str | None, str]:
    """What `auto` stands for, and why."""
    first = plan.clips[0]
    if limits.kind == "cuda" and limits.device_bytes is None:
        return None, "The memory of the GPU is not known: name a profile."
    try:
        name = resolve_auto(
            replace(first.choices, profile=None), first.variant, limits, first.ckpt_dir
        )
    except UsageError as error:
        return None, str(error)
    return name, "the first that fits, of those that keep the pixels of exact first"


def _forecast_profiles(
    clips: Sequence[PlannedClip], limits: Limits, rates: Rates | None
) -> tuple[ProfileForecast, ...]:
    kinds = Counter(_kind_of(clip) for clip in clips)
    examples = {_kind_of(clip): clip for clip in clips}
    found: dict[str, list[tuple[Setup, Setup, PlannedClip, int]]] = {name: [] for name in PROFILES}
    for kind, count in kinds.items():
        clip = examples[kind]
        setups = list(
            setups_of_profiles(
                clip.choices,
                clip.variant,
                clip.request.size,
                clip.request.mode,
                limits,
                clip.ckpt_dir,
            )
        )
        if clip.gpus is not None:
            number = clip.placement.num_gpus
            setups = [
                setup.spread(number, limits_under(name, limits))
                for name, setup in zip(PROFILES, setups, strict=True)
            ]
        for name, setup in zip(PROFILES, setups, strict=True):
            found[name].append((setup, setups[0], clip, count))
    return tuple(_profile_forecast(name, entries, rates) for name, entries in found.items())


def _profile_forecast(
    name: str, entries: Sequence[tuple[Setup, Setup, PlannedClip, int]], rates: Rates | None
) -> ProfileForecast:
    largest = max(entries, key=lambda entry: entry[0].memory.device_bytes)[0]
    short = next((setup.shortage for setup, *_ in entries if setup.shortage is not None), None)
    if largest.shape.on_cpu:
        rates = rates_for("cpu", rates_file())
    seconds = None
    if rates is not None:
        gpus, per_clip = entries[0][2].gpus or 1, entries[0][2].placement.num_gpus
        at_a_time = min(gpus // per_clip, sum(count for *_, count in entries))
        seconds = sum(
            count
            * render_seconds(setup.shape, clip.request.sampling, clip.request.guidance, rates).total
            for setup, _, clip, count in entries
        ) / max(1, at_a_time)
    placement = largest.placement
    layers = largest.shape.variant.num_layers
    is_streamed = placement.offload == "blocks"
    return ProfileForecast(
        profile=name,
        shortage=short,
        memory=largest.memory,
        resident_blocks=min(placement.resident_blocks, layers) if is_streamed else None,
        seconds=seconds,
        changes_pixels=any(changes_pixels(setup, exact) for setup, exact, *_ in entries),
    )


def _kind_of(clip: PlannedClip) -> tuple[object, ...]:
    """What memory and time of a clip depend on."""
    request = clip.request
    return (
        request.variant,
        request.size,
        request.mode,
        request.sampling.num_steps,
        request.guidance.skip_layer,
        clip.choices,
    )
