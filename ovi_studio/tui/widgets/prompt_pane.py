"""The right half of the write view: a prompt's editor, its lengths, findings, first frame.

It checks what is written and applies fixes. It changes the text in its editor itself; that the text
changed, and what a fix changes in other cells, it tells to the view.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, cast

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.message import Message

from ovi_studio.lint.diagnostic import Diagnostic
from ovi_studio.project.delimited import has_undecodable
from ovi_studio.prompt.prompt_set import TEXT_COLUMN, PromptRow
from ovi_studio.tui.live_checks import LiveChecks
from ovi_studio.tui.set_session import newlines_alike
from ovi_studio.tui.widgets.findings_panel import FindingsPanel
from ovi_studio.tui.widgets.first_frame import FirstFrame
from ovi_studio.tui.widgets.prompt_editor import PromptEditor
from ovi_studio.tui.widgets.prompt_meters import PromptMeters

if TYPE_CHECKING:
    from ovi_studio.actions.live_check import LiveCheck
    from ovi_studio.tui.screens.base import StudioScreen


class PromptPane(Vertical):
    """Shows one row of a set; `show_row` says which."""

    DEFAULT_CSS = """
    PromptPane {
        width: 1fr;
        #below { height: 12; }
    }
    """

    class Written(Message):
        """The text in the editor is another."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    class CellsFixed(Message):
        """A fix changes cells beside the prompt."""

        def __init__(self, cells: Mapping[str, str]) -> None:
            super().__init__()
            self.cells = cells

    def __init__(self) -> None:
        super().__init__()
        self._path: Path | None = None
        self._row: PromptRow | None = None
        self._check: LiveCheck | None = None
        self._wants_fix = False
        """A fix was asked for before the check was there."""

    def compose(self) -> ComposeResult:
        """The editor above, the rest below."""
        yield PromptEditor()
        yield PromptMeters()
        with Horizontal(id="below"):
            yield FindingsPanel()
            yield FirstFrame()

    def on_mount(self) -> None:
        """Nothing to write yet."""
        self.view = cast("StudioScreen", self.screen)
        self.checks = LiveChecks(self.view)
        self.editor = self.query_one(PromptEditor)
        self.findings = self.query_one(FindingsPanel)
        self.editor.disabled = True

    # What is shown.

    def show_row(self, path: Path, row: PromptRow, text: str, *, is_same: bool = False) -> None:
        """Shows a row; `text` is its prompt as it stands now. Of the same row as before a changed
        text is one step to undo, and the cursor stays."""
        self._path, self._row = path, row
        is_text = not has_undecodable(text)
        self.editor.disabled = False
        self.editor.read_only = not is_text
        if not is_text:
            self.view.warn(
                f"Row {row.id} holds bytes that are no text, and cannot be edited here. Save the "
                "file as UTF-8."
            )
        if not is_same:
            self._check = None
            self.editor.show_text(text)
        elif newlines_alike(self.editor.text) != newlines_alike(text):
            self.editor.put_text(text)
        folders = (path.parent, self.view.context.root)
        self.query_one(FirstFrame).show_picture(self.view, row.image_path, folders)
        self.check()

    def show_nothing(self) -> None:
        """There is no row."""
        self._row = self._check = None
        self.editor.show_text("")
        self.editor.disabled = True
        self.findings.show_findings(())
        self.query_one(PromptMeters).show_check(None)
        self.query_one(FirstFrame).show_picture(self.view, "", ())

    def on_text_area_changed(self, event: PromptEditor.Changed) -> None:
        """A key was typed, or another text was put there."""
        event.stop()
        if self._row is not None and not self.editor.read_only:
            self.post_message(self.Written(self.editor.text))
            self.check()

    # Checking.

    def check(self) -> None:
        """Has the prompt checked as it stands in the editor."""
        if self._row is None or self._path is None:
            return
        from ovi_studio.actions.live_check import row_with_text  # brings YAML

        row = self._row
        if not has_undecodable(row.text):
            row = row_with_text(row, self.editor.text)
            self.checks.ask(self._path, row, self._checked)

    def _checked(self, check: "LiveCheck") -> None:
        if self._row is None or check.view.row.id != self._row.id or not self._is_of(check):
            return  # another one is on its way
        self._check = check
        self.findings.show_findings(check.findings)
        self.editor.show_findings(check.findings)
        self.query_one(PromptMeters).show_check(check)
        if self._wants_fix:
            self._wants_fix = False
            self.fix_here()

    def _is_of(self, check: "LiveCheck") -> bool:
        return check.text == self.editor.text

    # Fixing.

    def fix_here(self) -> None:
        """Applies the fix of the finding at the cursor, else of the first that follows it."""
        check = self._check
        if check is None or not self._is_of(check):
            self._wants_fix = True
            return
        pointed = self.findings.highlighted
        if self.findings.has_focus and pointed is not None:
            self.fix(self.findings.findings[pointed])
            return
        fixable = [one for one in check.findings if one.fix is not None]
        if not fixable:
            nothing = "Nothing was found." if not check.findings else "What was found has no fix."
            self.view.say(nothing)
            return
        self.fix(min(fixable, key=self._distance))

    def fix(self, finding: Diagnostic) -> None:
        """Applies the fix of a finding."""
        check = self._check
        if check is None or not self._is_of(check) or finding not in check.findings:
            return
        if finding.fix is None:
            self.view.say(f"{finding.message} There is no automatic fix.")
            return
        from ovi_studio.actions.live_check import fixed_cells

        self._put(fixed_cells(check.view.row, finding))

    def _put(self, cells: Mapping[str, str]) -> None:
        if TEXT_COLUMN in cells:
            self.editor.put_text(cells[TEXT_COLUMN])
        others = {name: text for name, text in cells.items() if name != TEXT_COLUMN}
        if others:
            self.post_message(self.CellsFixed(others))

    def fix_all(self) -> None:
        """Applies all safe fixes of the prompt."""
        check = self._check
        if check is None or self._path is None:
            return
        text = self.editor.text

        def fixed(cells: Mapping[str, str]) -> None:
            if not cells:
                self.view.say("There is nothing to fix safely.")
            elif self.editor.text == text:
                self._put(cells)

        self.checks.fix_row(self._path, check.view.row, fixed)

    def _distance(self, finding: Diagnostic) -> tuple[int, int]:
        """How far a finding is: under the cursor, after it, before it, elsewhere."""
        span, cursor = finding.span, self.editor.cursor_offset
        if span is None or finding.cell != TEXT_COLUMN:
            return (3, 0)
        if span.start <= cursor <= span.end:
            return (0, span.end - span.start)
        return (1, span.start - cursor) if span.start > cursor else (2, cursor - span.end)

    def show_next_finding(self) -> None:
        """Puts the cursor on the next finding in the text, round and round."""
        cursor = self.editor.cursor_offset
        starts = sorted(
            {one.span.start for one in self.findings.findings if one.span is not None}
        )  # fmt: skip
        if not starts:
            self.view.say("Nothing was found in the text.")
            return
        self.editor.put_cursor(next((start for start in starts if start > cursor), starts[0]))
        self.editor.focus()

    def on_findings_panel_pointed(self, message: FindingsPanel.Pointed) -> None:
        """Shows where it is."""
        if message.finding.span is not None and message.finding.cell == TEXT_COLUMN:
            self.editor.put_cursor(message.finding.span.start)

    def on_findings_panel_chosen(self, message: FindingsPanel.Chosen) -> None:
        """Applies its fix."""
        self.fix(message.finding)
