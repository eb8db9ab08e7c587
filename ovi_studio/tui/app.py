"""The studio as an application: the four views, the keys they all have, and what passes between.

What a view shows and does is in `screens/`; what it does it by is in `ovi_studio/actions/`.
"""

import gc
import importlib
import os
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

from rich.text import Text
from textual.app import App
from textual.binding import Binding, BindingType
from textual.command import Provider
from textual.message import Message
from textual.screen import Screen

from ovi_studio.errors import ExitCode, UsageError
from ovi_studio.project.layout import ProjectLayout
from ovi_studio.tui import lag
from ovi_studio.tui.context import StudioContext
from ovi_studio.tui.opening import context_of, is_used
from ovi_studio.tui.safe_text import NoControls
from ovi_studio.tui.screens.base import StudioScreen, sentence_of
from ovi_studio.tui.signals import heed_signals
from ovi_studio.tui.themes import (
    DEFAULT_THEME,
    prompt_colours,
    studio_themes,
    theme_after,
    theme_names,
)
from ovi_studio.tui.threads import in_thread
from ovi_studio.tui.warming import keep_style_sheets, warm_up
from ovi_studio.tui.widgets.top_bar import VIEWS

SAVE_SECONDS = 1.0
"""How often what is remembered goes to the disk, if it changed."""

WARM_UP_SECONDS = 0.5
"""After the start: the first frame is there by then."""

SWITCH_SECONDS = 0.001
"""How long a thread that computes may keep the screen waiting; Python's own choice is five times
that."""

GARBAGE_THRESHOLDS = (20_000, 20, 20)
"""Less often than Python's own: a look through all objects holds the screen up."""


def _commands() -> type[Provider]:
    from ovi_studio.tui.palette import StudioCommands

    return StudioCommands


class StudioApp(App[None]):
    """Ovi Studio on a terminal. Each view is made when it is first opened."""

    TITLE = "Ovi Studio"
    BINDING_GROUP_TITLE = "Everywhere"
    COMMANDS: ClassVar[set[type[Provider] | Callable[[], type[Provider]]]] = {
        _commands,
    }
    CSS = """
    CommandPalette {
        SearchIcon { display: none; }
        #--container { max-width: 100; }
    }
    * { scrollbar-size-vertical: 1; }
    """
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-medium"), (160, "-wide")]  # noqa: RUF012
    VERTICAL_BREAKPOINTS = [(0, "-short"), (30, "-tall")]  # noqa: RUF012
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f1,1", "view('write')", "Write", show=False),
        Binding("f2,2", "view('rewrite')", "Rewrite", show=False),
        Binding("f3,3", "view('render')", "Render", show=False),
        Binding("f4,4", "view('choose')", "Choose", show=False),
        Binding("question_mark,f12", "help", "Help", tooltip="Show all keys"),
        Binding("ctrl+p", "command_palette", "Palette", show=False, tooltip="Find by name"),
        Binding("ctrl+t", "next_theme", "Next theme", show=False),
        Binding("f11", "change_theme", "Choose a theme", show=False),
        Binding("q", "quit", "Quit", show=False),
        Binding("ctrl+q", "quit", "Quit", show=False, priority=True),
    ]

    def __init__(
        self, context: StudioContext, *, theme: str | None = None, view: str | None = None
    ) -> None:
        """Raises UsageError for a theme or view that does not exist."""
        super().__init__()
        self.context = context
        self._view = _checked("view", view, VIEWS)
        self._filters.append(NoControls())
        keep_style_sheets(self)
        for name in VIEWS:
            self.add_mode(name, partial(self._make_view, name))
        for own in studio_themes():
            self.register_theme(own)
        known = theme_names()
        wanted = _checked("theme", theme, known) or context.remembered.get("theme", DEFAULT_THEME)
        self.theme = wanted if wanted in known else DEFAULT_THEME
        self._is_leaving = False

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """The colours of a prompt, for themes that are not ours."""
        return dict(prompt_colours(self.current_theme))

    def on_mount(self) -> None:
        self.theme_changed_signal.subscribe(self, lambda theme: self._remember_theme(theme.name))
        self.set_interval(SAVE_SECONDS, self._save_remembered)
        heed_signals(self, self._end)
        if lag_file := os.environ.get(lag.VARIABLE):
            self.run_worker(lag.LagProbe(Path(lag_file)).run(), exit_on_error=False)
        self.set_timer(WARM_UP_SECONDS, self._warm_up)
        if is_used(self.context.layout):
            self.open_project(self.context.layout)
        else:
            self._offer_project()

    def _warm_up(self) -> None:
        """After the first frame: what was loaded is kept out of the way of the garbage collector,
        whose pauses grow with it, and the other views are loaded beside the event loop."""
        gc.freeze()
        gc.set_threshold(*GARBAGE_THRESHOLDS)
        gc.enable()
        sys.setswitchinterval(SWITCH_SECONDS)
        self.run_worker(warm_up(self), exit_on_error=False)

    def _make_view(self, view: str) -> Screen[Any]:
        module = importlib.import_module(f"ovi_studio.tui.screens.{view}")
        screen: Screen[Any] = getattr(module, f"{view.capitalize()}Screen")()
        # Its widgets bring their styles; else Textual would read the styles of all others anew.
        screen._css_update_count = self._css_update_count
        return screen

    # Projects.

    def open_project(self, layout: ProjectLayout) -> None:
        """Shows a project, in the view that was open when it was last left."""
        if layout != self.context.layout:
            self.context = context_of(layout)
        self.run_worker(in_thread(partial(_prepare, layout)), exit_on_error=False)
        if isinstance(self.screen, StudioScreen):
            return
        remembered = self.context.remembered.get("view", VIEWS[0])
        self.switch_mode(self._view or (remembered if remembered in VIEWS else VIEWS[0]))

    def _offer_project(self) -> None:
        from ovi_studio.actions.demo import demo_folder
        from ovi_studio.tui.first_start import FirstStartScreen

        root = self.context.root
        self.push_screen(FirstStartScreen(root, demo_folder(root)))

    # Between the views.

    def views(self) -> Iterator[StudioScreen]:
        """Those that were opened."""
        for view in VIEWS:
            for screen in self._screen_stacks.get(view, [])[:1]:
                if isinstance(screen, StudioScreen):
                    yield screen

    def tell(self, message: Message) -> None:
        """Gives a message to every view that was opened; one opened later reads the context."""
        for screen in self.views():
            screen.post_message(message)

    def show(self, view: str, message: Message | None = None) -> None:
        """Opens a view, and gives it a message."""
        self.switch_mode(view)
        self.context.remembered.put("view", view)
        if message is not None:
            next(screen for screen in self.views() if view == screen.VIEW).post_message(message)

    # What the keys do.

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Views and help are there once a project is open."""
        if action in ("view", "help"):
            return self.current_mode in VIEWS
        return super().check_action(action, parameters)

    def action_view(self, view: str) -> None:
        """Opens a view, unless a question is open."""
        if isinstance(self.screen, StudioScreen):
            self.show(view)

    def action_help(self) -> None:
        """Shows every key."""
        from ovi_studio.tui.screens.help import HelpScreen

        view = str(getattr(self.screen, "VIEW", ""))
        self.push_screen(HelpScreen(view, type(self.screen)))

    def action_next_theme(self) -> None:
        """Changes to the next of the studio's own themes."""
        self.theme = theme_after(self.theme)
        self.notify(f"Theme: {self.theme}. More are in the palette.", timeout=2)

    async def action_quit(self) -> None:
        """Ends the studio, unless clips are rendered and the user stays."""
        if not self._is_leaving:
            self._is_leaving = True
            self.run_worker(self._leave(), exit_on_error=False)

    async def _end(self, *, is_alone: bool = False) -> None:
        """Saves and ends; `is_alone`: there is no terminal any more that could be given back."""
        for screen in self.views():
            with suppress(Exception):
                await screen.before_quitting()
        self._remember_place()
        await in_thread(partial(_save, self.context))
        if is_alone:
            os._exit(ExitCode.INTERRUPTED)
        self.exit()

    async def _leave(self) -> None:
        from ovi_studio.tui.quitting import leave, save_work

        try:
            if await save_work(self) and await leave(self):
                await self._end()
        except Exception as error:
            self.complain(error)
        finally:
            self._is_leaving = False

    # What is remembered, and what is written down.

    def _remember_theme(self, name: str) -> None:
        self.context.remembered.put("theme", name)

    def _remember_place(self) -> None:
        context = self.context
        if context.set_path is not None and context.set_path.is_relative_to(context.root):
            context.remembered.put("set", context.set_path.relative_to(context.root).as_posix())
            context.remembered.put("row", context.row_id or "")

    def _save_remembered(self) -> None:
        self._remember_place()
        if self.context.remembered.is_changed:
            save = in_thread(partial(_save, self.context))
            self.run_worker(save, group="remembering", exit_on_error=False)

    def complain(self, error: Exception) -> None:
        """Shows an error as one sentence."""
        self.notify(self.sentence_for(error), severity="error", timeout=10, markup=False)

    def sentence_for(self, error: Exception) -> str:
        """What to tell the user; of what nobody foresaw, the details go into a log."""
        sentence = sentence_of(error)
        if sentence is not None:
            return sentence
        path = write_down(error, self.context.layout)
        report = f" Please report {path}." if path is not None else ""
        return f"This was not foreseen: {type(error).__name__}: {error}.{report}"

    def _fatal_error(self) -> None:
        """Ends the studio after an error in it. The traceback goes to a log: it may hold prompts
        and names, which are nobody's business on a shared screen."""
        error = self._exception
        path = write_down(error, self.context.layout) if error is not None else None
        if path is None:
            super()._fatal_error()
            return
        sentence = (
            f"The studio ended because of a mistake in it: {type(error).__name__}: {error}. "
            f"What was written is kept. Please report {path}."
        )
        self._exit_renderables.append(Text(sentence))
        self._close_messages_no_wait()


def write_down(error: BaseException, layout: ProjectLayout) -> Path | None:
    """Puts an error that nobody foresaw into the studio's log. Returns it; None if it cannot."""
    path = layout.state.log_folder / "studio.log"
    try:
        with path.open("a", encoding="utf-8") as log:
            log.writelines(traceback.format_exception(error))
    except OSError:
        return None
    return path


def _prepare(layout: ProjectLayout) -> None:
    if is_used(layout):  # nothing is left behind in a folder that is no project
        layout.state.create()


def _save(context: StudioContext) -> None:
    _prepare(context.layout)
    context.remembered.save()


def _checked(kind: str, name: str | None, known: Sequence[str]) -> str | None:
    if name is not None and name not in known:
        raise UsageError(f"There is no {kind} {name!r}. Known: {', '.join(known)}.")
    return name
