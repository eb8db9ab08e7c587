"""The log of calls to language models: a list, each call in full, and making one again."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, cast

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import DataTable, Footer, Static

from ovi_studio.actions.call_history import Replay, list_calls, replay_call
from ovi_studio.report.plain import printable, shortened
from ovi_studio.report.rewriting import call_text, spent_line
from ovi_studio.tui.threads import in_thread

MAX_CALLS = 300
"""The newest; `ovi rewrite log --last N` lists more."""

MAX_CHARACTERS = 40_000

Calls = list[tuple[int, Mapping[str, Any]]]


class CallLog(ModalScreen[None]):
    """What was asked and answered, the newest first."""

    BINDING_GROUP_TITLE = "Log of calls"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "close", "Back"),
        Binding("p", "replay", "Make it again"),
        Binding("j", "app.focused('cursor_down')", "Call below", show=False),
    ]
    DEFAULT_CSS = """
    CallLog {
        align: center middle;
        #window { width: 95%; height: 90%; background: $surface; border: round $primary; }
        DataTable { height: 1fr; min-height: 4; scrollbar-size: 1 1; }
        #full { height: 2fr; padding: 0 1; border-top: solid $border-blurred; }
        Footer { background: $surface; }
    }
    """

    def __init__(self, root: Path) -> None:
        super().__init__()
        self._root = root
        self._calls: Calls = []
        self._is_asking = False

    def compose(self) -> ComposeResult:
        """The list above, the call below."""
        window = Vertical(id="window")
        window.border_title = "Calls to language models"
        with window:
            yield DataTable(cursor_type="row", zebra_stripes=False)
            with VerticalScroll(id="full"):
                yield Static(id="call")
            yield Footer(compact=True, show_command_palette=False)

    async def on_mount(self) -> None:
        """Reads the log."""
        table = self._table
        table.add_columns("call", "time", "model", "rows", "tokens", "seconds", "answer or error")
        table.focus()
        await self._read()

    @property
    def _table(self) -> DataTable[Text]:
        return cast("DataTable[Text]", self.query_one(DataTable))

    async def _read(self) -> None:
        try:
            self._calls = (await in_thread(lambda: list_calls(self._root)))[-MAX_CALLS:][::-1]
        except Exception as error:
            self._show(f"The log cannot be read: {error}")
            return
        self._table.clear()
        for number, call in self._calls:
            self._table.add_row(*_cells(number, call))
        if not self._calls:
            self._show("No call was made here yet.")

    def on_data_table_row_highlighted(self, event: DataTable.RowHighlighted) -> None:
        """Shows the call under the cursor in full."""
        if event.cursor_row < len(self._calls):
            number, call = self._calls[event.cursor_row]
            self._show(call_text(number, call))

    def _show(self, text: str) -> None:
        self.query_one("#call", Static).update(Content(printable(text[:MAX_CHARACTERS])))
        self.query_one("#full").scroll_home(animate=False)

    def action_close(self) -> None:
        """Back to the view."""
        self.dismiss(None)

    async def action_replay(self) -> None:
        """Sends the call under the cursor again, and shows both answers."""
        row = self._table.cursor_row
        if self._is_asking or row >= len(self._calls):
            return
        number, _ = self._calls[row]
        self._show(f"Making call {number} again ...")
        self.run_worker(self._replay(number), exit_on_error=False)

    async def _replay(self, number: int) -> None:
        self._is_asking = True
        try:
            again: Replay = await in_thread(lambda: replay_call(number, self._root))
        except Exception as error:
            self._show(f"Call {number} cannot be made again: {error}")
            return
        finally:
            self._is_asking = False
        await self._read()
        text = f"--- then\n{again.before}\n--- now\n{again.now}\n\n{spent_line(again.spent)}"
        self.call_after_refresh(self._show, text)


def _cells(number: int, call: Mapping[str, Any]) -> list[Text]:
    error = str(call.get("error") or "")
    asked = call.get("rows")
    rows = ",".join(map(str, asked)) if isinstance(asked, list) else ""
    tokens = f"{call.get('input_tokens', 0)}+{call.get('output_tokens', 0)}"
    said = Text(shortened(error or str(call.get("answer") or "(empty)"), 70))
    if error:
        said.stylize("red")
    texts = (str(number), str(call.get("time", ""))[:19], shortened(str(call.get("model", "")), 20),
             shortened(rows, 12), tokens, str(call.get("seconds", "")))  # fmt: skip
    return [*(Text(printable(text)) for text in texts), said]
