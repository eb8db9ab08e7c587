"""Writes previews of a job's clip while a worker denoises it, and removes them afterwards.

Nothing that goes wrong here ever reaches the clip.
"""

import io
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ovi.spec.variants import FPS, FRAMES_PER_VIDEO_LATENT
from ovi_studio.render.job import RenderJob
from ovi_studio.render.preview_files import PreviewPaths, PreviewState
from ovi_studio.render.workbench import Engine

if TYPE_CHECKING:
    import numpy as np

    from ovi_studio.render.workbench import Drawing, PreviewWatch

QUALITY = 80
"""Of the WebP, 0 to 100."""

EFFORT = 1
"""Of the WebP, 0 to 6: more takes longer for a smaller file."""

SOUND_COLOURS = ((8, 8, 20), (54, 18, 92), (150, 38, 104), (226, 96, 60), (250, 226, 150))
"""From silent to loud; told apart in grey too."""


@contextmanager
def previewing(
    engine: Engine, job: RenderJob, paths: PreviewPaths, seconds: float
) -> "Iterator[PreviewWatch | None]":
    """Something for a pipeline's `on_estimate` that writes previews of the job every so often.

    None when `seconds` is 0 or this engine draws none. On leaving, all is written that will be.
    """
    watch = None if seconds <= 0 else _watch(engine, job, paths, seconds)
    try:
        yield watch
    finally:
        if watch is not None:
            watch.close()


def _watch(
    engine: Engine, job: RenderJob, paths: PreviewPaths, seconds: float
) -> "PreviewWatch | None":
    if engine.watch_preview is None:
        return None
    task = job.task

    def write(drawing: "Drawing") -> None:
        write_drawing(drawing, task.request.variant, paths)

    try:
        return engine.watch_preview(
            task.request.variant, task.ckpt_dir, task.weights, write, seconds
        )
    except Exception as error:
        sys.stderr.write(f"No preview of job {job.id}: {type(error).__name__}: {error}\n")
        return None


def write_drawing(drawing: "Drawing", variant: str, paths: PreviewPaths) -> None:
    """Replaces a job's preview by a drawing. Raises OSError."""
    num_frames, height, width, _ = drawing.frames.shape
    state = PreviewState(
        variant=variant,
        step=drawing.step,
        num_steps=drawing.num_steps,
        is_calibrated=drawing.is_calibrated,
        fps=FPS / FRAMES_PER_VIDEO_LATENT,
        num_frames=num_frames,
        height=height,
        width=width,
    )
    paths.write(state, animation_of(drawing.frames), sound_picture(drawing.mel))


def animation_of(frames: "np.ndarray") -> bytes:
    """An animated WebP of frames uint8 (F, H, W, 3), one a latent frame; played again and again."""
    from PIL import Image

    first, *others = (Image.fromarray(frame) for frame in frames)
    content = io.BytesIO()
    first.save(
        content,
        "WEBP",
        save_all=True,
        append_images=others,
        duration=_durations(len(frames)),
        loop=0,
        quality=QUALITY,
        method=EFFORT,
    )
    return content.getvalue()


def sound_picture(mel: "np.ndarray") -> bytes:
    """A PNG of a mel spectrogram uint8 (M, T), lowest band first: the bottom row."""
    from PIL import Image

    picture = Image.fromarray(mel[::-1].copy())
    picture.putpalette(_palette(SOUND_COLOURS))
    content = io.BytesIO()
    picture.save(content, "PNG")
    return content.getvalue()


def _durations(num_frames: int) -> list[int]:
    """Milliseconds of each picture: the first latent frame is one frame, the others are four."""
    frame = 1000 / FPS
    return [round(frame), *[round(FRAMES_PER_VIDEO_LATENT * frame)] * (num_frames - 1)]


def _palette(stops: Sequence[tuple[int, int, int]]) -> list[int]:
    """256 colours, three numbers each, evenly from stop to stop."""
    values = []
    for level in range(256):
        place = level / 255 * (len(stops) - 1)
        index = min(int(place), len(stops) - 2)
        low, high = stops[index], stops[index + 1]
        values += [round(a + (place - index) * (b - a)) for a, b in zip(low, high, strict=True)]
    return values
