"""The form of the rewrite view: what is wanted, of which rows, and who writes it."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.widgets import Button, Input, Label, Select, Static

from ovi_studio.actions.connections import ConnectionChoice
from ovi_studio.actions.inventing import IdeaOrder
from ovi_studio.actions.rewriting import RewriteOrder
from ovi_studio.errors import UsageError
from ovi_studio.report.plain import printable
from ovi_studio.rewrite.order import Purpose, Wish
from ovi_studio.rewrite.part import Part
from ovi_studio.tui.widgets.option_row import OptionRow

OFFLINE = "offline bank"
NEW_CONNECTION = "new"

_OFFLINE_LABEL = "offline bank, no server"

_PURPOSES = (("rewrite", "rewrite"), ("translate", "translate"), ("idea", "idea"))
_PARTS = tuple((str(part), str(part)) for part in Part)
_TEXTS = {
    "theme": ("Theme", "AI is taking over the world"),
    "idea": ("Idea", "two cats argue about taxes"),
    "language": ("Language", "as it is"),
    "tone": ("Tone", "dry, tired"),
    "voice": ("Voice", "old sailors"),
    "versions": ("Versions", "1"),
    "count": ("Clips", "3"),
    "seed": ("Seed", "0"),
}
"""Field to its label and what stands in it while it is empty."""

_FIELDS = {
    "rewrite": ("set", "rows", "theme", "part", "language", "tone", "voice", "versions", "seed"),
    "translate": ("set", "rows", "language", "tone", "voice", "seed"),
    "idea": ("idea", "count", "language", "tone", "voice", "seed"),
}


class FormError(UsageError):
    """A field is not filled in, or wrongly; the message says which."""

    def __init__(self, field: str, text: str) -> None:
        super().__init__(text)
        self.field = field


class FormSelect(Select[str], inherit_bindings=False):
    """A list that opens by enter: up and down go to the other fields."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter,space", "show_overlay", "Open the list", show=False)
    ]


class RewriteForm(VerticalScroll, can_focus=False):
    """What the user asks for. It knows no files: the screen tells it what there is."""

    BINDING_GROUP_TITLE = "The form"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("tab,down,j", "app.focus_next", "Next field", key_display="tab"),
        Binding("shift+tab,up,k", "app.focus_previous", "Field before", show=False),
        Binding("enter", "write", "Write it"),
        Binding("escape", "leave", "Out of the field, then to the rows", show=False),
    ]
    DEFAULT_CSS = """
    RewriteForm {
        padding: 0 1; scrollbar-size-vertical: 1;
        .field { height: 1; }
        .field Label { width: 10; color: $text-muted; }
        .field Input { width: 1fr; background: $boost; }
        .field Input:focus { background: $primary 25%; }
        .field Select { width: 1fr; }
        .-hidden { display: none; }
        #state { height: auto; padding-left: 10; color: $text-warning; }
        #state.-ready { color: $text-success; }
        #cost { height: auto; min-height: 2; margin-top: 1; color: $text-muted; }
        #start { margin-top: 1; width: 100%; }
    }
    """

    class Changed(Message):
        """Something else is asked for."""

    class Left(Message):
        """The user goes to the rows."""

    class Wanted(Message):
        """The user wants it done."""

    class ConnectionWanted(Message):
        """The user wants to set up a server."""

    class SetChosen(Message):
        """Another set is meant; the screen says which of its rows are marked."""

    class ConnectionChanged(Message):
        """Another writer was chosen."""

    def __init__(self, remembered: Mapping[str, Any]) -> None:
        super().__init__()
        self._remembered = remembered
        self._choices: dict[str, ConnectionChoice] = {}
        self._marked: tuple[str, ...] = ()
        self._knows_writers = False
        self._writer = str(remembered.get("writer", ""))

    def compose(self) -> ComposeResult:
        """All fields of all purposes; those that do not apply are hidden."""
        known = {value for value, _ in _PURPOSES}
        purpose = self._text("purpose") if self._text("purpose") in known else "rewrite"
        part = self._text("part") if self._text("part") in {p for p, _ in _PARTS} else "speech"
        yield self._field("purpose", "Do", OptionRow(_PURPOSES, purpose, name="purpose"))
        yield self._field("set", "Set", FormSelect([], id="set", prompt="no set", compact=True))
        yield self._field("rows", "Rows", OptionRow([("all", "all")], "all", name="rows"))
        for name in ("theme", "idea", "count"):
            yield self._input(name)
        yield self._field("part", "Part", OptionRow(_PARTS, part, name="part"))
        for name in ("language", "tone", "voice", "versions", "seed"):
            yield self._input(name)
        writer = FormSelect([(_OFFLINE_LABEL, OFFLINE)], value=OFFLINE, id="writer",
                            allow_blank=False, compact=True)  # fmt: skip
        yield self._field("writer", "Writer", writer)
        yield Static(id="state")
        yield Static(id="cost")
        yield Button("Rewrite", id="start", variant="primary", compact=True)

    def on_mount(self) -> None:
        """Shows the fields of the purpose that was chosen last."""
        self._show_fields()

    # What there is to choose from; told by the screen.

    def set_sets(self, sets: Sequence[tuple[str, Path]], current: Path | None) -> None:
        """The sets of the project by name, and which of them is meant."""
        select = self.query_one("#set", FormSelect)
        with self.prevent(Select.Changed):
            select.set_options([(Text(name), str(path)) for name, path in sets])
            paths = [path for _, path in sets]
            if current in paths:
                select.value = str(current)
            elif paths:
                select.value = str(paths[0])

    def set_rows(self, marked: Sequence[str]) -> None:
        """Which rows of the set are marked; others than before are what the user means."""
        row = self.query_one("#rows", OptionRow)
        options = [("all", "all")]
        if marked:
            one = f"row {printable(marked[0])}"
            options.append(("marked", one if len(marked) == 1 else f"{len(marked)} marked"))
        if tuple(marked) != self._marked:
            self._marked = tuple(marked)
            row.set_options(options, "marked" if marked else "all")

    def set_connections(self, choices: Sequence[ConnectionChoice]) -> None:
        """The servers there are."""
        self._choices = {choice.name: choice for choice in choices}
        options = [(Text(choice.label), choice.name) for choice in choices]
        options += [
            (Text(_OFFLINE_LABEL), OFFLINE),
            (Text("set up a server …"), NEW_CONNECTION),
        ]
        select = self.query_one("#writer", FormSelect)
        ready = [choice.name for choice in choices if not choice.problem]
        known = {*self._choices, OFFLINE}
        wanted = self._writer if self._writer in known else next(iter([*ready, OFFLINE]))
        with self.prevent(Select.Changed):
            select.set_options(options)
            select.value = wanted
        self._writer = wanted
        self._knows_writers = True
        self._say_state()

    def choose_connection(self, name: str) -> None:
        """Takes a writer."""
        self._writer = name

    @property
    def connection(self) -> ConnectionChoice | None:
        """The server that is chosen; None for the offline bank."""
        return self._choices.get(self._writer)

    def say_state(self, problem: str, remedy: str) -> None:
        """Whether the writer can be used, in a sentence."""
        state = self.query_one("#state", Static)
        said = printable(problem) + (f" Set it up: {remedy}" if remedy else "")
        state.update(Content(said))
        state.set_class(not problem, "-ready")
        state.set_class(not said, "-hidden")

    def say_cost(self, text: str) -> None:
        """What it will cost, or why it cannot be."""
        self.query_one("#cost", Static).update(Content(printable(text)))

    def _say_state(self) -> None:
        choice = self.connection
        if choice is not None:
            self.say_state(choice.problem, choice.remedy)
        elif self._choices:
            self.say_state("", "")
        else:
            self.say_state("No server is configured; the bank needs none. To set one up choose it "
                           "above, or run `ovi connect`.", "")  # fmt: skip

    # What is asked for.

    @property
    def purpose(self) -> str:
        """rewrite, translate or idea."""
        return self.query_one("#purpose", OptionRow).value

    @property
    def is_offline(self) -> bool:
        """True if the bank writes."""
        return self._writer == OFFLINE

    @property
    def set_path(self) -> Path | None:
        """The set that is meant."""
        value = self.query_one("#set", FormSelect).value
        return Path(value) if isinstance(value, str) else None

    def values(self) -> dict[str, Any]:
        """The form as it is to be remembered."""
        texts = {name: self.query_one(f"#{name}", Input).value for name in _TEXTS}
        part = self.query_one("#part", OptionRow).value
        return {**texts, "purpose": self.purpose, "part": part, "writer": self._writer}

    def fill(self, order: RewriteOrder) -> None:
        """Shows an order that was given before."""
        wish = order.wish
        self.query_one("#purpose", OptionRow).value = str(wish.purpose)
        self.query_one("#part", OptionRow).value = str(wish.part)
        texts = {"theme": wish.theme, "language": wish.language, "tone": wish.tone,
                 "voice": wish.voice, "versions": str(order.num_versions),
                 "seed": str(order.seed)}  # fmt: skip
        for name, text in texts.items():
            self.query_one(f"#{name}", Input).value = text

    def rewrite_order(self) -> RewriteOrder:
        """What is asked for. Raises FormError."""
        path = self.set_path
        if path is None:
            raise FormError("set", "There is no set to rewrite. Write one first, with F1.")
        is_translation = self.purpose == "translate"
        wish = Wish(
            theme="" if is_translation else self._said("theme"),
            part=Part.SPEECH if is_translation else Part(self.query_one("#part", OptionRow).value),
            language=self._said("language"), tone=self._said("tone"), voice=self._said("voice"),
            purpose=Purpose.TRANSLATE if is_translation else Purpose.REWRITE,
        )  # fmt: skip
        if is_translation and not wish.language:
            raise FormError("language", "Name the language to translate into.")
        if not any((wish.theme, wish.language, wish.tone, wish.voice)):
            raise FormError("theme", "Say what it should be about: fill in the theme.")
        is_marked = self.query_one("#rows", OptionRow).value == "marked"
        return RewriteOrder(
            source=str(path), wish=wish, rows=self._marked if is_marked else (),
            num_versions=1 if is_translation else self._number("versions", 1),
            connection=None if self.is_offline else self._writer, is_offline=self.is_offline,
            seed=self._number("seed", 0),
        )  # fmt: skip

    def idea_order(self) -> IdeaOrder:
        """What is asked for, of an idea. Raises FormError."""
        if not self._said("idea"):
            raise FormError("idea", "Say what the clips should be about: fill in the idea.")
        if self.is_offline:
            raise FormError("writer", "Inventing scenes needs a model: choose a server as writer.")
        wish = Wish(
            theme=self._said("idea"), language=self._said("language"), tone=self._said("tone"),
            voice=self._said("voice"), purpose=Purpose.IDEA,
        )  # fmt: skip
        return IdeaOrder(
            wish=wish, count=self._number("count", 3), connection=self._writer,
            seed=self._number("seed", 0),
        )  # fmt: skip

    def focus_field(self, name: str) -> None:
        """Puts the cursor into a field."""
        self.query_one(f"#{name}").focus()

    def focus_first(self) -> None:
        """Puts the cursor where the keys are no text, so that all keys of the studio work."""
        self.focus_field("purpose")

    def _number(self, name: str, default: int) -> int:
        written = self._said(name)
        if not written:
            return default
        if not written.isascii() or not written.isdigit() or len(written) > 9:
            raise FormError(name, f"{_TEXTS[name][0]} must be a whole number, not {written!r}.")
        return int(written)

    def _said(self, name: str) -> str:
        return self.query_one(f"#{name}", Input).value.strip()

    def action_write(self) -> None:
        """From the first line into the text that matters."""
        self.focus_field({"translate": "language", "idea": "idea"}.get(self.purpose, "theme"))

    def action_leave(self) -> None:
        """Out of a field to the first line, where keys are no text; from there to the rows."""
        if self.query_one("#purpose", OptionRow).has_focus:
            self.post_message(self.Left())
        else:
            self.focus_first()

    # How it looks.

    def _text(self, name: str) -> str:
        value = self._remembered.get(name, "")
        return value if isinstance(value, str) else ""

    def _field(self, name: str, label: str, widget: Any) -> Horizontal:
        return Horizontal(Label(label), widget, classes="field", id=f"field-{name}")

    def _input(self, name: str) -> Horizontal:
        label, placeholder = _TEXTS[name]
        field = Input(self._text(name), placeholder=placeholder, id=name, compact=True,
                      select_on_focus=False)  # fmt: skip
        return self._field(name, label, field)

    def _show_fields(self) -> None:
        wanted = {*_FIELDS[self.purpose], "purpose", "writer"}
        for field in self.query(".field"):
            field.set_class((field.id or "").removeprefix("field-") not in wanted, "-hidden")
        label = self.query_one("#field-language Label", Label)
        label.update("Into" if self.purpose == "translate" else "Language")
        button = self.query_one("#start", Button)
        button.label = {"rewrite": "Rewrite", "translate": "Translate", "idea": "Invent"}[
            self.purpose
        ]

    # Events.

    def on_option_row_changed(self, event: OptionRow.Changed) -> None:
        """Another purpose has other fields."""
        event.stop()
        if event.row.name == "purpose":
            self._show_fields()
        self.post_message(self.Changed())

    def on_input_changed(self, event: Input.Changed) -> None:
        """Tells the screen."""
        event.stop()
        self.post_message(self.Changed())

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Enter in any field: the cost is shown before anything is done."""
        event.stop()
        self.post_message(self.Wanted())

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """The button at the end."""
        event.stop()
        self.post_message(self.Wanted())

    def on_select_changed(self, event: Select.Changed) -> None:
        """Another set or writer."""
        event.stop()
        if event.select.id == "writer":
            if not self._knows_writers:  # it says what it was made with
                return
            if event.value == NEW_CONNECTION:
                with self.prevent(Select.Changed):
                    self.query_one("#writer", FormSelect).value = self._writer
                self.post_message(self.ConnectionWanted())
                return
            self._writer = str(event.value)
            self._say_state()
            self.post_message(self.ConnectionChanged())
        else:
            self.post_message(self.SetChosen())
        self.post_message(self.Changed())
