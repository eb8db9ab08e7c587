"""The memory of this machine: its NVIDIA GPUs and its RAM, found without torch.

What cannot be found out is None, never a guess. The NVIDIA driver is asked through its own library
(NVML), which nvidia-smi reads too.
"""

import ctypes
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

NVML_NAMES = ("libnvidia-ml.so.1", "nvml.dll", "libnvidia-ml.so")
"""The driver's library on Linux and on Windows."""

NAME_BYTES = 96


@dataclass(frozen=True, slots=True)
class Gpu:
    """One NVIDIA GPU."""

    index: int
    """as torch counts, when CUDA_VISIBLE_DEVICES chooses by number"""
    name: str
    total_bytes: int
    used_bytes: int
    """by all processes together, as nvidia-smi shows it"""
    utilisation: float | None = None
    """share of the last moment in which it computed, 0 to 1; None where that is not told"""

    @property
    def free_bytes(self) -> int:
        """What a new process could take."""
        return self.total_bytes - self.used_bytes


@dataclass(frozen=True, slots=True)
class Ram:
    """Main memory."""

    total_bytes: int | None
    available_bytes: int | None
    """what programs could take without swapping"""


@dataclass(frozen=True, slots=True)
class Machine:
    """What a render can use here, or what another machine is said to have."""

    gpus: tuple[Gpu, ...]
    ram: Ram


UNKNOWN_MACHINE = Machine((), Ram(None, None))
"""A machine that cannot be asked."""


def read_machine() -> Machine:
    """This machine, as it is now."""
    return Machine(read_gpus(), read_ram())


def read_gpus(environ: Mapping[str, str] = os.environ) -> tuple[Gpu, ...]:
    """The GPUs that CUDA_VISIBLE_DEVICES does not hide. Empty where no NVIDIA driver answers."""
    try:
        with _driver() as nvml:
            count = ctypes.c_uint()
            _check(nvml.nvmlDeviceGetCount_v2(ctypes.byref(count)))
            gpus = [_read_gpu(nvml, index) for index in range(count.value)]
    except (OSError, AttributeError):
        return ()
    return visible_gpus(gpus, environ.get("CUDA_VISIBLE_DEVICES"))


def visible_gpus(gpus: list[Gpu], visible: str | None) -> tuple[Gpu, ...]:
    """Those named by a list of numbers, renumbered in its order; a number that is none ends it.

    GPUs named otherwise than by numbers are all taken to be visible, so far as their number goes.
    """
    if visible is None:
        return tuple(gpus)
    names = [name.strip() for name in visible.split(",") if name.strip()]
    if not all(name.lstrip("-").isdecimal() for name in names):
        return tuple(gpus[: len(names)])
    chosen = []
    for name in names:
        if not 0 <= int(name) < len(gpus):
            break
        chosen.append(gpus[int(name)])
    return tuple(replace(gpu, index=index) for index, gpu in enumerate(chosen))


class _Memory(ctypes.Structure):
    _fields_ = (
        ("total", ctypes.c_ulonglong),
        ("free", ctypes.c_ulonglong),
        ("used", ctypes.c_ulonglong),
    )


class _Utilisation(ctypes.Structure):
    """Percent of the time in which something computed, and in which memory was read or written."""

    _fields_ = (("gpu", ctypes.c_uint), ("memory", ctypes.c_uint))


@contextmanager
def _driver() -> Iterator[ctypes.CDLL]:
    """NVML, ready for questions. Raises OSError where there is none."""
    nvml = _load_nvml()
    _check(nvml.nvmlInit_v2())
    try:
        yield nvml
    finally:
        nvml.nvmlShutdown()


def _load_nvml() -> ctypes.CDLL:
    for name in NVML_NAMES:
        try:
            return ctypes.CDLL(name)
        except OSError:
            continue
    raise OSError("no NVIDIA driver is installed")


def _check(status: int) -> None:
    if status != 0:
        raise OSError(f"the NVIDIA driver answers with error {status}")


def _read_gpu(nvml: ctypes.CDLL, index: int) -> Gpu:
    handle, memory = ctypes.c_void_p(), _Memory()
    name = ctypes.create_string_buffer(NAME_BYTES)
    _check(nvml.nvmlDeviceGetHandleByIndex_v2(index, ctypes.byref(handle)))
    _check(nvml.nvmlDeviceGetName(handle, name, NAME_BYTES))
    _check(nvml.nvmlDeviceGetMemoryInfo(handle, ctypes.byref(memory)))
    rates = _Utilisation()
    is_told = nvml.nvmlDeviceGetUtilizationRates(handle, ctypes.byref(rates)) == 0
    busy = rates.gpu / 100 if is_told else None
    return Gpu(index, name.value.decode(errors="replace"), memory.total, memory.used, busy)


def read_ram() -> Ram:
    """The RAM of this machine, or what a container is allowed of it."""
    if sys.platform == "win32":
        return _windows_ram()
    if sys.platform == "darwin":
        return _macos_ram()
    return linux_ram(Path("/"))


def linux_ram(root: Path) -> Ram:
    """From the kernel's tables below `root`; a control group's limit counts where it is less."""
    fields: dict[str, int] = {}
    for line in _text_of(root / "proc/meminfo").splitlines():
        name, _, rest = line.partition(":")
        words = rest.split()
        if words and words[0].isdecimal():
            fields[name] = int(words[0]) * 1024
    total, available = fields.get("MemTotal"), fields.get("MemAvailable")
    for folder, limit_name, usage_name in (
        ("sys/fs/cgroup", "memory.max", "memory.current"),
        ("sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.usage_in_bytes"),
    ):
        limit = _text_of(root / folder / limit_name).strip()
        used = _text_of(root / folder / usage_name).strip()
        if total is None or not limit.isdecimal() or int(limit) >= total:
            continue
        total = int(limit)
        if available is not None and used.isdecimal():
            cache = _reclaimable(_text_of(root / folder / "memory.stat"))
            available = max(0, min(available, total - int(used) + cache))
    return Ram(total, available)


def _reclaimable(stat: str) -> int:
    """Bytes of file cache that a control group would give up."""
    pairs = dict(line.split()[:2] for line in stat.splitlines() if len(line.split()) >= 2)
    value = pairs.get("inactive_file", "0")
    return int(value) if value.isdecimal() else 0


def _text_of(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _windows_ram() -> Ram:
    class Status(ctypes.Structure):
        _fields_ = (
            ("length", ctypes.c_ulong),
            ("load", ctypes.c_ulong),
            ("total", ctypes.c_ulonglong),
            ("available", ctypes.c_ulonglong),
            *((f"other{index}", ctypes.c_ulonglong) for index in range(5)),
        )

    status = Status()
    status.length = ctypes.sizeof(Status)
    try:
        answered = ctypes.windll.kernel32.GlobalMemoryStatusEx(  # type: ignore[attr-defined,unused-ignore]
            ctypes.byref(status)
        )
    except (OSError, AttributeError):
        return Ram(None, None)
    return Ram(status.total, status.available) if answered else Ram(None, None)


def _macos_ram() -> Ram:
    total = _output_of("sysctl", "-n", "hw.memsize").strip()
    return Ram(int(total) if total.isdecimal() else None, macos_available(_output_of("vm_stat")))


def macos_available(vm_stat: str) -> int | None:
    """Free, inactive and speculative pages in the words of `vm_stat`; None if it says no such."""
    head, _, rest = vm_stat.partition("\n")
    sizes = [int(word) for word in head.split() if word.isdecimal()]
    pages = 0
    is_found = False
    for line in rest.splitlines():
        name, _, value = line.partition(":")
        if name in ("Pages free", "Pages inactive", "Pages speculative"):
            number = value.strip().rstrip(".")
            if number.isdecimal():
                pages += int(number)
                is_found = True
    return pages * sizes[0] if sizes and is_found else None


def _output_of(*command: str) -> str:
    try:
        return subprocess.run(
            command, capture_output=True, text=True, errors="replace", timeout=10, check=True
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return ""
