"""One set while it is worked on: its rows, the text being written, what can be undone.

Nothing here touches the disk or the screen. Every change makes a new document; whoever holds the
session writes that down, and brings what another program has written (`take_theirs`).
"""

from dataclasses import dataclass, replace

from ovi_studio.actions.arranging import Arranged, insert_row, replace_cells
from ovi_studio.project.set_document import SetDocument
from ovi_studio.prompt.prompt_set import ID_COLUMN, TEXT_COLUMN

MAX_STEPS = 200
"""Changes that can be undone. One of a set of 10,000 rows takes 80 kB."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A prompt that is being written and is not in the document yet."""

    index: int
    before: str
    """What the row said when the writing began."""
    text: str


@dataclass(frozen=True, slots=True)
class Conflict:
    """A row that was written here and, meanwhile, by another program."""

    index: int | None
    """Where it stands in their set; None: they deleted it."""
    mine: str
    theirs: str
    row_id: str


@dataclass(frozen=True, slots=True)
class _Step:
    done: str
    document: SetDocument
    """As it was before."""


class SetSession:
    """The set that is open. `document` is what the rows are, `draft` what is typed beside it."""

    def __init__(self, document: SetDocument) -> None:
        self.document = document
        self.saved = document
        """What the file held when we last read or wrote it."""
        self.draft: Draft | None = None
        self._committed: Draft | None = None
        """The draft that was taken last, until it is saved."""
        self._undo: list[_Step] = []
        self._redo: list[_Step] = []

    # The text that is being written.

    def write(self, index: int, text: str) -> bool:
        """The text of a row as it is being typed. Returns whether it differs from the document."""
        before = self.document.text(index)
        if newlines_alike(text) == newlines_alike(before):
            self.draft = None
        elif self.draft is not None and self.draft.index == index:
            self.draft = replace(self.draft, text=text)
        else:
            self.draft = Draft(index, before, text)
        return self.draft is not None

    def text(self, index: int) -> str:
        """What a row says now, the draft included."""
        if self.draft is not None and self.draft.index == index:
            return self.draft.text
        return self.document.text(index)

    def commit_draft(self) -> bool:
        """Takes the draft into the document; returns whether there was one."""
        draft, self.draft = self.draft, None
        if draft is None:
            return False
        row_id = self.document.row_id(draft.index)
        arranged = replace_cells(self.document, {draft.index: {TEXT_COLUMN: draft.text}})
        self.apply(replace(arranged, done=f"edit row {row_id}"))
        self._committed = draft
        return True

    def reopen_draft(self) -> None:
        """Makes a draft again of the one taken last, if nothing else is unsaved."""
        draft, self._committed = self._committed, None
        if draft is not None and self._undo and self._undo[-1].document.rows == self.saved.rows:
            self.document = replace(self._undo.pop().document, version=self.saved.version)
            self.draft = draft

    # Changes and their undoing.

    def apply(self, arranged: Arranged) -> None:
        """Makes a change."""
        if arranged.document is self.document:
            return
        self._undo.append(_Step(arranged.done, self.document))
        del self._undo[:-MAX_STEPS]
        self._redo.clear()
        self.document = arranged.document

    def undo(self) -> str | None:
        """Goes one change back; returns what it was, None if there is none."""
        return self._step(self._undo, self._redo)

    def redo(self) -> str | None:
        """Makes the change that was undone last; returns what it is, None if there is none."""
        return self._step(self._redo, self._undo)

    @property
    def last_done(self) -> str:
        """What would be undone; "" for nothing."""
        return self._undo[-1].done if self._undo else ""

    def _step(self, source: list[_Step], target: list[_Step]) -> str | None:
        if not source:
            return None
        step = source.pop()
        target.append(_Step(step.done, self.document))
        self.document = replace(step.document, version=self.document.version)
        return step.done

    # The file.

    @property
    def is_saved(self) -> bool:
        """True if the file holds the document."""
        return self.document.rows == self.saved.rows and self.document.head == self.saved.head

    def was_saved(self, written: SetDocument) -> None:
        """A document was written to the file; there may be later changes."""
        self.saved = written
        self._committed = None
        self.document = replace(self.document, version=written.version)

    def take_theirs(self, theirs: SetDocument) -> tuple[Conflict | None, bool]:
        """Goes on from what another program has written.

        Returns what has to be decided about the draft, if anything, and whether changes of ours
        were put aside: theirs are shown then, and undoing brings ours back.
        """
        mine, is_put_aside = self.document, not self.is_saved
        draft, self.draft = self.draft, None
        self.apply(Arranged(theirs, (), "reload"))
        self.saved = theirs
        if draft is None:
            return None, is_put_aside
        index = locate(mine, draft.index, theirs)
        said = "" if index is None else theirs.text(index)
        if index is not None and said in (draft.before, draft.text):
            self.write(index, draft.text)
            return None, is_put_aside
        return Conflict(index, draft.text, said, mine.row_id(draft.index)), is_put_aside

    def keep_mine(self, conflict: Conflict) -> int:
        """My text into the row, theirs one undo away; returns where the row stands."""
        if conflict.index is None:
            return self.keep_both(conflict)
        cells = {conflict.index: {TEXT_COLUMN: conflict.mine}}
        self.apply(replace(replace_cells(self.document, cells), done="keep mine"))
        return conflict.index

    def keep_theirs(self, conflict: Conflict) -> None:
        """Their text stays, mine is one undo away."""
        theirs = self.document
        self.keep_mine(conflict)
        self.apply(Arranged(replace(theirs, version=self.document.version), (), "take theirs"))

    def keep_both(self, conflict: Conflict) -> int:
        """My text as a row of its own below theirs; returns where it stands."""
        place = len(self.document) if conflict.index is None else conflict.index + 1
        arranged = insert_row(self.document, place, {TEXT_COLUMN: conflict.mine})
        self.apply(replace(arranged, done="keep both"))
        return place


def locate(document: SetDocument, index: int, other: SetDocument) -> int | None:
    """Where a row of a document stands in another version of it; None if it is gone.

    A row with an id is known by it. Of others the text decides, and where that has changed too, the
    place. A row that had the same text before, and still stands where it stood, is another one.
    """
    if row_id := document.cell(index, ID_COLUMN).strip():
        return other.index_of(row_id)
    text = document.text(index)
    if index < len(other) and other.text(index) == text:
        return index
    stayed = len(document) if len(document) == len(other) else 0
    same = [
        place
        for place in range(len(other))
        if other.text(place) == text and not (place < stayed and document.text(place) == text)
    ]
    if same:
        return min(same, key=lambda place: abs(place - index))
    return index if index < len(other) else None


def newlines_alike(text: str) -> str:
    """Text with line feeds only, as editors show it."""
    return text.replace("\r\n", "\n").replace("\r", "\n")
