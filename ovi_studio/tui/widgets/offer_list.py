"""The list of rewritten rows: where each stands and what is on offer; draws only what is seen."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region, Size
from textual.message import Message
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip

from ovi_studio.actions.reviewing import Key
from ovi_studio.report.plain import shortened

MAX_CHARACTERS = 400
"""Of one line; nobody's terminal is wider."""


@dataclass(frozen=True, slots=True)
class OfferLine:
    """One line of the list."""

    key: Key
    label: str
    """the row's id, with the version where there are several"""
    state: str
    """waiting, asking, open, accepted, rejected, failed or barred"""
    words: str

    def matches(self, wanted: str) -> bool:
        """True if the filter's text is in what is seen."""
        return wanted in f"{self.label} {self.state} {self.words}".lower()


MARKS = {
    "waiting": "·",
    "asking": "…",
    "open": "?",
    "accepted": "✓",
    "rejected": "✗",
    "failed": "!",
    "barred": "-",
}


class OfferList(ScrollView, can_focus=True):
    """Lines with a cursor and marks. Ten thousand lines cost no more than those that are seen."""

    BINDING_GROUP_TITLE = "Rewritten rows"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", "Row above", show=False),
        Binding("down,j", "move(1)", "Row below", show=False),
        Binding("pageup", "page(-1)", "Page up", show=False),
        Binding("pagedown", "page(1)", "Page down", show=False),
        Binding("home", "go(0)", "First row", show=False),
        Binding("end,G", "go(-1)", "Last row", show=False),
        Binding("space", "mark", "Mark", show=False),
    ]
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        *(f"offer-list--{state}" for state in MARKS),
        "offer-list--words",
        "offer-list--cursor",
        "offer-list--marked",
    }
    DEFAULT_CSS = """
    OfferList {
        height: 1fr; background: $surface; scrollbar-size-vertical: 1; overflow-x: hidden;
        .offer-list--words { color: $foreground; }
        .offer-list--waiting, .offer-list--barred, .offer-list--rejected { text-style: dim; }
        .offer-list--asking { color: $text-secondary; }
        .offer-list--open { color: $text-accent; }
        .offer-list--accepted { color: $text-success; text-style: bold; }
        .offer-list--failed { color: $text-error; }
        .offer-list--marked { color: $text-accent; text-style: bold; }
        .offer-list--cursor { background: $panel; text-style: bold; }
        &:focus .offer-list--cursor {
            background: $block-cursor-background; color: $block-cursor-foreground;
        }
    }
    """

    cursor: reactive[int] = reactive(0)

    class Moved(Message):
        """The cursor is on another line, or that line has changed."""

    def __init__(self) -> None:
        super().__init__()
        self._offers: dict[Key, OfferLine] = {}
        self._shown: list[Key] = []
        self._marked: set[Key] = set()
        self._filter = ""

    # What it holds.

    def set_lines(self, lines: Iterable[OfferLine]) -> None:
        """Shows other lines; the cursor goes to the first."""
        self._offers = {line.key: line for line in lines}
        self._marked.clear()
        self._filter = ""
        self._refilter()
        self.cursor = 0
        self.post_message(self.Moved())

    def update_lines(self, lines: Sequence[OfferLine]) -> None:
        """Changes lines in place, or adds them at the end."""
        is_longer = any(line.key not in self._offers for line in lines)
        self._offers.update((line.key, line) for line in lines)
        if is_longer or self._filter:
            self._refilter()
        else:
            self.refresh()
        if any(line.key == self.current for line in lines):
            self.post_message(self.Moved())

    @property
    def current(self) -> Key | None:
        """The key of the line under the cursor."""
        return self._shown[self.cursor] if 0 <= self.cursor < len(self._shown) else None

    @property
    def meant(self) -> list[Key]:
        """The marked lines in order, else the one under the cursor."""
        marked = [key for key in self._offers if key in self._marked]
        return marked or ([self.current] if self.current is not None else [])

    @property
    def num_marked(self) -> int:
        """How many lines are marked."""
        return len(self._marked)

    @property
    def filter_text(self) -> str:
        """The text that lines must have to be shown; "" shows all."""
        return self._filter

    def set_filter(self, wanted: str) -> None:
        """Shows the lines that have a text in them."""
        self._filter = wanted.strip().lower()
        self._refilter()

    def clear_marks(self) -> None:
        """Marks no line any more."""
        self._marked.clear()
        self.refresh()

    def go_to_next(self, states: Iterable[str]) -> None:
        """Puts the cursor on the next line in one of the states, from the top if need be."""
        wanted = set(states)
        count = len(self._shown)
        for step in range(1, count + 1):
            index = (self.cursor + step) % count
            if self._offers[self._shown[index]].state in wanted:
                self.cursor = index
                return

    def _refilter(self) -> None:
        here = self.current
        self._shown = [
            key for key, line in self._offers.items()
            if not self._filter or line.matches(self._filter)
        ]  # fmt: skip
        self.virtual_size = Size(1, len(self._shown))
        self.cursor = self._shown.index(here) if here in self._shown else 0
        self.refresh()
        if self.current != here:
            self.post_message(self.Moved())

    # Keys and mouse.

    def validate_cursor(self, cursor: int) -> int:
        """Stays within the lines."""
        return max(0, min(cursor, len(self._shown) - 1))

    def watch_cursor(self, _: int, cursor: int) -> None:
        """Brings the line into view."""
        self.scroll_to_region(Region(0, cursor, 1, 1), animate=False, force=True)
        self.refresh()
        self.post_message(self.Moved())

    def action_move(self, step: int) -> None:
        """Up or down."""
        self.cursor += step

    def action_page(self, step: int) -> None:
        """A page up or down."""
        self.cursor += step * max(1, self.size.height - 1)

    def action_go(self, index: int) -> None:
        """To the first line, or the last."""
        self.cursor = index if index >= 0 else len(self._shown) - 1

    def action_mark(self) -> None:
        """Marks the line or takes the mark off, and goes on."""
        if self.current is not None:
            self._marked ^= {self.current}
            self.refresh()
            self.cursor += 1

    def on_click(self, event: events.Click) -> None:
        """Puts the cursor under the mouse."""
        index = event.y + int(self.scroll_offset.y)
        if index < len(self._shown):
            self.cursor = index

    # Drawing.

    def render_line(self, y: int) -> Strip:
        """One line of the screen."""
        index = y + int(self.scroll_offset.y)
        width = self.size.width
        if index >= len(self._shown):
            return Strip.blank(width, self.rich_style)
        line = self._offers[self._shown[index]]
        base = self.rich_style
        state = self.get_component_rich_style(f"offer-list--{line.state}", partial=True)
        over = Style()
        if line.key in self._marked:
            over += self.get_component_rich_style("offer-list--marked", partial=True)
        if index == self.cursor:
            over += self.get_component_rich_style("offer-list--cursor", partial=True)
        head = f" {'●' if line.key in self._marked else ' '}{MARKS[line.state]} "
        label = set_cell_size(f"{line.label} ", max(6, min(14, cell_len(line.label) + 1)))
        words = shortened(line.words, MAX_CHARACTERS)
        rest = max(0, width - cell_len(head) - cell_len(label))
        is_dim = line.state in ("waiting", "barred", "rejected", "failed")
        plain = self.get_component_rich_style("offer-list--words", partial=True)
        style = state if is_dim else plain
        return Strip([
            Segment(head, base + state + over),
            Segment(label, base + state + over),
            Segment(set_cell_size(words, rest), base + style + over),
        ], width)  # fmt: skip
