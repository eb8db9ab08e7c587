"""Blocks that pass through a device which cannot hold them all.

The device has a few slots, each as large as the largest block. While the blocks in some slots
compute, the next ones are copied into the others on a CUDA stream of its own; events order the two
streams, so the host never waits for the device. After the last block comes the first again: the
next pass finds its blocks already there.

Only speed depends on guessing the order right. A block that is asked for out of turn is fetched
then and there.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, nullcontext
from itertools import chain, cycle, islice

import torch
from torch import Tensor

from ovi.runtime.moment import Moment
from ovi.runtime.parcel import Parcel

NUM_SLOTS = 2
"""One computes while one fills: more do not help, whether copying or computing takes longer."""

Send = Callable[[Parcel, Tensor], None]
"""Fills a flat device buffer with a parcel, in the order of the current stream."""


def send_at_once(parcel: Parcel, target: Tensor) -> None:
    """One copy, of a parcel whose home is a flat buffer (see `Parcel.move_into`)."""
    assert parcel.flat is not None, "the parcel's tensors lie apart"
    target.copy_(parcel.flat, non_blocking=True)


class BlockStream:
    """The slots, and which block is in which."""

    def __init__(
        self,
        parcels: Sequence[Parcel],
        device: torch.device,
        send: Send,
        *,
        num_slots: int = NUM_SLOTS,
        reads_ahead: bool = False,
    ) -> None:
        """Slots for `parcels` on `device`, and the first blocks on their way into them.

        `reads_ahead` runs `send` on a thread: for one that takes the host's time.
        """
        self._parcels = parcels
        self._device = device
        self._send = send
        self._copies = torch.cuda.Stream(device) if device.type == "cuda" else None
        self._reader = ThreadPoolExecutor(1, thread_name_prefix="weights") if reads_ahead else None
        largest = max(parcel.nbytes for parcel in parcels)
        with torch.inference_mode(False):
            self._slots = [
                _Slot(torch.empty(largest, dtype=torch.uint8, device=device))
                for _ in range(min(num_slots, len(parcels)))
            ]
        self._order: tuple[int, ...] = tuple(range(len(parcels)))
        self._fetch_next(after=-1)

    def plan(self, order: Sequence[int]) -> None:
        """Says in which order a pass that begins now will use the blocks."""
        self._order = tuple(order)
        self._fetch_next(after=-1)

    @contextmanager
    def use(self, index: int) -> Iterator[None]:
        """Block `index` has its values, on the device, inside the `with`."""
        slot = next((slot for slot in self._slots if slot.index == index), None)
        if slot is None:
            slot = self._slots[0]
            self._fetch(slot, index)
        slot.arrive()
        parcel = self._parcels[index]
        parcel.bind(slot.views_of(parcel))
        try:
            yield
        finally:
            parcel.return_home()
            slot.free.mark()
            position = self._order.index(index) if index in self._order else -1
            self._fetch_next(after=position)

    def close(self) -> None:
        """Waits for what is on its way, so that the slots' memory can be given up."""
        if self._reader is not None:
            self._reader.shutdown(wait=True, cancel_futures=True)
        if self._copies is not None:
            torch.cuda.current_stream(self._device).wait_stream(self._copies)
        self._slots.clear()

    def _fetch_next(self, *, after: int) -> None:
        """Sends the blocks that come after a position of the order, as far as there are slots."""
        rest = chain(self._order[after + 1 :], cycle(range(len(self._parcels))))
        wanted = list(islice(rest, len(self._slots)))
        present = {slot.index for slot in self._slots}
        idle = [slot for slot in self._slots if slot.index not in wanted]
        for index in dict.fromkeys(wanted):
            if index not in present:
                self._fetch(idle.pop(0), index)

    def _fetch(self, slot: "_Slot", index: int) -> None:
        """Starts to fill a slot that no block computes from any more."""
        if self._reader is None:
            slot.index = None  # until the copy has been asked for without an error
            self._send_into(slot, self._parcels[index])
        else:
            slot.coming = self._reader.submit(self._send_into, slot, self._parcels[index])
        slot.index = index

    def _send_into(self, slot: "_Slot", parcel: Parcel) -> None:
        with self._beside_computing():
            slot.free.wait()
            self._send(parcel, slot.buffer[: parcel.nbytes])
            slot.ready.mark()

    def _beside_computing(self) -> AbstractContextManager[None]:
        return nullcontext() if self._copies is None else torch.cuda.stream(self._copies)


class _Slot:
    """Memory for one block on the device, and the two moments that copying and computing share."""

    def __init__(self, buffer: Tensor) -> None:
        self.buffer = buffer
        self.index: int | None = None
        """The block that is in it, or on its way."""
        self.coming: Future[None] | None = None
        """Set while a thread still has to ask for the copy."""
        self._views: dict[int, list[Tensor]] = {}
        self.ready = Moment(buffer.device)
        """The block's copy is through."""
        self.free = Moment(buffer.device)
        """No work reads the block any more."""
        self.free.mark()  # whatever used this memory before has to be done with it

    def views_of(self, parcel: Parcel) -> list[Tensor]:
        """The parcel's tensors inside the slot."""
        if id(parcel) not in self._views:
            with torch.inference_mode(False):
                self._views[id(parcel)] = parcel.views(self.buffer)
        return self._views[id(parcel)]

    def arrive(self) -> None:
        """Whatever the current stream does next finds the block's values."""
        if self.coming is not None:
            coming, self.coming = self.coming, None
            try:
                coming.result()
            except BaseException:
                self.index = None  # so that another try reads it again
                raise
        self.ready.wait()
