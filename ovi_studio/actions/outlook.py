"""What the clips of one plan take as they are planned: memory, time, room on the disk."""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ovi.spec.machine import Machine, read_machine
from ovi.spec.memory import RenderMemory
from ovi.spec.rates import Rates, rates_for
from ovi.spec.seconds import render_seconds
from ovi_studio.render.fitting import Limits, Shortage, limits_of
from ovi_studio.render.free_space import clip_bytes
from ovi_studio.render.planned import PlannedClip, RenderPlan


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """What a plan takes. Bytes and seconds are estimates."""

    profiles: tuple[str | None, ...]
    """those that its clips have, each once; None: settings without a profile"""
    limits: Limits
    memory: RenderMemory
    """of the clip that takes most"""
    shortage: Shortage | None
    """of the first clip that does not fit; None: all fit, or nobody knows"""
    seconds: float | None
    """for all clips together, once the models are loaded; None: not known"""
    is_measured: bool
    """the seconds follow from what `ovi bench` measured here"""
    disk_bytes: int
    """that all clips will take"""
    free_disk_bytes: int | None
    """on the disk that has least of those they go to"""

    @property
    def is_on_gpu(self) -> bool:
        """Device memory is that of a GPU."""
        return self.limits.kind != "cpu"


def outlook_of(plan: RenderPlan, rates_file: Path, machine: Machine | None = None) -> Outlook:
    """What the clips of a plan take; `machine` is the one planned for, None: this one."""
    machine = read_machine() if machine is None else machine
    limits = limits_of(machine, plan.clips[0].choices)
    largest = max(plan.clips, key=lambda clip: clip.setup.memory.device_bytes)
    rates = rates_for(limits.device or limits.kind, rates_file)
    short = (clip.setup.shortage for clip in plan.clips if clip.setup.shortage is not None)
    return Outlook(
        profiles=tuple(dict.fromkeys(clip.setup.profile for clip in plan.clips)),
        limits=limits,
        memory=largest.setup.memory,
        shortage=next(short, None),
        seconds=_seconds(plan.clips, rates),
        is_measured=rates is not None and rates.is_measured,
        disk_bytes=sum(clip_bytes(clip.request) for clip in plan.clips),
        free_disk_bytes=_free_bytes({clip.folder for clip in plan.clips}),
    )


def _seconds(clips: Sequence[PlannedClip], rates: Rates | None) -> float | None:
    """How long the clips take, so many of them at a time as the GPUs allow."""
    if rates is None:
        return None
    known: dict[object, float] = {}
    total = 0.0
    for clip in clips:
        request = clip.request
        kind = clip.setup.shape, request.sampling.num_steps, request.guidance.skip_layer
        if kind not in known:
            taken = render_seconds(clip.setup.shape, request.sampling, request.guidance, rates)
            known[kind] = taken.total
        total += known[kind]
    gpus, per_clip = clips[0].gpus or 1, clips[0].placement.num_gpus
    return total / max(1, min(gpus // per_clip, len(clips)))


def _free_bytes(folders: set[Path]) -> int | None:
    found = []
    for folder in folders:
        there = next((place for place in (folder, *folder.parents) if place.is_dir()), None)
        try:
            if there is not None:
                found.append(shutil.disk_usage(there).free)
        except OSError:
            continue
    return min(found, default=None)
