"""How the clips of a command share its GPUs: a clip on each, or several GPUs for one clip."""

import os
from dataclasses import dataclass

from ovi.spec.machine import Machine
from ovi_studio.errors import UsageError
from ovi_studio.render.choices import Choices
from ovi_studio.render.settings import device_kind

MAX_WORKERS = 16
"""On a CPU with fewer cores, so many workers may still share them."""


@dataclass(frozen=True, slots=True)
class GpuUse:
    """The GPUs of a command."""

    gpus: int | None
    """None: nobody said"""
    per_clip: int = 1


def share_gpus(chosen: Choices, num_clips: int, machine: Machine) -> GpuUse:
    """How many GPUs there are, and how many of them each clip gets.

    On a CPU a GPU is a process. Raises UsageError for a division that cannot be.
    """
    gpus, per_clip = chosen.gpus, chosen.gpus_per_clip
    if gpus is None:
        if per_clip not in (None, 1):
            raise UsageError("--split says how GPUs are shared: give their number with --gpus N.")
        return GpuUse(None)
    if gpus < 1:
        raise UsageError(f"{gpus} GPUs cannot render: use --gpus 1 or more.")
    device = chosen.device or "auto"
    if ":" in device:
        raise UsageError(
            f"--gpus {gpus} takes the first {gpus} GPUs and --device {device} names one: leave out "
            "one of them, or choose GPUs with CUDA_VISIBLE_DEVICES."
        )
    kind = device_kind(chosen)
    if kind == "mps" and gpus > 1:
        raise UsageError("This machine has one GPU (mps): leave out --gpus.")
    most = max(MAX_WORKERS, os.cpu_count() or 1)
    if kind == "cpu" and gpus > most:
        raise UsageError(
            f"--gpus {gpus} would start {gpus} workers on the processor of this machine: use "
            f"--gpus {most} or less."
        )
    if kind == "cuda" and machine.gpus and gpus > len(machine.gpus):
        raise UsageError(
            f"--gpus {gpus} asks for more than this machine has: {len(machine.gpus)} "
            f"({', '.join(gpu.name for gpu in machine.gpus)})."
        )
    if per_clip is None:
        per_clip = gpus if num_clips == 1 else 1
    per_clip = per_clip or gpus
    if gpus % per_clip:
        raise UsageError(
            f"{gpus} GPUs cannot be shared out {per_clip} for each clip: use a divisor of {gpus}."
        )
    return GpuUse(gpus, per_clip)
