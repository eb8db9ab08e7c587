"""A project whose queue holds jobs in every state, at fixed times, for tests of the render view."""

import io
import sqlite3
from dataclasses import replace
from pathlib import Path

from ovi_studio.project.layout import ProjectLayout
from ovi_studio.project.new_project import create_project
from ovi_studio.render.job import ClipSource
from ovi_studio.render.preview_files import PreviewPaths, PreviewState
from ovi_studio.render.queue import RenderQueue
from ovi_studio.render.rows import new_worker
from ovi_studio.render.worker_lock import WorkerLock
from tests.studio.render.tasks import make_task

WORDS = "A woman at a market says <S>Fresh apples!<E>"


def make_project(folder: Path) -> ProjectLayout:
    """An empty project."""
    create_project(folder)
    return ProjectLayout(folder)


def market_task(folder: Path, row: int, text: str = WORDS):
    """The clip of one row of the set `market`."""
    task = make_task(folder / "renders", text, seed=100 + row)
    return replace(task, source=ClipSource("market", str(row)))


def fill_queue(layout: ProjectLayout, num: int = 9) -> WorkerLock:
    """Jobs 1 done, 2 failed, 3 running, 4 cancelled, the others waiting.

    Returns the lock of the worker that has job 3; while it is held, the worker lives.
    """
    with RenderQueue(layout.state.queue_path) as queue:
        queue.add([market_task(layout.root, row) for row in range(1, num + 1)])
        lock = WorkerLock(queue.lock_path("w1"))
        lock.acquire()
        log = queue.state.log_folder / "w1.log"
        log.write_text("loading nano\nstep 1 of 4\n")
        queue.register(new_worker("w1", log))
        first = queue.claim("w1")
        queue.report(first.id, "denoise", 3, 4)
        queue.finish(first.id, "rendered", seconds=12.0)
        second = queue.claim("w1")
        queue.report(second.id, "denoise", 1, 4)
        queue.fail(
            second.id,
            "The latents are not finite.",
            traceback="Traceback (most recent call last):\nNumericalError",
            log_tail="last words",
            seconds=2.0,
        )
        third = queue.claim("w1")
        queue.report(third.id, "denoise", 2, 4)
        queue.cancel([4], "cancelled by the user")
    set_the_clock(layout)
    return lock


def set_the_clock(layout: ProjectLayout) -> None:
    """Gives every job and event times that never change."""
    with sqlite3.connect(layout.state.queue_path) as database:
        at = "2026-11-22T10:{:02}:00.000+00:00"
        for job, started, finished in database.execute(
            "SELECT id, started, finished FROM jobs"
        ).fetchall():
            database.execute(
                "UPDATE jobs SET created = ?, started = ?, finished = ? WHERE id = ?",
                (at.format(0), started and at.format(job), finished and at.format(job + 1), job),
            )
        database.execute("UPDATE events SET at = ?", (at.format(3),))
        database.execute("UPDATE queue_state SET paused_since = ? WHERE paused_since IS NOT NULL",
                         (at.format(5),))  # fmt: skip


def write_preview(layout: ProjectLayout, job_id: int, *, is_calibrated: bool = False) -> None:
    """A live preview of four frames, each of one colour, and a grey sound."""
    from PIL import Image

    colours = ((200, 40, 40), (40, 200, 40), (40, 40, 200), (200, 200, 40))
    frames = [Image.new("RGB", (64, 48), colour) for colour in colours]
    picture, sound = io.BytesIO(), io.BytesIO()
    frames[0].save(picture, "WEBP", save_all=True, append_images=frames[1:], lossless=True)
    Image.new("RGB", (32, 16), (120, 120, 120)).save(sound, "PNG")
    state = PreviewState(
        variant="nano", step=2, num_steps=4, is_calibrated=is_calibrated, fps=8.0,
        num_frames=4, height=48, width=64,
    )  # fmt: skip
    paths = PreviewPaths(layout.state.preview_folder, job_id)
    paths.write(state, picture.getvalue(), sound.getvalue())
