"""The rows of a set as a list that stays fluid however many there are: only what is seen is drawn.

It knows a document, which of its rows pass the filter, which are marked, and what the linter thinks
of them. What happens to rows is the screen's business.
"""

from collections.abc import Mapping, Sequence
from typing import ClassVar

from rich.cells import set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual.binding import Binding, BindingType
from textual.events import Click
from textual.geometry import Region, Size
from textual.message import Message
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip

from ovi_studio.lint.diagnostic import Severity
from ovi_studio.project.delimited import Record
from ovi_studio.project.set_document import SetDocument
from ovi_studio.tui.visible_text import one_line

MARK = "●"
SIGNS: Mapping[Severity | None, tuple[str, str]] = {
    Severity.ERROR: ("✗", "row-list--error"),
    Severity.WARNING: ("!", "row-list--warning"),
    Severity.INFO: ("·", "row-list--info"),
    None: (" ", "row-list--info"),
}


class RowList(ScrollView, can_focus=True):
    """Rows, one a line: mark, id, worst finding, beginning of the prompt."""

    BINDING_GROUP_TITLE = "Rows"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", "Row above", show=False),
        Binding("down,j", "move(1)", "Row below", show=False),
        Binding("pageup", "page(-1)", "Page up", show=False),
        Binding("pagedown", "page(1)", "Page down", show=False),
        Binding("home,g", "first", "First row", show=False),
        Binding("end,G", "last", "Last row", show=False),
        Binding("space", "mark", "Mark"),
        Binding("shift+down", "mark_and_move(1)", "Mark downwards", show=False),
        Binding("shift+up", "mark_and_move(-1)", "Mark upwards", show=False),
        Binding("a", "mark_all", "Mark all shown", show=False),
        Binding("enter", "open", "Edit"),
        Binding("n", "screen.new_row", "New"),
        Binding("t", "screen.new_from_template", "New from a template", show=False),
        Binding("N", "screen.new_set", "New set", show=False),
        Binding("slash", "screen.filter", "Filter"),
        Binding("r", "screen.render_rows", "Render"),
        Binding("w", "screen.rewrite_rows", "Rewrite"),
        Binding("d", "screen.duplicate_rows", "Duplicate", show=False),
        Binding("x,delete", "screen.delete_rows", "Delete", show=False),
        Binding("K,alt+up", "screen.move_rows(-1)", "Move rows up", show=False),
        Binding("J,alt+down", "screen.move_rows(1)", "Move rows down", show=False),
        Binding("s", "screen.sort_rows", "Sort", show=False),
        Binding("c", "screen.set_cell", "Change a cell (seed, picture, variant...)", show=False),
        Binding("e", "screen.edit_outside", "Open in $EDITOR", show=False),
        Binding("u,ctrl+z", "screen.undo", "Undo", show=False),
        Binding("U,ctrl+y", "screen.redo", "Redo", show=False),
    ]
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "row-list--cursor",
        "row-list--cursor-blurred",
        "row-list--id",
        "row-list--mark",
        "row-list--unsaved",
        "row-list--error",
        "row-list--warning",
        "row-list--info",
    }
    DEFAULT_CSS = """
    RowList {
        height: 1fr; overflow-x: hidden; scrollbar-size-vertical: 1;
        & > .row-list--cursor { background: $primary; color: $background; text-style: bold; }
        & > .row-list--cursor-blurred { background: $panel; text-style: bold; }
        & > .row-list--id { text-style: dim; }
        & > .row-list--mark { color: $accent; text-style: bold; }
        & > .row-list--unsaved { color: $warning; text-style: bold; }
        & > .row-list--error { color: $finding-error; text-style: bold; }
        & > .row-list--warning { color: $finding-warning; text-style: bold; }
        & > .row-list--info { color: $finding-info; }
    }
    """

    cursor: reactive[int] = reactive(0)
    """The line the cursor is on, among those shown."""

    class Moved(Message):
        """The cursor is on another row."""

        def __init__(self, index: int | None) -> None:
            super().__init__()
            self.index = index

    class Opened(Message):
        """The row under the cursor is to be edited."""

    class Marked(Message):
        """Other rows are marked."""

    def __init__(self) -> None:
        super().__init__()
        self.document: SetDocument | None = None
        self.shown: Sequence[int] = ()
        """The rows that pass the filter, in order."""
        self.marked: set[int] = set()
        self.severities: dict[Record, Severity | None] = {}
        """What the linter thinks, as far as it has looked."""
        self.unsaved: int | None = None
        """The row whose text is not saved yet."""
        self._unsaved_text = ""
        self._id_width = 1

    @property
    def index(self) -> int | None:
        """The row under the cursor; None if none is shown."""
        return self.shown[self.cursor] if 0 <= self.cursor < len(self.shown) else None

    def show_rows(
        self,
        document: SetDocument,
        shown: Sequence[int] | None = None,
        *,
        index: int | None = None,
        marked: Sequence[int] = (),
    ) -> None:
        """Shows rows of a document, all or some, with the cursor on one of them if it is there."""
        self.document = document
        self.shown = range(len(document)) if shown is None else shown
        self.marked = set(marked)
        count = len(document)
        ends = (document.row_id(place) for place in (*range(min(count, 40)), count - 1) if count)
        self._id_width = max((len(row_id) for row_id in ends), default=1)
        self._id_width = min(self._id_width, 8)
        self.virtual_size = Size(0, len(self.shown))
        place = self._place_of(index)
        self.cursor = min(self.cursor if place is None else place, max(0, len(self.shown) - 1))
        self.scroll_to_cursor()
        self.refresh()

    def put_cursor(self, index: int) -> None:
        """Puts the cursor on a row, if it is shown."""
        place = self._place_of(index)
        if place is not None:
            self.cursor = place

    def add_severities(self, found: Mapping[Record, Severity | None]) -> None:
        """Takes what the linter thinks of some rows."""
        self.severities.update(found)
        self.refresh()

    def show_unsaved(self, index: int | None, text: str = "") -> None:
        """Marks the row whose text is not saved yet, and shows that text."""
        if (index, text) != (self.unsaved, self._unsaved_text):
            self.unsaved, self._unsaved_text = index, text
            self.refresh()

    def _place_of(self, index: int | None) -> int | None:
        if index is None:
            return None
        if isinstance(self.shown, range):
            return index if index in self.shown else None
        try:
            return self.shown.index(index)
        except ValueError:
            return None

    # Drawing.

    def render_line(self, y: int) -> Strip:
        """One row."""
        width = self.scrollable_content_region.width
        place = y + self.scroll_offset.y
        base = self.rich_style
        if self.document is None or place >= len(self.shown) or place < 0:
            return Strip.blank(width, base)
        index = self.shown[place]
        if place == self.cursor:
            name = "row-list--cursor" if self.has_focus else "row-list--cursor-blurred"
            base = base + self.get_component_rich_style(name, partial=True)
        is_plain = place == self.cursor and self.has_focus  # its colours would not be legible

        def style(name: str) -> Style:
            return base if is_plain else base + self.get_component_rich_style(name, partial=True)

        row_id = self.document.row_id(index)
        severity = self.severities.get(self.document.rows[index].record)
        sign, sign_style = SIGNS[severity]
        is_unsaved = index == self.unsaved
        segments = [
            Segment(f"{MARK} " if index in self.marked else "  ", style("row-list--mark")),
            Segment(one_line(row_id, self._id_width).rjust(self._id_width), style("row-list--id")),
            Segment("*" if is_unsaved else " ", style("row-list--unsaved")),
            Segment(sign, style(sign_style)),
            Segment(" ", base),
        ]
        rest = max(0, width - self._id_width - 5)
        text = self._unsaved_text if is_unsaved else self.document.text(index)
        text = one_line(text, 2 * rest) or "(empty)"
        segments.append(Segment(set_cell_size(text, rest), base))
        return Strip(segments).adjust_cell_length(width, base)

    def watch_cursor(self, before: int, after: int) -> None:
        """Draws both lines anew."""
        for place in (before, after):
            self.refresh(Region(0, place - self.scroll_offset.y, self.size.width, 1))
        self.scroll_to_cursor()
        self.post_message(self.Moved(self.index))

    def on_focus(self) -> None:
        """The cursor looks different."""
        self.refresh()

    def on_blur(self) -> None:
        """The same."""
        self.refresh()

    def scroll_to_cursor(self) -> None:
        """Brings the cursor into view."""
        height = self.scrollable_content_region.height
        top = self.scroll_offset.y
        if not height:
            return
        if self.cursor < top:
            self.scroll_to(y=self.cursor, animate=False, force=True, immediate=True)
        elif self.cursor >= top + height:
            self.scroll_to(y=self.cursor - height + 1, animate=False, force=True, immediate=True)

    def on_resize(self) -> None:
        """The cursor stays in view."""
        self.scroll_to_cursor()

    # Keys and mouse.

    def action_move(self, offset: int) -> None:
        """Moves the cursor."""
        self.cursor = max(0, min(self.cursor + offset, len(self.shown) - 1))

    def action_page(self, direction: int) -> None:
        """Moves the cursor by what is seen."""
        self.action_move(direction * max(1, self.scrollable_content_region.height - 1))

    def action_first(self) -> None:
        """To the first row."""
        self.cursor = 0

    def action_last(self) -> None:
        """To the last row."""
        self.cursor = max(0, len(self.shown) - 1)

    def action_mark(self) -> None:
        """Marks the row, or no longer; and goes on to the next."""
        self._toggle()
        self.action_move(1)

    def action_mark_and_move(self, direction: int) -> None:
        """Marks the row and the next in that direction."""
        before = self.index
        self.action_move(direction)
        self.marked |= {index for index in (before, self.index) if index is not None}
        self._marks_changed()

    def action_mark_all(self) -> None:
        """Marks all rows that are shown; if they all are, none."""
        shown = set(self.shown)
        self.marked = self.marked - shown if shown <= self.marked else self.marked | shown
        self._marks_changed()

    def action_open(self) -> None:
        """Into the editor."""
        if self.index is not None:
            self.post_message(self.Opened())

    def unmark_all(self) -> bool:
        """Marks no row any more; returns whether any was."""
        had_marks = bool(self.marked)
        self.marked = set()
        if had_marks:
            self._marks_changed()
        return had_marks

    def on_click(self, event: Click) -> None:
        """The row clicked; with ctrl marked; twice opened."""
        offset = event.get_content_offset(self)
        if offset is None:
            return
        place = offset.y + self.scroll_offset.y
        if place >= len(self.shown):
            return
        self.cursor = place
        if event.ctrl or offset.x == 0:
            self._toggle()
        elif event.chain == 2:
            self.action_open()

    def _toggle(self) -> None:
        if self.index is not None:
            self.marked ^= {self.index}
            self._marks_changed()

    def _marks_changed(self) -> None:
        self.refresh()
        self.post_message(self.Marked())
