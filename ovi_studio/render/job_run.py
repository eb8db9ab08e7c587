"""Brings the jobs of one worker to their end: rendering here, writing in the background.

While one clip is being written, the next is rendered. Every fault of a job ends here, as the job's
own state with message, traceback and last log lines.
"""

import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from ovi_studio.render.background_clip import BackgroundClip
from ovi_studio.render.finished_clips import find_finished, remove_unfinished
from ovi_studio.render.free_space import ensure_space
from ovi_studio.render.job import RenderJob, RenderTask
from ovi_studio.render.job_end import JobEnd
from ovi_studio.render.job_report import JobReporter
from ovi_studio.render.preview_files import PreviewPaths
from ovi_studio.render.preview_writer import previewing
from ovi_studio.render.queue import RenderQueue
from ovi_studio.render.record import recipe_for
from ovi_studio.render.workbench import Workbench


class JobRunner:
    """Renders claimed jobs, one after the other."""

    def __init__(
        self,
        queue: RenderQueue,
        bench: Workbench,
        log: Path,
        *,
        num_devices: int = 1,
        preview_seconds: float = 0.0,
    ) -> None:
        """`log` is where this process writes; `num_devices` decides which clip is the next one.

        `preview_seconds` lie between two previews of a clip while it is denoised; 0: none.
        """
        self._queue = queue
        self._bench = bench
        self._log = log
        self._num_devices = num_devices
        self._preview_seconds = preview_seconds
        self._end = JobEnd(queue, log)
        self._writing: BackgroundClip | None = None

    @property
    def is_writing(self) -> bool:
        """A job that was rendered has not come to its end yet."""
        return self._writing is not None

    def run(self, job: RenderJob) -> bool:
        """Renders a job; its clip may still be being written afterwards.

        False when this process should take no other one.
        """
        started = time.monotonic()
        try:
            remove_unfinished(job.task.output)
            self._preview_of(job).remove()  # of an earlier attempt
            found = find_finished(self._queue, job)
            if found is not None:
                self._end.found(job, found)
            else:
                self._render(job, started)
        except Exception as error:
            return self._end.stopped_by(job, error, time.monotonic() - started)
        if job.attempts > 1:
            self.finish_writing()  # its worker was lost before, so it has this one to itself
        return True

    def finish_writing(self, seconds: float | None = None) -> None:
        """Waits until the clip that is being written has come to its end, at most so long."""
        if self._writing is not None and self._writing.wait(seconds):
            self._writing = None

    def _render(self, job: RenderJob, started: float) -> None:
        """Renders the clip and leaves its frames to the background."""
        created = datetime.now(UTC)
        report = JobReporter(self._queue, job.id)
        job.task.output.parent.mkdir(parents=True, exist_ok=True)
        ensure_space(job.task.output, job.task.request)
        pipeline = self._bench.pipeline_for(job.task.pipeline_key, report)
        engine = self._bench.engine
        with previewing(engine, job, self._preview_of(job), self._preview_seconds) as watch:
            stream = pipeline.render(job.task.request, on_progress=report, on_estimate=watch)
        warnings = (*stream.warnings, *warnings_of(job.task))
        placement = replace(job.task.placement, num_threads=engine.num_threads())
        recipe = recipe_for(
            replace(job.task, placement=placement),
            versions=engine.versions,
            device=engine.describe_device(pipeline.device),
            created=created,
            latents_sha256=stream.latents_sha256,
            warnings=warnings,
        )
        self.finish_writing()  # one clip at a time, so that no more than one is in memory
        ahead = self._bench.start_encoding(self._queue.next_task(self._num_devices))
        clip = BackgroundClip(
            job,
            stream,
            recipe,
            warnings,
            queue_path=self._queue.path,
            log=self._log,
            started=started,
        )
        try:
            for frames in stream.frames:
                clip.put(frames)
            clip.hand_over()
        except BaseException:
            clip.abandon()
            raise
        finally:
            if ahead is not None:
                ahead.join()
        self._writing = clip

    def _preview_of(self, job: RenderJob) -> PreviewPaths:
        return PreviewPaths(self._queue.state.preview_folder, job.id)


def warnings_of(task: RenderTask) -> tuple[str, ...]:
    """What the user should know of a clip before anything is rendered."""
    if task.fell_back_from is None:
        return ()
    return (
        f"Memory ran out with {task.fell_back_from}, so the clip was rendered with profile "
        f"{task.profile}.",
    )
