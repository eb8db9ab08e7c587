"""A rank above 0: a process that computes its share of each clip, as rank 0 says.

`python -m ovi.parallel.rank SOCKET`, started by `ranks.py` alone. It ends when rank 0 does, at
whatever moment that is, and after any error that is not every rank's.
"""

import os
import queue
import signal
import socket
import sys
import traceback
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any, cast

import torch

from ovi.errors import Cancelled, OviError
from ovi.models.fusion.model import FusionModel
from ovi.models.video_vae.model import VideoVae
from ovi.parallel.errors import Failure
from ovi.parallel.group import ExchangeError, RankGroup
from ovi.parallel.messages import Channel, Decode, Denoise, Ready, Seat, Turn
from ovi.parallel.placing import shared_placement
from ovi.parallel.stages import Stages
from ovi.runtime.components import load_components
from ovi.runtime.devices import compute_dtype
from ovi.spec.variants import variant_named
from ovi.types import Latents, TextEmbeddings

COMPONENTS = ("fusion", "video_vae")
"""The models of a rank above 0."""


class Rank:
    """The models, and the work that rank 0 orders."""

    def __init__(
        self, seat: Seat, inbox: "queue.SimpleQueue[Any]", on_loaded: Callable[[], None]
    ) -> None:
        """Loads the models, and then meets the other ranks."""
        self._inbox = inbox
        setup, device = seat.setup, torch.device(seat.device)
        if setup.placement.num_threads is not None:
            torch.set_num_threads(setup.placement.num_threads)
        components = load_components(
            COMPONENTS,
            variant_named(setup.variant),
            setup.precision,
            shared_placement(setup.placement),
            device,
            setup.ckpt_dir,
            use_random_weights=setup.use_random_weights,
        )
        on_loaded()
        self._group = RankGroup(setup.layout, seat.rank, device, seat.rendezvous)
        self._group.greet()
        self._stages = Stages.of(
            self._group,
            cast("FusionModel", components.modules["fusion"]),
            cast("VideoVae", components.modules["video_vae"]),
            compute_dtype(setup.precision.transformer),
            components.on_device,
            setup.placement,
        )

    def do(self, order: Denoise | Decode) -> None:
        """One piece of work. Errors that every rank meets alike end the work, not the rank."""
        try:
            if isinstance(order, Denoise):
                self._denoise(order)
            else:
                self._decode(order)
        except OviError:
            return

    def _denoise(self, order: Denoise) -> None:
        positive, video_negative, audio_negative, video, audio, *rest = self._group.receive(
            order.tensors
        )

        def follow(_index: int, _num_steps: int, _latents: Latents) -> None:
            if not self._goes_on():
                raise Cancelled("Rank 0 stopped.")

        self._stages.denoise(
            TextEmbeddings(positive, video_negative, audio_negative),
            Latents(video, audio),
            rest[0] if rest else None,
            order.sampling,
            order.guidance,
            follow,
            loras=order.loras,
        )

    def _decode(self, order: Decode) -> None:
        (latents,) = self._group.receive([order.latents])
        for _ in self._stages.decode(latents, self._goes_on):
            pass

    def _goes_on(self) -> bool:
        turn: Turn = self._inbox.get()
        return turn.goes_on


def main(arguments: list[str]) -> int:
    """Serves rank 0 until it is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is rank 0's to answer
    inbox: queue.SimpleQueue[Any] = queue.SimpleQueue()
    end = socket.socket(fileno=int(arguments[-1]))
    # Not sys.exit: the main thread may be waiting for an exchange that will never come about.
    channel = Channel(Connection(end.detach()), inbox.put, lambda: os._exit(0))
    seat: Seat = inbox.get()
    try:
        rank = Rank(seat, inbox, lambda: channel.send(Ready()))
        while True:
            rank.do(inbox.get())
    except BaseException as error:
        channel.send(
            Failure(
                rank=seat.rank,
                device=seat.device,
                kind=type(error).__name__,
                message=str(error),
                traceback=traceback.format_exc(),
                is_echo=isinstance(error, ExchangeError),
            )
        )
        # At once: leaving in order would wait for the other ranks.
        sys.stderr.flush()
        os._exit(1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
