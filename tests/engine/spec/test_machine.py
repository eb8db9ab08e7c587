"""What is found out about a machine, from the tables and answers of several systems."""

import ctypes
from pathlib import Path
from typing import Any

import pytest

from ovi.spec import machine
from ovi.spec.machine import (
    Gpu,
    Ram,
    linux_ram,
    macos_available,
    read_gpus,
    read_machine,
    read_ram,
    visible_gpus,
)

GIB = 2**30
MEMINFO = "MemTotal:       16777216 kB\nMemFree:         1048576 kB\nMemAvailable:    8388608 kB\n"


def files(root: Path, **texts: str) -> Path:
    for name, text in texts.items():
        path = root / name.replace("__", "/").replace("_dot_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def test_linux_says_what_is_there_and_what_is_available(tmp_path: Path) -> None:
    assert linux_ram(files(tmp_path, proc__meminfo=MEMINFO)) == Ram(16 * GIB, 8 * GIB)


def test_a_container_has_what_it_is_allowed(tmp_path: Path) -> None:
    group = {
        "sys__fs__cgroup__memory_dot_max": str(4 * GIB),
        "sys__fs__cgroup__memory_dot_current": str(3 * GIB),
        "sys__fs__cgroup__memory_dot_stat": f"anon 100\ninactive_file {GIB}\nactive_file 5\n",
    }
    root = files(tmp_path, proc__meminfo=MEMINFO, **group)
    assert linux_ram(root) == Ram(4 * GIB, 2 * GIB), "its file cache would be given up"
    files(tmp_path, sys__fs__cgroup__memory_dot_max="max\n")
    assert linux_ram(root).total_bytes == 16 * GIB
    files(tmp_path, sys__fs__cgroup__memory_dot_max=str(64 * GIB))
    assert linux_ram(root).total_bytes == 16 * GIB, "more than there is allows nothing"


@pytest.mark.parametrize("text", ["", "nonsense\n", "MemTotal: many kB\n"])
def test_what_linux_does_not_say_is_unknown(tmp_path: Path, text: str) -> None:
    assert linux_ram(files(tmp_path, proc__meminfo=text)) == Ram(None, None)
    assert linux_ram(tmp_path / "nowhere") == Ram(None, None)


def test_macos_counts_pages_that_can_be_had() -> None:
    said = (
        "Mach Virtual Memory Statistics: (page size of 16384 bytes)\n"
        "Pages free:                               10000.\n"
        "Pages active:                            500000.\n"
        "Pages inactive:                           20000.\n"
        "Pages speculative:                         1000.\n"
    )
    assert macos_available(said) == 31_000 * 16_384
    assert macos_available("") is None
    assert macos_available("vm_stat: no such thing\n") is None


GPUS = [Gpu(0, "A", 10, 1), Gpu(1, "B", 20, 2), Gpu(2, "C", 30, 3)]


@pytest.mark.parametrize(
    ("visible", "names"),
    [
        (None, "ABC"), ("", ""), ("-1", ""), ("1", "B"), ("2,0", "CA"), (" 1 , 2", "BC"),
        ("0,7,1", "A"), ("GPU-8f2a", "A"),
    ],
)  # fmt: skip
def test_hidden_gpus_do_not_count(visible: str | None, names: str) -> None:
    seen = visible_gpus(GPUS, visible)
    assert "".join(gpu.name for gpu in seen) == names
    assert [gpu.index for gpu in seen] == list(range(len(seen)))


class FakeDriver:
    """Answers as NVML does."""

    def __init__(self, status: int = 0) -> None:
        self.status = status

    def nvmlInit_v2(self) -> int:  # noqa: N802
        return self.status

    def nvmlShutdown(self) -> int:  # noqa: N802
        return 0

    def nvmlDeviceGetCount_v2(self, count: Any) -> int:  # noqa: N802
        count._obj.value = 2
        return 0

    def nvmlDeviceGetHandleByIndex_v2(self, index: int, handle: Any) -> int:  # noqa: N802
        handle._obj.value = index + 1
        return 0

    def nvmlDeviceGetName(self, handle: ctypes.c_void_p, name: Any, size: int) -> int:  # noqa: N802
        assert size >= 32
        name.value = f"Card {handle.value}".encode()
        return 0

    def nvmlDeviceGetMemoryInfo(self, handle: ctypes.c_void_p, memory: Any) -> int:  # noqa: N802
        memory._obj.total, memory._obj.used = 8 * GIB, (handle.value or 0) * GIB
        return 0

    def nvmlDeviceGetUtilizationRates(self, handle: ctypes.c_void_p, rates: Any) -> int:  # noqa: N802
        rates._obj.gpu, rates._obj.memory = 40, 99
        return 0 if handle.value == 1 else 3  # the second card does not tell


def test_gpus_are_read_from_the_driver(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "_load_nvml", FakeDriver)
    first, second = read_gpus({})
    assert (first.name, first.total_bytes, first.free_bytes) == ("Card 1", 8 * GIB, 7 * GIB)
    assert (second.index, second.used_bytes) == (1, 2 * GIB)
    assert (first.utilisation, second.utilisation) == (0.4, None)
    (only,) = read_gpus({"CUDA_VISIBLE_DEVICES": "1"})
    assert (only.index, only.name) == (0, "Card 2")


def test_a_driver_that_does_not_answer_shows_no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "_load_nvml", lambda: FakeDriver(status=9))
    assert read_gpus({}) == ()

    def absent() -> Any:
        raise OSError("no NVIDIA driver is installed")

    monkeypatch.setattr(machine, "_load_nvml", absent)
    assert read_gpus({}) == ()


def test_this_machine_answers() -> None:
    ram = read_ram()
    assert read_machine().ram.total_bytes == ram.total_bytes
    if ram.total_bytes is not None and ram.available_bytes is not None:
        assert 0 < ram.available_bytes <= ram.total_bytes
