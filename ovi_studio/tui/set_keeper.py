"""Opens sets, saves them, and notices what other programs write: the disk side of the write view.

One `SetSession` for each set that was opened, so that undoing outlives a look at another set. All
reading and writing is done in threads; what the user has to decide is handed to the view.
"""

import gc
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ovi_studio.project.prompt_file import FileChangedError, file_version
from ovi_studio.project.set_changes import create_file
from ovi_studio.project.set_document import SetDocument, read_document, save_document
from ovi_studio.prompt.prompt_set import TEXT_COLUMN
from ovi_studio.tui.messages import SetChanged
from ovi_studio.tui.set_session import Conflict, SetSession
from ovi_studio.tui.state import UnsavedEdit
from ovi_studio.tui.threads import in_thread

if TYPE_CHECKING:
    from ovi_studio.tui.screens.base import StudioScreen

_Stamp = tuple[int, int, int]


class _News(NamedTuple):
    """A file that others have written."""

    path: Path
    theirs: SetDocument | None
    """None: it is gone."""
    stamp: _Stamp | None
    since: str
    """The version that we had when we looked."""


@dataclass(slots=True)
class _Held:
    """A set that was opened."""

    session: SetSession
    stamp: _Stamp | None
    """Of the file, when it was read or written last."""
    is_saving: bool = False
    journaled: set[str] = field(default_factory=set)
    """Rows with an entry in the journal."""
    then: list[Callable[[], object]] = field(default_factory=list)
    """What waits for the file to be written."""


class SetKeeper:
    """Belongs to the event loop."""

    def __init__(
        self,
        view: "StudioScreen",
        *,
        on_change: Callable[[SetSession], object],
        on_conflict: Callable[[SetSession, Conflict], object],
    ) -> None:
        """`on_change`: the document of a session is another, or it was saved. `on_conflict`: its
        user has to decide."""
        self._view = view
        self._on_change = on_change
        self._on_conflict = on_conflict
        self._held: dict[Path, _Held] = {}
        self._missing: set[Path] = set()

    def is_saving(self, session: SetSession) -> bool:
        """True while it is being written to its file."""
        return self._held[session.document.path].is_saving

    def open(
        self,
        path: Path,
        then: Callable[[SetSession], object],
        on_error: Callable[[Exception], object],
    ) -> None:
        """Gives the session of a set as it is in its file now, or as it is written here."""
        if path in self._held:
            self.look_at(path, then=lambda: then(self._held[path].session))
            return

        def read() -> tuple[SetDocument, _Stamp | None]:
            stamp = _stamp(path)
            document = read_document(path)
            gc.freeze()  # a large set is many objects, and looking through them all would be felt
            return document, stamp

        def arrived(result: tuple[SetDocument, _Stamp | None]) -> None:
            document, stamp = result
            held = self._held.setdefault(path, _Held(SetSession(document), stamp))
            then(held.session)

        self._view.run_in_thread(read, arrived, group="open", exclusive=True, on_error=on_error)

    # Writing.

    def save(self, session: SetSession, then: Callable[[], object] | None = None) -> None:
        """Writes what is not in the file yet; `then` is called when the file has it all."""
        held = self._held[session.document.path]
        if then is not None:
            held.then.append(then)
        if held.is_saving:
            return
        if session.is_saved:
            self._settle(held)
            return
        held.is_saving = True
        document = session.document

        self._view.run_in_thread(
            lambda: _write(document),
            lambda result: self._saved(held, *result),
            group=f"save {document.path}",
            on_error=lambda error: self._not_saved(held, error),
        )

    def _saved(self, held: _Held, written: SetDocument, stamp: _Stamp | None) -> None:
        held.is_saving = False
        held.stamp = stamp
        held.session.was_saved(written)
        self._missing.discard(written.path)
        self._view.tell(SetChanged(written.path))
        if held.session.is_saved:
            self._settle(held)
        else:
            self.save(held.session)
        self._on_change(held.session)

    def _settle(self, held: _Held) -> None:
        session = held.session
        path = session.document.path
        kept = {session.document.row_id(session.draft.index)} if session.draft else set()
        gone, held.journaled = held.journaled - kept, held.journaled & kept
        if gone:
            journal = self._view.context.journal

            def drop() -> None:
                for row_id in gone:
                    journal.drop(path, row_id, TEXT_COLUMN)

            self._view.run_in_thread(drop, group="journal")
        waiting, held.then = held.then, []
        for then in waiting:
            then()

    def _not_saved(self, held: _Held, error: Exception) -> None:
        held.is_saving = False
        held.then.clear()
        if isinstance(error, FileChangedError):
            held.session.reopen_draft()
            self.look_at(held.session.document.path)
        else:
            self._view.complain(error)
            self._on_change(held.session)

    # What is typed.

    def keep_draft(self, session: SetSession) -> None:
        """Puts what is being typed into the journal, so that a crash does not lose it."""
        edit, journal = self._edit_of(session), self._view.context.journal
        if edit is not None:
            self._view.run_in_thread(partial(journal.keep, edit), group="journal")

    def _edit_of(self, session: SetSession) -> UnsavedEdit | None:
        draft, document = session.draft, session.document
        if draft is None:
            return None
        row_id = document.row_id(draft.index)
        self._held[document.path].journaled.add(row_id)
        return UnsavedEdit(document.path, row_id, TEXT_COLUMN, draft.before, draft.text)

    async def finish(self) -> list[str]:
        """Writes everything there is, before the end; returns why that could not be done."""
        problems = []
        for held in self._held.values():
            session = held.session
            if (edit := self._edit_of(session)) is not None:  # in case it cannot be saved
                await in_thread(partial(self._view.context.journal.keep, edit))
            session.commit_draft()
            if session.is_saved:
                continue
            try:
                written, held.stamp = await in_thread(partial(_write, session.document))
                session.was_saved(written)
                self._settle(held)
            except Exception as error:
                problems.append(self._view.studio.sentence_for(error))
        return problems

    # What others write.

    def find_news(self) -> list[_News]:
        """The open sets whose file was written by others; None for one that is gone.

        Reads files: call it from a thread.
        """
        news: list[_News] = []
        for path, held in list(self._held.items()):
            stamp = _stamp(path)
            if held.is_saving or stamp == held.stamp:
                continue
            since = held.session.saved.version
            if stamp is None:
                news.append(_News(path, None, None, since))
            elif file_version(path) == since:
                held.stamp = stamp
            else:
                news.append(_News(path, read_document(path), stamp, since))
        return news

    def take_news(self, news: list[_News]) -> None:
        """Goes on from what others have written."""
        for path, theirs, stamp, since in news:
            held = self._held[path]
            if held.is_saving or held.session.saved.version != since:
                continue  # we have written meanwhile: the next look will tell
            if theirs is None:
                if path not in self._missing:
                    self._view.warn(f"{path.name} is gone. Your next change writes it anew.")
                self._missing.add(path)
                continue
            self._missing.discard(path)
            self._take(held, theirs, stamp)

    def look_at(self, path: Path, *, then: Callable[[], object] | None = None) -> None:
        """Looks now whether others have written a set; `then` is called when that is taken."""
        if path in self._held and not self._held[path].is_saving:
            self._held[path].stamp = None

        def taken(news: list[_News]) -> None:
            self.take_news(news)
            if then is not None:
                then()

        self._view.run_in_thread(self.find_news, taken, group="news")

    def _take(self, held: _Held, theirs: SetDocument, stamp: _Stamp | None) -> None:
        held.stamp = stamp
        session = held.session
        name = theirs.path.name
        conflict, is_put_aside = session.take_theirs(theirs)
        self._on_change(session)
        if conflict is not None:
            self._on_conflict(session, conflict)
        elif is_put_aside:
            self._view.warn(
                f"{name} was changed by another program at the same time. You see its version; u "
                "on the list of rows goes back to yours."
            )
        else:
            self._view.say(f"{name} was changed by another program and read anew.")


def _write(document: SetDocument) -> tuple[SetDocument, _Stamp | None]:
    """Writes a set, also where its file was deleted meanwhile."""
    if document.path.exists():
        written = save_document(document)
    else:
        create_file(document.path, document.pieces())
        written = replace(document, version=file_version(document.path))
    return written, _stamp(document.path)


def _stamp(path: Path) -> _Stamp | None:
    try:
        now = path.stat()
    except OSError:
        return None
    return now.st_mtime_ns, now.st_size, now.st_ino
