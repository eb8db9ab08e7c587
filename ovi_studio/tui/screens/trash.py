"""The trash: clips that were deleted, to be brought back or removed for good."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from ovi_studio.actions.library import TrashedClip
from ovi_studio.report.plain import printable
from ovi_studio.tui.clip_session import ClipSession
from ovi_studio.tui.messages import ClipsChanged
from ovi_studio.tui.screens.base import StudioScreen


class TrashScreen(StudioScreen):
    """What is in the trash."""

    VIEW = "choose"
    BINDING_GROUP_TITLE = "Trash"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,T", "close", "Back"),
        Binding("enter,r", "restore", "Restore", priority=True),
        Binding("j", "down", "Down", show=False),
        Binding("k", "up", "Up", show=False),
        Binding("D", "empty", "Empty the trash"),
    ]
    DEFAULT_CSS = """
    TrashScreen {
        #heading { height: 1; padding: 0 1; background: $panel; }
        OptionList { height: 1fr; border: none; padding: 0 1; background: $surface; }
        OptionList:focus { border: none; }
    }
    """

    def __init__(self, session: ClipSession) -> None:
        super().__init__()
        self.session = session
        self._clips: Sequence[TrashedClip] = ()

    def compose_view(self) -> ComposeResult:
        """One list."""
        yield Static("", id="heading", markup=False)
        yield OptionList(markup=False)

    def on_mount(self) -> None:
        self.query_one(OptionList).focus()
        self._look()

    def _look(self) -> None:
        self.run_in_thread(self.session.library.trashed, self._show)

    def _show(self, clips: Sequence[TrashedClip]) -> None:
        self._clips = clips
        options = self.query_one(OptionList)
        at = options.highlighted or 0
        options.clear_options()
        options.add_options([Option(_line(clip, self.context.root)) for clip in clips])
        options.highlighted = min(at, len(clips) - 1) if clips else None
        number = "1 clip" if len(clips) == 1 else f"{len(clips)} clips"
        size = sum(clip.num_bytes for clip in clips) / 1000
        amount = f"{size / 1000:.1f} MB" if size >= 1000 else f"{size:.0f} kB"
        said = f"{number} in the trash, {amount}" if clips else "The trash is empty."
        self.query_one("#heading", Static).update(said)

    def action_close(self) -> None:
        """Back to the gallery."""
        self.dismiss()

    def action_down(self) -> None:
        """The next clip."""
        self.query_one(OptionList).action_cursor_down()

    def action_up(self) -> None:
        """The clip before."""
        self.query_one(OptionList).action_cursor_up()

    def on_option_list_option_selected(self) -> None:
        self.action_restore()

    def action_restore(self) -> None:
        """Brings the clip under the cursor back."""
        at = self.query_one(OptionList).highlighted
        if at is None or at >= len(self._clips):
            return
        clip = self._clips[at]
        self.run_in_thread(lambda: self.session.library.restore([clip]), self._changed)

    def action_empty(self) -> None:
        """Asks, and removes everything for good."""
        if self._clips:
            clips = tuple(self._clips)
            self.confirm(
                f"Remove {len(clips)} clips for good?",
                lambda: self.run_in_thread(
                    lambda: self.session.library.empty_trash(clips), self._changed
                ),
                yes="Remove",
                detail="This cannot be undone.",
            )

    def _changed(self, _: object) -> None:
        self.tell(ClipsChanged())
        self._look()


def _line(clip: TrashedClip, root: Path) -> Text:
    folder = clip.origin.parent
    folder = folder.relative_to(root) if folder.is_relative_to(root) else folder
    moment = datetime.fromtimestamp(max(0.0, min(clip.deleted, 4e9)), UTC)
    return Text.assemble(
        printable(clip.path.name),
        (f"   deleted {moment:%Y-%m-%d %H:%M} UTC", "dim"),
        (f"   from {printable(str(folder))}", "dim"),
    )
