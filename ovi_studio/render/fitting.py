"""Whether a render fits a machine: what each profile would take, which one `auto` is, what is next.

A choice of profile changes pixels, so it depends on what a machine has, never on what happens to be
free at the moment: the same command means the same clips an hour later.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from ovi.spec.geometry import FrameSize
from ovi.spec.machine import Machine
from ovi.spec.memory import RenderMemory, RenderShape, gpus_per_pass, render_memory
from ovi.spec.model_sizes import sizes_of
from ovi.spec.placement import HostMemory, Offload, Placement
from ovi.spec.profiles import AUTO, MARGIN, PROFILES, fit_to_card, largest_size, profile_named
from ovi.spec.request import Mode, Precision, TransformerPrecision, VaeTiling
from ovi.spec.variants import Variant
from ovi.weights.manifest import components_of
from ovi_studio.errors import UsageError
from ovi_studio.render.choices import Choices
from ovi_studio.render.settings import (
    device_kind,
    placement_for,
    precision_for,
    tiling_for,
)

AUTO_ORDER = ("exact", "24gb", "16gb", "12gb", "8gb", "6gb")
"""What `auto` tries on a GPU: those that keep the pixels of `exact` first. Also the way down when
memory runs out."""

EIGHT_BITS = (TransformerPrecision.FP8, TransformerPrecision.INT8)

AUTO_ORDER_WITHOUT_GPU = ("exact", "cpu")
AUTO_ORDER_ON_MPS = ("exact", "int8", "cpu")

RAM_MARGIN = 0.85
"""Of the RAM, what a render may take: the system and other programs live there too."""

CLEARLY_LESS = 0.9
"""Of what did not fit, what the next try may take."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a render may use. None: not known, or without a meaning there."""

    kind: str
    """`cuda`, `mps` or `cpu`"""
    device: str | None = None
    """the GPU's name"""
    device_bytes: int | None = None
    """of the GPU, in all"""
    free_bytes: int | None = None
    """of these, what no program uses at the moment"""
    ram_bytes: int | None = None

    @property
    def budget_bytes(self) -> int | None:
        """What a plan may take of the GPU."""
        return None if self.device_bytes is None else round(MARGIN * self.device_bytes)


def limits_of(machine: Machine, chosen: Choices) -> Limits:
    """What the chosen device of a machine has."""
    kind = device_kind(chosen)
    ram = machine.ram.total_bytes
    _, _, number = (chosen.device or "auto").partition(":")
    index = int(number) if number else 0
    if kind != "cuda" or index >= len(machine.gpus):
        return Limits(kind, ram_bytes=ram)
    gpu = machine.gpus[index]
    return Limits(kind, gpu.name, gpu.total_bytes, gpu.free_bytes, ram)


@dataclass(frozen=True, slots=True)
class Shortage:
    """Which memory is too small for a render."""

    memory: str
    """`GPU memory` or `RAM`"""
    sentence: str
    """to follow the name of a render, as a clause"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """The settings that profiles decide, resolved: everything but the prompt and the sampling."""

    profile: str | None
    shape: RenderShape
    memory: RenderMemory
    shortage: Shortage | None
    """None: it fits, or nobody knows"""

    @property
    def precision(self) -> Precision:
        """The number formats."""
        return self.shape.precision

    @property
    def vae_tiling(self) -> VaeTiling | None:
        """The tiles of the video decoder."""
        return self.shape.vae_tiling

    @property
    def placement(self) -> Placement:
        """Where and how it runs."""
        return self.shape.placement

    def spread(self, num_gpus: int, limits: Limits) -> "Setup":
        """The same on several GPUs, with `limits` each; weights that one can't hold are shared.

        Several GPUs decode a frame in strips, so tiles are dropped: the clip is, and is known as,
        one without. Raises UsageError for more GPUs than the model has attention heads to share.
        """
        heads = sizes_of(self.shape.variant).transformer.num_heads
        if gpus_per_pass(num_gpus) > heads:
            raise UsageError(
                f"One clip of {self.shape.variant.name} cannot be spread over {num_gpus} GPUs: its "
                f"{heads} attention heads go round among {2 * heads} at most, or {heads} if their "
                "number is odd. Use fewer, or --split rows for a clip on each."
            )
        is_resident = self.placement.offload is Offload.NONE
        is_sharded = num_gpus > 1 and is_resident and self.shortage is not None
        placement = replace(self.placement, num_gpus=num_gpus, is_sharded=is_sharded)
        tiling = self.vae_tiling if num_gpus == 1 else None
        shape = replace(self.shape, placement=placement, vae_tiling=tiling)
        memory = render_memory(shape)
        return replace(
            self, shape=shape, memory=memory, shortage=shortage_of(shape, memory, limits)
        )


def set_up(
    chosen: Choices,
    variant: Variant,
    size: FrameSize,
    mode: Mode,
    limits: Limits,
    ckpt_dir: Path | None = None,
) -> Setup:
    """The settings of a clip under the chosen profile, which is not `auto`.

    Weights that lie in `ckpt_dir` in eight bits already need less RAM.

    Raises RequestError and UsageError for choices that cannot be.
    """
    placement = placement_for(chosen, mode)
    shape = RenderShape(
        variant=variant,
        size=size,
        precision=precision_for(chosen),
        vae_tiling=tiling_for(chosen),
        placement=placement,
        has_first_frame=mode is not Mode.T2V,
        on_cpu=limits.kind == "cpu",
    )
    shape = replace(shape, saved=_saved_models(shape, ckpt_dir))
    if placement.offload is Offload.BLOCKS:
        shape = _with_blocks(shape, chosen, limits)
    memory = render_memory(shape)
    return Setup(
        profile=chosen.profile,
        shape=shape,
        memory=memory,
        shortage=shortage_of(shape, memory, limits),
    )


def _saved_models(shape: RenderShape, ckpt_dir: Path | None) -> frozenset[str]:
    """Models that somebody has saved in the eight bits that they are held in."""
    if ckpt_dir is None:
        return frozenset()
    names = {"fusion": "transformer", "text_encoder": "text_encoder"}
    return frozenset(
        names[part.name]
        for part in components_of(shape.variant, shape.precision)
        if part.name in names and part.saved is not None and (ckpt_dir / part.saved).is_file()
    )


def _with_blocks(shape: RenderShape, chosen: Choices, limits: Limits) -> RenderShape:
    """With as many blocks on the device as fit, and the others where there is room for them."""
    fitted = fit_to_card(shape, profile_named(chosen.profile))
    if chosen.resident_blocks is not None:
        kept = replace(fitted.placement, resident_blocks=chosen.resident_blocks)
        fitted = replace(fitted, placement=kept)
    shape = fitted
    if chosen.host_memory is None and limits.ram_bytes is not None:
        is_short = render_memory(shape).ram_bytes > RAM_MARGIN * limits.ram_bytes
        host_memory = HostMemory.MAPPED if is_short else HostMemory.PINNED
        shape = replace(shape, placement=replace(shape.placement, host_memory=host_memory))
    return shape


def shortage_of(shape: RenderShape, memory: RenderMemory, limits: Limits) -> Shortage | None:
    """Which memory is too small for a render. None: none of what is known."""
    needed, budget = memory.device_bytes, limits.budget_bytes
    if limits.kind == "cuda" and budget is not None and needed > budget:
        assert limits.device_bytes is not None
        return Shortage(
            "GPU memory",
            f"it takes {gigabytes(needed)} of GPU memory, most of it in the stage "
            f"{memory.fullest_stage}, and {limits.device} has {gigabytes(limits.device_bytes)}",
        )
    in_ram = memory.ram_bytes
    if limits.kind == "mps":  # the GPU has no memory of its own
        in_ram += memory.tensor_bytes
    if limits.ram_bytes is not None and in_ram > RAM_MARGIN * limits.ram_bytes:
        remedy = ""
        transformer = shape.precision.transformer
        if transformer in EIGHT_BITS and not shape.variant.is_embedded and not shape.saved:
            command = f"ovi weights quantize {shape.variant.name} --to {transformer}"
            remedy = f", unless `{command}` saves the weights first"
        return Shortage(
            "RAM",
            f"it takes {gigabytes(in_ram)} of RAM, and the machine has "
            f"{gigabytes(limits.ram_bytes)} ({RAM_MARGIN:.0%} of it can be counted on){remedy}",
        )
    return None


def setups_of_profiles(
    chosen: Choices,
    variant: Variant,
    size: FrameSize,
    mode: Mode,
    limits: Limits,
    ckpt_dir: Path | None = None,
) -> Iterator[Setup]:
    """The settings under every profile, whatever else was chosen being kept."""
    for name in PROFILES:
        under = replace(chosen, profile=name)
        yield set_up(under, variant, size, mode, limits_under(name, limits), ckpt_dir)


def limits_under(profile: str, limits: Limits) -> Limits:
    """The limits where a profile runs: `cpu` leaves the GPU alone."""
    return replace(limits, kind="cpu") if profile_named(profile).device == "cpu" else limits


def resolve_auto(
    chosen: Choices, variant: Variant, limits: Limits, ckpt_dir: Path | None = None
) -> str:
    """The profile that `auto` stands for: the first that fits, whatever the size and the mode.

    Raises UsageError where none does.
    """
    size = largest_size(variant)
    order = {"cuda": AUTO_ORDER, "mps": AUTO_ORDER_ON_MPS}.get(limits.kind, AUTO_ORDER_WITHOUT_GPU)
    last: Shortage | None = None
    for name in order:
        under = replace(chosen, profile=name)
        setup = set_up(under, variant, size, Mode.T2V, limits_under(name, limits), ckpt_dir)
        if setup.shortage is None:
            return name
        last = setup.shortage
    assert last is not None
    raise UsageError(
        f"No profile makes {variant.name} fit: with {order[-1]}, {last.sentence}. `ovi plan` shows "
        "all of them; choose a smaller variant, or name a profile to try it all the same."
    )


def next_down(
    current: Setup, chosen: Choices, mode: Mode, limits: Limits, ckpt_dir: Path | None = None
) -> Setup | None:
    """What to try when a render ran out of memory; None when no profile takes clearly less."""
    shape = current.shape
    names: tuple[str, ...] = AUTO_ORDER
    if current.profile in names:
        names = names[names.index(current.profile) + 1 :]
    smaller: list[Setup] = []
    for name in names:
        under = replace(chosen, profile=name)
        setup = set_up(under, shape.variant, shape.size, mode, limits, ckpt_dir)
        if setup.memory.tensor_bytes <= CLEARLY_LESS * current.memory.tensor_bytes:
            smaller.append(setup)
    fitting = [setup for setup in smaller if setup.shortage is None]
    return next(iter(fitting or smaller[-1:]), None)


def changes_pixels(setup: Setup, exact: Setup) -> bool:
    """Whether clips differ from `exact` by more than rounding: tiles and placement do not."""
    return setup.precision != exact.precision


def gigabytes(size: int) -> str:
    """Bytes for people: 10^9 each, as cards are sold."""
    return f"{size / 1e9:.1f} GB"


def is_auto(chosen: Choices) -> bool:
    """Whether the profile is to be found out."""
    return chosen.profile == AUTO
