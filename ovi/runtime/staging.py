"""From mapped weight files to the device through a small ring of page-locked buffers.

A copy straight from a mapped file waits for the disk and for the driver, which copies through a
small buffer of its own. Here one thread reads ahead into the ring while the device takes what was
read before.
"""

import torch
from torch import Tensor

from ovi.runtime.host_memory import page_locked
from ovi.runtime.moment import Moment
from ovi.runtime.parcel import Parcel

PIECE_BYTES = 64 * 2**20
NUM_PIECES = 4


class Staging:
    """The ring; used by one thread at a time."""

    def __init__(
        self,
        device: torch.device,
        *,
        piece_bytes: int = PIECE_BYTES,
        num_pieces: int = NUM_PIECES,
    ) -> None:
        """Takes no memory before it is first used."""
        self._device = device
        self._piece_bytes = piece_bytes
        self._num_pieces = num_pieces
        self._pieces: list[tuple[Tensor, Moment]] = []
        self._turn = 0

    def send(self, parcel: Parcel, target: Tensor) -> None:
        """Fills `target`, uint8 (parcel.nbytes,) on the device, in the order of the current stream.

        On CUDA the last copies may still be on their way when it returns.
        """
        if not self._pieces:
            self._pieces = [
                (page_locked(self._piece_bytes, self._device), Moment(self._device))
                for _ in range(self._num_pieces)
            ]
        start = 0
        while start < parcel.nbytes:
            buffer, sent = self._pieces[self._turn]
            self._turn = (self._turn + 1) % len(self._pieces)
            sent.wait_on_host()
            piece = buffer[: parcel.nbytes - start]
            parcel.read(start, piece)
            target[start : start + len(piece)].copy_(piece, non_blocking=True)
            sent.mark()
            start += len(piece)
