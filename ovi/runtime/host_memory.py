"""Page-locked host memory, from which a GPU copies at the full speed of its bus.

Asking CUDA for such memory zeroes and locks it page by page on one thread. Here the pages are made
first, as huge ones where the system grants that, and then locked where they are.
"""

import mmap
from concurrent.futures import Future, ThreadPoolExecutor

import torch
from torch import Tensor

from ovi.errors import PlacementError

NUM_THREADS = 4
"""That make buffers ahead of need; more only wait for the driver's lock."""

PORTABLE = 1
"""cudaHostRegister's flag: locked for every device of the process."""


@torch.inference_mode(False)
def page_locked(nbytes: int, device: torch.device) -> Tensor:
    """uint8 (nbytes,) in host memory, without defined values; page-locked if `device` is CUDA's.

    It may be written in and outside inference mode, by any thread. Raises PlacementError when the
    system will not lock so much.
    """
    if device.type != "cuda":
        return torch.empty(nbytes, dtype=torch.uint8)
    if not hasattr(mmap, "MADV_HUGEPAGE"):
        return torch.empty(nbytes, dtype=torch.uint8, pin_memory=True)
    memory = _LockedMemory(-1, nbytes, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    memory.madvise(mmap.MADV_HUGEPAGE)
    buffer = torch.frombuffer(memory, dtype=torch.uint8)
    buffer[:: mmap.PAGESIZE].zero_()
    memory.lock(buffer.data_ptr())
    return buffer


class HostBuffers:
    """Page-locked buffers of one size, of which the first comes at once and others by threads."""

    def __init__(self, device: torch.device, count: int) -> None:
        """For `count` buffers in all."""
        self._device = device
        self._count = count
        self._pool: ThreadPoolExecutor | None = None
        self._coming: list[Future[Tensor]] = []
        self._nbytes = 0

    def take(self, nbytes: int) -> Tensor:
        """uint8 (nbytes,), nobody else's."""
        if self._pool is None:
            self._nbytes = nbytes
            self._pool = ThreadPoolExecutor(NUM_THREADS, thread_name_prefix="page-lock")
            # The other buffers are made while the first is filled.
            self._coming = [
                self._pool.submit(page_locked, nbytes, self._device) for _ in range(self._count)
            ]
        if nbytes != self._nbytes or not self._coming:
            return page_locked(nbytes, self._device)
        return self._coming.pop(0).result()

    def close(self) -> None:
        """Ends the threads; buffers not taken are given up."""
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)
        self._coming.clear()


class _LockedMemory(mmap.mmap):
    """Anonymous memory that is unlocked before it goes."""

    _address = 0

    def lock(self, address: int) -> None:
        """Locks all of it; `address` is where it lies."""
        failure = torch.cuda.cudart().cudaHostRegister(address, len(self), PORTABLE)
        if int(failure) != 0:
            raise PlacementError(
                f"{len(self) / 1e9:.1f} GB of host memory cannot be page-locked: use --host-memory "
                "mapped, or raise the limit (ulimit -l)."
            )
        self._address = address

    def __del__(self) -> None:
        if self._address:
            torch.cuda.cudart().cudaHostUnregister(self._address)
