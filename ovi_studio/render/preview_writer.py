"""Writes previews of a job's clip while a worker denoises it, and removes them afterwards.

Nothing that goes wrong here ever reaches the clip.
"""

import io
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from ovi.spec.variants import FPS, FRAMES_PER_VIDEO_LATENT
from ovi_studio.errors import UsageError
from ovi_studio.project.config import load_config
from ovi_studio.project.config_settings import SETTING_OF
from ovi_studio.render.job import JobStatus, RenderJob
from ovi_studio.render.preview_files import PreviewPaths, PreviewState, stale_files
from ovi_studio.render.queue import RenderQueue
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


def preview_seconds(folder: Path, environment: Mapping[str, str] = os.environ) -> float:
    """The setting that holds in a folder; the default where the settings cannot be read."""
    try:
        said = load_config(folder, environment).preview.seconds
    except UsageError:
        said = None  # a worker renders all the same; commands say what is wrong
    return float(SETTING_OF["preview.seconds"].default) if said is None else said


def remove_stale(queue: RenderQueue) -> None:
    """Removes what lost workers left and what is of forgotten jobs; failed ones keep theirs."""
    kept = {
        job.id
        for job in queue.jobs()
        if job.status.is_with_worker or job.status is JobStatus.FAILED
    }
    for path in stale_files(queue.state.preview_folder, kept):
        with suppress(OSError):
            path.unlink()


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
