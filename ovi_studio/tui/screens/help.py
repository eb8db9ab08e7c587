"""The help: every key, by the place where it applies, made from the bindings themselves."""

from functools import partial
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from ovi_studio.tui.keys import KeyGroup, all_view_keys, class_keys
from ovi_studio.tui.threads import in_thread

COLUMN_WIDTH = 46
"""Characters that a column of keys takes."""


class HelpScreen(ModalScreen[None]):
    """All keys: those of the view that is open first."""

    BINDING_GROUP_TITLE = "Help"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,question_mark,q", "close", "Close"),
        Binding("slash", "filter", "Filter"),
        Binding("j,down", "scroll(1)", "Down", show=False),
        Binding("k,up", "scroll(-1)", "Up", show=False),
        Binding("pagedown,space", "scroll(10)", "Page down", show=False),
        Binding("pageup", "scroll(-10)", "Page up", show=False),
    ]
    DEFAULT_CSS = """
    HelpScreen {
        align: center middle;
        #window {
            width: 96%; max-width: 150; height: 94%; padding: 0 2;
            background: $surface; border: round $primary; border-title-style: bold;
        }
        #filter { display: none; height: 1; border: none; padding: 0; background: $panel; }
        #columns { height: auto; }
        #columns Vertical { width: 1fr; height: auto; margin-right: 2; }
        .group { height: auto; margin-top: 1; }
    }
    """

    def __init__(self, view: str) -> None:
        """`view` is the one that is open."""
        super().__init__()
        self._view = view
        self._groups: list[KeyGroup] = []

    def compose(self) -> ComposeResult:
        with Vertical(id="window") as window:
            window.border_title = "Keys"
            window.border_subtitle = "/ filter   escape close"
            yield Input(id="filter", placeholder="Part of a key's name or of what it does")
            with VerticalScroll(can_focus=True):
                yield Horizontal(id="columns")

    async def on_mount(self) -> None:
        self.query_one(VerticalScroll).focus()
        groups = await in_thread(partial(all_view_keys, self._view))
        here = [group for group in groups if group.view == self._view]
        others = [group for group in groups if group.view != self._view]
        self._groups = [*here, class_keys(type(self.app), None), *others]
        await self._fill()

    async def on_resize(self) -> None:
        await self._fill()

    async def on_input_changed(self) -> None:
        await self._fill()

    def on_input_submitted(self) -> None:
        self.query_one(VerticalScroll).focus()

    def action_filter(self) -> None:
        """Opens the line that narrows the keys down."""
        words = self.query_one("#filter", Input)
        words.styles.display = "block"
        words.focus()

    def action_scroll(self, lines: int) -> None:
        """Moves the keys up or down."""
        self.query_one(VerticalScroll).scroll_relative(y=lines, animate=False)

    def action_close(self) -> None:
        """Back to the view; from the filter, back to all keys."""
        words = self.query_one("#filter", Input)
        if words.styles.display == "block":
            words.value = ""
            words.styles.display = "none"
            self.query_one(VerticalScroll).focus()
        else:
            self.dismiss()

    async def _fill(self) -> None:
        """Lays the groups out in as many columns as the width allows, of about equal height."""
        room = min(self.app.size.width * 96 // 100, 150) - 6
        num_columns = max(1, room // COLUMN_WIDTH)
        texts = [text for group in self._groups if (text := self._text_of(group)) is not None]
        heights = [0] * num_columns
        columns: list[list[Text]] = [[] for _ in range(num_columns)]
        total = sum(text.plain.count("\n") + 2 for text in texts)
        at = 0
        for text in texts:
            height = text.plain.count("\n") + 2
            if heights[at] and heights[at] + height / 2 > total / num_columns:
                at = min(at + 1, num_columns - 1)
            columns[at].append(text)
            heights[at] += height
        holder = self.query_one("#columns", Horizontal)
        async with self.batch():
            await holder.remove_children()
            await holder.mount_all(
                Vertical(*(Static(text, classes="group") for text in column)) for column in columns
            )

    def _text_of(self, group: KeyGroup) -> Text | None:
        """A group as lines of keys and what they do; None where the filter leaves nothing."""
        wanted = self.query_one("#filter", Input).value.strip().lower()
        lines = []
        for entry in group.entries:
            keys = " ".join(dict.fromkeys(map(self.app.get_key_display, entry.bindings)))
            if wanted in f"{keys} {entry.description} {entry.title} {group.title}".lower():
                lines.append((keys, entry.description))
        if not lines:
            return None
        where = "" if group.view is None else group.view.capitalize()
        is_screen = where.lower() in ("", group.title.lower())
        title = group.title if is_screen else f"{where}: {group.title.lower()}"
        accent = self.app.theme_variables["accent"]
        text = Text.assemble((title, f"bold {_rich_colour(accent)}".strip()))
        width = max(len(keys) for keys, _ in lines)
        for keys, what in lines:
            text.append("\n")
            text.append(f"{keys:>{min(width, 16)}}", "bold")
            text.append(f"  {what}")
        return text


def _rich_colour(colour: str) -> str:
    """A colour of the theme in Rich's words: the terminal's own go by their names there."""
    return colour.removeprefix("ansi_").replace("bright_", "bright_") if colour else ""
