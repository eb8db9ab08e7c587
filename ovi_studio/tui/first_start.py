"""What a newcomer sees in a folder without a project: a demo to look around in, or an empty start.

Two keys lead to a first clip: `d` makes the demo and plans its first row, `enter` says yes.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, cast

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.screen import Screen
from textual.widgets import Button, Static

from ovi_studio.project.layout import ProjectLayout
from ovi_studio.tui.messages import RenderRows
from ovi_studio.tui.threads import in_thread
from ovi_studio.tui.widgets.key_bar import KeyBar

if TYPE_CHECKING:
    from ovi_studio.tui.app import StudioApp

LOGO = """\
 ▄▀▀▄ █  █ ▀
 █  █ ▀▄▄▀ █   studio
 ▀▄▄▀  ▀▀  ▀"""


class FirstStartScreen(Screen[None]):
    """Says that there is no project here, and offers to make one."""

    BINDING_GROUP_TITLE = "First start"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("d,enter", "demo", "Demo project"),
        Binding("e", "empty", "Empty project"),
        Binding("c", "carry_on", "No project"),
        Binding("q", "app.quit", "Quit"),
        Binding("down,right,j,l", "app.focus_next", "Next", show=False),
        Binding("up,left,k,h", "app.focus_previous", "Previous", show=False),
    ]
    DEFAULT_CSS = """
    FirstStartScreen {
        align: center middle;
        #window { width: 72; max-width: 96%; height: auto; padding: 1 3;
                  background: $surface; border: round $primary; }
        #logo { color: $primary; text-style: bold; }
        .said { margin-top: 1; }
        .answer { height: auto; margin-top: 1; }
        .answer Button { width: 20; content-align: left middle; text-align: left; }
        .answer Static { width: 1fr; padding-left: 2; color: $text-muted; }
        #problem { color: $text-error; }
    }
    """

    def __init__(self, folder: Path, demo: Path) -> None:
        """`folder` is where the studio was opened, `demo` where the demo would go."""
        super().__init__()
        self._folder = folder
        self._demo = demo

    def compose(self) -> ComposeResult:
        demo = "here" if self._demo == self._folder else f"in {self._demo.name}/"
        with Vertical(id="window"):
            yield Static(LOGO, id="logo", markup=False)
            yield Static(
                Text(
                    "Short talking videos from text: write prompts, have them checked and "
                    "rewritten, render them, choose the best."
                ),
                classes="said",
            )
            yield Static(Text(f"There is no project in {self._folder}."), classes="said")
            for key, action, label, what in (
                ("d", "demo", "Demo project", f"{demo}, and a first clip with the next key: "
                 "small pictures with sound, rendered by this computer in seconds"),
                ("e", "empty", "Empty project", "here, with folders and one example"),
                ("c", "carry_on", "No project", "look around; sets can be named by their path"),
            ):  # fmt: skip
                with Horizontal(classes="answer"):
                    yield Button(
                        Text.assemble((key, "bold underline"), f" {label}"), id=action, compact=True
                    )
                    yield Static(Text(what))
            yield Static("", id="problem", markup=False)
        yield KeyBar()

    def on_mount(self) -> None:
        self.query_one("#demo", Button).focus()

    async def on_button_pressed(self, event: Button.Pressed) -> None:
        await self.run_action(str(event.button.id))

    def action_demo(self) -> None:
        """Makes the demo project, and plans its first clip."""
        from ovi_studio.actions.demo import create_demo

        self._make(create_demo, self._demo, self._show_demo)

    def action_empty(self) -> None:
        """Makes a project with nothing but an example."""
        from ovi_studio.project.new_project import create_project

        self._make(create_project, self._folder, self._studio.open_project)

    def action_carry_on(self) -> None:
        """Opens the studio on the folder as it is."""
        self._studio.open_project(ProjectLayout(self._folder))

    @property
    def _studio(self) -> "StudioApp":
        return cast("StudioApp", self.app)

    def _make(
        self, make: Callable[[Path], object], root: Path, then: Callable[[ProjectLayout], object]
    ) -> None:
        async def do() -> None:
            try:
                await in_thread(partial(make, root))
            except Exception as error:
                self.query_one("#problem", Static).update(self._studio.sentence_for(error))
                return
            then(ProjectLayout(root))

        self.run_worker(do(), exclusive=True, exit_on_error=False)

    def _show_demo(self, layout: ProjectLayout) -> None:
        from ovi_studio.actions.demo import DEMO_SET
        from ovi_studio.project.sets import set_folder

        path = set_folder(layout) / DEMO_SET
        self._studio.open_project(layout)
        self._studio.context.set_path = path
        self._studio.context.row_id = "1"
        self._studio.show("render", RenderRows(path, ("1",)))
