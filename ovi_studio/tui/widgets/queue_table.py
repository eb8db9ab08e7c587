"""The queue as a list with one line per job: cursor, marks, filters. Draws only what is seen."""

from collections.abc import Sequence
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual.binding import Binding, BindingType
from textual.events import Click, Resize
from textual.geometry import Region, Size
from textual.message import Message
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip

from ovi_studio.actions.queue_watching import JobView
from ovi_studio.render.job import JobStatus
from ovi_studio.tui.widgets.job_lines import Columns, LineStyles, clean, head_text, job_segments

FILTERS: dict[str, frozenset[JobStatus]] = {
    "all": frozenset(JobStatus),
    "unfinished": frozenset({JobStatus.PENDING, JobStatus.RUNNING, JobStatus.CANCELLING}),
    "running": frozenset({JobStatus.RUNNING, JobStatus.CANCELLING}),
    "waiting": frozenset({JobStatus.PENDING}),
    "done": frozenset({JobStatus.DONE}),
    "failed": frozenset({JobStatus.FAILED}),
    "cancelled": frozenset({JobStatus.CANCELLED}),
}
"""What is shown: the states of each filter."""


class QueueTable(ScrollView, can_focus=True):
    """The jobs of the queue."""

    BINDING_GROUP_TITLE = "Queue"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", "Up", show=False),
        Binding("down,j", "move(1)", "Down", show=False),
        Binding("pageup,ctrl+b", "page(-1)", "Page up", show=False),
        Binding("pagedown,ctrl+f", "page(1)", "Page down", show=False),
        Binding("home,g", "jump(0)", "First", show=False),
        Binding("end,G", "jump(-1)", "Last", show=False),
        Binding("space", "mark", "Mark"),
        Binding("A", "mark_all", "Mark all", show=False),
        Binding("enter", "open", "Details"),
    ]
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "queue--head", "queue--cursor", "queue--muted", "queue--bar", "queue--track",
        "queue--pending", "queue--running", "queue--cancelling", "queue--done", "queue--failed",
        "queue--cancelled",
    }  # fmt: skip
    DEFAULT_CSS = """
    QueueTable {
        background: $surface; scrollbar-size-vertical: 1;
        & .queue--head { text-style: dim; background: $panel; }
        & .queue--cursor { background: $panel; }
        &:focus .queue--cursor { background: $primary-muted; }
        & .queue--muted { text-style: dim; }
        & .queue--bar { color: $accent; }
        & .queue--track { background: $panel-lighten-1; }
        & .queue--pending { text-style: dim; }
        & .queue--running { color: $text-primary; text-style: bold; }
        & .queue--cancelling { color: $text-warning; }
        & .queue--done { color: $text-success; }
        & .queue--failed { color: $text-error; }
        & .queue--cancelled { text-style: dim; }
    }
    """

    cursor: reactive[int] = reactive(0, repaint=True)

    class CursorMoved(Message):
        """Another job is under the cursor; None: there is none."""

        def __init__(self, view: JobView | None) -> None:
            super().__init__()
            self.view = view

    class Opened(Message):
        """The job under the cursor is to be looked at."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._all: Sequence[JobView] = ()
        self._shown: list[JobView] = []
        self._current_id: int | None = None
        self._is_sought = False
        self.marked: set[int] = set()
        self.state_filter = "all"
        self.text_filter = ""

    # What is shown.

    @property
    def views(self) -> Sequence[JobView]:
        """The jobs that the filters let through, in order."""
        return self._shown

    @property
    def current(self) -> JobView | None:
        """The job under the cursor."""
        return self._shown[self.cursor] if self.cursor < len(self._shown) else None

    @property
    def meant_ids(self) -> list[int]:
        """The jobs that an action is about: those that are marked, else that under the cursor."""
        if self.marked:
            return [view.job.id for view in self._all if view.job.id in self.marked]
        return [] if self.current is None else [self.current.job.id]

    def show_jobs(self, views: Sequence[JobView]) -> None:
        """Shows the queue as it is now; the cursor stays on its job."""
        is_news = list(views) != list(self._all)
        self._all = views
        if is_news:
            self.marked &= {view.job.id for view in views}
            self._filter()
        self._scroll_to_cursor()  # before the first layout there was no room to scroll in

    def set_filters(self, *, state: str | None = None, text: str | None = None) -> None:
        """Shows only jobs in these states, whose set, row or prompt holds the text."""
        self.state_filter = self.state_filter if state is None else state
        self.text_filter = self.text_filter if text is None else text
        self._filter()

    def go_to(self, job_id: int) -> bool:
        """Puts the cursor on a job; False when it is not shown."""
        for index, view in enumerate(self._shown):
            if view.job.id == job_id:
                self._put_cursor(index)
                return True
        return False

    def _filter(self) -> None:
        states, text = FILTERS[self.state_filter], self.text_filter.casefold()
        self._shown = [
            view
            for view in self._all
            if view.job.status in states and (not text or text in _words_of(view))
        ]
        self.virtual_size = Size(self.size.width, len(self._shown) + 1)
        before, known = self._current_id, self.cursor
        index = next((i for i, v in enumerate(self._shown) if v.job.id == before), None)
        self._put_cursor(min(known, len(self._shown) - 1) if index is None else index)
        self.refresh()

    def _put_cursor(self, index: int) -> None:
        self.cursor = max(0, min(index, len(self._shown) - 1))
        current = self.current
        job_id = None if current is None else current.job.id
        self._is_sought |= job_id != self._current_id
        self._current_id = job_id
        self._scroll_to_cursor()
        self.post_message(self.CursorMoved(current))

    def _scroll_to_cursor(self) -> None:
        """Scrolls until a cursor that was moved is seen; the user's own scrolling is left alone."""
        room = self.size.height - 1
        if not self._is_sought or room < 1:
            return
        offset = round(self.scroll_offset.y)
        if offset <= self.cursor < offset + room:
            self._is_sought = False
        else:
            y = self.cursor if self.cursor < offset else self.cursor - room + 1
            self.scroll_to(y=y, animate=False)

    # Drawing.

    def on_resize(self, event: Resize) -> None:
        self.virtual_size = Size(event.size.width, len(self._shown) + 1)

    def render_line(self, y: int) -> Strip:
        width = self.scrollable_content_region.width
        digits = len(str(max((view.job.id for view in self._all[-1:]), default=0)))
        digits = max(digits, len(str(len(self._all))))
        columns = Columns.within(width - 1, digits)
        if y == 0:  # the head stays
            style = self.get_component_rich_style("queue--head")
            return Strip([Segment(head_text(columns), style)]).adjust_cell_length(width, style)
        index = y - 1 + round(self.scroll_offset.y)
        if index >= len(self._shown):
            return Strip.blank(width, self.rich_style)
        view = self._shown[index]
        segments = job_segments(view, columns, self._styles, is_marked=view.job.id in self.marked)
        ground = self.rich_style
        if index == self.cursor:
            ground += self.get_component_rich_style("queue--cursor", partial=True)
        return Strip(segments).adjust_cell_length(width).apply_style(ground)

    @property
    def _styles(self) -> LineStyles:
        def part(name: str) -> Style:
            return self.get_component_rich_style(f"queue--{name}", partial=True)

        states = {status: part(status.value.lower()) for status in JobStatus}
        return LineStyles(Style(), part("muted"), part("bar"), part("track"), states)

    # Keys and mouse.

    def action_move(self, by: int) -> None:
        """Moves the cursor."""
        self._put_cursor(self.cursor + by)

    def action_page(self, by: int) -> None:
        """Moves the cursor by what is seen."""
        self._put_cursor(self.cursor + by * max(1, self.size.height - 2))

    def action_jump(self, to: int) -> None:
        """Moves the cursor to an end."""
        self._put_cursor(len(self._shown) - 1 if to else 0)

    def action_mark(self) -> None:
        """Marks the job, or takes its mark away, and goes on to the next."""
        if self.current is not None:
            self.marked ^= {self.current.job.id}
            self._put_cursor(self.cursor + 1)
            self.refresh()

    def action_mark_all(self) -> None:
        """Marks all that are shown, or none if they are."""
        shown = {view.job.id for view in self._shown}
        self.marked = set() if shown <= self.marked else self.marked | shown
        self.refresh()

    def clear_marks(self) -> bool:
        """Takes all marks away; False when there was none."""
        had_marks, self.marked = bool(self.marked), set()
        self.refresh()
        return had_marks

    def action_open(self) -> None:
        """Opens the job."""
        if self.current is not None:
            self.post_message(self.Opened())

    def on_click(self, event: Click) -> None:
        """Puts the cursor there; a second click opens."""
        index = event.y - 1 + round(self.scroll_offset.y)
        if event.y < 1 or index >= len(self._shown):
            return
        self._put_cursor(index)
        if event.ctrl or event.shift:
            self.marked ^= {self._shown[index].job.id}
            self.refresh()
        elif event.chain == 2:
            self.action_open()

    def watch_cursor(self) -> None:
        """Draws the lines anew whose colour changes."""
        self.refresh(Region(0, 0, self.size.width, self.size.height))


def _words_of(view: JobView) -> str:
    task = view.job.task
    words = (task.source.set_name, task.source.row_id, str(task.request.sampling.seed))
    return clean(" ".join((*words, task.request.variant, task.request.text))).casefold()
