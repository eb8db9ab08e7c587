"""Writes a clip in a thread of its own, so that its worker can go on to the next one.

As long as frames still come, whoever renders them answers for the job. With `hand_over` the thread
does: it alone then brings the job to its end, whatever that is.
"""

import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ovi.media import ClipWriter
from ovi_studio.render.finished_clips import place_file
from ovi_studio.render.frame_buffer import AbandonedError, FrameBuffer
from ovi_studio.render.job import RenderJob
from ovi_studio.render.job_end import JobEnd
from ovi_studio.render.job_report import JobReporter
from ovi_studio.render.queue import RenderQueue

if TYPE_CHECKING:
    import numpy as np

    from ovi_studio.render.workbench import ClipStream


class LostEndError(BaseException):
    """A job's end could not be written down, so it is still RUNNING with us.

    This process must end, so that others find the job lost. Not an Exception: no other job that is
    being worked at may be blamed for it.
    """


class BackgroundClip:
    """One clip that is being written. Use it from one thread; it has another one inside."""

    def __init__(
        self,
        job: RenderJob,
        stream: "ClipStream",
        recipe: Mapping[str, Any],
        warnings: Sequence[str] = (),
        *,
        queue_path: Path,
        log: Path,
        started: float,
    ) -> None:
        """Starts to write the clip.

        `warnings` is what the user should know of it; `started` is when work on the job began, on
        time.monotonic.
        """
        self.job = job
        self._stream = stream
        self._recipe = recipe
        self._warnings = warnings
        self._queue_path = queue_path
        self._log = log
        self._started = started
        self._buffer = FrameBuffer()
        self._lock = threading.Lock()
        self._is_handed_over = False
        self._error: BaseException | None = None
        """What ended the writing; before the hand-over the renderer's to answer for, then ours."""
        self._thread = threading.Thread(target=self._run, name=f"clip of job {job.id}")
        self._thread.start()

    def put(self, frames: "np.ndarray") -> None:
        """Adds frames uint8 (n, H, W, 3); waits while too many are buffered.

        Raises whatever ended the writing.
        """
        try:
            self._buffer.put(frames)
        except AbandonedError:
            self._thread.join()
            assert self._error is not None
            raise self._error from None

    def hand_over(self) -> None:
        """All frames are in: from now on the thread ends the job. Raises what ended the writing."""
        with self._lock:
            if self._error is None:
                self._is_handed_over = True
        if not self._is_handed_over:
            self._thread.join()
            assert self._error is not None
            raise self._error
        self._buffer.complete()

    def abandon(self) -> None:
        """The rest of the frames will not come: returns when nothing of the clip is left."""
        self._buffer.abandon()
        self._thread.join()

    def wait(self, seconds: float | None = None) -> bool:
        """Waits for the job's end, at most so long. True when it has ended.

        Raises LostEndError when that end could not be written down.
        """
        self._thread.join(seconds)
        if self._thread.is_alive():
            return False
        if self._error is not None:
            raise LostEndError(f"The end of job {self.job.id} is lost.") from self._error
        return True

    # In the thread.

    def _run(self) -> None:
        try:
            with RenderQueue(self._queue_path) as queue:
                self._write_and_end(queue)
        except BaseException as error:  # the queue itself cannot be used
            self._give_up(error)

    def _write_and_end(self, queue: RenderQueue) -> None:
        end = JobEnd(queue, self._log)
        try:
            self._write(JobReporter(queue, self.job.id))
        except BaseException as error:
            with self._lock:
                is_ours = self._is_handed_over
            if not is_ours:
                raise
            end.stopped_by(self.job, error, self._seconds())
        else:
            end.rendered(self.job, self._warnings, self._seconds())

    def _write(self, reporter: JobReporter) -> None:
        stream, done = self._stream, 0
        with ClipWriter(
            self.job.task.output,
            size=stream.size,
            num_frames=stream.num_frames,
            fps=stream.fps,
            sample_rate=stream.sample_rate,
            waveform=stream.waveform,
            recipe=self._recipe,
        ) as writer:
            for frames in self._buffer:
                writer.write(frames)
                done += len(frames)
                if self._is_handed_over:
                    reporter.report("write", done, stream.num_frames)
            if stream.picture_png is not None:
                place_file(self.job.task.output.with_suffix(".png"), stream.picture_png)

    def _give_up(self, error: BaseException) -> None:
        with self._lock:
            self._error = error
        self._buffer.abandon()

    def _seconds(self) -> float:
        return time.monotonic() - self._started
