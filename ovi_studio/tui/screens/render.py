"""The view `render`: the queue with its jobs, meters, previews and logs, and new renders.

The queue runs without this view: workers are started and replaced by a keeper (`render/keeper.py`),
and everything done here is done through `actions/`, as `ovi render` and `ovi queue` do it.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.widgets import Input, Static

from ovi_studio.actions.job_logs import JobLog
from ovi_studio.actions.metering import Metering
from ovi_studio.actions.queue_control import QueueControl
from ovi_studio.actions.queue_watching import JobView, QueueSnapshot, QueueWatch, read_events
from ovi_studio.actions.rendering import check_installation, enqueue_tasks
from ovi_studio.render.job import JobEvent, JobStatus, RenderJob
from ovi_studio.render.keeper import start_keeper
from ovi_studio.render.ordering import Place
from ovi_studio.report.queue_watch import clip_name
from ovi_studio.tui.dialogs import Choice
from ovi_studio.tui.job_preview import load_preview
from ovi_studio.tui.messages import ClipsChanged, QueueChanged, RenderRows, ShowClip, ShowJob
from ovi_studio.tui.order_form import OrderForm, source_of
from ovi_studio.tui.screens.base import Poll, StudioScreen
from ovi_studio.tui.screens.order import OrderDialog, PlannedOrder
from ovi_studio.tui.visible_text import one_line
from ovi_studio.tui.widgets.job_pane import JobPane, MovingPreview
from ovi_studio.tui.widgets.meter_bar import MeterBar
from ovi_studio.tui.widgets.queue_table import FILTERS, QueueTable

LOOK_SECONDS = 0.25
METER_SECONDS = 1.0
PANE_SECONDS = 0.5
NEWS = frozenset({JobStatus.RUNNING, JobStatus.CANCELLING})
FORM_KEY = "render.form"


class RenderScreen(StudioScreen):
    """The queue, and what makes it longer and shorter."""

    VIEW = "render"
    BINDING_GROUP_TITLE = "Render"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("n", "new", "New render"),
        Binding("p", "pause", "Pause"),
        Binding("x,delete", "cancel", "Cancel"),
        Binding("r", "retry", "Retry"),
        Binding("K,shift+up", "shift(-1)", "Earlier", show=False),
        Binding("J,shift+down", "shift(1)", "Later", show=False),
        Binding("t", "place(True)", "First", show=False),
        Binding("b", "place(False)", "Last", show=False),
        Binding("c", "clear", "Clear"),
        Binding("f", "filter", "Filter"),
        Binding("slash", "search", "Search", key_display="/"),
        Binding("o", "play", "Play", show=False),
        Binding("v", "tab('preview')", "Preview", show=False),
        Binding("i", "tab('details')", "Why", show=False, tooltip="What happened to the job"),
        Binding("l", "tab('log')", "Log"),
        Binding("left_square_bracket", "next_tab(-1)", "Tab before", show=False),
        Binding("right_square_bracket", "next_tab(1)", "Next tab", show=False),
        Binding("escape", "back", "Back", show=False),
    ]
    DEFAULT_CSS = """
    RenderScreen {
        #meters { height: auto; }
        #queue-row { height: 1fr; }
        #queue-side { width: 1fr; }
        #search { height: 1; display: none; }
        #search.-open { display: block; }
        #filter { height: 1; padding: 0 1; color: $text-warning; display: none; }
        #filter.-on { display: block; }
        #empty { height: 1fr; content-align: center middle; color: $text-muted; display: none; }
        #queue-side.-empty #empty { display: block; }
        #queue-side.-empty QueueTable { display: none; }
        JobPane { width: 46; }
    }
    RenderScreen.-wide JobPane { width: 70; }
    RenderScreen.-narrow {
        JobPane { display: none; width: 1fr; border-left: none; }
        #queue-row.-pane JobPane { display: block; }
        #queue-row.-pane #queue-side { display: none; }
    }
    """
    keep_queue: ClassVar[Callable[[Path], object]] = staticmethod(start_keeper)
    """what sees to the workers once this view is gone"""

    def compose_view(self) -> ComposeResult:
        """Meters above, the queue at the left, the job under the cursor at the right."""
        yield MeterBar(id="meters")
        with Horizontal(id="queue-row"):
            with Vertical(id="queue-side"):
                yield Input(placeholder="set, row, seed or words of the prompt", id="search",
                            compact=True)  # fmt: skip
                yield Static("", id="filter")
                yield QueueTable(id="jobs")
                yield Static("", id="empty")
            yield JobPane(id="job")

    def on_mount(self) -> None:
        self._snapshot = QueueSnapshot()
        self._watch = QueueWatch(self.context.layout)
        self._metering: Metering | None = None
        self._log: JobLog | None = None
        self._log_job: int | None = None
        self._wanted_job: int | None = None
        self._events_key: object = None
        self._table = self.query_one(QueueTable)
        self._pane = self.query_one(JobPane)
        self._look = self.poll(LOOK_SECONDS, self._watch.look, self._show_queue)
        self.poll(METER_SECONDS, self._read_meters, self.query_one(MeterBar).show_meters)
        self._pane_look: Poll[object] = self.poll(PANE_SECONDS, self._read_pane, self._show_pane)
        self._table.focus()
        self.query_one("#empty", Static).update(
            Text("Nothing was rendered here yet.\n\nPress n to render a set or a prompt.")
        )

    # Looking. What reads files runs in a thread; what it found is shown on the event loop.

    def _read_meters(self) -> object:
        if self._metering is None:
            self._metering = Metering()
        return self._metering.read()

    def _show_queue(self, snapshot: QueueSnapshot) -> None:
        before = {view.job.id: view.job.status for view in self._snapshot.jobs}
        self._snapshot = snapshot
        self.query_one(MeterBar).show_queue(snapshot)
        self._table.show_jobs(snapshot.jobs)
        self.query_one("#queue-side").set_class(not snapshot.jobs, "-empty")
        if self._wanted_job is not None and self._table.go_to(self._wanted_job):
            self._wanted_job = None
        is_news = any(
            view.job.status is JobStatus.DONE and before.get(view.job.id) in NEWS
            for view in snapshot.jobs
        )
        if is_news:
            self.tell(ClipsChanged())

    def on_queue_table_cursor_moved(self, event: QueueTable.CursorMoved) -> None:
        is_other = event.view is None or event.view.job.id != self._pane.job_id
        self._pane.show_job(event.view)
        if is_other:
            self._pane_look.look()

    def _read_pane(self) -> object:
        """What the open tab shows of the job under the cursor."""
        view, tab = self._table.current, self._pane.tab
        if view is None or not self._pane.display:
            return None
        if tab == "preview":
            pane = self._pane
            return view, load_preview(
                self.context.layout, view, pane.movie_size, pane.sound_size, pane.preview_key
            )
        if tab == "details":
            return view, read_events(self.context.layout, view.job.id)
        if self._log is None or self._log_job != view.job.id:
            self._log, self._log_job = JobLog(self.context.layout, view.job.id), view.job.id
        return view, tuple(self._log.new_lines())

    def _show_pane(self, found: object) -> None:
        if not isinstance(found, tuple):
            return
        view, part = found
        if view.job.id != self._pane.job_id:
            self._pane_look.look()
        elif isinstance(part, list):
            self._pane.show_details(view, part)
        elif isinstance(part, tuple):
            self._pane.add_log(part)
        elif part is None or isinstance(part, MovingPreview):
            self._pane.show_preview(part, view)

    # What other views ask for.

    def on_queue_changed(self, _: QueueChanged) -> None:
        self._look.look()

    def on_render_rows(self, event: RenderRows) -> None:
        self._ask_order(source_of(event.path, self.context.root), event.row_ids)

    def on_show_job(self, event: ShowJob) -> None:
        self._wanted_job = event.job_id
        self._table.set_filters(state="all", text="")
        self._show_filter()
        self._look.look()
