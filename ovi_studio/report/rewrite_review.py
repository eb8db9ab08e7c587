"""Shows a rewritten row beside its old text; one of the few reports that use rich."""

from typing import TextIO

from rich.console import Console
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from ovi_studio.report.plain import printable
from ovi_studio.report.word_diff import diff_words
from ovi_studio.rewrite.order import RowResult, Source


def show_side_by_side(result: RowResult, stream: TextIO, *, place: str) -> None:
    """Writes the old and the new prompt beside each other, what differs marked."""
    console = Console(file=stream, highlight=False)
    row = result.task.row
    old, new = _marked(printable(result.task.prompt.text), printable(result.text))
    table = Table(expand=True, show_lines=False, box=None, padding=(0, 1))
    table.add_column("before", ratio=1, overflow="fold")
    table.add_column("after", ratio=1, overflow="fold")
    table.add_row(old, new)
    how = str(result.source)
    if result.source is Source.MODEL and result.num_tries > 1:
        how += f", try {result.num_tries}"
    title = Text(f"row {printable(row.id)}  {place}  {how}")
    console.print(Panel(table, title=title, title_align="left"))


def _marked(old: str, new: str) -> tuple[Text, Text]:
    """Both texts, word by word: what goes struck out, what comes underlined."""
    before, after = diff_words(old, new)
    left = Text.assemble(*((text, "red strike" * is_new) for text, is_new in before))
    right = Text.assemble(*((text, "green underline" * is_new) for text, is_new in after))
    return left, right
