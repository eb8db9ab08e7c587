"""A worker with a fake engine, for tests: the real queue, the real files, no torch.

`python -m tests.studio.render.fake_worker` takes the options of the real worker. What becomes of a
clip is decided by words in its prompt, so that nothing has to be hidden in shipped code.
"""

import os
import signal
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ovi.errors import NumericalError
from ovi.spec.variants import variant_named
from ovi_studio.render import worker
from ovi_studio.render.workbench import Engine

COMMAND = (sys.executable, "-m", "tests.studio.render.fake_worker")
STEPS = 4


@dataclass(frozen=True)
class FakeProgress:
    stage: str
    step: int
    num_steps: int


@dataclass(frozen=True)
class FakeDrawing:
    step: int
    num_steps: int
    frames: np.ndarray
    mel: np.ndarray
    is_calibrated: bool = True


class FakeWatch:
    """Draws every step at once: three frames, each as bright as the step is late."""

    def __init__(self, _variant, _ckpt_dir, _weights, on_drawing, _seconds):
        self.on_drawing = on_drawing

    def __call__(self, step, num_steps, _):
        frames = np.full((3, 16, 24, 3), 50 * (step + 1), np.uint8)
        self.on_drawing(FakeDrawing(step + 1, num_steps, frames, frames[0, :, :, 0]))

    def close(self):
        pass


@dataclass(frozen=True)
class FakeStream:
    size: object
    num_frames: int
    waveform: np.ndarray
    frames: object
    latents_sha256: str
    fps: int = 24
    sample_rate: int = 16_000
    picture_png: bytes | None = None
    warnings: tuple[str, ...] = ()


class FakePipeline:
    device = "fake"

    def encode_ahead(self, request):
        print(f"ahead {request.text}", flush=True)

    def render(self, request, *, on_progress, on_estimate=None):
        words = request.text.split()
        step_seconds = 0.25 if "slow" in words else 0.05 if "brisk" in words else 0.0
        on_progress(FakeProgress("text", 0, 1))
        for step in range(STEPS):
            on_progress(FakeProgress("denoise", step, STEPS))
            if "shown" in words:
                on_estimate(step, STEPS, None)
            if "fail" in words and step == 2:
                raise NumericalError("The latents are not finite.")
            if "hungry" in words and step == 2 and request.precision.transformer != "fp8":
                raise MemoryError("the fake device is full")
            if "crash" in words and step == 2:
                raise ZeroDivisionError("nobody thought of this")
            if "kill" in words and step == 2:
                os.kill(os.getpid(), signal.SIGKILL)
            if "kill-once" in words and step == 2:
                mark = Path(words[-1])
                if not mark.exists():
                    mark.touch()
                    os.kill(os.getpid(), signal.SIGKILL)
            time.sleep(step_seconds)
        num_frames = variant_named(request.variant).num_frames
        return FakeStream(
            size=request.size,
            num_frames=num_frames,
            waveform=np.zeros(16_000, np.float32),
            frames=self._frames(request, num_frames, on_progress, "kill-writing" in words),
            latents_sha256=f"{request.sampling.seed:064x}",
            warnings=("The prompt is odd.",) if "odd" in words else (),
        )

    def _frames(self, request, num_frames, on_progress, dies):
        shape = (1, request.size.height, request.size.width, 3)
        for frame in range(num_frames):
            on_progress(FakeProgress("video", frame, num_frames))
            if dies and frame == 10:
                os.kill(os.getpid(), signal.SIGKILL)
            yield np.full(shape, frame, np.uint8)


def load_pipeline(variant, precision, *_, on_progress, **__):
    on_progress(FakeProgress("load", 0, 1))
    # Lets a test count how often something was loaded.
    print(f"loaded {variant} {precision.transformer}", flush=True)
    devices = os.environ.get("CUDA_VISIBLE_DEVICES", "all")
    print(f"devices {devices}", flush=True)
    return FakePipeline()


def open_engine():
    versions = {"ovi": "0", "python": "3", "torch": "none"}
    return Engine(load_pipeline, str, versions, watch_preview=FakeWatch)


if __name__ == "__main__":
    if os.environ.get("CUDA_VISIBLE_DEVICES") == "broken":
        sys.exit("this device is broken")
    sys.exit(worker.main(open_engine=open_engine))
