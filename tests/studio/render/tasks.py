"""Tasks for tests of the queue and of everything that works on it."""

from dataclasses import replace
from pathlib import Path

from ovi.spec.geometry import FrameSize
from ovi.spec.identity import clip_identity
from ovi.spec.placement import Placement
from ovi.spec.request import ClipRequest, Sampling
from ovi_studio.render.job import ClipSource, RenderTask

WEIGHTS = {"fusion": "sha256:1234"}


def make_task(folder: Path, text: str = "a cat", *, row: str = "1", seed: int = 1) -> RenderTask:
    """A task whose clip goes to `folder`. The words of the text steer the fake worker."""
    request = ClipRequest(
        text=text, variant="nano", size=FrameSize(32, 64), sampling=Sampling(seed=seed, num_steps=4)
    )
    return RenderTask(
        identity=clip_identity(request, WEIGHTS),
        request=request,
        placement=Placement(),
        weights=WEIGHTS,
        ckpt_dir=None,
        source=ClipSource("set", row),
        output=folder / f"set-{row}-s{seed}.mp4",
    )


def identity_in_text(clip: Path) -> str | None:
    """Stands for `identity_in` where a text file stands for a clip: it holds the identity."""
    return clip.read_text() if clip.is_file() else None


def forced(task: RenderTask) -> RenderTask:
    """The same task, to be rendered even if its clip exists."""
    return replace(task, is_forced=True)
