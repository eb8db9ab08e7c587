"""Makes what is shown of a job's picture and sound: its live preview, or its clip once it is done.

Work for a thread: it reads files, and for a finished clip runs ffmpeg.
"""

from pathlib import Path

from ovi.errors import MediaError
from ovi_studio.actions.clip_pictures import iter_frames
from ovi_studio.actions.previewing import Preview, latest_preview
from ovi_studio.actions.queue_watching import JobView
from ovi_studio.project.layout import ProjectLayout
from ovi_studio.render.job import JobStatus
from ovi_studio.tui.half_blocks import fitted, half_block_rows
from ovi_studio.tui.widgets.job_pane import MovingPreview, preview_caption
from ovi_studio.tui.widgets.preview_picture import FRAMES_PER_SECOND, BlockPicture

Cells = tuple[int, int]
"""Columns and rows."""

MAX_FRAMES = 96


def load_preview(
    layout: ProjectLayout, view: JobView, movie: Cells, sound: Cells, known: object
) -> MovingPreview | None:
    """The newest picture of a job, fitted; None when there is none. Where it is the one of key
    `known`, it comes without its frames: the pane has them.

    Whether there is a newer one is told by one small file, so it may be asked often.
    """
    if min(movie) < 2:
        return None
    if view.job.status is JobStatus.DONE:
        return _of_clip(view, movie, known)
    found = latest_preview(layout, view.job.id)
    if found is None:
        return None
    key = view.job.id, found.written, movie, sound
    return _unchanged(key) if key == known else _of_preview(found, key, movie, sound)


def _unchanged(key: object) -> MovingPreview:
    return MovingPreview(key, (), None, "")


def _of_preview(found: Preview, key: object, movie: Cells, sound: Cells) -> MovingPreview | None:
    try:
        frames = _read_moving(found.picture, *movie)
        mel = None
        if found.sound is not None and min(sound) > 0:
            mel = _read_stretched(found.sound, *sound)
    except (OSError, ValueError):
        return None  # it has just been replaced, or taken away: the next look finds the other
    return MovingPreview(key, frames, mel, preview_caption(found), found.note)


def _of_clip(view: JobView, movie: Cells, known: object) -> MovingPreview | None:
    path = view.job.task.output
    try:
        written = path.stat().st_mtime
    except OSError:
        return None
    key = view.job.id, written, movie
    if key == known:
        return _unchanged(key)
    columns, rows = movie
    frames = []
    try:
        for frame in iter_frames(path, 2 * rows, columns, rate=FRAMES_PER_SECOND):
            frames.append(_blocks(frame.width, frame.height, frame.pixels))
            if len(frames) == MAX_FRAMES:
                break
    except (MediaError, OSError):
        return None
    return MovingPreview(key, frames, None, "The finished clip. o plays it with sound.")


def _read_moving(path: Path, columns: int, rows: int) -> list[BlockPicture]:
    """The frames of an animated picture, each fitted into a box of cells. OSError for none."""
    from PIL import Image, ImageSequence

    with Image.open(path) as image:
        size = fitted(image.width, image.height, columns, rows)
        frames = []
        for number, frame in enumerate(ImageSequence.Iterator(image)):
            if number == MAX_FRAMES:
                break
            small = frame.convert("RGB").resize(size, Image.Resampling.BOX)
            frames.append(_blocks(*size, small.tobytes()))
        return frames


def _read_stretched(path: Path, columns: int, rows: int) -> BlockPicture:
    """A picture stretched to a box of cells: a sound's has no shape of its own. OSError."""
    from PIL import Image

    with Image.open(path) as image:
        small = image.convert("RGB").resize((columns, 2 * rows), Image.Resampling.BILINEAR)
    return _blocks(columns, 2 * rows, small.tobytes())


def _blocks(width: int, height: int, pixels: bytes) -> BlockPicture:
    return BlockPicture(width, half_block_rows(width, height, pixels))
