"""Watches a clip being denoised: draws small pictures of it, off the critical path.

What the model expects of the clip goes through a `LatentMap` on the device, in a few small
kernels; the result is copied to the host without waiting, and a thread of its own hands it on.
Nothing here writes to a tensor of the render or raises into it: a preview that fails is
told of once, and the clip goes on without.

Legend: F latent frames, H W pixels of a picture, M mel bands, T mel frames.
"""

import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ovi.preview.latent_map import LOUDNESS_RANGE, LatentMap, uncalibrated_map

if TYPE_CHECKING:
    import numpy as np

    from ovi.types import Latents


@dataclass(frozen=True, slots=True, eq=False)
class Drawing:
    """What a clip looks and sounds like after some steps."""

    step: int
    """from 1"""
    num_steps: int
    frames: "np.ndarray"
    """uint8 (F, H, W, 3), one a latent frame"""
    mel: "np.ndarray"
    """uint8 (M, T), the lowest band first, 0 silent and 255 loud"""
    is_calibrated: bool


OnDrawing = Callable[[Drawing], None]


@dataclass(frozen=True, slots=True, eq=False)
class _Sketch:
    """A drawing that may still be on its way from the device."""

    step: int
    num_steps: int
    frames: Tensor
    mel: Tensor
    is_calibrated: bool
    arrival: "torch.cuda.Event | None"


class PreviewWatch:
    """To be given to a pipeline as `on_estimate`; `close` when the clip is denoised."""

    def __init__(
        self,
        latent_map: LatentMap | None,
        on_drawing: OnDrawing,
        *,
        pixels_per_latent: int,
        seconds: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`on_drawing` is called in a thread, at most every so many `seconds` and after the end.

        Without a map, an uncalibrated one is made from the first estimate.
        """
        self._pixels_per_latent = pixels_per_latent
        self._map = latent_map
        self._on_drawing = on_drawing
        self._seconds = seconds
        self._clock = clock
        self._drawn: float | None = None
        self._fault: BaseException | None = None
        self._waiting: _Sketch | None = None
        """the newest one; an older one that the thread had no time for is dropped"""
        self._is_closing = False
        self._change = threading.Condition()
        self._thread: threading.Thread | None = None

    def __call__(self, index: int, num_steps: int, estimate: "Latents") -> None:
        """Draws the clean latents expected at step `index`, if it is time to."""
        now = self._clock()
        is_last = index + 1 == num_steps
        is_early = self._drawn is not None and now - self._drawn < self._seconds
        if self._fault is not None or (is_early and not is_last):
            return
        self._drawn = now
        try:
            self._hand_over(self._sketch(index + 1, num_steps, estimate))
        except Exception as error:
            self._give_up(error)

    def close(self) -> None:
        """Waits until what was drawn is handed on; nothing is drawn afterwards."""
        with self._change:
            self._is_closing = True
            self._change.notify()
        if self._thread is not None:
            self._thread.join()

    # In the thread that renders.

    def _sketch(self, step: int, num_steps: int, estimate: "Latents") -> _Sketch:
        video, audio = estimate.video[0].float(), estimate.audio[0].float()
        if self._map is None:
            self._map = uncalibrated_map(video, audio, self._pixels_per_latent)
        elif self._map.video_weight.device != video.device:
            self._map = self._map.to(video.device)
        pictures = self._map.frames_of(video).mul_(255).round_().to(torch.uint8)
        loudness = self._map.mel_of(audio) / (2 * LOUDNESS_RANGE) + 0.5
        mel = loudness.clamp(0, 1).mul(255).round().to(torch.uint8)
        frames, mel = pictures.permute(0, 2, 3, 1).contiguous(), mel.contiguous()
        is_calibrated = self._map.is_calibrated
        if video.device.type != "cuda":
            return _Sketch(step, num_steps, frames.cpu(), mel.cpu(), is_calibrated, None)
        frames, mel = _start_copy(frames), _start_copy(mel)
        arrival = torch.cuda.Event()
        arrival.record(torch.cuda.current_stream(video.device))
        return _Sketch(step, num_steps, frames, mel, is_calibrated, arrival)

    def _hand_over(self, sketch: _Sketch) -> None:
        with self._change:
            if self._is_closing:
                return
            self._waiting = sketch
            self._change.notify()
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="preview", daemon=True)
            self._thread.start()

    # In the thread of its own.

    def _run(self) -> None:
        while (sketch := self._next()) is not None:
            try:
                if sketch.arrival is not None:
                    sketch.arrival.synchronize()
                self._on_drawing(
                    Drawing(
                        sketch.step,
                        sketch.num_steps,
                        sketch.frames.numpy(),
                        sketch.mel.numpy(),
                        sketch.is_calibrated,
                    )
                )
            except Exception as error:
                self._give_up(error)
                return

    def _next(self) -> _Sketch | None:
        with self._change:
            self._change.wait_for(lambda: self._waiting is not None or self._is_closing)
            sketch, self._waiting = self._waiting, None
            return sketch

    def _give_up(self, error: Exception) -> None:
        self._fault = error
        sys.stderr.write(f"No preview of this clip: {type(error).__name__}: {error}\n")


def _start_copy(tensor: Tensor) -> Tensor:
    """Where a tensor of a GPU will be on the host, once the stream has come so far."""
    copy = torch.empty_like(tensor, device="cpu", pin_memory=True)
    copy.copy_(tensor, non_blocking=True)
    return copy
