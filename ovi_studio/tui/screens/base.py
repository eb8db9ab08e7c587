"""What the four views have in common: the bars, working in threads, asking, looking while visible.

A view is a subclass with `VIEW`, its own `BINDINGS`, and `compose_view` for what lies between the
bars. Keys that every view has are the application's: F1 to F4 anywhere and 1 to 4 where nothing is
typed open the views, `?` the help, `ctrl+p` the palette, `q` (not while typing) and `ctrl+q` quit.
Every binding with a description stands in the help and the palette by itself; give it `show=False`
to keep it out of the footer.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, ClassVar, Generic, TypeVar, cast

from textual.app import ComposeResult
from textual.message import Message
from textual.screen import Screen
from textual.timer import Timer
from textual.widgets import Input, TextArea
from textual.worker import Worker

from ovi.errors import OviError
from ovi_studio.actions.queue_counts import QueueCounts, count_queue
from ovi_studio.errors import StudioError
from ovi_studio.tui.context import StudioContext
from ovi_studio.tui.dialogs import Choice, ChoiceDialog, TextDialog
from ovi_studio.tui.threads import in_thread
from ovi_studio.tui.widgets.key_bar import KeyBar
from ovi_studio.tui.widgets.top_bar import TopBar

if TYPE_CHECKING:
    from ovi_studio.tui.app import StudioApp

Result = TypeVar("Result")

FOCUS_SECONDS = 0.3
"""How long a view that is opened may take to put the focus where it wants it."""

COUNT_SECONDS = 1.0
"""How often the numbers of the queue in the top bar are looked at."""


def sentence_of(error: Exception) -> str | None:
    """What to tell the user about an error; None for one that nobody foresaw."""
    if isinstance(error, StudioError | OviError):
        return str(error)
    if isinstance(error, OSError):
        return f"{error.filename or 'The system'}: {error.strerror or error}."
    return None


class StudioScreen(Screen[None]):
    """One of the four views."""

    AUTO_FOCUS = ""  # Textual would choose the first widget, even a field that is not shown
    VIEW: ClassVar[str] = ""
    """its name: write, rewrite, render or choose"""

    DEFAULT_CSS = """
    StudioScreen { layers: base; }
    """

    def compose(self) -> ComposeResult:
        """The bars, and the view between them. Override `compose_view` instead."""
        yield TopBar(self.VIEW, self.context.project_name)
        yield from self.compose_view()
        yield KeyBar()

    def compose_view(self) -> ComposeResult:
        """The widgets of this view."""
        yield from ()

    def on_mount(self) -> None:
        """Starts what every view shows. A subclass's own `on_mount` runs beside it."""
        self.poll(COUNT_SECONDS, partial(count_queue, self.context.layout), self._show_counts)

    def on_screen_resume(self) -> None:
        """Back from another view or a question: the keys may be others."""
        if self.focused is None:
            self.set_timer(FOCUS_SECONDS, self.focus_something)
        for bar in self.query(KeyBar):
            bar.look()

    def focus_something(self) -> None:
        """Puts the focus where keys are keys: into the first widget nothing is typed into."""
        if self.focused is None:
            for widget in self.focus_chain:
                if not isinstance(widget, Input | TextArea):
                    widget.focus()
                    return

    def _show_counts(self, counts: QueueCounts) -> None:
        self.query_one(TopBar).show_counts(counts)

    async def save_work(self) -> list[str]:
        """Saves what is unsaved, also when this view is hidden. Returns why that failed, in
        sentences: the user is asked before it is lost."""
        return []

    async def before_quitting(self) -> None:
        """Called before the studio ends, also when this view is hidden: save what is unsaved."""

    @property
    def studio(self) -> "StudioApp":
        """The application: `tell`, `show` and the context are there."""
        return cast("StudioApp", self.app)

    @property
    def context(self) -> StudioContext:
        """What all views share."""
        return self.studio.context

    # Saying something. The text is shown as it is, whatever signs it holds.

    def say(self, text: str, *, title: str = "") -> None:
        """A note that goes away by itself."""
        self.app.notify(text, title=title, markup=False)

    def warn(self, text: str) -> None:
        """A note that something may not be as the user thinks."""
        self.app.notify(text, severity="warning", timeout=8, markup=False)

    def complain(self, error: Exception | str) -> None:
        """Shows an error as one sentence; one that nobody foresaw is also written to a log."""
        text = error if isinstance(error, str) else self.studio.sentence_for(error)
        self.app.notify(text, severity="error", timeout=10, markup=False)

    @contextmanager
    def complaining(self) -> Iterator[None]:
        """A block whose errors are shown, and go no further."""
        try:
            yield
        except Exception as error:
            self.complain(error)

    # Working.

    def run_in_thread(
        self,
        work: Callable[[], Result],
        then: Callable[[Result], object] | None = None,
        *,
        group: str = "default",
        exclusive: bool = False,
        on_error: Callable[[Exception], object] | None = None,
    ) -> Worker[None]:
        """Does `work` in a thread and gives its result to `then` on the event loop.

        An error is shown as one sentence, or given to `on_error` instead. Of an `exclusive` group
        only the latest result arrives; the earlier threads run on unheard. Nothing arrives once
        the view is gone.
        """

        async def do() -> None:
            try:
                result = await in_thread(work)
            except Exception as error:
                (on_error or self.complain)(error)
                return
            if then is not None and self.is_attached:
                with self.complaining():
                    then(result)

        return self.run_worker(do, group=group, exclusive=exclusive, exit_on_error=False)

    def poll(
        self,
        seconds: float,
        work: Callable[[], Result],
        then: Callable[[Result], object],
    ) -> "Poll[Result]":
        """Does `work` in a thread every so often while this view is visible, and at once.

        Never twice at a time. An error is shown once, not each time. Call it in `on_mount`.
        """
        return Poll(self, seconds, work, then)

    # Asking. Each gives the answer to `then`, or nothing to nobody when the user goes back.

    def confirm(
        self,
        question: str,
        then: Callable[[], object],
        *,
        yes: str = "Yes",
        no: str = "No",
        detail: str = "",
        is_destructive: bool = True,
    ) -> None:
        """Asks yes or no; the keys are the first letters `y` and `n`, and `no` has the focus."""
        choices = (
            Choice("n", no, "no"),
            Choice("y", yes, "yes", is_destructive=is_destructive),
        )
        self.choose(question, choices, lambda value: then() if value == "yes" else None, detail)

    def choose(
        self,
        question: str,
        choices: Sequence[Choice],
        then: Callable[[str], object],
        detail: str = "",
    ) -> None:
        """Asks for one of several answers; `then` gets the value of that which is taken."""

        def answered(value: str | None) -> None:
            if value is not None:
                with self.complaining():
                    then(value)

        self.app.push_screen(ChoiceDialog(question, choices, detail), answered)

    def ask_text(
        self,
        question: str,
        then: Callable[[str], object],
        *,
        value: str = "",
        placeholder: str = "",
        find_problem: Callable[[str], str | None] | None = None,
    ) -> None:
        """Asks for a line of text; `find_problem` says what is wrong with it, None for nothing."""

        def answered(text: str | None) -> None:
            if text is not None:
                with self.complaining():
                    then(text)

        dialog = TextDialog(
            question, value=value, placeholder=placeholder, find_problem=find_problem
        )
        self.app.push_screen(dialog, answered)

    def tell(self, message: Message) -> None:
        """Tells every view that was opened, this one too; see `messages.py`."""
        self.studio.tell(message)

    def show_view(self, view: str, message: Message | None = None) -> None:
        """Opens another view, and gives it a message."""
        self.studio.show(view, message)


class Poll(Generic[Result]):
    """Looks again and again while its screen is the one that is seen."""

    def __init__(
        self,
        screen: StudioScreen,
        seconds: float,
        work: Callable[[], Result],
        then: Callable[[Result], object],
    ) -> None:
        self._screen = screen
        self._work = work
        self._then = then
        self._is_busy = False
        self._last_error = ""
        self._timer: Timer = screen.set_interval(seconds, self.look)
        self.look()

    def look(self) -> None:
        """Looks now, unless it is looking or nobody would see it."""
        if self._is_busy or not self._screen.is_current:
            return
        self._is_busy = True
        self._screen.run_in_thread(self._work, self._arrived, on_error=self._failed)

    def stop(self) -> None:
        """Never looks again."""
        self._timer.stop()

    def _arrived(self, result: Result) -> None:
        self._is_busy = False
        self._last_error = ""
        self._then(result)

    def _failed(self, error: Exception) -> None:
        self._is_busy = False
        if str(error) != self._last_error:
            self._last_error = str(error)
            self._screen.complain(error)
