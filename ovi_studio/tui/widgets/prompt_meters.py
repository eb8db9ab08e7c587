"""How much of a clip a prompt fills: seconds of speech as a bar, tokens; and the real size."""

from rich.text import Text
from textual.widgets import Static

from ovi_studio.actions.live_check import LiveCheck
from ovi_studio.tui.theme_colours import theme_style
from ovi_studio.tui.visible_text import visible

BAR_CELLS = 16
_EIGHTHS = " ▏▎▍▌▋▊▉"


class PromptMeters(Static):
    """One or two lines below the editor."""

    DEFAULT_CSS = """
    PromptMeters { height: auto; max-height: 3; padding: 0 2; background: $background; }
    """

    def __init__(self) -> None:
        super().__init__("", markup=False)

    def show_check(self, check: LiveCheck | None) -> None:
        """Shows the lengths of a prompt; None: there is no prompt."""
        self.update(Text() if check is None else self._text(check))

    def _text(self, check: LiveCheck) -> Text:
        variables = self.app.theme_variables
        share = check.speech_seconds / check.clip_seconds
        worst = "finding-error" if share > 1 else "finding-warning" if share > 0.85 else ""
        text = Text(overflow="fold")
        text.append("Speech ", "bold")
        text.append(bar_of(share), theme_style(variables, worst or "prompt-speech", "panel"))
        text.append(
            f" {check.speech_seconds:.1f}\u00a0of\u00a0{check.clip_seconds:.1f}\u00a0s",
            theme_style(variables, worst, bold=bool(worst)),
        )
        tokens, most = check.tokens, check.max_tokens
        over = "finding-error" if tokens.count > most else ""
        about = "" if tokens.is_exact else "~"
        text.append("   ").append("Tokens\u00a0", "bold")
        text.append(f"{about}{tokens.count}\u00a0of\u00a0{most}", theme_style(variables, over))
        text.append("   ").append("Size\u00a0", "bold")
        size = check.output.size
        if size is None:
            text.append(visible(check.output.note))
        else:
            text.append(f"{size.width}×{size.height}")
        text.append("   ").append("Variant\u00a0", "bold")
        text.append(check.view.variant.name)
        return text


def bar_of(share: float) -> str:
    """A bar as long as the share of `BAR_CELLS` that is full, to an eighth of a cell."""
    eighths = round(8 * BAR_CELLS * max(0.0, min(1.0, share)))
    whole, rest = divmod(eighths, 8)
    bar = "█" * whole + (_EIGHTHS[rest] if rest else "")
    return bar.ljust(BAR_CELLS)
