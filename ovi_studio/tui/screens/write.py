"""The view `write`: sets and rows at the left, the editor of a prompt with what lint says of it.

What is written is saved when the editor is left; until then it is in the journal. What is done to
rows is in `write_rows.py`.
"""

from pathlib import Path
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.css.query import NoMatches
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from ovi_studio.lint.diagnostic import Diagnostic
from ovi_studio.project.sets import find_sets, set_folder, set_name
from ovi_studio.prompt.prompt_set import TEXT_COLUMN
from ovi_studio.tui.dialogs import Choice
from ovi_studio.tui.live_checks import LiveChecks
from ovi_studio.tui.messages import SelectionChanged, SetChanged, ShowRow
from ovi_studio.tui.row_filter import HINT, filter_rows
from ovi_studio.tui.screens.conflict import ConflictDialog
from ovi_studio.tui.screens.write_rows import RowActions
from ovi_studio.tui.set_keeper import SetKeeper
from ovi_studio.tui.set_session import Conflict, SetSession
from ovi_studio.tui.state import UnsavedEdit
from ovi_studio.tui.visible_text import visible
from ovi_studio.tui.widgets.findings_panel import FindingsPanel
from ovi_studio.tui.widgets.first_frame import FirstFrame
from ovi_studio.tui.widgets.prompt_editor import PromptEditor
from ovi_studio.tui.widgets.prompt_meters import PromptMeters
from ovi_studio.tui.widgets.row_list import RowList
from ovi_studio.tui.widgets.set_list import SetList

JOURNAL_SECONDS = 0.3
"""How long after a key what was typed is on the disk."""

NEWS_SECONDS = 1.0
"""How often it is looked whether other programs wrote a set."""


class WriteScreen(RowActions):
    """Writing prompts."""

    VIEW = "write"
    BINDING_GROUP_TITLE = "Write"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f5", "fix_here", "Fix here"),
        Binding("f8", "fix_all", "Fix all"),
        Binding("ctrl+n", "next_finding", "Next finding", show=False),
        Binding("ctrl+s", "save", "Save", show=False),
        Binding("escape", "back", "Back", show=False),
        Binding("slash", "filter", "Filter", show=False),
    ]
    DEFAULT_CSS = """
    WriteScreen {
        #view { height: 1fr; }
        #left { width: 38; }
        #right { width: 1fr; }
        #filter { display: none; height: 1; border: none; padding: 0 1; }
        #filter.-shown { display: block; }
        #rows { height: 1fr; border: round $border-blurred; }
        #rows:focus-within { border: round $primary; }
        #empty { display: none; padding: 1 2; color: $text-muted; }
        #empty.-shown { display: block; }
        #below { height: 12; }
    }
    WriteScreen.-narrow #left { width: 27; }
    WriteScreen.-wide #left { width: 52; }
    WriteScreen.-short #below { height: 7; }
    WriteScreen.-wide #below { height: 16; }
    WriteScreen.-narrow FirstFrame { width: 20; }
    """

    def compose_view(self) -> ComposeResult:
        """Two columns."""
        with Horizontal(id="view"):
            with Vertical(id="left"):
                yield SetList()
                with Vertical(id="rows") as rows:
                    rows.border_title = "Rows"
                    yield Input(placeholder=HINT, id="filter", compact=True)
                    yield RowList()
                    yield Static(
                        "No rows. n writes one.", id="empty", markup=False
                    )  # fmt: skip
            with Vertical(id="right"):
                yield PromptEditor()
                yield PromptMeters()
                with Horizontal(id="below"):
                    yield FindingsPanel()
                    yield FirstFrame()

    def on_mount(self) -> None:
        """Opens what was open last."""
        self.keeper = SetKeeper(
            self, on_change=self._session_changed, on_conflict=self._ask_about_conflict
        )
        self.checks = LiveChecks(self)
        self.session: SetSession | None = None
        self._index: int | None = None
        self._fix_when_checked: str | None = None
        self._journal_timer = self.set_interval(JOURNAL_SECONDS, self._keep_draft, pause=True)
        self.editor.disabled = True
        self.rows.focus()
        self.poll(3.0, self._find_sets, self._show_sets)
        self.poll(NEWS_SECONDS, self.keeper.find_news, self.keeper.take_news)
        journal = self.context.journal
        self.run_in_thread(journal.unsaved, self._offer_unsaved, group="unsaved")

    # Its widgets.

    @property
    def editor(self) -> PromptEditor:
        """Where the prompt is written."""
        return self.query_one(PromptEditor)

    @property
    def rows(self) -> RowList:
        """The rows of the set."""
        return self.query_one(RowList)

    # Sets.

    def _find_sets(self) -> list[tuple[str, Path]]:
        layout = self.context.layout
        return [(set_name(path, layout), path) for path in find_sets(set_folder(layout))]

    def _show_sets(self, found: list[tuple[str, Path]]) -> None:
        self.query_one(SetList).show_sets(found, self.context.set_path)
        if self.session is None and self.context.set_path is not None:
            self.open_set(self.context.set_path, self.context.row_id)
        elif self.session is None and found:
            self.open_set(found[0][1])
        elif self.session is None:
            self._say_empty("No sets yet. N makes one.")

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Another set."""
        if isinstance(event.option_list, SetList) and event.option.id is not None:
            self.open_set(event.option_list.path_of(event.option.id))
            self.rows.focus()

    def open_set(self, path: Path, row_id: str | None = None, *, edit: bool = False) -> None:
        """Shows a set with the cursor on a row, in its editor if wished."""
        self.commit()

        def opened(session: SetSession) -> None:
            document = session.document
            self.session = session
            self._index = None
            index = None if row_id is None else document.index_of(row_id)
            self.query_one("#filter", Input).value = ""
            self.rows.severities = {}
            self.context.set_path, self.context.selected_ids = path, ()
            self.query_one(SetList).mark_current(path)
            self.show_session(index if index is not None else 0)
            if edit and self._index is not None:
                self.editor.focus()

        self.keeper.open(path, opened)

    def on_show_row(self, message: ShowRow) -> None:
        """Another view wants a row to be edited."""
        self.open_set(message.path, message.row_id, edit=True)

    def on_set_changed(self, message: SetChanged) -> None:
        """Another view wrote a set."""
        if self.session is not None:
            self.keeper.look_at(self.session.document.path)

    # Showing what the session holds.

    def show_session(self, index: int | None = None, marked: tuple[int, ...] = ()) -> None:
        """Shows the document as it is now, with the cursor on a row."""
        session = self.session
        if session is None:
            return
        document = session.document
        wanted = self.query_one("#filter", Input).value
        shown = filter_rows(document, wanted, self.rows.severities) if wanted.strip() else None
        index = self._index if index is None else index
        self.rows.show_rows(document, shown, index=index, marked=marked)
        self._show_title()
        self._say_empty("" if len(self.rows.shown) else "No rows. n writes one.")
        self._show_row(self.rows.index)
        self.checks.survey(
            document, self.rows.index or 0, dict(self.rows.severities), self._take_severities
        )

    def _show_title(self) -> None:
        rows = self.rows
        count, total = len(rows.shown), len(rows.document) if rows.document else 0
        title = f"Rows {total}" if count == total else f"Rows {count} of {total}"
        if rows.marked:
            title += f" · {len(rows.marked)} marked"
        self.query_one("#rows", Vertical).border_title = title

    def _say_empty(self, text: str) -> None:
        empty = self.query_one("#empty", Static)
        empty.set_class(bool(text), "-shown")
        empty.update(text)
        self.rows.display = not text

    def _take_severities(self, found: dict) -> None:  # type: ignore[type-arg]
        self.rows.add_severities(found)

    def _show_row(self, index: int | None) -> None:
        """Puts a row into the editor."""
        session = self.session
        if session is None:
            return
        is_same_row = index == self._index
        self._index = index
        self.context.row_id = None if index is None else session.document.row_id(index)
        self._remember_place()
        self.editor.disabled = index is None
        text = "" if index is None else session.text(index)
        if not is_same_row:
            self.editor.show_text(text)
        elif self.editor.text != text:
            self.editor.put_text(text)
        self._show_state()
        self._check()

    def _remember_place(self) -> None:
        path, row_id = self.context.set_path, self.context.row_id
        if path is not None and path.is_relative_to(self.context.root):
            self.context.remembered.put("set", path.relative_to(self.context.root).as_posix())
            self.context.remembered.put("row", row_id or "")

    def _show_state(self) -> None:
        session, index = self.session, self._index
        editor = self.editor
        if session is None or index is None:
            editor.border_title = "Prompt"
            editor.border_subtitle = ""
            return
        path = session.document.path
        name = set_name(path, self.context.layout) if path else ""
        editor.border_title = visible(f"{name}:{session.document.row_id(index)}")
        is_writing = session.draft is not None
        editor.border_subtitle = (
            "unsaved" if is_writing else "saved" if session.is_saved else "saving"
        )
        self.rows.unsaved = index if is_writing else None
        self.rows.refresh()

    def on_row_list_moved(self, message: RowList.Moved) -> None:
        """The cursor is on another row."""
        if message.index != self._index and message.index == self.rows.index:
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
        self.editor.focus()

    # Writing.

    def on_text_area_changed(self, event: PromptEditor.Changed) -> None:
        """A key was typed."""
        event.stop()
        if self.session is None or self._index is None:
            return
        had_draft = self.session.draft is not None
        if self.session.write(self._index, event.text_area.text):
            self._journal_timer.resume()
        if had_draft != (self.session.draft is not None):
            self._show_state()
        self._check()

    def _keep_draft(self) -> None:
        """Shortly after a key: to the journal."""
        self._journal_timer.pause()
        if self.session is not None:
            self.keeper.keep_draft(self.session)

    def commit(self, then=None) -> None:  # type: ignore[no-untyped-def]
        """Takes what was typed into the set and saves it; `then` is called when that is done."""
        session = self.session
        if session is None:
            return
        if session.commit_draft():
            self.rows.document = session.document
            self._show_state()
        self.keeper.save(session, then)

    def on_descendant_blur(self) -> None:
        """Leaving the editor saves."""
        if self.session is not None and self.session.draft is not None:
            self.call_after_refresh(self._commit_unless_writing)

    def _commit_unless_writing(self) -> None:
        if not self.editor.has_focus or not self.is_current:
            self.commit()

    def on_screen_suspend(self) -> None:
        """Another view is opened: it should see what was written."""
        self.commit()

    def on_screen_resume(self) -> None:
        """The settings may have changed meanwhile."""
        self.checks.forget_settings()

    async def before_quitting(self) -> None:
        """Saves everything."""
        self.checks.stop()
        await self.keeper.finish()

    def _session_changed(self, session: SetSession) -> None:
        """The keeper has saved or read."""
        if session is not self.session:
            return
        if self.rows.document is not None and self.rows.document.rows != session.document.rows:
            self.show_session(marked=())
        else:
            self.rows.document = session.document
            self._show_state()

    def action_save(self) -> None:
        """Saves now."""
        self.commit(lambda: self.say("Saved."))

    # What lint says.

    def _check(self) -> None:
        session, index = self.session, self._index
        panel, meters = self.query_one(FindingsPanel), self.query_one(PromptMeters)
        if session is None or index is None:
            panel.show_findings(())
            meters.show_check(None)
            return
        from ovi_studio.actions.live_check import row_with_text

        path = session.document.path
        row = row_with_text(session.document.row(index), self.editor.text)
        folders = (path.parent, self.context.root)
        self.query_one(FirstFrame).show_picture(self, row.image_path, folders)

        def checked(check) -> None:  # type: ignore[no-untyped-def]
            if self._index != index or self.editor.text != check.text:
                return
            self._latest_check = check
            panel.show_findings(check.findings)
            self.editor.show_findings(check.findings)
            meters.show_check(check)

        self.checks.ask(path, row, checked)
