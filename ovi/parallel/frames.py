"""Frames on their way from a GPU to host memory, while it works on the next ones."""

from collections.abc import Iterable, Iterator
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

from ovi.errors import NumericalError
from ovi.media import frames_to_uint8

T = TypeVar("T")


class FramesOnTheWay:
    """Frames that a GPU is still at work on, and the copy of their pixels to host memory."""

    def __init__(self, frames: Tensor) -> None:
        """`frames` (1, 3, n, H, W) in [-1, 1]."""
        pixels = frames_to_uint8(frames[0].permute(1, 2, 3, 0)).contiguous()
        is_finite = frames.isfinite().all()
        self._done: torch.cuda.Event | None = None
        if frames.device.type == "cuda":
            self._pixels = torch.empty(pixels.shape, dtype=pixels.dtype, pin_memory=True)
            self._is_finite = torch.empty((), dtype=torch.bool, pin_memory=True)
            self._pixels.copy_(pixels, non_blocking=True)
            self._is_finite.copy_(is_finite, non_blocking=True)
            self._done = torch.cuda.current_stream(frames.device).record_event()
        else:
            self._pixels, self._is_finite = pixels.cpu(), is_finite.cpu()

    def wait(self) -> np.ndarray:
        """uint8 (n, H, W, 3). Raises NumericalError for frames that are not finite."""
        if self._done is not None:
            self._done.synchronize()
        if not bool(self._is_finite):
            raise NumericalError("The decoded frames are not finite. Try --vae-precision fp32.")
        pixels: np.ndarray = self._pixels.numpy()
        return pixels


def one_ahead(things: Iterable[T]) -> Iterator[T]:
    """The things in order, each only after its successor has been asked for."""
    iterator = iter(things)
    for held in iterator:
        for following in iterator:
            yield held
            held = following
        yield held
