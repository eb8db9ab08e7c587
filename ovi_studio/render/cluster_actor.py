"""What runs on a node of a Ray cluster: an actor that renders one clip at a time and returns it.

It knows no queue: the driver (`cluster_worker.py`) asks it how far it is, and takes the files. The
weights must lie on the node; that they are the ones planned with is checked there.
"""

import os
import socket
import tempfile
import traceback
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from ovi.errors import Cancelled, OviError, WeightsError
from ovi.media import ClipWriter, sidecar_path
from ovi.spec.variants import variant_named
from ovi_studio.errors import StudioError
from ovi_studio.render.input_files import InputFiles
from ovi_studio.render.job import RenderTask
from ovi_studio.render.job_end import describe_fault, is_out_of_memory
from ovi_studio.render.job_run import warnings_of
from ovi_studio.render.record import recipe_for
from ovi_studio.render.workbench import Workbench, open_engine

if TYPE_CHECKING:
    from ovi_studio.render.workbench import Progress


@dataclass(frozen=True, slots=True)
class RenderedClip:
    """A clip as bytes."""

    files: Mapping[str, bytes]
    """by ending: .mp4, .json, and .png of a drawn first frame"""
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ClipFault:
    """Why there is no clip."""

    message: str
    traceback: str
    is_cancelled: bool = False
    is_out_of_memory: bool = False
    is_foreseen: bool = True
    """the actor may go on with another clip"""


@dataclass(frozen=True, slots=True)
class Stage:
    """How far the actor is; the fields are those of `RenderJob`."""

    stage: str
    step: int
    num_steps: int


class ClipActor:
    """Renders clips. `look` is called while `render` runs, from another thread."""

    def __init__(self) -> None:
        self._bench = Workbench(open_engine)
        self._stage: Stage | None = None
        self._job_id: int | None = None
        self._stopped_id: int | None = None

    def place(self) -> str:
        """Where this actor is, for people."""
        return f"{socket.gethostname()}, process {os.getpid()}"

    def look(self, job_id: int, *, is_stopping: bool) -> Stage | None:
        """How far a job is, if it is the present one. `is_stopping` asks it to stop."""
        if is_stopping:
            self._stopped_id = job_id
        return self._stage if job_id == self._job_id else None

    def render(
        self, job_id: int, task: RenderTask, first_frame: bytes | None
    ) -> RenderedClip | ClipFault:
        """Renders a job's clip; `first_frame` is the content of its picture file."""
        self._stage, self._job_id = None, job_id
        try:
            with tempfile.TemporaryDirectory(prefix="ovi-") as folder:
                return self._render(_moved(task, Path(folder), first_frame))
        except Cancelled as error:
            return ClipFault(str(error), "", is_cancelled=True)
        except Exception as error:
            is_foreseen = isinstance(error, (OviError, StudioError, OSError))
            return ClipFault(
                str(error) if is_foreseen else describe_fault(error),
                "".join(traceback.format_exception(error)),
                is_out_of_memory=is_out_of_memory(error),
                is_foreseen=is_foreseen,
            )

    def _render(self, task: RenderTask) -> RenderedClip:
        created = datetime.now(UTC)
        check_weights(task)
        pipeline = self._bench.pipeline_for(task.pipeline_key, self._report)
        stream = pipeline.render(task.request, on_progress=self._report)
        engine, warnings = self._bench.engine, (*stream.warnings, *warnings_of(task))
        placement = replace(task.placement, num_threads=engine.num_threads())
        recipe = recipe_for(
            replace(task, placement=placement),
            versions=engine.versions,
            device=engine.describe_device(pipeline.device),
            created=created,
            latents_sha256=stream.latents_sha256,
            warnings=warnings,
        )
        with ClipWriter(
            task.output,
            size=stream.size,
            num_frames=stream.num_frames,
            fps=stream.fps,
            sample_rate=stream.sample_rate,
            waveform=stream.waveform,
            recipe=recipe,
        ) as writer:
            for frames in stream.frames:
                writer.write(frames)
        files = {
            ".mp4": task.output.read_bytes(),
            ".json": sidecar_path(task.output).read_bytes(),
        }
        if stream.picture_png is not None:
            files[".png"] = stream.picture_png
        return RenderedClip(files, warnings)

    def _report(self, progress: "Progress") -> None:
        self._stage = Stage(progress.stage, progress.step, progress.num_steps)
        if self._stopped_id == self._job_id:
            raise Cancelled("The clip was cancelled.")


def check_weights(task: RenderTask) -> None:
    """Raises WeightsError when this node has no weights for a task, or other ones than planned."""
    files = InputFiles()
    variant = variant_named(task.request.variant)
    found = dict(files.weights(variant, task.request.precision, task.ckpt_dir))
    if task.picture_source is not None:
        found["picture_model"] = files.picture_model(task.picture_source, Path.cwd()).identity
    other = sorted(name for name in task.weights if found.get(name) != task.weights[name])
    if other:
        raise WeightsError(
            f"The node {socket.gethostname()} has other weights than the clip was planned with "
            f"({', '.join(other)}), in {task.ckpt_dir}. Give all nodes the same files, or name "
            "their folder in OVI_CKPT_DIR there."
        )


def _moved(task: RenderTask, folder: Path, first_frame: bytes | None) -> RenderTask:
    """The task with its files on this node."""
    request, ckpt_dir = task.request, task.ckpt_dir
    if first_frame is not None and request.first_frame is not None:
        picture = folder / "first-frame"
        picture.write_bytes(first_frame)
        request = replace(request, first_frame=replace(request.first_frame, path=str(picture)))
    named = os.environ.get("OVI_CKPT_DIR")
    if named and ckpt_dir is not None:
        ckpt_dir = Path(named)
    placement = task.placement
    if placement.device.startswith("cuda"):
        placement = replace(placement, device="cuda")  # the driver shows us our own GPUs only
    return replace(
        task,
        request=request,
        ckpt_dir=ckpt_dir,
        placement=placement,
        output=folder / task.output.name,
    )
