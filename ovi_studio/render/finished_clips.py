"""Finds clips that need no rendering because they exist, and clears away what a crash left."""

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from ovi.errors import MediaError
from ovi.media import sidecar_path
from ovi_studio.errors import QueueError
from ovi_studio.render.job import RenderJob
from ovi_studio.render.queue import RenderQueue
from ovi_studio.render.record import identity_in


def find_finished(queue: RenderQueue, job: RenderJob) -> str | None:
    """Puts the job's clip in its place if it exists; says where it was, or None.

    A clip of the same identity that an earlier job left elsewhere is copied. A forced job is never
    found finished. Raises QueueError when another file has the name, OSError when copying fails.
    """
    output = job.task.output
    if output.exists() and identity_in(output) != job.task.identity:
        raise QueueError(
            f"{output} exists and is another clip or none at all. Move it away; it is not "
            "overwritten."
        )
    if job.task.is_forced:
        return None
    if output.exists():
        return "the clip was there already"
    for twin in queue.finished_twins(job):
        if identity_in(twin.task.output) == job.task.identity:
            copy_clip(twin.task.output, output)
            return f"copied from {twin.task.output}"
    return None


def copy_clip(source: Path, target: Path) -> None:
    """Copies a clip with the files beside it; the clip appears last, and whole. Raises OSError."""
    target.parent.mkdir(parents=True, exist_ok=True)
    pairs = (
        (source.with_suffix(".png"), target.with_suffix(".png")),
        (sidecar_path(source), sidecar_path(target)),
        (source, target),
    )
    for original, copy in pairs:
        if original.is_file():
            with _placing(copy) as unfinished:
                shutil.copyfile(original, unfinished)


def place_file(path: Path, data: bytes) -> None:
    """Writes a file beside a clip, whole or not at all. Raises OSError."""
    with _placing(path) as unfinished:
        unfinished.write_bytes(data)


def place_clip(output: Path, identity: str, files: Mapping[str, bytes]) -> None:
    """Puts a clip that came as bytes, by file ending, under its name; the MP4 appears last.

    Raises MediaError when the MP4 is not whole or is another clip, OSError when it cannot be
    written.
    """
    output.parent.mkdir(parents=True, exist_ok=True)
    with _placing(output) as unfinished:
        with unfinished.open("wb") as file:
            file.write(files[".mp4"])
            file.flush()
            os.fsync(file.fileno())
        if identity_in(unfinished) != identity:
            raise MediaError(
                f"{output} was not written: what came from the other machine is not the clip that "
                "was asked for. Check that both run the same version."
            )
        for ending, data in files.items():
            if ending != ".mp4":
                place_file(output.with_suffix(ending), data)


@contextmanager
def _placing(path: Path) -> Iterator[Path]:
    """A temporary name beside `path`, which takes its place when the block ends well."""
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        yield unfinished
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def remove_unfinished(output: Path) -> None:
    """Removes what a worker left of this clip when it was killed while writing.

    Only the one who has the job may call this: others may be writing.
    """
    if not output.parent.is_dir():
        return
    for path in output.parent.iterdir():
        if path.name.startswith(f".{output.name}.") and path.name.endswith(".part"):
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)
