"""Lanes: which devices a worker has to itself, and how the GPUs of a run become lanes.

Two workers whose lanes share a device are never alive on one queue at the same time, however many
commands follow it. On a CPU a lane is only a number.
"""

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ovi_studio.render.job import RenderTask

VISIBLE_DEVICES = "CUDA_VISIBLE_DEVICES"
"""The variable by which the driver shows a process only some GPUs, and in which order."""


@dataclass(frozen=True, slots=True)
class Lane:
    """What one worker has to itself."""

    devices: tuple[str, ...] = ("0",)
    """GPUs as the driver numbers or names them"""
    is_pinned: bool = False
    """the worker sees no other GPU; if not, each clip goes where its placement says"""
    widest: int | None = None
    """GPUs that one clip may have, where that is not the number of devices"""

    @property
    def num_devices(self) -> int:
        """How many GPUs one clip may have here."""
        return len(self.devices) if self.widest is None else self.widest

    def environment(self) -> dict[str, str]:
        """What a worker's environment has besides, so that it keeps to its lane."""
        return {VISIBLE_DEVICES: ",".join(self.devices)} if self.is_pinned else {}


CLUSTER_LANE = Lane(("cluster",), widest=1024)
"""One process at a time has a queue's jobs rendered on a cluster, whose nodes say what fits."""


def lanes_for(
    tasks: Iterable[RenderTask],
    gpus: int | None = None,
    environment: Mapping[str, str] = os.environ,
) -> tuple[Lane, ...]:
    """The lanes that tasks are rendered in: one where nobody said how many GPUs, else a group each.

    A lane is as wide as the widest clip. `gpus` wins over what the tasks say.
    """
    tasks = list(tasks)
    width = max((task.placement.num_gpus for task in tasks), default=1)
    said = gpus or max((task.gpus or 0 for task in tasks), default=0)
    number = max(1, said // width)
    names = _device_names(width * number, environment)
    groups = [names[start : start + width] for start in range(0, len(names), width)]
    return tuple(Lane(tuple(group), is_pinned=said > 0) for group in groups)


def _device_names(number: int, environment: Mapping[str, str]) -> Sequence[str]:
    """That many devices: those that our own environment shows, else the first ones."""
    visible = [name.strip() for name in environment.get(VISIBLE_DEVICES, "").split(",")]
    if len(visible) >= number and all(visible):
        return visible[:number]
    return [str(index) for index in range(number)]
