"""The process group: how tensors travel between the ranks of one host.

NCCL on GPUs, gloo on CPUs. Only whole steps of an exchange stand here; what is exchanged, and when,
is the business of `sequence.py`, `velocity.py` and `strips.py`.
"""

import contextlib
import os
import sys
from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor
from torch.distributed import FileStore, ProcessGroup  # type: ignore[attr-defined]
from torch.distributed.distributed_c10d import _abort_process_group

from ovi.parallel.layout import Layout
from ovi.parallel.messages import TensorShape

TIMEOUT = timedelta(minutes=10)
"""For one exchange. Ranks that die are noticed at once by other means; this is for a hang."""

MEETING_TIMEOUT = timedelta(minutes=1)
"""For all ranks to come together, once each has loaded its models."""


class ExchangeError(RuntimeError):
    """An exchange broke off, most often because another rank is gone."""


class RankGroup:
    """This process among the ranks of one clip. One at a time in a process."""

    def __init__(self, layout: Layout, rank: int, device: torch.device, rendezvous: Path) -> None:
        """Waits until all ranks are there. `rendezvous` is a path that no file has yet.

        Before any exchange comes `greet`.
        """
        if dist.is_initialized():
            raise RuntimeError("This process is in a group already: close its pipeline first.")
        self.layout, self.rank, self.device = layout, rank, device
        self._is_open = False
        on_gpu = device.type == "cuda"
        if on_gpu:
            torch.cuda.set_device(device)
        else:
            # Otherwise gloo takes the address of the host's name, which may lead nowhere.
            os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo0" if sys.platform == "darwin" else "lo")
        store = FileStore(str(rendezvous), layout.num_ranks)
        store.set_timeout(MEETING_TIMEOUT)
        dist.init_process_group(
            "nccl" if on_gpu else "gloo",
            store=store,
            rank=rank,
            world_size=layout.num_ranks,
            timeout=TIMEOUT,
            pg_options=_urgent() if on_gpu else None,
        )
        self._is_open = True
        self.peers = self._join_peers(on_gpu)
        """The ranks that share this one's passes; None if it does them alone."""

    @property
    def sequence_rank(self) -> int:
        """This rank's place among its peers."""
        return self.layout.peers_of(self.rank).index(self.rank)

    def broadcast(self, tensors: Sequence[Tensor]) -> None:
        """Overwrites the tensors of all ranks with those of rank 0."""
        with exchanging():
            for tensor in tensors:
                dist.broadcast(tensor, 0)

    def receive(self, shapes: Sequence[TensorShape]) -> list[Tensor]:
        """The tensors that rank 0 broadcasts."""
        tensors = [torch.empty(s.shape, dtype=s.dtype, device=self.device) for s in shapes]
        self.broadcast(tensors)
        return tensors

    def gather(self, tensor: Tensor) -> Tensor:
        """(ranks, ...): the tensors of all ranks, which agree in shape."""
        with exchanging():
            return _gathered(tensor, self.layout.num_ranks, None)

    def send(self, parts: Sequence[Tensor], wanted: Sequence[Sequence[int]]) -> list[Tensor]:
        """What the ranks have sent to this one: one part each, of the wanted shapes, in order.

        `parts[r]` goes to rank r; a part may be empty. All are of one dtype.
        """
        with exchanging():
            return _exchanged(parts, wanted, None)

    def abort(self) -> None:
        """Ends all exchanges under way, so that whoever waits for them wakes; from any thread."""
        if self._is_open and self.device.type == "cuda":
            self._is_open = False
            with contextlib.suppress(Exception):  # it may be closing at this moment
                _abort_process_group()

    def close(self) -> None:
        """Leaves the group, without waiting for others to do so."""
        if self.device.type == "cuda":
            self.abort()
        elif self._is_open:
            self._is_open = False
            dist.destroy_process_group()

    def _join_peers(self, on_gpu: bool) -> ProcessGroup | None:
        """The group of this rank's peers; every rank has to help to make every group."""
        if self.layout.sequence_degree == 1:
            return None
        found: dict[tuple[int, ...], Any] = {}
        for rank in range(self.layout.num_ranks):
            peers = self.layout.peers_of(rank)
            if peers not in found:
                options = _urgent() if on_gpu else None
                found[peers] = dist.new_group(list(peers), timeout=TIMEOUT, pg_options=options)
        group: ProcessGroup = found[self.layout.peers_of(self.rank)]
        return group

    def greet(self) -> None:
        """First contact, which takes a second or more on GPUs. All ranks must call it."""
        ones = torch.ones(1, device=self.device)
        with exchanging():
            dist.all_reduce(ones)
            if self.peers is not None:
                dist.all_reduce(ones, group=self.peers)
        ones.tolist()


class Pending:
    """Tensors that are on their way to this rank."""

    def __init__(self, work: Any, received: Tensor, sent: Tensor) -> None:
        self._work, self._received = work, received
        self._sent = sent  # must live until all has been sent

    def wait(self) -> Tensor:
        """What has arrived, flat. On a GPU only later work waits, not the caller."""
        with exchanging():
            self._work.wait()
        return self._received


def start_exchange(
    sent: Tensor, sizes: Sequence[int], wanted: Sequence[int], group: ProcessGroup
) -> Pending:
    """Sends `sizes[r]` numbers of a flat tensor to each peer r, in order, and gets `wanted[r]`."""
    received = sent.new_empty(sum(wanted))
    with exchanging():
        work = dist.all_to_all_single(
            received, sent, list(wanted), list(sizes), group=group, async_op=True
        )
    return Pending(work, received, sent)


def gather_from_peers(tensor: Tensor, num_peers: int, group: ProcessGroup) -> Tensor:
    """(peers, ...): the tensors of all peers, which agree in shape."""
    with exchanging():
        return _gathered(tensor, num_peers, group)


@contextlib.contextmanager
def exchanging() -> Iterator[None]:
    """Turns an exchange's own errors into ExchangeError, to be told from errors of the work."""
    try:
        yield
    except RuntimeError as error:
        if "OutOfMemory" in type(error).__name__:
            raise
        raise ExchangeError(f"An exchange with the other ranks broke off: {error}") from error


def _gathered(tensor: Tensor, num_ranks: int, group: ProcessGroup | None) -> Tensor:
    tensor = tensor.contiguous()
    out = tensor.new_empty(num_ranks, *tensor.shape)
    flat = out.view(num_ranks * tensor.shape[0], *tensor.shape[1:])
    # Renamed in torch 2.13.
    start = getattr(dist, "all_gather_single", None) or dist.all_gather_into_tensor
    # Asynchronous, although waited for at once: all exchanges then share one stream, in order.
    start(flat, tensor, group=group, async_op=True).wait()
    return out


def _exchanged(
    parts: Sequence[Tensor], wanted: Sequence[Sequence[int]], group: ProcessGroup | None
) -> list[Tensor]:
    sizes = [torch.Size(shape).numel() for shape in wanted]
    sent = torch.cat([part.reshape(-1) for part in parts])
    received = sent.new_empty(sum(sizes))
    sent_sizes = [part.numel() for part in parts]
    dist.all_to_all_single(received, sent, sizes, sent_sizes, group=group, async_op=True).wait()
    return [flat.view(list(s)) for flat, s in zip(received.split(sizes), wanted, strict=True)]


def _urgent() -> Any:
    """NCCL whose copies go before computation that waits for a free multiprocessor."""
    options = dist.ProcessGroupNCCL.Options()
    options.is_high_priority_stream = True
    return options
