"""One job in full: its live preview, everything that happened to it, and its worker's log."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.events import Click
from textual.message import Message
from textual.widgets import ContentSwitcher, Log, Static

from ovi_studio.actions.previewing import Preview
from ovi_studio.actions.queue_watching import JobView
from ovi_studio.render.job import JobEvent, JobStatus
from ovi_studio.report.queue import job_text
from ovi_studio.report.queue_watch import clip_name, state_word
from ovi_studio.tui.visible_text import one_line, visible
from ovi_studio.tui.widgets.job_lines import SIGNS
from ovi_studio.tui.widgets.preview_picture import BlockPicture, PreviewPicture

TABS = ("preview", "details", "log")
MAX_LOG_LINES = 5000


@dataclass(frozen=True, slots=True)
class MovingPreview:
    """What a job looks and sounds like, ready to be shown."""

    key: object
    """another key: another picture"""
    frames: Sequence[BlockPicture]
    sound: BlockPicture | None
    caption: str
    note: str | None = None


class TabLine(Static):
    """The tabs of the pane, in one line."""

    DEFAULT_CSS = "TabLine { height: 1; padding: 0 1; background: $panel; }"

    def __init__(self, pick: Callable[[str], object]) -> None:
        super().__init__("")
        self._pick = pick

    def show_tab(self, current: str) -> None:
        """Shows which tab is open."""
        line = Text()
        for tab in TABS:
            line.append(f" {tab.capitalize()} ", "reverse bold" if tab == current else "")
            line.append(" ")
        self.update(line)

    def on_click(self, event: Click) -> None:
        """Opens the tab that was clicked on."""
        start = 1
        for tab in TABS:
            if start <= event.x < start + len(tab) + 2:
                self._pick(tab)
                return
            start += len(tab) + 3


class JobPane(Vertical):
    """Everything about the job under the cursor."""

    BINDING_GROUP_TITLE = "Job"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j,down", "scroll(1)", "Down", show=False),
        Binding("k,up", "scroll(-1)", "Up", show=False),
        Binding("pagedown,ctrl+f", "scroll(15)", "Page down", show=False),
        Binding("pageup,ctrl+b", "scroll(-15)", "Page up", show=False),
        Binding("home,g", "scroll(-100000)", "Start", show=False),
        Binding("end,G", "scroll(100000)", "End", show=False),
    ]
    can_focus = False
    DEFAULT_CSS = """
    JobPane {
        border-left: solid $panel-lighten-1; background: $surface;
        &:focus { border-left: solid $primary; }
        #title { height: 1; padding: 0 1; text-style: bold; background: $panel; }
        ContentSwitcher { height: 1fr; }
        #preview { height: 1fr; }
        #sound { height: 6; }
        #sound.-short { height: 3; }
        #caption { height: auto; max-height: 6; padding: 0 1; color: $text-muted; }
        #details { height: 1fr; padding: 0 1; }
        #details-text { height: auto; }
        #log { height: 1fr; padding: 0 1; background: $surface; }
    }
    """

    class TabChanged(Message):
        """Another tab is open."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._tab = TABS[0]
        self._job_id: int | None = None
        self._preview_key: object = None
        self._details: object = None

    def compose(self) -> ComposeResult:
        yield Static("", id="title")
        yield TabLine(self.open_tab)
        with ContentSwitcher(initial=TABS[0]):
            with Vertical(id="preview"):
                yield PreviewPicture(id="movie")
                yield PreviewPicture(id="sound")
                yield Static("", id="caption")
            with VerticalScroll(id="details", can_focus=False):
                yield Static("", id="details-text")
            log = Log(id="log", max_lines=MAX_LOG_LINES)
            log.can_focus = False
            yield log

    def on_mount(self) -> None:
        self.query_one(TabLine).show_tab(self._tab)

    @property
    def tab(self) -> str:
        """The tab that is open."""
        return self._tab

    @property
    def job_id(self) -> int | None:
        """The job that is shown."""
        return self._job_id

    @property
    def preview_key(self) -> object:
        """Which preview is shown."""
        return self._preview_key

    @property
    def movie_size(self) -> tuple[int, int]:
        """Columns and rows that there are for the moving picture."""
        size = self.query_one("#movie").size
        return size.width, size.height

    @property
    def sound_size(self) -> tuple[int, int]:
        """Columns and rows that there are for the sound."""
        size = self.query_one("#sound").size
        return size.width, size.height

    @property
    def is_log_empty(self) -> bool:
        """Nothing of the log is shown: it is to be read from its end anew."""
        return self.query_one(Log).line_count == 0

    def show_problem(self, error: Exception) -> None:
        """Shows why something cannot be shown, such as of a job that was forgotten meanwhile."""
        self.query_one("#movie", PreviewPicture).play(())
        self.query_one("#caption", Static).update(Text(visible(str(error))))

    def open_tab(self, tab: str) -> None:
        """Opens one of the tabs."""
        self._tab = tab
        self.query_one(ContentSwitcher).current = tab
        self.query_one(TabLine).show_tab(tab)
        self.post_message(self.TabChanged())

    def next_tab(self, by: int) -> None:
        """Opens the next tab, or the one before."""
        self.open_tab(TABS[(TABS.index(self._tab) + by) % len(TABS)])

    def show_job(self, view: JobView | None) -> None:
        """Shows which job it is; its parts come by themselves."""
        job_id = None if view is None else view.job.id
        self.can_focus = view is not None
        if job_id != self._job_id:
            self._job_id, self._preview_key, self._details = job_id, None, None
            self.query_one(Log).clear()
            self.query_one("#details-text", Static).update("")
            self.query_one("#movie", PreviewPicture).play(())
            self.query_one("#sound", PreviewPicture).play(())
            self.query_one("#caption", Static).update("")
        title = "" if view is None else _title(view)
        self.query_one("#title", Static).update(Text(title, no_wrap=True, overflow="ellipsis"))
        if view is None:
            self.query_one("#movie", PreviewPicture).play((), "No job here")

    def show_preview(self, preview: MovingPreview | None, view: JobView) -> None:
        """Shows how the clip will look and sound; None: there is nothing to see yet. That of the
        key which is shown already stays."""
        if preview is not None and preview.key == self._preview_key:
            return
        movie = self.query_one("#movie", PreviewPicture)
        if preview is None:
            if movie.num_frames == 0 or not view.job.status.is_with_worker:
                movie.play((), _why_nothing(view))
                self.query_one("#sound", PreviewPicture).play(())
                self.query_one("#caption", Static).update("")
                self._preview_key = None
            return
        self._preview_key = preview.key
        movie.play(preview.frames)
        self.query_one("#sound", PreviewPicture).play((preview.sound,) if preview.sound else ())
        caption = Text(preview.caption)
        if preview.note is not None:
            caption.append(f"\n{preview.note}", "italic")
        self.query_one("#caption", Static).update(caption)

    def show_details(self, view: JobView, events: Sequence[JobEvent]) -> None:
        """Shows what the job is and all that happened to it."""
        if (view.job, len(events)) != self._details:
            self._details = view.job, len(events)
            self.query_one("#details-text", Static).update(_details_text(view, events))

    def add_log(self, lines: Sequence[str]) -> None:
        """Adds lines to the log."""
        log = self.query_one(Log)
        if lines:
            log.write_lines([visible(line) for line in lines])

    def action_scroll(self, by: int) -> None:
        """Scrolls the open tab."""
        target = self.query_one(f"#{self._tab}")
        target.scroll_relative(y=by, animate=False)


def preview_caption(preview: Preview) -> str:
    """What the preview is of."""
    return f"Preview after step {preview.step} of {preview.num_steps}"


def _title(view: JobView) -> str:
    job = view.job
    name = one_line(clip_name(job), 60)
    return f"{SIGNS[job.status]} {job.id}  {name}  {state_word(job.status)}"


def _why_nothing(view: JobView) -> str:
    """Why there is no preview."""
    return {
        JobStatus.PENDING: "Waits: the preview comes with the first step",
        JobStatus.RUNNING: "The preview comes with the first step",
        JobStatus.CANCELLING: "Stopping",
        JobStatus.DONE: "Done: enter shows the clip",
        JobStatus.FAILED: "Failed: i tells why",
        JobStatus.CANCELLED: "Cancelled: r tries it again",
    }[view.job.status]


def _details_text(view: JobView, events: Sequence[JobEvent]) -> Text:
    """The words of `ovi queue show`, the titles of its parts made bold."""
    text = Text()
    for line in job_text(view.job, events).split("\n"):
        is_title = line in ("Warnings:", "Error:", "Traceback:", "Last lines of the log:")
        style = "bold" if is_title or line.startswith(("Job ", "when (UTC)")) else ""
        text.append(f"{visible(line)}\n", style)
    return text
