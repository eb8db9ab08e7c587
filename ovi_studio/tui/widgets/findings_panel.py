"""What the linter found in the prompt, as a list; choosing one shows it, and applies its fix."""

from collections.abc import Sequence
from typing import ClassVar

from rich.text import Text
from textual.binding import Binding, BindingType
from textual.events import Click
from textual.message import Message
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from ovi_studio.lint.diagnostic import Diagnostic, Severity
from ovi_studio.tui.theme_colours import theme_style
from ovi_studio.tui.visible_text import visible

WORDS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "note"}

MAX_SHOWN = 200
"""Nobody reads more, and the list would be slow."""


class FindingsPanel(OptionList):
    """The findings, by position."""

    BINDING_GROUP_TITLE = "Findings"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j", "cursor_down", "Finding below", show=False),
        Binding("k", "cursor_up", "Finding above", show=False),
        Binding("enter", "select", "Fix"),
    ]
    DEFAULT_CSS = """
    FindingsPanel {
        height: 1fr; border: round $foreground-muted; background: $background; padding: 0 1;
        scrollbar-size-vertical: 1;
        &:focus { border: round $primary; }
    }
    """

    class Pointed(Message):
        """The cursor is on a finding."""

        def __init__(self, finding: Diagnostic) -> None:
            super().__init__()
            self.finding = finding

    class Chosen(Message):
        """A finding's fix is to be applied."""

        def __init__(self, finding: Diagnostic) -> None:
            super().__init__()
            self.finding = finding

    def __init__(self) -> None:
        self.findings: tuple[Diagnostic, ...] = ()
        self._is_pressed = False
        super().__init__()

    def on_mount(self) -> None:
        """Nothing was looked at yet."""
        self.border_title = "Findings"

    def show_findings(self, findings: Sequence[Diagnostic]) -> None:
        """Shows what was found; the cursor stays where it was."""
        findings = tuple(findings)
        if not findings:
            self.border_title = "No findings"
        if findings == self.findings:
            return
        self.findings = findings
        before = self.highlighted
        self.clear_options()
        self.add_options([Option(self._line(one)) for one in findings[:MAX_SHOWN]])
        if before is not None and findings:
            self.highlighted = min(before, len(findings) - 1, MAX_SHOWN - 1)
        counts = [
            f"{number} {WORDS[severity]}{'s' if number > 1 else ''}"
            for severity in (Severity.ERROR, Severity.WARNING, Severity.INFO)
            if (number := sum(1 for one in findings if one.severity is severity))
        ]
        if counts:
            self.border_title = f"Findings: {', '.join(counts)}"

    def notify_style_update(self) -> None:
        """Another theme has other colours."""
        super().notify_style_update()
        shown, self.findings = self.findings, ()
        if self.is_attached and shown:
            self.show_findings(shown)

    def on_focus(self) -> None:
        """Reached by keys, the cursor is somewhere; the mouse says where itself."""
        self._is_pressed = False
        self.call_after_refresh(self._point_at_first)

    def on_mouse_down(self) -> None:
        """The focus came by the mouse."""
        self._is_pressed = True

    def _point_at_first(self) -> None:
        if self.highlighted is None and self.findings and not self._is_pressed:
            self.highlighted = 0

    def _line(self, finding: Diagnostic) -> Text:
        colour = f"finding-{finding.severity}"
        line = Text()
        line.append(
            f"{WORDS[finding.severity]} ", theme_style(self.app.theme_variables, colour, bold=True)
        )
        line.append(f"{finding.name} ", "dim")
        line.append(visible(finding.message))
        if finding.fix is not None:
            how = "fix" if finding.fix.is_safe else "guess"
            line.append(f"  ↵ {how}: {visible(finding.fix.title)}", "italic")
        return line

    async def _on_click(self, event: Click) -> None:
        """The first click shows where the finding is, the next applies its fix."""
        clicked: int | None = event.style.meta.get("option")
        if clicked is not None and clicked != self.highlighted:
            event.prevent_default()
            self.highlighted = clicked

    def on_option_list_option_highlighted(self, event: OptionList.OptionHighlighted) -> None:
        """Points at the finding."""
        event.stop()
        if self.has_focus and event.option_index < len(self.findings):
            self.post_message(self.Pointed(self.findings[event.option_index]))

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Asks for its fix."""
        event.stop()
        if event.option_index < len(self.findings):
            self.post_message(self.Chosen(self.findings[event.option_index]))
