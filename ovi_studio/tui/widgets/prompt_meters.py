"""How much of a clip a prompt fills: seconds of speech as a bar, tokens; and the real size."""

from typing import TYPE_CHECKING

from rich.text import Text
from textual.widgets import Static

from ovi_studio.tui.theme_colours import theme_style
from ovi_studio.tui.visible_text import visible

if TYPE_CHECKING:
    from ovi_studio.actions.live_check import LiveCheck

BAR_CELLS = 16
NARROW_BAR_CELLS = 8
NARROW = 80
"""Columns below which the bar is short."""

TIGHT = 0.85
"""The share of the clip from which speech is a warning."""

_EIGHTHS = " ▏▎▍▌▋▊▉"


class PromptMeters(Static):
    """One or two lines below the editor."""

    DEFAULT_CSS = """
    PromptMeters { height: auto; max-height: 3; padding: 0 2; background: $background; }
    """

    def __init__(self) -> None:
        super().__init__("", markup=False)
        self._check: LiveCheck | None = None

    def show_check(self, check: "LiveCheck | None") -> None:
        """Shows the lengths of a prompt; None: there is no prompt."""
        self._check = check
        width = self.content_size.width
        self.update(Text() if check is None else self._text(check, width))

    def on_resize(self) -> None:
        """Lines are broken elsewhere."""
        self.show_check(self._check)

    def _text(self, check: "LiveCheck", width: int) -> Text:
        variables = self.app.theme_variables
        share = check.speech_seconds / check.clip_seconds
        worst = "finding-error" if share > 1 else "finding-warning" if share > TIGHT else ""
        cells = NARROW_BAR_CELLS if width < NARROW else BAR_CELLS
        speech = Text.assemble(
            ("Speech ", "bold"),
            (bar_of(share, cells), theme_style(variables, worst or "prompt-speech", "panel")),
            (
                f" {check.speech_seconds:.1f} of {check.clip_seconds:.1f} s",
                theme_style(variables, worst, bold=bool(worst)),
            ),
        )
        tokens, most = check.tokens, check.max_tokens
        count = f"{'' if tokens.is_exact else '~'}{tokens.count} of {most}"
        over = "finding-error" if tokens.count > most else ""
        length = Text.assemble(("Tokens ", "bold"), (count, theme_style(variables, over)))
        size = check.output.size
        shown = visible(check.output.note) if size is None else f"{size.width}×{size.height}"
        output = Text.assemble(("Size ", "bold"), f"{shown} ({check.view.variant.name})")
        return _in_lines([speech, length, output], width)


def bar_of(share: float, cells: int) -> str:
    """A bar as long as the share of the cells that is full, to an eighth of a cell."""
    eighths = round(8 * cells * max(0.0, min(1.0, share)))
    whole, rest = divmod(eighths, 8)
    return ("█" * whole + (_EIGHTHS[rest] if rest else "")).ljust(cells)


def _in_lines(parts: list[Text], width: int) -> Text:
    """Parts beside each other as far as they fit, else in the next line."""
    text, used = Text(), 0
    for part in parts:
        gap = "   " if used else ""
        if used and used + len(gap) + part.cell_len > width:
            gap, used = "\n", 0
        text.append(gap)
        text.append_text(part)
        used += len(gap.strip("\n")) + part.cell_len
    return text
