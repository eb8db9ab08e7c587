"""What the write view does to rows: new, duplicate, move, sort, delete, undo, hand on.

Every change is an action of `actions/arranging.py` on the open set, is written at once, and can be
undone.
"""

import os
from abc import abstractmethod
from collections.abc import Callable, Mapping
from pathlib import Path

from textual.app import SuspendNotSupported

from ovi_studio.actions import arranging
from ovi_studio.actions.arranging import Arranged
from ovi_studio.errors import UsageError
from ovi_studio.project.set_document import SetDocument
from ovi_studio.prompt.prompt_set import ID_COLUMN, IMAGE_COLUMN, TEXT_COLUMN
from ovi_studio.tui.dialogs import Choice
from ovi_studio.tui.messages import RenderRows, RewriteRows, SelectionChanged
from ovi_studio.tui.screens.base import StudioScreen
from ovi_studio.tui.screens.pick_template import PickTemplate
from ovi_studio.tui.set_keeper import SetKeeper
from ovi_studio.tui.set_session import SetSession
from ovi_studio.tui.widgets.prompt_pane import PromptPane
from ovi_studio.tui.widgets.row_list import RowList

NEW_ROW = "new row"
"""What `arranging.insert_row` calls what it does."""

NEW_SET_COLUMNS = (TEXT_COLUMN, IMAGE_COLUMN)


class RowActions(StudioScreen):
    """The part of the write view that changes sets. What it shows is in `write.py`."""

    session: SetSession | None
    keeper: SetKeeper

    @property
    def rows(self) -> RowList:
        """The rows of the set."""
        return self.query_one(RowList)

    @property
    def pane(self) -> PromptPane:
        """Where the prompt is written."""
        return self.query_one(PromptPane)

    @abstractmethod
    def show_session(self, index: int | None = None, marked: tuple[int, ...] = ()) -> None:
        """Shows the document as it is now, with the cursor on a row."""

    @abstractmethod
    def commit(self, then: Callable[[], object] | None = None) -> None:
        """Takes what was typed into the set and saves it."""

    @abstractmethod
    def open_set(self, path: Path, row_id: str | None = None, *, edit: bool = False) -> None:
        """Shows a set."""

    @abstractmethod
    def follow_row(self, before: SetDocument) -> None:
        """Goes with the row of the editor to where it stands now."""

    @abstractmethod
    def show_all_rows(self) -> None:
        """Takes a filter away."""

    async def save_work(self) -> list[str]:
        """Writes every set that is open into its file."""
        return await self.keeper.finish()

    def meant_rows(self) -> list[int]:
        """The marked rows, else the one under the cursor."""
        index = self.rows.index
        return sorted(self.rows.marked) or ([] if index is None else [index])

    def make_change(self, change: Callable[[], Arranged], *, keeps_marks: bool = True) -> bool:
        """Does a change to the open set, shows it and has it saved; returns whether it was done."""
        session = self.session
        if session is None:
            return False
        session.commit_draft()
        is_done = False
        with self.complaining():
            arranged = change()
            session.apply(arranged)
            marked = arranged.rows if keeps_marks and self.rows.marked else ()
            self.show_session(arranged.rows[0] if arranged.rows else None, marked)
            self.rows.post_message(RowList.Marked())
            self.keeper.save(session)
            is_done = True
        return is_done

    # Rows.

    def action_new_row(self) -> None:
        """An empty row below the cursor, in the editor."""
        if self.session is None:
            self.action_new_set()
        else:
            self._insert("")

    def _insert(self, text: str) -> None:
        session, index = self.session, self.rows.index
        if session is None:
            return
        place = 0 if index is None else index + 1
        self.show_all_rows()
        if self.make_change(
            lambda: arranging.insert_row(session.document, place, {TEXT_COLUMN: text}),
            keeps_marks=False,
        ):
            self.pane.editor.focus()

    def action_new_from_template(self) -> None:
        """Asks for a template, and puts what it makes below the cursor."""
        if self.session is None:
            self.action_new_set()
            return
        context = self.context
        layout = context.layout

        def find() -> list[tuple[str, str]]:
            from ovi_studio.actions.filling import list_templates

            templates, faults = list_templates(layout)
            if not templates:
                raise UsageError(faults[0] if faults else "There are no templates.")
            return [(one.name, one.purpose) for one in templates]

        def fill(name: str | None) -> None:
            from ovi_studio.actions.filling import fill_with_defaults

            if name is not None:
                self.run_in_thread(
                    lambda: fill_with_defaults(name, context.load_config().variant_name, layout),
                    self._insert,
                )

        self.run_in_thread(find, lambda found: self.app.push_screen(PickTemplate(found), fill))

    def action_duplicate_rows(self) -> None:
        """Copies below their rows."""
        session, meant = self.session, self.meant_rows()
        if session is not None and meant:
            self.make_change(lambda: arranging.duplicate_rows(session.document, meant))

    def action_delete_rows(self) -> None:
        """Asks, and deletes."""
        session, meant = self.session, self.meant_rows()
        if session is None or not meant:
            return
        document = session.document
        what = f"row {document.row_id(meant[0])}" if len(meant) == 1 else f"these {len(meant)} rows"

        def delete() -> None:
            done = self.make_change(
                lambda: arranging.delete_rows(session.document, meant), keeps_marks=False
            )
            if done:
                self.say("Deleted. u brings them back.")

        self.confirm(f"Delete {what}?", delete, yes="Delete", no="Keep")

    def action_move_rows(self, offset: int) -> None:
        """Up or down by one place."""
        session, meant = self.session, self.meant_rows()
        if session is None or not meant:
            return
        if len(self.rows.shown) < len(session.document):
            self.warn("Rows cannot be moved while a filter hides some: escape takes it away.")
            return
        self.make_change(lambda: arranging.move_rows(session.document, meant, offset))

    def action_sort_rows(self) -> None:
        """Asks for an order; the same one again turns it round."""
        session = self.session
        if session is None or not len(session.document):
            return
        choices = [
            Choice("t", "Text", TEXT_COLUMN),
            Choice("w", "Words", "words"),
            Choice("s", "Speech", "speech"),
        ]
        if IMAGE_COLUMN in session.document.columns:
            choices.append(Choice("p", "Picture", IMAGE_COLUMN))
        if ID_COLUMN in session.document.columns:
            choices.append(Choice("i", "Id", ID_COLUMN))
        marked = sorted(self.rows.marked)

        def sort(by: str) -> None:
            session.commit_draft()
            document = session.document

            def order() -> Arranged:
                rising = arranging.sort_rows(document, by, rows=marked)
                if rising.document is not document:
                    return rising
                return arranging.sort_rows(document, by, rows=marked, descending=True)

            def show(arranged: Arranged) -> None:
                if session.document.rows is document.rows:
                    self.make_change(lambda: arranged)
                else:
                    self.warn("The set was changed meanwhile; nothing was sorted.")

            self.run_in_thread(order, show, group="sort")

        what = f"the {len(marked)} marked rows" if marked else "all rows"
        self.choose(f"Sort {what} by", choices, sort, "Once more turns the order round.")

    def action_set_cell(self) -> None:
        """Asks for COLUMN=VALUE, and changes it in the meant rows."""
        session, meant = self.session, self.meant_rows()
        if session is None or not meant:
            return

        def change(written: str) -> None:
            from ovi_studio.actions.adding import read_cells

            cells = read_cells([written])
            self.make_change(lambda: arranging.set_cells(session.document, meant, cells))

        count = "this row" if len(meant) == 1 else f"these {len(meant)} rows"
        self.ask_text(
            f"Change a cell of {count}",
            change,
            placeholder="seed=7, or image_path=images/cat.png, or variant=nano",
        )

    def on_prompt_pane_cells_fixed(self, message: PromptPane.CellsFixed) -> None:
        """A fix changes other cells of the row."""
        self.change_cells({i: message.cells for i in [self.rows.index] if i is not None})

    def change_cells(self, cells: Mapping[int, Mapping[str, str]]) -> None:
        """Writes cells of rows anew."""
        session = self.session
        if session is not None and cells:
            index, marked = self.rows.index, tuple(sorted(self.rows.marked))
            self.make_change(lambda: arranging.replace_cells(session.document, cells))
            self.show_session(index, marked)

    def action_fix_here(self) -> None:
        """Applies one fix."""
        self.pane.fix_here()

    def action_next_finding(self) -> None:
        """Goes to what was found next."""
        self.pane.show_next_finding()

    def action_fix_all(self) -> None:
        """Applies all safe fixes: to the marked rows from the list, else to the prompt."""
        session = self.session
        if session is None:
            return
        if not (self.rows.has_focus and self.rows.marked):
            self.pane.fix_all()
            return
        session.commit_draft()
        document, meant = session.document, self.meant_rows()

        def fixed(cells: dict[int, Mapping[str, str]]) -> None:
            if session.document is not document or session.draft is not None:
                self.warn("The set was changed meanwhile; nothing was fixed.")
            elif cells:
                self.change_cells(cells)
                self.say(f"Fixed {len(cells)} of {len(meant)} rows. u takes it back.")
            else:
                self.say("There is nothing to fix safely.")

        self.pane.checks.fix_rows(document, meant, fixed)

    # Undoing.

    def action_undo(self) -> None:
        """Takes the last change of the set back."""
        self._step("Undid", SetSession.undo, "Nothing to undo.")

    def action_redo(self) -> None:
        """Makes it again."""
        self._step("Did again", SetSession.redo, "Nothing to do again.")

    def _step(self, said: str, step: Callable[[SetSession], str | None], nothing: str) -> None:
        session = self.session
        if session is None:
            return
        session.commit_draft()
        done = self.take_back(session, step)
        self.say(nothing if done is None else f"{said}: {done}.")

    def take_back(
        self, session: SetSession, step: Callable[[SetSession], str | None] = SetSession.undo
    ) -> str | None:
        """Goes a change back (or forward); returns what it was."""
        before = session.document
        done = step(session)
        if done is not None:
            self.follow_row(before)
            self.show_session()
            self.keeper.save(session)
        return done

    # Handing on.

    def action_render_rows(self) -> None:
        """To the render view."""
        self._hand_on("render", RenderRows)

    def action_rewrite_rows(self) -> None:
        """To the rewrite view."""
        self._hand_on("rewrite", RewriteRows)

    def _hand_on(self, view: str, message: type[RenderRows] | type[RewriteRows]) -> None:
        session, meant = self.session, self.meant_rows()
        if session is None or not meant:
            return

        def hand_on() -> None:
            document = session.document
            row_ids = [document.row_id(index) for index in meant]
            self.tell(SelectionChanged())
            self.show_view(view, message(document.path, row_ids))

        self.commit(hand_on)

    # Sets, and other editors.

    def action_new_set(self) -> None:
        """Asks for a name, and makes a set with an empty row."""
        root = self.context.root

        def make(name: str) -> None:
            def create() -> Path:
                from ovi_studio.project.set_changes import create_file, csv_bytes
                from ovi_studio.project.sets import new_set_path

                path = new_set_path(name.strip(), root)
                create_file(path, csv_bytes(NEW_SET_COLUMNS, [{TEXT_COLUMN: ""}]))
                return path

            self.run_in_thread(create, lambda path: self.open_set(path, "1", edit=True))

        self.ask_text(
            "Name of the new set",
            make,
            placeholder="street-scenes",
            find_problem=lambda name: None if name.strip() else "A set has a name.",
        )

    def action_edit_outside(self) -> None:
        """The prompt in the user's own editor."""
        session, index = self.session, self.rows.index
        if session is not None and index is not None:
            row_id = session.document.row_id(index)
            self.commit(lambda: self._edit_outside(session.document.path, row_id))

    def action_edit_set_outside(self) -> None:
        """The whole file in the user's own editor."""
        session = self.session
        if session is not None:
            self.commit(lambda: self._edit_outside(session.document.path, None))

    def _edit_outside(self, path: Path, row_id: str | None) -> None:
        from ovi_studio.actions.editing import edit_row, edit_set, find_editor, run_editor
        from ovi_studio.project.sets import SetRow

        with self.complaining():
            command = find_editor(self.context.environment or os.environ)

            def edit(copy: Path) -> None:
                run_editor(command, copy)

            try:
                with self.app.suspend():
                    if row_id is None:
                        edit_set(path, edit)
                    else:
                        edit_row(SetRow(path, row_id), edit)
            except SuspendNotSupported:
                self.complain("Another editor can only be opened in a terminal.")
        self.keeper.look_at(path)
