"""Times and peak memory of work on a device."""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import torch

from ovi.spec.machine import read_gpus

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Measurement:
    """One piece of work, measured."""

    name: str
    seconds: float
    """Median over the repeats."""
    repeats: int
    peak_memory_bytes: int | None
    """Most memory that tensors took on the GPU meanwhile, models included; None elsewhere."""
    peak_device_bytes: int | None = None
    """Most memory that this process took of the GPU, as nvidia-smi shows it; None elsewhere."""


def synchronize(device: torch.device) -> None:
    """Waits until the device has done all it was given."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()


def measure(
    name: str,
    work: Callable[[], T],
    device: torch.device,
    *,
    repeats: int = 1,
    warm_up: int = 0,
    used_before: int | None = None,
) -> tuple[Measurement, T]:
    """Runs `work` warm_up + repeats times: the median of the latter, and the last result.

    `used_before` is what `used_bytes` said before this process used the GPU.
    """
    synchronize(device)  # also wakes a GPU that nothing has used yet
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    for _ in range(warm_up):
        work()
    times = []
    for _ in range(repeats):
        synchronize(device)
        start = time.perf_counter()
        result = work()
        synchronize(device)
        times.append(time.perf_counter() - start)
    tensors, process = None, None
    if device.type == "cuda":
        tensors = torch.cuda.max_memory_allocated(device)
        process = _peak_of_process(device, used_before)
    return Measurement(name, statistics.median(times), repeats, tensors, process), result


def used_bytes(device: torch.device) -> int | None:
    """What all processes use of a GPU by the driver's account; None where it does not say."""
    index = device.index or 0
    gpus = read_gpus() if device.type == "cuda" else ()
    return gpus[index].used_bytes if index < len(gpus) else None


def _peak_of_process(device: torch.device, used_before: int | None) -> int | None:
    """The most that torch held, and what CUDA and its libraries hold beside it by now."""
    now = used_bytes(device)
    if now is None or used_before is None:
        return None
    beside = now - used_before - torch.cuda.memory_reserved(device)
    return torch.cuda.max_memory_reserved(device) + beside
