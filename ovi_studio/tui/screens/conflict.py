"""Asks what is to be done when a row was written here and by another program at the same time."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Button, Static

from ovi_studio.tui.set_session import Conflict, SetSession
from ovi_studio.tui.visible_text import visible


def settle(session: SetSession, conflict: Conflict, answer: str | None) -> int | None:
    """Does what was answered; returns where the row stands now."""
    if answer == "mine":
        return session.keep_mine(conflict)
    if answer == "theirs":
        session.keep_theirs(conflict)
        return conflict.index
    return session.keep_both(conflict)


class ConflictDialog(ModalScreen[str]):
    """Both texts side by side. Answers `both`, `mine` or `theirs`; escape means both."""

    BINDING_GROUP_TITLE = "Two versions"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("b,escape", "answer('both')", "Keep both", key_display="b"),
        Binding("m", "answer('mine')", "Keep mine"),
        Binding("t", "answer('theirs')", "Take theirs"),
        Binding("left,h", "app.focus_previous", "Previous", show=False),
        Binding("right,l", "app.focus_next", "Next", show=False),
    ]
    DEFAULT_CSS = """
    ConflictDialog {
        align: center middle;
        #window {
            width: 90%; max-width: 130; height: auto; max-height: 90%; padding: 1 2;
            background: $surface; border: round $warning;
        }
        #question { text-style: bold; height: auto; }
        #texts { height: auto; max-height: 16; margin-top: 1; }
        .side { width: 1fr; height: auto; max-height: 16; border: round $foreground-muted;
                padding: 0 1; }
        .side Static { height: auto; }
        #answers { height: auto; margin-top: 1; }
        #answers Button { margin-right: 2; }
        #hint { color: $text-muted; height: auto; margin-top: 1; }
    }
    """

    def __init__(self, set_name: str, conflict: Conflict) -> None:
        super().__init__()
        self._set_name = set_name
        self._conflict = conflict

    def compose(self) -> ComposeResult:
        """The question, the texts, the answers."""
        conflict = self._conflict
        what = "deleted" if conflict.index is None else "changed"
        with Vertical(id="window"):
            yield Static(
                f"Row {visible(conflict.row_id)} of {visible(self._set_name)} was {what} by "
                "another program while you were writing it.",
                id="question",
                markup=False,
            )
            with Horizontal(id="texts"):
                for title, text in (("Mine", conflict.mine), ("Theirs", conflict.theirs)):
                    with VerticalScroll(classes="side", can_focus=False) as side:
                        side.border_title = title
                        gone = title == "Theirs" and conflict.index is None
                        yield Static("(deleted)" if gone else visible(text), markup=False)
            with Horizontal(id="answers"):
                yield Button("[u]b[/u] Keep both", id="both", compact=True)
                yield Button("[u]m[/u] Keep mine", id="mine", compact=True)
                yield Button("[u]t[/u] Take theirs", id="theirs", compact=True)
            yield Static(
                "Nothing is lost: what is not kept comes back with u on the list of rows.",
                id="hint",
                markup=False,
            )

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """A click is an answer too."""
        self.dismiss(event.button.id or "both")

    def action_answer(self, answer: str) -> None:
        """Gives the answer."""
        self.dismiss(answer)
