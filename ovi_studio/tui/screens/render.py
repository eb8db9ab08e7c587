"""The view `render`: the queue with its jobs, meters, previews and logs, and new renders.

The queue runs without this view: workers are started and replaced by a keeper (`render/keeper.py`),
and everything done here is done through `actions/`, as `ovi render` and `ovi queue` do it.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.widgets import Input, Static

from ovi_studio.actions.metering import Metering, Meters
from ovi_studio.actions.queue_watching import QueueSnapshot, QueueWatch
from ovi_studio.actions.rendering import check_installation, enqueue_tasks
from ovi_studio.render.job import JobStatus, RenderJob
from ovi_studio.tui.job_look import JobLook
from ovi_studio.tui.messages import ClipsChanged, QueueChanged, RenderRows, ShowClip, ShowJob
from ovi_studio.tui.order_form import OrderForm, source_of
from ovi_studio.tui.screens.order import OrderDialog, PlannedOrder
from ovi_studio.tui.screens.queue_changes import QueueChanges, counted_clips
from ovi_studio.tui.visible_text import one_line
from ovi_studio.tui.widgets.job_pane import JobPane
from ovi_studio.tui.widgets.meter_bar import MeterBar
from ovi_studio.tui.widgets.queue_table import FILTERS, QueueTable

LOOK_SECONDS = 0.25
METER_SECONDS = 1.0
NEWS = frozenset({JobStatus.RUNNING, JobStatus.CANCELLING})
FORM_KEY = "render.form"


class RenderScreen(QueueChanges):
    """The queue, and what makes it longer and shorter."""

    VIEW = "render"
    AUTO_FOCUS = ""  # the line to search in would be the first
    BINDING_GROUP_TITLE = "Render"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("n", "new", "New", tooltip="New render"),
        Binding("f", "filter", "Filter"),
        Binding("slash", "search", "Search", key_display="/"),
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
        JobPane { width: 42; }
    }
    RenderScreen.-wide JobPane { width: 70; }
    RenderScreen.-narrow {
        #queue-row { layout: vertical; }
        #queue-side { width: 100%; height: 1fr; }
        JobPane { width: 100%; height: 60%; border-left: none; }
        JobPane #sound { display: none; }
        #queue-row.-pane JobPane { height: 1fr; }
        #queue-row.-pane JobPane #sound { display: block; }
        #queue-row.-pane #queue-side { display: none; }
    }
    """

    def compose_view(self) -> ComposeResult:
        """Meters above, the queue at the left, the job under the cursor at the right."""
        yield MeterBar(id="meters")
        with Horizontal(id="queue-row"):
            with Vertical(id="queue-side"):
                words = "set, row, seed or words of the prompt"
                yield Input(placeholder=words, id="search", compact=True, disabled=True)
                yield Static("", id="filter")
                yield QueueTable(id="jobs")
                yield Static("", id="empty")
            yield JobPane(id="job")

    def on_mount(self) -> None:
        self._snapshot = QueueSnapshot()
        self._watch = QueueWatch(self.context.layout)
        self._metering: Metering | None = None
        self._wanted_job: int | None = None
        self._pane = self.query_one(JobPane)
        self._look = self.poll(LOOK_SECONDS, self._watch.look, self._show_queue)
        self.poll(METER_SECONDS, self._read_meters, self.query_one(MeterBar).show_meters)
        self._job_look = JobLook(self, self._pane, lambda: self._table.current)
        self._table.focus()
        self.query_one("#empty", Static).update(
            Text("Nothing was rendered here yet.\n\nPress n to render a set or a prompt.")
        )

    # Looking. What reads files runs in a thread; what it found is shown on the event loop.

    def _read_meters(self) -> Meters:
        if self._metering is None:
            self._metering = Metering()
        return self._metering.read()

    def _show_queue(self, snapshot: QueueSnapshot) -> None:
        before = {view.job.id: view.job.status for view in self._snapshot.jobs}
        self._snapshot = snapshot
        self.query_one(MeterBar).show_queue(snapshot)
        self._table.show_jobs(snapshot.jobs)
        self.query_one("#queue-side").set_class(not snapshot.jobs, "-empty")
        if snapshot.jobs and self.focused is None:
            self.call_after_refresh(self._table.focus)  # it was not seen while it was empty
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
            self._job_look.look()

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

    # New renders.

    def action_new(self) -> None:
        """Opens the form with the set and the rows that are chosen in the write view."""
        context = self.context
        source = "" if context.set_path is None else source_of(context.set_path, context.root)
        self._ask_order(source, context.selected_ids)

    def _ask_order(self, source: str, row_ids: Sequence[str]) -> None:
        kept = self.context.remembered.get(FORM_KEY, {})
        form = replace(OrderForm.from_memory(kept), source=source, rows=",".join(row_ids))
        self.app.push_screen(OrderDialog(self.context.root, form, tuple(row_ids)), self._ordered)

    def _ordered(self, order: PlannedOrder | None) -> None:
        """Puts the clips of an order into the queue."""
        if order is None:
            return
        self.context.remembered.put(FORM_KEY, order.form.to_memory())
        layout, on_rescue = self.context.layout, self.rescue_talk()

        def enqueue() -> list[RenderJob]:
            check_installation()
            tasks = [clip.to_task(is_forced=order.form.is_forced) for clip in order.plan.clips]
            return enqueue_tasks(tasks, layout, on_rescue=on_rescue, keep_queue=self.keep_queue)

        self.run_in_thread(enqueue, self._enqueued)

    def _enqueued(self, jobs: list[RenderJob]) -> None:
        num_done = sum(job.status is JobStatus.DONE for job in jobs)
        new = [job.id for job in jobs if job.status is not JobStatus.DONE]
        said = f"{counted_clips(len(new))} in the queue."
        self.say(said + (f" {num_done} rendered before." if num_done else ""))
        if jobs:
            self._wanted_job = (new or [jobs[0].id])[0]
        self.tell(QueueChanged())

    # The screen itself.

    def on_queue_table_opened(self) -> None:
        """Shows the clip of a finished job, else the job's pane."""
        job = self._done_job(complains=False)
        if job is not None and self._pane.tab == "preview":
            self.show_view("choose", ShowClip(job.task.output))
        else:
            self._open_pane()

    def action_tab(self, tab: str) -> None:
        """Opens a tab of the job's pane."""
        self._pane.open_tab(tab)
        self._open_pane()

    def action_next_tab(self, by: int) -> None:
        """Opens the next tab."""
        self._pane.next_tab(by)

    def on_job_pane_tab_changed(self) -> None:
        self._job_look.look()

    def action_search(self) -> None:
        """Opens the line to search in."""
        search = self.query_one("#search", Input)
        search.add_class("-open")
        search.disabled = False
        search.focus()

    def on_input_changed(self, event: Input.Changed) -> None:
        self._table.set_filters(text=event.value)
        self._show_filter()

    def on_input_submitted(self) -> None:
        search = self.query_one("#search")
        search.remove_class("-open")
        search.disabled = True
        self._table.focus()

    def action_filter(self) -> None:
        """Shows jobs of the next state only."""
        names = list(FILTERS)
        self._table.set_filters(
            state=names[(names.index(self._table.state_filter) + 1) % len(names)]
        )
        self._show_filter()

    def action_back(self) -> None:
        """Back: from the pane, the search, the marks, the filters, in this order."""
        search = self.query_one("#search", Input)
        if search.has_class("-open"):
            search.value = ""
            self.on_input_submitted()
        elif self._pane.has_focus or self.query_one("#queue-row").has_class("-pane"):
            self.query_one("#queue-row").remove_class("-pane")
            self.call_after_refresh(self._table.focus)
        elif not self._table.clear_marks():
            self._table.set_filters(state="all", text="")
            search.value = ""
            self._show_filter()

    def _open_pane(self) -> None:
        self.query_one("#queue-row").add_class("-pane")
        self.call_after_refresh(self._enter_pane)

    def _enter_pane(self) -> None:
        """Focuses the pane, which may only now be seen."""
        self._pane.focus()
        self._job_look.look()

    def _show_filter(self) -> None:
        table, parts = self._table, []
        if table.state_filter != "all":
            parts.append(f"only {table.state_filter} (f: next)")
        if table.text_filter:
            parts.append(f"with “{one_line(table.text_filter, 40)}”")
        line = self.query_one("#filter", Static)
        line.set_class(bool(parts), "-on")
        line.update(Text(f"{', '.join(parts)}: {len(table.views)} of {len(self._snapshot.jobs)}. "
                         "esc: all"))  # fmt: skip
