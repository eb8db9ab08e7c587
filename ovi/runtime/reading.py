"""Tensors of weight files, read to the device as fast as the machine allows.

A copy to a GPU from a mapped file is done by the driver on one thread, a page at a time. Here
several threads read the file into page-locked buffers, from which the GPU takes it, and the next
tensors are on their way while the caller works on one. On other devices the mapped file will do.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue

import torch
from torch import Tensor

from ovi.errors import WeightsError
from ovi.runtime.checkpoint import Checkpoint, Span
from ovi.runtime.host_memory import page_locked
from ovi.runtime.moment import Moment

NUM_THREADS = 8
PIECE_BYTES = 32 * 2**20
AHEAD_BYTES = 512 * 2**20
"""Of device memory that tensors on their way may take, beside one that is larger."""


def read_tensors(
    checkpoint: Checkpoint, keys: Sequence[str], device: torch.device
) -> Iterator[Tensor]:
    """The checkpoint's tensors in the order of `keys`: on a CUDA device, or else on the CPU."""
    if device.type != "cuda":
        yield from map(checkpoint.read, keys)
        return
    with ThreadPoolExecutor(NUM_THREADS, thread_name_prefix="weights") as pool:
        try:
            yield from _read_ahead(checkpoint, keys, device, _Loader(device, pool))
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _read_ahead(
    checkpoint: Checkpoint, keys: Sequence[str], device: torch.device, loader: "_Loader"
) -> Iterator[Tensor]:
    coming: deque[tuple[Tensor, list[Future[None]]]] = deque()
    nbytes = 0
    for key in keys:
        span, header = checkpoint.locate(key), checkpoint.headers[key]
        if span is None:
            coming.append((checkpoint.read(key).to(device), []))
        else:
            coming.append(loader.load(header, span))
        nbytes += header.nbytes
        while nbytes > AHEAD_BYTES and len(coming) > 1:
            nbytes -= coming[0][0].nbytes
            yield _arrived(*coming.popleft())
    while coming:
        yield _arrived(*coming.popleft())


def _arrived(tensor: Tensor, pieces: Sequence[Future[None]]) -> Tensor:
    for piece in pieces:
        piece.result()
    return tensor


class _Loader:
    """Threads that fill tensors from files, each piece through a buffer of a ring."""

    def __init__(self, device: torch.device, pool: ThreadPoolExecutor) -> None:
        self._device = device
        self._pool = pool
        self._copies = torch.cuda.Stream(device)
        self._buffers: SimpleQueue[Tensor] = SimpleQueue()
        for _ in range(NUM_THREADS):
            self._buffers.put(page_locked(PIECE_BYTES, device))

    def load(self, header: Tensor, span: Span) -> tuple[Tensor, list[Future[None]]]:
        """A tensor on the device, and the pieces of it that have to come before it is used."""
        tensor = torch.empty(header.shape, dtype=header.dtype, device=self._device)
        usable = Moment(self._device)
        usable.mark()  # whatever used this memory before has to be done with it
        content = tensor.reshape(-1).view(torch.uint8)
        return tensor, [
            self._pool.submit(self._fill, content[start : start + PIECE_BYTES], span, start, usable)
            for start in range(0, len(content), PIECE_BYTES)
        ]

    def _fill(self, target: Tensor, span: Span, start: int, usable: Moment) -> None:
        """Returns when the piece is on the device."""
        buffer = self._buffers.get()
        try:
            piece = buffer[: len(target)]
            read_into(piece, span.path, span.offset + start)
            sent = Moment(self._device)
            with torch.cuda.stream(self._copies):
                usable.wait()
                target.copy_(piece, non_blocking=True)
                sent.mark()
            sent.wait_on_host()
        finally:
            self._buffers.put(buffer)


def read_into(piece: Tensor, path: Path, offset: int) -> None:
    """Fills uint8 (n,) in host memory with the bytes of a file from `offset` on."""
    memory = piece.numpy().data
    with path.open("rb", buffering=0) as file:
        file.seek(offset)
        while len(memory):
            count = file.readinto(memory)
            if not count:
                raise WeightsError(f"{path} became shorter while it was read. Load it again.")
            memory = memory[count:]
