"""Keeps the pane of one job up to date: reads what its open tab shows, in threads, and shows it."""

from collections.abc import Callable
from functools import partial
from typing import TypeVar

from ovi_studio.actions.job_logs import JobLog
from ovi_studio.actions.queue_watching import JobView, read_events
from ovi_studio.tui.job_preview import load_preview
from ovi_studio.tui.screens.base import StudioScreen
from ovi_studio.tui.widgets.job_pane import JobPane

Part = TypeVar("Part")

LOOK_SECONDS = 0.5


class JobLook:
    """Looks at the job under the cursor while the view is seen."""

    def __init__(
        self, screen: StudioScreen, pane: JobPane, current: Callable[[], JobView | None]
    ) -> None:
        """Begins to look. `current` is asked on the event loop."""
        self._screen = screen
        self._pane = pane
        self._current = current
        self._log: tuple[int, JobLog] | None = None
        self._is_busy = False
        screen.set_interval(LOOK_SECONDS, self.look)

    def look(self) -> None:
        """Looks now, unless it is looking or nobody would see it."""
        view, pane = self._current(), self._pane
        if self._is_busy or view is None or not self._screen.is_current or not pane.size.width:
            return
        layout = self._screen.context.layout
        if pane.tab == "preview":
            movie, sound, known = pane.movie_size, pane.sound_size, pane.preview_key
            work = partial(load_preview, layout, view, movie, sound, known)
            self._read(view, work, lambda preview: pane.show_preview(preview, view))
        elif pane.tab == "details":
            work_on_events = partial(read_events, layout, view.job.id)
            self._read(view, work_on_events, lambda events: pane.show_details(view, events))
        else:
            if self._log is None or self._log[0] != view.job.id or pane.is_log_empty:
                self._log = view.job.id, JobLog(layout, view.job.id)
            self._read(view, self._log[1].new_lines, pane.add_log)

    def _read(
        self, view: JobView, work: Callable[[], Part], show: Callable[[Part], object]
    ) -> None:
        self._is_busy = True

        def arrived(part: Part) -> None:
            self._is_busy = False
            if view.job.id == self._pane.job_id:
                show(part)
            else:
                self.look()

        self._screen.run_in_thread(work, arrived, on_error=self._failed)

    def _failed(self, error: Exception) -> None:
        self._is_busy = False
        self._pane.show_problem(error)
