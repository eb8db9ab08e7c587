"""Tells the queue how far a job is, and hears from it whether to stop."""

import time
from typing import TYPE_CHECKING

from ovi.errors import Cancelled
from ovi_studio.render.queue import RenderQueue

if TYPE_CHECKING:
    from ovi_studio.render.workbench import Progress

REPORT_SECONDS = 0.2
"""Progress within a stage is written down, and a wish to stop is seen, at most this often."""


class JobReporter:
    """Writes a render's progress to the queue; raises Cancelled when the job is to stop."""

    def __init__(self, queue: RenderQueue, job_id: int) -> None:
        self._queue = queue
        self._job_id = job_id
        self._stage: str | None = None
        self._reported = 0.0

    def __call__(self, progress: "Progress") -> None:
        """To be given to the pipeline as `on_progress`."""
        self.report(progress.stage, progress.step, progress.num_steps)

    def report(self, stage: str, step: int, num_steps: int) -> None:
        """The job has done `step` of `num_steps` in a stage."""
        now = time.monotonic()
        is_news = stage != self._stage or step == num_steps
        if not is_news and now - self._reported < REPORT_SECONDS:
            return
        self._stage, self._reported = stage, now
        if not self._queue.report(self._job_id, stage, step, num_steps):
            raise Cancelled("The clip was cancelled.")
