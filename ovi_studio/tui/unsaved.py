"""Offers what was being written when the studio ended without saving."""

from typing import TYPE_CHECKING

from ovi_studio.project.set_document import read_document, save_document
from ovi_studio.prompt.prompt_set import TEXT_COLUMN
from ovi_studio.tui.dialogs import Choice
from ovi_studio.tui.set_session import newlines_alike
from ovi_studio.tui.state import UnsavedEdit
from ovi_studio.tui.visible_text import one_line

if TYPE_CHECKING:
    from ovi_studio.tui.screens.write import WriteScreen

MAX_QUOTED = 240


class UnsavedOffer:
    """Reads the journal and asks; restoring changes a row as any other edit does."""

    def __init__(self, view: "WriteScreen") -> None:
        self._view = view
        self._journal = view.context.journal

    def look(self) -> None:
        """Asks, if there is anything to ask about."""
        self._view.run_in_thread(self._find, self._ask, group="unsaved")

    def _find(self) -> list[UnsavedEdit]:
        """What is not in its file; what is there meanwhile is forgotten."""
        found = []
        for edit in self._journal.unsaved():
            if _is_saved(edit):
                self._journal.drop(edit.set_path, edit.row_id, edit.column)
            else:
                found.append(edit)
        return found

    def _ask(self, found: list[UnsavedEdit]) -> None:
        if not found:
            return
        names = ", ".join(f"{one.set_path.stem}:{one.row_id}" for one in found[:4])
        if len(found) == 1:
            question = f"An unsaved prompt was kept when the studio ended: {names}"
        else:
            question = f"{len(found)} unsaved prompts were kept when the studio ended: {names}"
        quoted = one_line(found[-1].text, MAX_QUOTED)
        choices = (
            Choice("r", "Restore", "restore"),
            Choice("t", "Throw away", "drop", is_destructive=True),
        )
        self._view.choose(question, choices, lambda answer: self._act(answer, found), quoted)

    def _act(self, answer: str, found: list[UnsavedEdit]) -> None:
        if answer == "restore":
            self._view.run_in_thread(lambda: _restore(found), self._restored)
        else:
            self._drop(found)

    def _restored(self, restored: list[tuple[UnsavedEdit, str]]) -> None:
        self._drop([edit for edit, _ in restored])
        if restored:
            edit, row_id = restored[-1]
            self._view.say("Restored.")
            self._view.open_set(edit.set_path, row_id, edit=True)

    def _drop(self, edits: list[UnsavedEdit]) -> None:
        def drop() -> None:
            for edit in edits:
                self._journal.drop(edit.set_path, edit.row_id, edit.column)

        self._view.run_in_thread(drop, group="journal")


def _is_saved(edit: UnsavedEdit) -> bool:
    """True if the file says what was written, or can take it no more because it is gone."""
    from ovi_studio.errors import PromptFileError

    try:
        document = read_document(edit.set_path)
    except PromptFileError:
        return False
    index = document.index_of(edit.row_id)
    return index is not None and _same(document.text(index), edit.text)


def _same(one: str, other: str) -> bool:
    return newlines_alike(one) == newlines_alike(other)


def _restore(found: list[UnsavedEdit]) -> list[tuple[UnsavedEdit, str]]:
    """Writes unsaved prompts into their sets; returns each with the row it went to.

    Where the row has another text meanwhile, or is gone, the prompt becomes a row of its own.
    """
    from ovi_studio.actions.arranging import insert_row, replace_cells

    restored = []
    for edit in found:
        document = read_document(edit.set_path)
        index = document.index_of(edit.row_id)
        if index is not None and _same(document.text(index), edit.before):
            arranged = replace_cells(document, {index: {TEXT_COLUMN: edit.text}})
        else:
            place = len(document) if index is None else index + 1
            arranged = insert_row(document, place, {TEXT_COLUMN: edit.text})
        saved = save_document(arranged.document)
        restored.append((edit, saved.row_id(arranged.rows[0])))
    return restored
