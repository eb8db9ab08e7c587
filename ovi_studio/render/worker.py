"""The worker: a process that takes jobs from the queue and renders them, one after the other.

`python -m ovi_studio.render.worker --queue PATH --name NAME --log PATH`; nobody imports it but
tests. It alone reaches the tensor side of the engine, and only once there is something to render.
It ends when no job is left, and also after a fault that may have left the device in a bad state:
whoever follows the queue then starts a fresh one.
"""

import argparse
import gc
import platform
import signal
import sys
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import ovi
from ovi.errors import Cancelled, OviError, PlacementError, WeightsError
from ovi.media import ClipWriter
from ovi_studio.errors import StudioError
from ovi_studio.render.finished_clips import find_finished, place_file, remove_unfinished
from ovi_studio.render.job import PipelineKey, RenderJob
from ovi_studio.render.launch import FRESH_START
from ovi_studio.render.queue import RenderQueue
from ovi_studio.render.record import recipe_for
from ovi_studio.render.rows import log_tail, new_worker
from ovi_studio.render.worker_lock import WorkerLock

if TYPE_CHECKING:
    import torch

    from ovi.pipeline import ClipStream, OviPipeline, Progress

REPORT_SECONDS = 0.2
"""Progress within a stage is written down, and a wish to stop is seen, at most this often."""

MAX_WORKERS = 1
"""Workers on one queue: two on one device would take each other's memory."""


@dataclass(frozen=True, slots=True)
class Engine:
    """What the worker needs of the engine's tensor side."""

    load_pipeline: "Callable[..., OviPipeline]"
    describe_device: "Callable[[torch.device], str]"
    versions: Mapping[str, str]
    num_threads: Callable[[], int | None] = lambda: None
    """CPU threads that the engine computes with"""


class Workbench:
    """The engine, and the one pipeline that is loaded; both come when first needed."""

    def __init__(self, open_engine: Callable[[], Engine]) -> None:
        self._open_engine = open_engine
        self._engine: Engine | None = None
        self._key: PipelineKey | None = None
        self._pipeline: OviPipeline | None = None
        self._unusable: dict[PipelineKey, OviError] = {}
        """What could not be loaded, and why: trying again for every row would take hours."""

    @property
    def engine(self) -> Engine:
        """The engine, imported on first use."""
        if self._engine is None:
            self._engine = self._open_engine()
        return self._engine

    def pipeline_for(
        self, key: PipelineKey, on_progress: "Callable[[Progress], None]"
    ) -> "OviPipeline":
        """The pipeline for that key, loaded unless it was the last one used."""
        if self._pipeline is None or key != self._key:
            if key in self._unusable:
                raise self._unusable[key]
            self._pipeline = self._key = None
            gc.collect()  # frees the old models' memory before the new ones need it
            try:
                self._pipeline = self.engine.load_pipeline(
                    key.variant,
                    key.precision,
                    key.placement,
                    key.ckpt_dir,
                    picture_source=key.picture_source,
                    on_progress=on_progress,
                )
            except (WeightsError, PlacementError) as error:
                self._unusable[key] = error
                raise
            self._key = key
        return self._pipeline


class JobReporter:
    """Writes a render's progress to the queue; raises Cancelled when the job is to stop."""

    def __init__(self, queue: RenderQueue, job_id: int) -> None:
        self._queue = queue
        self._job_id = job_id
        self._stage: str | None = None
        self._reported = 0.0

    def __call__(self, progress: "Progress") -> None:
        """To be given to the pipeline as `on_progress`."""
        now = time.monotonic()
        is_news = progress.stage != self._stage or progress.step == progress.num_steps
        if not is_news and now - self._reported < REPORT_SECONDS:
            return
        self._stage, self._reported = progress.stage, now
        if not self._queue.report(self._job_id, progress.stage, progress.step, progress.num_steps):
            raise Cancelled("The clip was cancelled.")


def serve(
    queue_path: Path,
    name: str,
    log: Path,
    open_engine: Callable[[], Engine],
    max_workers: int = MAX_WORKERS,
) -> int:
    """Takes jobs until there are none, or other workers are enough. Returns the exit code."""
    with RenderQueue(queue_path) as queue:
        lock = WorkerLock(queue.lock_path(name))
        lock.acquire()
        try:
            if not queue.register(new_worker(name, log), limit=max_workers):
                return 0
            bench = Workbench(open_engine)
            while True:
                job = queue.claim(name)
                if job is not None:
                    if not do_job(queue, job, bench, log):
                        queue.sign_off(name, "made room for a fresh one after a fault")
                        return FRESH_START
                elif queue.leave(name):
                    return 0
        finally:
            lock.release()


def do_job(queue: RenderQueue, job: RenderJob, bench: Workbench, log: Path) -> bool:
    """Brings a claimed job to its end. False when this process should take no other.

    Every fault of a job ends here, as a FAILED row with message, traceback and last log lines.
    """
    started = time.monotonic()
    try:
        remove_unfinished(job.task.output)
        found = find_finished(queue, job)
        if found is not None:
            queue.finish(job.id, found)
        else:
            warnings = _render(job, bench, JobReporter(queue, job.id))
            seconds = time.monotonic() - started
            queue.finish(job.id, f"rendered in {seconds:.1f} s", warnings, seconds=seconds)
    except Cancelled:
        queue.confirm_cancel(job.id, "the worker stopped")
    except (OviError, StudioError, OSError) as error:
        _fail(queue, job, str(error), log, started)
    except Exception as error:
        # Nobody foresaw this one: memory may be short, or the device unusable from here on.
        _fail(queue, job, describe_fault(error), log, started)
        return False
    return True


def _fail(queue: RenderQueue, job: RenderJob, message: str, log: Path, started: float) -> None:
    """Fails the job with the exception being handled."""
    sys.stdout.flush()
    queue.fail(
        job.id,
        message,
        traceback=traceback.format_exc(),
        log_tail=log_tail(log),
        seconds=time.monotonic() - started,
    )


def describe_fault(error: Exception) -> str:
    """A sentence about an error that nobody foresaw."""
    name = type(error).__name__
    if isinstance(error, MemoryError) or "OutOfMemory" in name:
        return (
            f"Out of memory: {error or name}. Try --offload model, --precision fp8, or a smaller "
            "variant."
        )
    return f"{name}: {error}. This was not foreseen; please report it with the traceback."


def _render(job: RenderJob, bench: Workbench, report: JobReporter) -> tuple[str, ...]:
    """Renders and writes the clip. Returns what the user should know about it."""
    created = datetime.now(UTC)
    pipeline = bench.pipeline_for(job.task.pipeline_key, report)
    stream = pipeline.render(job.task.request, on_progress=report)
    placement = replace(job.task.placement, num_threads=bench.engine.num_threads())
    recipe = recipe_for(
        replace(job.task, placement=placement),
        versions=bench.engine.versions,
        device=bench.engine.describe_device(pipeline.device),
        created=created,
        latents_sha256=stream.latents_sha256,
        warnings=stream.warnings,
    )
    _write_clip(job.task.output, stream, recipe)
    return stream.warnings


def _write_clip(output: Path, stream: "ClipStream", recipe: dict[str, object]) -> None:
    with ClipWriter(
        output,
        size=stream.size,
        num_frames=stream.num_frames,
        fps=stream.fps,
        sample_rate=stream.sample_rate,
        waveform=stream.waveform,
        recipe=recipe,
    ) as writer:
        for frames in stream.frames:
            writer.write(frames)
    if stream.picture_png is not None:
        place_file(output.with_suffix(".png"), stream.picture_png)


def open_engine() -> Engine:
    """The real engine; this imports torch."""
    import torch

    from ovi.pipeline import load_pipeline

    def describe_device(device: torch.device) -> str:
        return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type

    versions = {
        "ovi": ovi.__version__,
        "python": platform.python_version(),
        "torch": torch.__version__,
    }
    return Engine(load_pipeline, describe_device, versions, torch.get_num_threads)


def main(
    arguments: Sequence[str] | None = None,
    open_engine: Callable[[], Engine] = open_engine,
    max_workers: int = MAX_WORKERS,
) -> int:
    """Runs one worker among at most `max_workers` of its queue. Returns the exit code."""
    parser = argparse.ArgumentParser(description="Renders the jobs of a queue.")
    parser.add_argument("--queue", type=Path, required=True)
    parser.add_argument("--name", required=True)
    parser.add_argument("--log", type=Path, required=True)
    given = parser.parse_args(arguments)
    # Ctrl-C is for the follower, which asks through the queue and so can ask politely.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    return serve(given.queue, given.name, given.log, open_engine, max_workers)


if __name__ == "__main__":
    sys.exit(main())
