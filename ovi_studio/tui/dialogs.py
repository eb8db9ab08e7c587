"""The small windows that ask: a choice, a yes or no, a line of text."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.screen import ModalScreen
from textual.widgets import Button, Input, Static

MAX_ROW = 66
"""Characters that answers may take beside each other; more are put one below the other."""


@dataclass(frozen=True, slots=True)
class Choice:
    """One answer to a question."""

    key: str
    """the letter that gives it"""
    label: str
    value: str
    is_destructive: bool = False


class ChoiceDialog(ModalScreen[str | None]):
    """Asks; returns the value of the choice taken, None for escape. The first choice has the focus,
    so put the harmless one there."""

    AUTO_FOCUS = "#choice-0"
    BINDING_GROUP_TITLE = "Question"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss_dialog", "Back"),
        Binding("left,up,k", "app.focus_previous", "Previous", show=False),
        Binding("right,down,j", "app.focus_next", "Next", show=False),
    ]
    DEFAULT_CSS = """
    ChoiceDialog {
        align: center middle;
        #window {
            width: auto; min-width: 36; max-width: 76; height: auto; max-height: 90%;
            padding: 1 2; background: $surface; border: round $primary;
        }
        #question { width: auto; max-width: 68; text-style: bold; }
        #detail { width: auto; max-width: 68; margin-top: 1; color: $foreground; }
        #detail.-empty { display: none; }
        #choices { width: auto; height: auto; margin-top: 1; }
        #choices.-stacked { layout: vertical; }
        Button { margin-right: 2; min-width: 10; text-align: left; content-align: left middle; }
    }
    """

    def __init__(self, question: str, choices: Sequence[Choice], detail: str = "") -> None:
        super().__init__()
        self._question = question
        self._choices = tuple(choices)
        self._detail = detail

    def compose(self) -> ComposeResult:
        with Vertical(id="window"):
            yield Static(Text(self._question), id="question")
            yield Static(Text(self._detail), id="detail", classes="" if self._detail else "-empty")
            room = sum(len(choice.label) + 8 for choice in self._choices)
            with Horizontal(id="choices", classes="-stacked" if room > MAX_ROW else ""):
                for number, choice in enumerate(self._choices):
                    yield Button(
                        Text.assemble((choice.key, "bold underline"), f" {choice.label}"),
                        id=f"choice-{number}",
                        variant="error" if choice.is_destructive else "default",
                        compact=True,
                    )

    def on_key(self, event: object) -> None:
        character = getattr(event, "character", None)
        for choice in self._choices:
            if character is not None and character.lower() == choice.key.lower():
                event.stop()  # type: ignore[attr-defined]
                self.dismiss(choice.value)
                return

    def on_button_pressed(self, event: Button.Pressed) -> None:
        number = int((event.button.id or "").removeprefix("choice-"))
        self.dismiss(self._choices[number].value)

    def action_dismiss_dialog(self) -> None:
        """Back without an answer."""
        self.dismiss(None)


class TextDialog(ModalScreen[str | None]):
    """Asks for a line of text; returns it, None for escape."""

    AUTO_FOCUS = "Input"
    BINDING_GROUP_TITLE = "Text"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss_dialog", "Back")]
    DEFAULT_CSS = """
    TextDialog {
        align: center middle;
        #window {
            width: 72; max-width: 90%; height: auto;
            padding: 1 2; background: $surface; border: round $primary;
        }
        #question { text-style: bold; }
        #problem { color: $text-error; height: auto; }
        Input { margin-top: 1; }
    }
    """

    def __init__(
        self,
        question: str,
        *,
        value: str = "",
        placeholder: str = "",
        find_problem: Callable[[str], str | None] | None = None,
    ) -> None:
        super().__init__()
        self._question = question
        self._value = value
        self._placeholder = placeholder
        self._find_problem = find_problem

    def compose(self) -> ComposeResult:
        with Vertical(id="window"):
            yield Static(Text(self._question), id="question")
            yield Input(self._value, placeholder=self._placeholder)
            yield Static("", id="problem", markup=False)

    def on_input_changed(self, event: Input.Changed) -> None:
        problem = self._find_problem(event.value) if self._find_problem else None
        self.query_one("#problem", Static).update(problem or "")

    def on_input_submitted(self, event: Input.Submitted) -> None:
        if self._find_problem is None or self._find_problem(event.value) is None:
            self.dismiss(event.value)

    def action_dismiss_dialog(self) -> None:
        """Back without an answer."""
        self.dismiss(None)


class WaitDialog(ModalScreen[None]):
    """Says what is being waited for; whoever opened it closes it."""

    BINDING_GROUP_TITLE = "Waiting"
    DEFAULT_CSS = """
    WaitDialog {
        align: center middle;
        #window {
            width: auto; max-width: 76; height: auto; padding: 1 2;
            background: $surface; border: round $primary;
        }
        #question { width: auto; max-width: 68; }
        Button { margin-top: 1; }
    }
    """

    def __init__(self, text: str, hurry: str) -> None:
        """`hurry` is the label of the button that sets `is_hurried`."""
        super().__init__()
        self._text = text
        self._hurry = hurry
        self.is_hurried = False

    def compose(self) -> ComposeResult:
        with Vertical(id="window"):
            yield Static(Text(self._text), id="question")
            yield Button(Text(self._hurry), variant="error", compact=True)

    def on_button_pressed(self) -> None:
        self.is_hurried = True
