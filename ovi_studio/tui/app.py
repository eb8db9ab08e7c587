"""The studio as an application: the four views, the keys they all have, and what passes between.

What a view shows and does is in `screens/`; what it does it by is in `ovi_studio/actions/`.
"""

import os
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

from textual.app import App, SystemCommand
from textual.binding import Binding, BindingType
from textual.command import Provider
from textual.message import Message
from textual.screen import Screen

from ovi_studio.errors import UsageError
from ovi_studio.project.layout import ProjectLayout
from ovi_studio.tui import lag
from ovi_studio.tui.context import StudioContext
from ovi_studio.tui.opening import context_of, is_used
from ovi_studio.tui.screens.base import StudioScreen, sentence_of
from ovi_studio.tui.themes import DEFAULT_THEME, prompt_colours, studio_themes, theme_after
from ovi_studio.tui.threads import in_thread
from ovi_studio.tui.widgets.top_bar import VIEWS

SAVE_SECONDS = 1.0
"""How often what is remembered goes to the disk, if it changed."""


def _write() -> Screen[Any]:
    from ovi_studio.tui.screens.write import WriteScreen

    return WriteScreen()


def _rewrite() -> Screen[Any]:
    from ovi_studio.tui.screens.rewrite import RewriteScreen

    return RewriteScreen()


def _render() -> Screen[Any]:
    from ovi_studio.tui.screens.render import RenderScreen

    return RenderScreen()


def _choose() -> Screen[Any]:
    from ovi_studio.tui.screens.choose import ChooseScreen

    return ChooseScreen()


def _commands() -> type[Provider]:
    from ovi_studio.tui.palette import StudioCommands

    return StudioCommands


class StudioApp(App[None]):
    """Ovi Studio on a terminal. Each view is made when it is first opened."""

    TITLE = "Ovi Studio"
    BINDING_GROUP_TITLE = "Everywhere"
    MODES: ClassVar[dict[str, str | Callable[[], Screen[Any]]]] = {
        "write": _write,
        "rewrite": _rewrite,
        "render": _render,
        "choose": _choose,
    }
    COMMANDS: ClassVar[set[type[Provider] | Callable[[], type[Provider]]]] = {
        *App.COMMANDS,
        _commands,
    }
    CSS = """
    CommandPalette {
        SearchIcon { display: none; }
        #--container { max-width: 100; }
    }
    """
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-medium"), (160, "-wide")]  # noqa: RUF012
    VERTICAL_BREAKPOINTS = [(0, "-short"), (30, "-tall")]  # noqa: RUF012
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f1,1", "view('write')", "Write", show=False),
        Binding("f2,2", "view('rewrite')", "Rewrite", show=False),
        Binding("f3,3", "view('render')", "Render", show=False),
        Binding("f4,4", "view('choose')", "Choose", show=False),
        Binding("question_mark", "help", "Help", key_display="?", tooltip="All keys"),
        Binding("ctrl+p", "command_palette", "Palette", show=False, tooltip="Find by name"),
        Binding("ctrl+t", "next_theme", "Next theme", show=False),
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
        for own in studio_themes():
            self.register_theme(own)
        known = tuple(self.available_themes)
        wanted = _checked("theme", theme, known) or context.remembered.get("theme", DEFAULT_THEME)
        self.theme = wanted if wanted in known else DEFAULT_THEME
        self._is_leaving = False

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """The colours of a prompt, for themes that are not ours."""
        return dict(prompt_colours(self.current_theme))

    def on_mount(self) -> None:
        self.theme_changed_signal.subscribe(self, lambda theme: self._remember_theme(theme.name))
        self.set_interval(SAVE_SECONDS, self._save_remembered)
        if lag_file := os.environ.get(lag.VARIABLE):
            self.run_worker(lag.LagProbe(Path(lag_file)).run(), exit_on_error=False)
        if is_used(self.context.layout):
            self.open_project(self.context.layout)
        else:
            self._offer_project()

    # Projects.

    def open_project(self, layout: ProjectLayout) -> None:
        """Shows a project, in the view that was open when it was last left."""
        if layout != self.context.layout:
            self.context = context_of(layout)
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

    def get_system_commands(self, screen: Screen[Any]) -> Iterable[SystemCommand]:  # noqa: ARG002
        """What the palette has beside the actions of the views."""
        yield SystemCommand("Theme", "Choose one of all themes", self.action_change_theme)
        yield SystemCommand(
            "Picture of the screen", "Save what is seen as an SVG file", self.deliver_screenshot
        )

    # What the keys do.

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Views, help and palette are there once a project is open and no question is."""
        if action in ("view", "help"):
            return isinstance(self.screen, StudioScreen)
        return super().check_action(action, parameters)

    def action_view(self, view: str) -> None:
        """Opens a view."""
        self.show(view)

    def action_help(self) -> None:
        """Shows every key."""
        from ovi_studio.tui.screens.help import HelpScreen

        self.push_screen(HelpScreen(str(getattr(self.screen, "VIEW", ""))))

    def action_next_theme(self) -> None:
        """Changes to the next of the studio's own themes."""
        self.theme = theme_after(self.theme)
        self.notify(f"Theme: {self.theme}. More are in the palette.", timeout=2)

    async def action_quit(self) -> None:
        """Ends the studio, unless clips are rendered and the user stays."""
        if not self._is_leaving:
            self._is_leaving = True
            self.run_worker(self._leave(), exit_on_error=False)

    async def _leave(self) -> None:
        from ovi_studio.tui.quitting import leave

        try:
            for screen in self.views():
                await screen.before_quitting()
            if await leave(self):
                await in_thread(partial(_save, self.context))
                self.exit()
        except Exception as error:
            self.complain(error)
        finally:
            self._is_leaving = False

    # What is remembered, and what is written down.

    def _remember_theme(self, name: str) -> None:
        self.context.remembered.put("theme", name)

    def _save_remembered(self) -> None:
        context = self.context
        if context.set_path is not None and context.set_path.is_relative_to(context.root):
            context.remembered.put("set", context.set_path.relative_to(context.root).as_posix())
            context.remembered.put("row", context.row_id or "")
        if context.remembered.is_changed:
            self.run_worker(
                in_thread(partial(_save, context)), group="remembering", exit_on_error=False
            )

    def complain(self, error: Exception) -> None:
        """Shows an error as one sentence."""
        self.notify(self.sentence_for(error), severity="error", timeout=10, markup=False)

    def sentence_for(self, error: Exception) -> str:
        """What to tell the user; of what nobody foresaw, the details go into a log."""
        sentence = sentence_of(error)
        if sentence is not None:
            return sentence
        path = self.context.layout.state.log_folder / "studio.log"
        try:
            with path.open("a", encoding="utf-8") as log:
                log.writelines(traceback.format_exception(error))
        except OSError:
            return f"This was not foreseen: {error}."
        return f"This was not foreseen: {type(error).__name__}: {error}. Please report {path}."


def _save(context: StudioContext) -> None:
    if is_used(context.layout):  # nothing is left behind in a folder that is no project
        context.layout.state.create()
        context.remembered.save()


def _checked(kind: str, name: str | None, known: Sequence[str]) -> str | None:
    if name is not None and name not in known:
        raise UsageError(f"There is no {kind} {name!r}. Known: {', '.join(known)}.")
    return name
