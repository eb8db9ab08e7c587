"""The row under the cursor: both texts, or in their place the fields in which it is edited."""

import os
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import cast

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.message import Message

from ovi_studio.actions.editing import find_editor, run_editor
from ovi_studio.actions.reviewing import (
    Decision,
    Key,
    ReviewedRow,
    sheet_of,
    words_of_sheet,
)
from ovi_studio.rewrite.acceptance import Verdict
from ovi_studio.rewrite.order import RowResult, Task
from ovi_studio.tui.rewrite_offers import Offers, RewriteOffers
from ovi_studio.tui.rewrite_runs import RewriteRun
from ovi_studio.tui.screens.base import StudioScreen
from ovi_studio.tui.widgets.row_diff import RowDiff
from ovi_studio.tui.widgets.words_editor import WordsEditor


class OfferDetail(Vertical):
    """One row in full. What the user writes is judged before it is taken."""

    class Edited(Message):
        """The user wrote words, and they passed."""

        def __init__(self, key: Key) -> None:
            super().__init__()
            self.key = key

    class Closed(Message):
        """The fields are gone, the texts are there again."""

    def __init__(self) -> None:
        super().__init__()
        self._run: RewriteRun | None = None
        self._row: ReviewedRow | None = None

    def compose(self) -> ComposeResult:
        """Both texts."""
        yield RowDiff()

    @property
    def _screen(self) -> StudioScreen:
        return cast(StudioScreen, self.screen)

    @property
    def is_editing(self) -> bool:
        """True while the fields are open."""
        return bool(self.query(WordsEditor))

    def show(self, offers: Offers, key: Key | None) -> None:
        """Shows a row."""
        self._run = offers.run if isinstance(offers, RewriteOffers) else None
        self._row = self._run.review.row(key) if self._run is not None and key else None
        offers.show(key, self.query_one(RowDiff))

    def show_nothing(self, text: str) -> None:
        """Shows only a note."""
        self._run = self._row = None
        self.query_one(RowDiff).show_nothing(text)

    def edit(self) -> None:
        """Opens the fields."""
        row = self._editable()
        if row is not None and not self.is_editing:
            self.query_one(RowDiff).display = False
            self.mount(WordsEditor(row))

    def close_editor(self) -> None:
        """Shows the texts again."""
        if self.is_editing:
            self.query(WordsEditor).remove()
            self.query_one(RowDiff).display = True
            self.call_after_refresh(self.post_message, self.Closed())

    def edit_outside(self) -> None:
        """Opens the words in the user's editor. Raises StudioError."""
        row = self._editable()
        if row is None:
            return
        words = self._from_editor(row)
        if words is None or words == row.words:
            self._screen.say("Nothing was changed.")
        else:
            self._judge(row.task, words, self._complain)

    def _editable(self) -> ReviewedRow | None:
        row = self._row
        if row is None or row.decision in (Decision.WAITING, Decision.BARRED):
            self._screen.warn("There is nothing to edit here yet; the write view edits any row.")
            return None
        return row

    def _from_editor(self, row: ReviewedRow) -> tuple[str, ...] | None:
        handle, name = tempfile.mkstemp(prefix="ovi-rewrite-", suffix=".txt")
        path = Path(name)
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as stream:
                stream.write(sheet_of(row.task, row.words))
            with self.app.suspend():
                run_editor(find_editor(os.environ), path)
            return words_of_sheet(row.task, path.read_text("utf-8-sig", "replace"))
        finally:
            path.unlink(missing_ok=True)

    def _complain(self, problems: Sequence[str]) -> None:
        self._screen.complain("This cannot stand: " + "; ".join(problems))

    def on_words_editor_kept(self, event: WordsEditor.Kept) -> None:
        """Judges what was written; says why it cannot stand, or takes it."""
        event.stop()
        editor = self.query_one(WordsEditor)
        if event.words == editor.row.words and editor.row.has_offer:
            self.close_editor()
        else:
            self._judge(event.task, event.words, editor.show_problems)

    def on_words_editor_left(self, event: WordsEditor.Left) -> None:
        """Back to the two texts."""
        event.stop()
        self.close_editor()

    def _judge(
        self, task: Task, words: Sequence[str], complain: Callable[[Sequence[str]], None]
    ) -> None:
        run = self._run
        if run is None:
            return

        def take(judged: tuple[Verdict, RowResult]) -> None:
            verdict, edited = judged
            if not verdict.is_accepted:
                complain(verdict.problems)
                return
            key = run.review.edit(edited)
            run.keep([key])
            self.close_editor()
            self.post_message(self.Edited(key))

        self._screen.run_in_thread(lambda: run.judge(task, words), take)
