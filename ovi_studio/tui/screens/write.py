"""The view `write`: sets and rows at the left, the prompt at the right.

What is written is saved when the editor is left; until then it is in the journal. What is done to
rows is in `write_rows.py`, what is disk in `tui/set_keeper.py`.
"""

from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.widgets import Input, Static

from ovi_studio.project.set_document import SetDocument
from ovi_studio.project.sets import find_sets, set_folder, set_name
from ovi_studio.tui.messages import SelectionChanged, SetChanged, ShowRow
from ovi_studio.tui.row_filter import filter_rows
from ovi_studio.tui.screens.conflict import ConflictDialog, settle
from ovi_studio.tui.screens.write_rows import NEW_ROW, RowActions
from ovi_studio.tui.set_keeper import SetKeeper
from ovi_studio.tui.set_session import Conflict, SetSession, locate
from ovi_studio.tui.unsaved import UnsavedOffer
from ovi_studio.tui.visible_text import visible
from ovi_studio.tui.widgets.filter_line import FilterLine
from ovi_studio.tui.widgets.prompt_pane import PromptPane
from ovi_studio.tui.widgets.row_list import RowList
from ovi_studio.tui.widgets.set_list import SetList

JOURNAL_SECONDS = 0.3
"""How long after a key what was typed is on the disk."""

NEWS_SECONDS = 1.0
"""How often it is looked whether other programs wrote a set."""

NO_ROWS = "No rows here yet. Press n to write one."
NO_SETS = "No sets here yet. Press n to make one."
NONE_SHOWN = "No row has that. Escape shows all."


class WriteScreen(RowActions):
    """Writing prompts."""

    VIEW = "write"
    AUTO_FOCUS = "RowList"
    BINDING_GROUP_TITLE = "Write"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f5", "fix_here", "Fix"),
        Binding("f8", "fix_all", "Fix all"),
        Binding("ctrl+n", "next_finding", "Next finding", show=False),
        Binding("ctrl+s", "save", "Save", show=False),
        Binding("ctrl+o", "edit_outside", "Open in $EDITOR", show=False),
        Binding("escape", "back", "Back to the rows", show=False),
    ]
    DEFAULT_CSS = """
    WriteScreen {
        #view { height: 1fr; }
        #left { width: 40; }
        #list { height: 1fr; border: round $foreground-muted; }
        #list:focus-within { border: round $primary; }
        #empty { display: none; padding: 1 1; color: $text-muted; }
        #empty.-shown { display: block; }
    }
    WriteScreen.-narrow #left { width: 28; }
    WriteScreen.-wide #left { width: 60; }
    WriteScreen.-short #below { height: 7; }
    WriteScreen.-short SetList { max-height: 6; }
    WriteScreen.-wide #below { height: 18; }
    """

    def compose_view(self) -> ComposeResult:
        """Two columns."""
        with Horizontal(id="view"):
            with Vertical(id="left"):
                yield SetList()
                with Vertical(id="list"):
                    yield FilterLine()
                    yield RowList()
                    yield Static("", id="empty", markup=False)
            yield PromptPane()

    def on_mount(self) -> None:
        """Opens what was open last."""
        self.session: SetSession | None = None
        self._index: int | None = None
        self._set_name = ""
        self._wanted_path: Path | None = None
        self.keeper = SetKeeper(
            self, on_change=self._session_changed, on_conflict=self._ask_about_conflict
        )
        self._journal_timer = self.set_interval(JOURNAL_SECONDS, self._keep_draft, pause=True)
        self.query_one("#list", Vertical).border_title = "Rows"
        self.poll(3.0, self._find_sets, self._show_sets)
        self.poll(NEWS_SECONDS, self.keeper.find_news, self.keeper.take_news)
        UnsavedOffer(self).look()

    # Sets.

    def _find_sets(self) -> list[tuple[str, Path]]:
        layout = self.context.layout
        return [(set_name(path, layout), path) for path in find_sets(set_folder(layout))]

    def _show_sets(self, found: list[tuple[str, Path]]) -> None:
        context = self.context
        self.query_one(SetList).show_sets(found, context.set_path)
        if self.session is not None or self._wanted_path is not None:
            return
        if context.set_path is not None:
            self.open_set(context.set_path, context.row_id)
        elif found:
            self.open_set(found[0][1])
        else:
            self._say_empty(NO_SETS)

    def on_set_list_chosen(self, message: SetList.Chosen) -> None:
        """Another set."""
        self.open_set(message.path)
        self.rows.focus()

    def open_set(self, path: Path, row_id: str | None = None, *, edit: bool = False) -> None:
        """Shows a set with the cursor on a row, in its editor if wished."""
        self.commit()
        self._wanted_path = path

        def opened(session: SetSession) -> None:
            document = session.document
            if session is not self.session:
                self.session, self._index = session, None
                self.rows.severities = {}
                self.pane.checks.forget_settings()
            self.query_one(FilterLine).close()
            self.context.set_path = path
            self._set_name = set_name(path, self.context.layout)
            self.query_one(SetList).mark_current(path)
            index = None if row_id is None else document.index_of(row_id)
            self.show_session(0 if index is None else index)
            self.rows.post_message(RowList.Marked())
            if edit and self._index is not None:
                self.pane.editor.focus()

        def not_opened(error: Exception) -> None:
            self.complain(error)
            if self.session is None:
                self._say_empty(f"{path.name} cannot be opened. Choose another set above.")

        self.keeper.open(path, opened, not_opened)

    def on_show_row(self, message: ShowRow) -> None:
        """Another view wants a row to be edited."""
        self.open_set(message.path, message.row_id, edit=True)

    def on_set_changed(self, message: SetChanged) -> None:
        """Another view wrote a set."""
        self.keeper.look_at(message.path)

    # What the session holds.

    def show_session(self, index: int | None = None, marked: tuple[int, ...] = ()) -> None:
        """Shows the document as it is now, with the cursor on a row."""
        session = self.session
        if session is None:
            return
        document, rows = session.document, self.rows
        index = self._index if index is None else index
        wanted = self.query_one(FilterLine).value
        shown = filter_rows(document, wanted, rows.severities) if wanted.strip() else None
        rows.show_rows(document, shown, index=index, marked=marked)
        self._say_empty("" if len(rows.shown) else NONE_SHOWN if len(document) else NO_ROWS)
        self._show_title()
        self._show_row(rows.index)
        self._survey()

    def _survey(self) -> None:
        """Has all rows looked at that lint has not seen as they are."""
        rows = self.rows
        if rows.document is not None:
            known = dict(rows.severities)
            self.pane.checks.survey(rows.document, rows.index or 0, known, rows.add_severities)

    def _show_row(self, index: int | None) -> None:
        """Puts a row into the editor."""
        session = self.session
        if session is None:
            return
        is_same = index is not None and index == self._index
        self._index = index
        document = session.document
        self.context.row_id = None if index is None else document.row_id(index)
        self._remember_place()
        if index is None:
            self.pane.show_nothing()
        else:
            row = document.row(index)
            self.pane.show_row(document.path, row, session.text(index), is_same=is_same)
        self._show_state()

    def _remember_place(self) -> None:
        path, row_id = self.context.set_path, self.context.row_id
        if path is not None and path.is_relative_to(self.context.root):
            self.context.remembered.put("set", path.relative_to(self.context.root).as_posix())
            self.context.remembered.put("row", row_id or "")

    def _show_title(self) -> None:
        shown, total = len(self.rows.shown), len(self.rows.document or ())
        title = f"Rows {total}" if shown == total else f"Rows {shown} of {total}"
        if self.rows.marked:
            title += f" · {len(self.rows.marked)} marked"
        self.query_one("#list", Vertical).border_title = title

    def _show_state(self) -> None:
        """Says in the editor's frame which row it is, and whether it is saved."""
        session, index, editor = self.session, self._index, self.pane.editor
        if session is None or index is None:
            editor.border_title, editor.border_subtitle = "Prompt", ""
            return
        row_id = session.document.row_id(index)
        editor.border_title = Text(visible(f"{self._set_name}:{row_id}"))
        is_saving = self.keeper.is_saving(session)
        state = "saved" if session.is_saved else "saving" if is_saving else "not saved"
        editor.border_subtitle = "unsaved" if session.draft else state
        if session.draft:
            self.rows.show_unsaved(index, session.draft.text)
        else:
            self.rows.show_unsaved(None)

    def _say_empty(self, text: str) -> None:
        empty = self.query_one("#empty", Static)
        empty.update(text)
        empty.set_class(bool(text), "-shown")

    def _session_changed(self, session: SetSession) -> None:
        """The keeper has saved or read a set."""
        if session is not self.session:
            return
        shown = self.rows.document
        if shown is None or shown.rows == session.document.rows:
            self.rows.document = session.document
            self._show_state()
            return
        self.follow_row(shown)
        self.show_session()

    def follow_row(self, before: SetDocument) -> None:
        """Goes with the row of the editor to where it stands in the document now."""
        session, index = self.session, self._index
        if session is None:
            return
        if session.draft is not None:
            self._index = session.draft.index
        elif index is not None and index < len(before):
            self._index = locate(before, index, session.document)

    # Moving about.

    def on_row_list_moved(self, message: RowList.Moved) -> None:
        """The cursor is on another row."""
        if message.index == self.rows.index and message.index != self._index:
            self.commit()
            self._show_row(message.index)
            self.tell(SelectionChanged())

    def on_row_list_marked(self) -> None:
        """Other rows are marked."""
        document = self.rows.document
        if document is not None:
            marked = sorted(self.rows.marked)
            self.context.selected_ids = tuple(document.row_id(index) for index in marked)
        self._show_title()
        self.tell(SelectionChanged())

    def on_row_list_opened(self) -> None:
        """Into the editor."""
        self.pane.editor.focus()

    def action_back(self) -> None:
        """To the list; there, marks go first and then the filter."""
        session = self.session
        if not self.rows.has_focus:
            self.rows.focus()
            if session and session.last_done == NEW_ROW and not self.pane.editor.text.strip():
                self.take_back(session)  # nothing was written into it
        elif not self.rows.unmark_all():
            self.show_all_rows()

    def action_filter(self) -> None:
        """Shows the line in which words are typed that rows must have."""
        self.query_one(FilterLine).open()

    def action_show_all_rows(self) -> None:
        """Takes a filter away."""
        self.rows.focus()
        self.show_all_rows()

    def show_all_rows(self) -> None:
        """Takes a filter away."""
        self.query_one(FilterLine).close()
        if len(self.rows.shown) < len(self.rows.document or ()):
            self.show_session(marked=tuple(self.rows.marked))

    def on_input_changed(self, event: Input.Changed) -> None:
        """The filter has other words."""
        event.stop()
        session, rows = self.session, self.rows
        if session is None:
            return
        document, severities, wanted = session.document, dict(rows.severities), event.value

        def show(shown: list[int]) -> None:
            if session is self.session and session.document.rows is document.rows:
                rows.show_rows(document, shown, index=self._index, marked=tuple(rows.marked))
                self._say_empty("" if shown else NONE_SHOWN)
                self._show_title()
                if rows.index != self._index:
                    self.on_row_list_moved(RowList.Moved(rows.index))

        self.run_in_thread(
            lambda: filter_rows(document, wanted, severities), show, group="filter", exclusive=True
        )

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """To the rows that were found."""
        event.stop()
        if not event.value.strip():
            self.show_all_rows()
        self.rows.focus()

    # Writing.

    def on_prompt_pane_written(self, message: PromptPane.Written) -> None:
        """The text in the editor is another."""
        session, index = self.session, self._index
        if session is None or index is None or message.text != self.pane.editor.text:
            return
        if session.write(index, message.text):
            self._journal_timer.resume()
        self._show_state()

    def _keep_draft(self) -> None:
        """Shortly after a key: to the journal."""
        self._journal_timer.pause()
        if self.session is not None:
            self.keeper.keep_draft(self.session)

    def commit(self, then: Callable[[], object] | None = None) -> None:
        """Takes what was typed into the set and saves it; `then` is called when that is done."""
        session = self.session
        if session is None:
            return
        if session.commit_draft():
            self.rows.document = session.document
            self._survey()
        self.keeper.save(session, then)
        self._show_state()

    def on_descendant_blur(self) -> None:
        """Leaving the editor saves."""
        if self.session is not None and self.session.draft is not None:
            self.call_after_refresh(self._commit_if_left)

    def _commit_if_left(self) -> None:
        if not self.pane.editor.has_focus:
            self.commit()

    def on_screen_suspend(self) -> None:
        """Another view is opened: it should see what was written."""
        self.commit()

    def on_screen_resume(self) -> None:
        """The settings may have changed meanwhile."""
        self.pane.checks.forget_settings()

    async def save_work(self) -> list[str]:
        """Writes every set that is open into its file."""
        return await self.keeper.finish()

    async def before_quitting(self) -> None:
        """Saves everything."""
        self.pane.checks.stop()
        await self.keeper.finish()

    def action_save(self) -> None:
        """Saves now."""
        self.commit(lambda: self.say("Saved."))

    def on_prompt_editor_undo_spent(self, message: object) -> None:
        """Nothing more to undo in the text: the rows are next."""
        if getattr(message, "is_redo", False):
            self.action_redo()
        else:
            self.action_undo()

    def _ask_about_conflict(self, session: SetSession, conflict: Conflict) -> None:
        def decide(answer: str | None) -> None:
            index = settle(session, conflict, answer)
            if session is self.session:
                self._index = None
                self.show_session(index)
            self.keeper.save(session)

        self.app.push_screen(ConflictDialog(session.document.path.name, conflict), decide)
