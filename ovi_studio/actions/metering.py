"""Reads how busy this machine is: GPUs, processor and memory, for meters on a screen. No torch."""

import ctypes
import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from ovi.spec.machine import Gpu, read_gpus, read_ram

PROCESSOR_TIMES = Path("/proc/stat")
"""Where Linux counts what its processors did since the start."""

SAMPLE_SECONDS = 0.1
"""How long `read_meters` watches the processor."""


@dataclass(frozen=True, slots=True)
class Meters:
    """How busy the machine is at one moment."""

    gpus: tuple[Gpu, ...]
    """those that CUDA_VISIBLE_DEVICES does not hide; none where no NVIDIA driver answers"""
    num_processors: int
    processor_share: float | None
    """of all processors, busy since the last reading, 0 to 1; None where the system does not tell
    """
    ram_total_bytes: int | None
    ram_used_bytes: int | None


@dataclass(frozen=True, slots=True)
class ProcessorTime:
    """What all processors together did since the machine was started, in the system's own unit."""

    busy: int
    total: int


class Metering:
    """Reads the meters again and again; the processor is measured from reading to reading."""

    def __init__(self) -> None:
        self._before = read_processor_time()

    def read(self) -> Meters:
        """How busy the machine is now. Takes some milliseconds: not for an event loop."""
        before, now = self._before, read_processor_time()
        share = None
        if before is not None and now is not None and now.total > before.total:
            self._before = now
            share = max(0.0, min(1.0, (now.busy - before.busy) / (now.total - before.total)))
        ram = read_ram()
        used = None
        if ram.total_bytes is not None and ram.available_bytes is not None:
            used = ram.total_bytes - ram.available_bytes
        return Meters(read_gpus(), os.cpu_count() or 1, share, ram.total_bytes, used)


def read_meters() -> Meters:
    """How busy the machine is, after watching it for a moment."""
    metering = Metering()
    time.sleep(SAMPLE_SECONDS)
    return metering.read()


def read_processor_time() -> ProcessorTime | None:
    """The processors' work so far; None on systems that tell it otherwise."""
    if sys.platform == "win32":
        return _windows_time()
    try:
        text = PROCESSOR_TIMES.read_text(encoding="ascii", errors="replace")
    except OSError:
        return None
    return linux_time(text)


def linux_time(stat: str) -> ProcessorTime | None:
    """From the first line of /proc/stat: user, nice, system, idle, iowait, irq, softirq, steal."""
    words = stat.partition("\n")[0].split()
    if len(words) < 6 or words[0] != "cpu" or not all(word.isdecimal() for word in words[1:]):
        return None
    ticks = [int(word) for word in words[1:9]]  # guests are counted as users already
    return ProcessorTime(sum(ticks) - ticks[3] - ticks[4], sum(ticks))


def _windows_time() -> ProcessorTime | None:
    idle, kernel, user = (ctypes.c_ulonglong() for _ in range(3))
    try:
        answered = ctypes.windll.kernel32.GetSystemTimes(  # type: ignore[attr-defined,unused-ignore]
            ctypes.byref(idle), ctypes.byref(kernel), ctypes.byref(user)
        )
    except (OSError, AttributeError):
        return None
    total = kernel.value + user.value  # what the kernel is said to have taken holds the idle time
    return ProcessorTime(total - idle.value, total) if answered else None
