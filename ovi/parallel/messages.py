"""What rank 0 and the ranks it started say to each other; tensors travel another way.

A channel is one end of a socket pair. Its reader is a thread, so that the end of the other process
is noticed while this one computes, or waits in an exchange that will never come about.
"""

import contextlib
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from ovi.parallel.layout import Layout
from ovi.spec.placement import Placement
from ovi.spec.request import Guidance, LoraFile, Precision, Sampling


@dataclass(frozen=True, slots=True)
class Setup:
    """All that a rank needs to load its models."""

    layout: Layout
    variant: str
    precision: Precision
    placement: Placement
    ckpt_dir: Path | None
    use_random_weights: bool = False


@dataclass(frozen=True, slots=True)
class Seat:
    """Where a rank sits, and where it finds the others."""

    setup: Setup
    rank: int
    device: str
    rendezvous: Path
    """File that the ranks meet at."""


@dataclass(frozen=True, slots=True)
class Ready:
    """A rank has its models."""


@dataclass(frozen=True, slots=True)
class TensorShape:
    """A tensor that rank 0 is about to hand to all ranks."""

    shape: tuple[int, ...]
    dtype: Any
    """torch.dtype"""


@dataclass(frozen=True, slots=True)
class Denoise:
    """All ranks: turn noise into latents."""

    tensors: tuple[TensorShape, ...]
    """three texts, the noise of picture and sound, and perhaps the first frame"""
    sampling: Sampling
    guidance: Guidance
    loras: tuple[LoraFile, ...] = ()


@dataclass(frozen=True, slots=True)
class Decode:
    """All ranks: decode the picture."""

    latents: TensorShape


@dataclass(frozen=True, slots=True)
class Turn:
    """The next step of the work under way, or its end."""

    goes_on: bool


class Channel:
    """One end of a conversation between two processes."""

    def __init__(
        self,
        connection: Connection,
        on_message: Callable[[Any], None],
        on_end: Callable[[], None],
    ) -> None:
        """Both are called in the reading thread; `on_end` once, when the other end is gone."""
        self._connection = connection
        self._on_message = on_message
        self._on_end = on_end
        threading.Thread(target=self._read, daemon=True, name="rank-channel").start()

    def send(self, message: Any) -> None:
        """Sends a message; nothing happens when nobody is there any more (`on_end` says so)."""
        with contextlib.suppress(OSError):
            self._connection.send(message)

    def _read(self) -> None:
        while True:
            try:
                message = self._connection.recv()
            except (EOFError, OSError):
                break
            self._on_message(message)
        self._on_end()


def socket_pair() -> tuple[Connection, socket.socket]:
    """Two ends that are joined: ours, and the one for a process to inherit."""
    ours, theirs = socket.socketpair()
    return Connection(ours.detach()), theirs
