"""One row before and after, side by side or one above the other: what differs is coloured."""

from collections.abc import Iterable

from textual.app import ComposeResult
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.widgets import Static

from ovi_studio.actions.reviewing import Decision, ReviewedRow
from ovi_studio.prompt.model import Prompt
from ovi_studio.prompt.timing import time_speech
from ovi_studio.report.plain import printable, shortened
from ovi_studio.report.word_diff import diff_words
from ovi_studio.rewrite.order import RowResult, Source

MAX_CHARACTERS = 20_000
"""Of one prompt on the screen."""

MAX_NOTES = 5

CONTEXT = 48
"""Characters that are left at each side of what is cut."""

_GONE = "$text-error strike"
_COME = "$text-success bold"

_SAID = {
    Decision.WAITING: "Nothing has come yet.",
    Decision.OPEN: "Not decided",
    Decision.ACCEPTED: "Accepted",
    Decision.REJECTED: "Rejected: the old text stays",
    Decision.FAILED: "Failed: the old text stays",
    Decision.BARRED: "Cannot be rewritten: the old text stays",
}


class RowDiff(VerticalScroll, can_focus=True):
    """The old prompt, the new one, and what is to be said about it."""

    BINDING_GROUP_TITLE = "Before and after"
    DEFAULT_CSS = """
    RowDiff {
        height: 1fr; scrollbar-size-vertical: 1; padding: 0 1;
        #sides { height: auto; layout: horizontal; }
        .side { width: 1fr; height: auto; }
        #before { padding-right: 2; }
        #facts { height: auto; padding-top: 1; }
    }
    RowDiff.-stacked #sides { layout: vertical; }
    RowDiff.-stacked .side { width: 100%; padding-bottom: 1; }
    RowDiff:focus { background: $boost; }
    """

    STACKED_BELOW = 100
    """Columns of the whole screen below which both texts do not fit beside each other."""

    def __init__(self) -> None:
        super().__init__()
        self._row: ReviewedRow | None = None

    def compose(self) -> ComposeResult:
        """Two texts and a note."""
        with Horizontal(id="sides"):
            yield Static(id="before", classes="side")
            yield Static(id="after", classes="side")
        yield Static(id="facts")

    def on_resize(self) -> None:
        """Puts the texts above each other where it is narrow."""
        is_stacked = self.screen.size.width < self.STACKED_BELOW
        if is_stacked != self.has_class("-stacked"):
            self.set_class(is_stacked, "-stacked")
            if self._row is not None:
                self.show_row(self._row)

    def show_nothing(self, text: str = "") -> None:
        """Shows only a note."""
        self._row = None
        self._fill(Content(), Content(), Content.styled(printable(text), "dim"))

    def show_row(self, row: ReviewedRow) -> None:
        """Shows a row of a review; where it is narrow, only what is around the new words."""
        self._row = row
        before, after = _sides(row, is_short=self.screen.size.width < self.STACKED_BELOW)
        self._fill(_headed("before", before), after, Content("\n").join(_facts(row)))

    def show_prompt(self, title: str, text: str, notes: Iterable[str]) -> None:
        """Shows a prompt that has no old one."""
        self._row = None
        shown = _headed(title, Content(printable(text[:MAX_CHARACTERS])))
        lines = [Content.styled(printable(note), "dim") for note in notes]
        self._fill(shown, Content(), Content("\n").join(lines))

    def _fill(self, before: Content, after: Content, facts: Content) -> None:
        self.query_one("#before", Static).update(before)
        right = self.query_one("#after", Static)
        right.update(after)
        right.display = bool(after.plain)
        self.query_one("#facts", Static).update(facts)
        self.scroll_home(animate=False)


def _headed(title: str, content: Content) -> Content:
    return Content.assemble((f"{title}\n", "dim italic"), content)


def _sides(row: ReviewedRow, *, is_short: bool) -> tuple[Content, Content]:
    """The old prompt and the new: all but the segments is the same by construction."""
    prompt = row.task.prompt
    if not row.has_offer or row.result is None:
        return Content(printable(prompt.text[:MAX_CHARACTERS])), Content()
    before: list[tuple[str, str]] = []
    after: list[tuple[str, str]] = []
    position = 0
    for slot, words in zip(row.task.slots, row.result.words, strict=True):
        same = _plain(prompt, position, slot.span.start, is_short=is_short)
        left, right = diff_words(printable(slot.text), printable(words))
        before += [*same, *((text, _GONE * is_changed) for text, is_changed in left)]
        after += [*same, *((text, _COME * is_changed) for text, is_changed in right)]
        position = slot.span.end
    rest = _plain(prompt, position, len(prompt.text), is_short=is_short)
    return Content.assemble(*before, *rest), _headed("after", Content.assemble(*after, *rest))


def _plain(prompt: Prompt, start: int, end: int, *, is_short: bool) -> list[tuple[str, str]]:
    """An unchanged stretch, quiet; its tags in their colour; long ones cut, where that is asked."""
    parts: list[tuple[str, str]] = []
    position = start
    for mark in prompt.marks:
        if start <= mark.span.start and mark.span.end <= end:
            parts.append((prompt.text[position : mark.span.start], "dim"))
            parts.append((mark.span.of(prompt.text), "$prompt-tag"))
            position = mark.span.end
    parts.append((prompt.text[position:end], "dim"))
    shown = [(_cut(printable(text)) if is_short else printable(text), s) for text, s in parts]
    return [part for part in shown if part[0]]


def _cut(text: str) -> str:
    """The edges of a long text."""
    if len(text) <= 3 * CONTEXT:
        return text
    return f"{text[:CONTEXT]} … {text[-CONTEXT:]}"


def _facts(row: ReviewedRow) -> list[Content]:
    """Where the row stands, who wrote it, how well it fits, and why others were refused."""
    lines = [Content.styled(_state_of(row), _style_of(row))]
    result = row.result
    if row.has_offer and result is not None:
        fits = [
            f"line {slot.number}: {len(words.split())} of {budget.words} words, "
            f"{time_speech(words).seconds:.1f} of {budget.seconds:.1f} s"
            for slot, budget, words in zip(
                row.task.slots, row.task.budgets, result.words, strict=True
            )
            if budget is not None
        ]
        if fits:
            lines.append(Content.styled(" · ".join(fits[:6]), "dim"))
    elif result is not None and result.reason:
        lines.append(Content.styled(shortened(result.reason, 600), "$text-warning"))
    for note in result.notes[-MAX_NOTES:] if result is not None else ():
        if note != (result.reason if result else ""):
            lines.append(Content.styled(f"refused before: {shortened(note, 200)}", "dim"))
    return lines


def _state_of(row: ReviewedRow) -> str:
    if row.is_asking:
        return "Asking for other words ..."
    said = _SAID[row.decision]
    return f"{said} · {_writer_of(row.result)}" if row.has_offer and row.result else said


def _writer_of(result: RowResult) -> str:
    """Who wrote the words, and at which try."""
    if result.source is Source.USER:
        return "written by you"
    tries = f", try {result.num_tries}" if result.num_tries > 1 else ""
    return f"from the {result.source}{tries}"


def _style_of(row: ReviewedRow) -> str:
    if row.decision is Decision.ACCEPTED:
        return "$text-success bold"
    if row.decision in (Decision.FAILED, Decision.BARRED):
        return "$text-error bold"
    return "bold"
