"""Editing the new words of a row where they are shown, held to the same guarantees as a model's."""

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.widgets import Static, TextArea

from ovi_studio.actions.reviewing import ReviewedRow
from ovi_studio.prompt.timing import time_speech
from ovi_studio.report.plain import printable, shortened
from ovi_studio.rewrite.budget import Budget
from ovi_studio.rewrite.order import Task
from ovi_studio.rewrite.part import Slot


class WordsEditor(VerticalScroll, can_focus=False):
    """A field for each segment of a row."""

    BINDING_GROUP_TITLE = "Editing a row"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+s", "keep", "Keep", priority=True),
        Binding("escape", "leave", "Back", priority=True),
    ]
    DEFAULT_CSS = """
    WordsEditor {
        height: 1fr; padding: 0 1; scrollbar-size-vertical: 1;
        .segment { color: $text-muted; height: auto; }
        .gauge { height: 1; margin-bottom: 1; }
        TextArea { height: auto; min-height: 3; max-height: 8; border: round $border-blurred; }
        TextArea:focus { border: round $border; }
        #problems { color: $text-error; height: auto; }
    }
    """

    class Kept(Message):
        """The user wants these words."""

        def __init__(self, task: Task, words: Sequence[str]) -> None:
            super().__init__()
            self.task = task
            self.words = tuple(words)

    class Left(Message):
        """The user goes back; nothing is changed."""

    def __init__(self, row: ReviewedRow) -> None:
        super().__init__()
        self.row = row

    def compose(self) -> ComposeResult:
        """Each segment: what it was, the field, how well it fits."""
        task = self.row.task
        yield Static(id="problems")
        for slot, words in zip(task.slots, self.row.words, strict=True):
            was = shortened(slot.text, 300)
            yield Static(Content(f"{slot.kind} {slot.number}, was: {was}"), classes="segment")
            yield TextArea(
                printable(words), soft_wrap=True, id=f"words-{slot.number}", compact=False
            )
            yield Static(classes="gauge", id=f"gauge-{slot.number}")

    def on_mount(self) -> None:
        """Begins in the first field."""
        first = self.query(TextArea).first()
        first.focus()
        first.move_cursor(first.document.end)
        for slot, budget in zip(self.row.task.slots, self.row.task.budgets, strict=True):
            self._gauge(slot, budget)

    @property
    def words(self) -> tuple[str, ...]:
        """What the fields hold, each on one line."""
        return tuple(" ".join(area.text.split()) for area in self.query(TextArea))

    def show_problems(self, problems: Sequence[str]) -> None:
        """Says why the words cannot stand."""
        text = "\n".join(f"✗ {shortened(problem, 300)}" for problem in problems)
        self.query_one("#problems", Static).update(Content(text))
        if problems:
            self.scroll_home(animate=False)

    def on_text_area_changed(self, event: TextArea.Changed) -> None:
        """Says while it is written whether it fits."""
        for slot, budget in zip(self.row.task.slots, self.row.task.budgets, strict=True):
            if event.text_area.id == f"words-{slot.number}":
                self._gauge(slot, budget)

    def _gauge(self, slot: Slot, budget: Budget | None) -> None:
        if budget is None:
            return
        words = " ".join(self.query_one(f"#words-{slot.number}", TextArea).text.split())
        excess = budget.excess(words)
        said = f"{len(words.split())} of {budget.words} words, {time_speech(words).seconds:.1f} of "
        said += f"{budget.seconds:.1f} s" + (f": {excess}" if excess else "")
        gauge = self.query_one(f"#gauge-{slot.number}", Static)
        gauge.update(Content.styled(said, "$text-error" if excess else "$text-success"))

    def action_keep(self) -> None:
        """Gives the words to be judged."""
        self.post_message(self.Kept(self.row.task, self.words))

    def action_leave(self) -> None:
        """Back without a change."""
        self.post_message(self.Left())
