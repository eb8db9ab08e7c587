"""Times and peak memory of work on a device."""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import torch

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
) -> tuple[Measurement, T]:
    """Runs `work` warm_up + repeats times: the median of the latter, and the last result."""
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
    peak = torch.cuda.max_memory_allocated(device) if device.type == "cuda" else None
    return Measurement(name, statistics.median(times), repeats, peak), result
