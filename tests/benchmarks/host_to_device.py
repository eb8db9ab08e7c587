"""Measures ways from host memory and from files to the device.

python -m tests.benchmarks.host_to_device FOLDER       a folder with room for 4.3 GB
"""

import ctypes
import statistics
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import torch

from ovi.runtime.host_memory import page_locked

DEVICE = torch.device("cuda", 0)
GB = 1e9


def main() -> None:
    """Page-locking and copies, then files."""
    memory()
    files(Path(sys.argv[1]) / "noise.bin")


def memory() -> None:
    """Ways to page-lock 8 GB, and what a copy from there reaches."""
    torch.cuda.init()
    nbytes, count = 512 * 2**20, 16

    def naive() -> list[torch.Tensor]:
        return [torch.empty(nbytes, dtype=torch.uint8, pin_memory=True) for _ in range(count)]

    def ours(threads: int) -> list[torch.Tensor]:
        with ThreadPoolExecutor(threads) as pool:
            return list(pool.map(page_locked, [nbytes] * count, [DEVICE] * count))

    thp = Path("/sys/kernel/mm/transparent_hugepage/enabled")
    print("huge pages:", thp.read_text().strip() if thp.exists() else "unknown")
    buffers: list[torch.Tensor] = []
    for name, make in (
        ("ours, 1 thread", partial(ours, 1)),
        ("ours, 4 threads", partial(ours, 4)),
        ("ours, 8 threads", partial(ours, 8)),
        ("pin_memory", naive),
    ):
        buffers.clear()
        start = time.perf_counter()
        buffers.extend(make())
        seconds = time.perf_counter() - start
        print(f"page-lock {name:16s} {seconds:6.2f} s, {count * nbytes / GB / seconds:5.1f} GB/s")
    print(f"host to device, page-locked {h2d_bandwidth(buffers[0]):6.1f} GB/s")
    ordinary = torch.empty(nbytes, dtype=torch.uint8).fill_(1)
    print(f"host to device, ordinary    {h2d_bandwidth(ordinary):6.1f} GB/s")
    for threads in (1, 4, 8, 16):
        torch.set_num_threads(threads)
        seconds = min(seconds_of(lambda: buffers[0].copy_(ordinary)) for _ in range(3))
        print(f"host to host, {threads:2d} threads    {nbytes / GB / seconds:6.1f} GB/s")


def files(path: Path) -> None:
    """Ways from a file in the page cache to the device, each over a mapping of its own."""
    nbytes, piece = 4 * 2**30, 64 * 2**20
    noise = torch.randint(0, 256, (piece,), dtype=torch.uint8, device=DEVICE).cpu().numpy().data
    with path.open("wb") as file:
        for _ in range(nbytes // piece):
            file.write(noise)
    target = torch.empty(nbytes, dtype=torch.uint8, device=DEVICE)
    ring = [page_locked(piece, DEVICE) for _ in range(8)]

    def mapped() -> torch.Tensor:
        return torch.from_file(str(path), shared=False, size=nbytes, dtype=torch.uint8)

    def straight() -> None:
        target.copy_(mapped())

    def through_ring() -> None:
        source = mapped()
        for start in range(0, nbytes, piece):
            buffer = ring[start // piece % 8]
            buffer.copy_(source[start : start + piece])
            target[start : start + piece].copy_(buffer)

    def populated() -> None:
        source = mapped()
        libc = ctypes.CDLL(None, use_errno=True)
        step = 256 * 2**20
        with ThreadPoolExecutor(8) as pool:
            codes = pool.map(
                lambda start: libc.madvise(
                    ctypes.c_void_p(source.data_ptr() + start), ctypes.c_size_t(step), 22
                ),
                range(0, nbytes, step),
            )
        print("  madvise:", set(codes), end=" ")
        for start in range(0, nbytes, piece):
            buffer = ring[start // piece % 8]
            buffer.copy_(source[start : start + piece])
            target[start : start + piece].copy_(buffer)

    def read(threads: int) -> None:
        def one(index: int) -> None:
            with path.open("rb", buffering=0) as file:
                for start in range(index * piece, nbytes, threads * piece):
                    file.seek(start)
                    file.readinto(ring[index].numpy().data)
                    target[start : start + piece].copy_(ring[index], non_blocking=True)
                    torch.cuda.current_stream().synchronize()

        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(one, range(threads)))

    ways: dict[str, Callable[[], None]] = {
        "mapped, straight": straight,
        "mapped, ring": through_ring,
        "mapped, populated, ring": populated,
        "read, 1 thread": partial(read, 1),
        "read, 4 threads": partial(read, 4),
        "read, 8 threads": partial(read, 8),
    }
    for name, way in ways.items():
        speeds = [nbytes / GB / seconds_of(way) for _ in range(2)]
        print(f"file to device, {name:24s} {speeds[0]:5.1f} {speeds[1]:5.1f} GB/s", flush=True)
    path.unlink()


def h2d_bandwidth(source: torch.Tensor) -> float:
    """GB/s of copies to the device."""
    target = torch.empty(len(source), dtype=torch.uint8, device=DEVICE)
    times = [seconds_of(lambda: target.copy_(source, non_blocking=True)) for _ in range(6)]
    return source.nbytes / GB / statistics.median(times[1:])


def seconds_of(work: Callable[[], object]) -> float:
    torch.cuda.synchronize()
    start = time.perf_counter()
    work()
    torch.cuda.synchronize()
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
