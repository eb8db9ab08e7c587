"""The editor of a prompt: colours tags, speech and audio caption, underlines what the linter found.

It draws its lines itself: a prompt is often one line of thousands of characters, and only the part
that a screen line shows is looked at. What is found is told to it (`show_findings`).
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import ClassVar, NamedTuple

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.binding import Binding, BindingType
from textual.document._document_navigator import DocumentNavigator
from textual.document._wrapped_document import WrappedDocument
from textual.message import Message
from textual.strip import Strip
from textual.widgets import TextArea

from ovi_studio.lint.diagnostic import Diagnostic, Severity
from ovi_studio.lint.edits import edit_between
from ovi_studio.prompt.model import SegmentKind, Span
from ovi_studio.prompt.parse import parse_prompt
from ovi_studio.prompt.prompt_set import TEXT_COLUMN
from ovi_studio.tui.prompt_document import PromptDocument
from ovi_studio.tui.visible_text import visible

MAX_COLOURED = 12_000
"""Characters; parsing more would be felt while typing."""

_KINDS = {
    SegmentKind.SPEECH: "prompt-editor--speech",
    SegmentKind.CAPTION: "prompt-editor--audio",
    SegmentKind.STRAY: "prompt-editor--tag",
}
_SEVERITIES = {
    Severity.INFO: "prompt-editor--info",
    Severity.WARNING: "prompt-editor--warning",
    Severity.ERROR: "prompt-editor--error",
}


class _Layer(NamedTuple):
    """A stretch of the text that looks special."""

    start: int
    end: int
    name: str
    """Of its component class."""


class PromptEditor(TextArea):
    """Where a prompt is written."""

    BINDING_GROUP_TITLE = "Prompt editor"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "screen.back", "Rows"),
        Binding("ctrl+s", "screen.save", "Save"),
        Binding("ctrl+home", "go_to(False)", "To the beginning", show=False),
        Binding("ctrl+end", "go_to(True)", "To the end", show=False),
        Binding("ctrl+z,super+z", "undo", "Undo"),
        Binding("ctrl+y,ctrl+shift+z,super+y", "redo", "Redo", show=False),
    ]
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "prompt-editor--tag",
        "prompt-editor--speech",
        "prompt-editor--audio",
        "prompt-editor--error",
        "prompt-editor--warning",
        "prompt-editor--info",
    }
    DEFAULT_CSS = """
    PromptEditor {
        height: 1fr; padding: 0 1; border: round $foreground-muted; background: $background;
        scrollbar-size-vertical: 1;
        &:focus { border: round $primary; }
        & > .prompt-editor--tag { color: $prompt-tag; }
        & > .prompt-editor--speech { color: $prompt-speech; }
        & > .prompt-editor--audio { color: $prompt-audio; }
        & > .prompt-editor--error { color: $finding-error; text-style: underline bold; }
        & > .prompt-editor--warning { color: $finding-warning; text-style: underline; }
        & > .prompt-editor--info { text-style: underline; }
    }
    """

    class UndoSpent(Message):
        """Undo (or redo) was asked for, and there is nothing left of it in this text."""

        def __init__(self, *, is_redo: bool) -> None:
            super().__init__()
            self.is_redo = is_redo

    def __init__(self) -> None:
        self._parts: list[_Layer] = []
        self._findings: list[_Layer] = []
        self._seen_text = ""
        self._line_starts: list[int] = [0]
        super().__init__(soft_wrap=True, tab_behavior="focus", highlight_cursor_line=False)
        self.match_cursor_bracket = False

    # What is shown.

    def show_text(self, text: str) -> None:
        """Another prompt; nothing of the one before can be undone here."""
        self._findings = []
        self._seen_text = text
        self.load_text(text)

    def put_text(self, text: str) -> None:
        """The same prompt, changed: one step to undo, the cursor where it was."""
        edit = edit_between(self.text, text)
        place = self.cursor_offset
        self.history.checkpoint()
        self.replace(
            edit.replacement,
            self.location_of(edit.span.start),
            self.location_of(edit.span.end),
            maintain_selection_offset=False,
        )
        self.history.checkpoint()
        if place >= edit.span.end:
            place += len(edit.replacement) - len(edit.span)
        self.put_cursor(min(place, len(text)))

    def show_findings(self, findings: Sequence[Diagnostic]) -> None:
        """Underlines what the linter found in the text as it is now; the worst lies on top."""
        spans = [(one, one.span) for one in findings if one.cell == TEXT_COLUMN and one.span]
        spans.sort(key=lambda pair: pair[0].severity.rank)
        self._findings = [
            _Layer(span.start, max(span.end, span.start + 1), _SEVERITIES[one.severity])
            for one, span in spans
        ]
        self.refresh()

    @property
    def cursor_offset(self) -> int:
        """Where the cursor is, in characters of the text."""
        row, column = self.cursor_location
        return self._line_starts[row] + column

    def put_cursor(self, offset: int) -> None:
        """Puts the cursor on a character of the text."""
        self.move_cursor(self.location_of(offset))

    def location_of(self, offset: int) -> tuple[int, int]:
        """Line and column of a character of the text."""
        row = 0
        for row, start in enumerate(self._line_starts):  # noqa: B007 - its last value is used
            if row + 1 == len(self._line_starts) or offset < self._line_starts[row + 1]:
                break
        return row, min(offset - start, len(self.document.get_line(row)))

    # What the base class calls.

    def _set_document(self, text: str, language: str | None) -> None:  # noqa: ARG002
        self.document = PromptDocument(text)
        self.wrapped_document = WrappedDocument(self.document, tab_width=self.indent_width)
        self.navigator = DocumentNavigator(self.wrapped_document)
        self._build_highlight_map()
        self.move_cursor((0, 0))
        self._rewrap_and_refresh_virtual_size()

    def _build_highlight_map(self) -> None:
        """Called after every change of the text."""
        text = self.text
        assert isinstance(self.document, PromptDocument)
        self._line_starts = self.document.line_starts()
        self._findings = _shifted(self._findings, self._seen_text, text)
        self._seen_text = text
        self._parts = []
        if len(text) <= MAX_COLOURED:
            prompt = parse_prompt(text)
            self._parts = [
                _Layer(part.span.start, part.span.end, _KINDS[part.kind])
                for part in prompt.segments
                if part.kind in _KINDS
            ]
            marks = (mark.span for mark in prompt.marks)
            self._parts += [_Layer(m.start, m.end, "prompt-editor--tag") for m in marks]

    def action_go_to(self, is_end: bool) -> None:
        """Puts the cursor at the beginning or the end of the prompt."""
        self.put_cursor(len(self.text) if is_end else 0)

    def action_undo(self) -> None:
        """Undoes what was last written here; then what was last changed in the set."""
        before = self.text
        super().action_undo()
        if self.text == before:
            self.post_message(self.UndoSpent(is_redo=False))

    def action_redo(self) -> None:
        """The same forward."""
        before = self.text
        super().action_redo()
        if self.text == before:
            self.post_message(self.UndoSpent(is_redo=True))

    # Drawing.

    def render_line(self, y: int) -> Strip:
        """One line of the screen."""
        base = self.rich_style
        width = self.scrollable_content_region.width
        place = y + self.scroll_offset.y
        infos = self.wrapped_document._offset_to_line_info
        if place >= len(infos):
            return Strip.blank(width, base)
        row, section = infos[place]
        line = self.document.get_line(row)
        offsets = [0, *self.wrapped_document.get_offsets(row), len(line)]
        first, last = offsets[section], offsets[section + 1]
        is_end = last == len(line)
        shown = line[first:last] + (" " if is_end else "")  # a place for the cursor
        styles = self._styles_of(row, first, first + len(shown), base)
        tabs = self.wrapped_document.get_tab_widths(row)
        num_tabs = line.count("\t", 0, first)
        segments = []
        for start, end, style in styles:
            piece = shown[start - first : end - first]
            if "\t" in piece:
                widths = iter(tabs[num_tabs:])
                num_tabs += piece.count("\t")
                piece = "".join(" " * next(widths, 1) if c == "\t" else c for c in piece)
            segments.append(Segment(visible(piece), style))
        length = sum(cell_len(segment.text) for segment in segments)
        strip = Strip(segments, length)
        return strip.crop_extend(self.scroll_offset.x, self.scroll_offset.x + width, base)

    def _styles_of(
        self, row: int, first: int, last: int, base: Style
    ) -> list[tuple[int, int, Style]]:
        """The stretches of a line from one column to another, each with how it looks."""
        line_start = self._line_starts[row]
        layers = [
            (max(first, layer.start - line_start), min(last, layer.end - line_start), layer.name)
            for layer in (*self._parts, *self._findings)
            if layer.start - line_start < last and layer.end - line_start > first
        ]
        layers += self._cursor_layers(row, first, last)
        borders = sorted({first, last, *(s for s, _, _ in layers), *(e for _, e, _ in layers)})
        pieces = []
        for start, end in pairwise(borders):
            style = base
            for layer_start, layer_end, name in layers:
                if layer_start <= start and end <= layer_end:
                    style = style + self.get_component_rich_style(name, partial=True)
            pieces.append((start, end, style))
        return pieces

    def _cursor_layers(self, row: int, first: int, last: int) -> list[tuple[int, int, str]]:
        """Selection and cursor, as far as they are in this part of a line."""
        layers = []
        start, end = sorted(self.selection)
        if start != end and start[0] <= row <= end[0]:
            left = max(first, start[1] if row == start[0] else first)
            right = min(last, end[1] if row == end[0] else last)
            if left < right:
                layers.append((left, right, "text-area--selection"))
        cursor_row, column = self.cursor_location
        if cursor_row == row and first <= column < last and self._draw_cursor:
            layers.append((column, column + 1, "text-area--cursor"))
        return layers


def _shifted(layers: Sequence[_Layer], before: str, after: str) -> list[_Layer]:
    """Where stretches of a text stand after a change; those that it touched are left out."""
    if not layers or before == after:
        return list(layers)
    edit = edit_between(before, after)
    moved: Span = edit.span
    shift = len(edit.replacement) - len(moved)
    kept = []
    for layer in layers:
        if layer.end <= moved.start:
            kept.append(layer)
        elif layer.start >= moved.end:
            kept.append(layer._replace(start=layer.start + shift, end=layer.end + shift))
    return kept
