"""From mapped weight files to the device through a small ring of page-locked buffers.

A copy straight from a mapped file waits for the disk and for the driver, which copies through a
small buffer of its own. Here several threads read ahead into the ring, each a piece of its own,
while the device takes what was read before: one thread alone copies no more than 6 GB/s. Where the
system tells which file a weight is mapped to, it is read from there, without a stop at each page.
"""

from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import nullcontext
from queue import SimpleQueue
from weakref import WeakKeyDictionary

import torch
from torch import Tensor

from ovi.runtime.checkpoint import Span
from ovi.runtime.host_memory import page_locked
from ovi.runtime.mapped_files import spans_of
from ovi.runtime.moment import Moment
from ovi.runtime.parcel import Parcel

PIECE_BYTES = 32 * 2**20
NUM_PIECES = 8
"""Each is filled by a thread of its own; together they are what the ring takes of host memory."""


class Staging:
    """The ring; one parcel goes through it at a time."""

    def __init__(
        self,
        device: torch.device,
        *,
        piece_bytes: int = PIECE_BYTES,
        num_pieces: int = NUM_PIECES,
    ) -> None:
        """Takes no memory and starts no thread before it is first used."""
        self._device = device
        self._piece_bytes = piece_bytes
        self._num_pieces = num_pieces
        self._pool: ThreadPoolExecutor | None = None
        self._free: SimpleQueue[tuple[Tensor, Moment]] = SimpleQueue()
        self._spans: WeakKeyDictionary[Parcel, list[Span | None]] = WeakKeyDictionary()

    def send(self, parcel: Parcel, target: Tensor) -> None:
        """Fills `target`, uint8 (parcel.nbytes,) on the device, in the order of the current stream.

        On CUDA the last copies may still be on their way when it returns.
        """
        if self._pool is None:
            for _ in range(self._num_pieces):
                piece = page_locked(self._piece_bytes, self._device), Moment(self._device)
                self._free.put(piece)
            self._pool = ThreadPoolExecutor(self._num_pieces, thread_name_prefix="staging")
        if parcel not in self._spans:
            self._spans[parcel] = spans_of(parcel.homes)
        is_cuda = self._device.type == "cuda"
        stream = torch.cuda.current_stream(self._device) if is_cuda else None
        jobs = [
            self._pool.submit(self._bring, parcel, start, target, stream)
            for start in range(0, parcel.nbytes, self._piece_bytes)
        ]
        wait(jobs)  # all of them, so that none writes after an error of another one
        for job in jobs:
            job.result()

    def _bring(
        self, parcel: Parcel, start: int, target: Tensor, stream: torch.cuda.Stream | None
    ) -> None:
        """One piece of the parcel, into its place."""
        buffer, sent = self._free.get()
        try:
            sent.wait_on_host()
            piece = buffer[: parcel.nbytes - start]
            parcel.read(start, piece, self._spans[parcel])
            with nullcontext() if stream is None else torch.cuda.stream(stream):
                target[start : start + len(piece)].copy_(piece, non_blocking=True)
                sent.mark()
        finally:
            self._free.put((buffer, sent))
