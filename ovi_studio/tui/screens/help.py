"""The help: every key, by the place where it applies, made from the bindings themselves."""

import textwrap
from collections.abc import Sequence
from functools import partial
from typing import Any, ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.screen import ModalScreen, Screen
from textual.widgets import Input, Static

from ovi_studio.tui.keys import KeyGroup, all_view_keys, class_keys, keys_text
from ovi_studio.tui.threads import in_thread

COLUMN_WIDTH = 34
"""Characters that a column of keys takes."""


class HelpScreen(ModalScreen[None]):
    """All keys: those of the view that is open first."""

    AUTO_FOCUS = "VerticalScroll"
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
        .columns { height: auto; }
        #elsewhere { margin-top: 1; border-top: solid $primary; border-title-color: $primary; }
        #elsewhere.-empty { display: none; }
        .column { width: 1fr; height: auto; margin-right: 2; text-wrap: nowrap; }
    }
    """

    def __init__(self, view: str, screen: type[Screen[Any]] | None = None) -> None:
        """`view` is the one that is open, `screen` what is open over it, such as the player, whose
        keys are its own."""
        super().__init__()
        self._view = view
        self._screen_class = screen
        self._sections: tuple[list[KeyGroup], list[KeyGroup]] = ([], [])
        """what applies here, and the keys of the other views"""

    def compose(self) -> ComposeResult:
        with Vertical(id="window") as window:
            window.border_title = "Keys"
            window.border_subtitle = "/ filter   escape close"
            yield Input(id="filter", placeholder="Part of a key's name or of what it does")
            with VerticalScroll(can_focus=True):
                yield Horizontal(id="here", classes="columns")
                yield Horizontal(id="elsewhere", classes="columns")

    async def on_mount(self) -> None:
        groups = await in_thread(partial(all_view_keys, self._view))
        here = [group for group in groups if group.view == self._view]
        everywhere = class_keys(type(self.app), None)
        others = [group for group in groups if group.view != self._view]
        own = class_keys(self._screen_class, self._view) if self._screen_class else None
        if own is None or own in here:
            self._sections = [*here[:1], everywhere, *here[1:]], others
        else:
            self._sections = [own, everywhere], [*here, *others]
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
        """Lays the keys out in as many columns as the width allows."""
        if not self.is_current:
            return  # closed before the keys were read
        room = min(self.app.size.width * 96 // 100, 150) - 6
        num_columns = max(1, room // COLUMN_WIDTH)
        self.query_one("#elsewhere", Horizontal).border_title = "In the other views"
        async with self.batch():
            for name, groups in zip(("#here", "#elsewhere"), self._sections, strict=True):
                columns = self._columns(groups, num_columns, room // num_columns - 2)
                holder = self.query_one(name, Horizontal)
                await holder.remove_children()
                await holder.mount_all(
                    Static(Text("\n").join(lines), classes="column") for lines in columns
                )
                holder.set_class(not any(columns), "-empty")

    def _columns(
        self, groups: Sequence[KeyGroup], num_columns: int, width: int
    ) -> list[list[Text]]:
        """The lines of the groups in columns of about equal height, downwards first."""
        blocks = [lines for group in groups if (lines := self._lines_of(group, width))]
        columns: list[list[Text]] = [[] for _ in range(num_columns)]
        total = sum(map(len, blocks))
        at = filled = 0
        for lines in blocks:
            if columns[at] and filled + len(lines) / 2 > total * (at + 1) / num_columns:
                at = min(at + 1, num_columns - 1)
            columns[at] += lines
            filled += len(lines)
        return columns

    def _lines_of(self, group: KeyGroup, width: int) -> list[Text]:
        """A group: an empty line, its name, its keys and what they do; none if all are filtered
        out. Wrapped here, because Textual would wrap it again for every frame."""
        wanted = self.query_one("#filter", Input).value.strip().lower()
        shown = []
        for entry in group.entries:
            keys = keys_text(self.app, entry)
            if wanted in f"{keys} {entry.description} {entry.title} {group.title}".lower():
                shown.append((keys, entry.description))
        if not shown:
            return []
        where = "" if group.view is None else group.view.capitalize()
        is_screen = where.lower() in ("", group.title.lower())
        title = group.title if is_screen else f"{where}: {group.title.lower()}"
        accent = self.app.theme_variables["accent"].removeprefix("ansi_")
        lines = [Text(), Text(title[:width], f"bold {accent}")]
        key_width = max(len(keys) for keys, _ in shown)
        for keys, what in shown:
            first, *rest = textwrap.wrap(what, max(width - key_width - 2, 12)) or [""]
            lines.append(Text.assemble((f"{keys:>{key_width}}", "bold"), f"  {first}"))
            lines += [Text(" " * (key_width + 2) + more) for more in rest]
        return lines
