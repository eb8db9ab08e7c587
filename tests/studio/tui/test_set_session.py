"""What is typed, undone and written by others in one set: no text is ever lost."""

import pytest

from ovi_studio.actions import arranging
from ovi_studio.project.set_document import read_document, save_document
from ovi_studio.tui.set_session import SetSession, locate


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("text_prompt\nA\nB\nC\n")
    return path


@pytest.fixture
def session(path):
    return SetSession(read_document(path))


def texts(session):
    return [session.document.text(index) for index in range(len(session.document))]


def others_write(path, *rows):
    path.write_text("\n".join(["text_prompt", *rows]) + "\n")
    return read_document(path)


def save(session):
    session.was_saved(save_document(session.document))


def test_a_draft_is_beside_the_document_until_it_is_taken(session):
    assert session.write(1, "B!")
    assert texts(session) == ["A", "B", "C"]
    assert session.text(1) == "B!"
    assert session.commit_draft()
    assert texts(session) == ["A", "B!", "C"]
    assert not session.is_saved
    assert session.undo() == "edit row 2"
    assert texts(session) == ["A", "B", "C"]
    assert session.redo() == "edit row 2"
    assert texts(session) == ["A", "B!", "C"]


def test_writing_what_was_there_is_no_draft(session):
    session.write(1, "B!")
    assert not session.write(1, "B")
    assert not session.commit_draft()


def test_undoing_after_saving_writes_over_our_own_version(session, path):
    session.apply(arranging.delete_rows(session.document, [0]))
    save(session)
    session.undo()
    save(session)
    assert path.read_text() == "text_prompt\nA\nB\nC\n"


def test_a_draft_follows_its_row_when_others_add_rows_above(session, path):
    session.write(1, "B!")
    conflict, is_put_aside = session.take_theirs(others_write(path, "new", "A", "B", "C"))
    assert conflict is None
    assert not is_put_aside
    assert (session.draft.index, session.draft.text) == (2, "B!")
    session.commit_draft()
    save(session)
    assert path.read_text() == "text_prompt\nnew\nA\nB!\nC\n"


@pytest.mark.parametrize(
    ("answer", "now", "undone"),
    [
        ("keep_mine", ["A", "mine", "C"], ["A", "theirs", "C"]),
        ("keep_theirs", ["A", "theirs", "C"], ["A", "mine", "C"]),
        ("keep_both", ["A", "theirs", "mine", "C"], ["A", "theirs", "C"]),
    ],
)
def test_of_two_texts_for_one_row_neither_is_lost(session, path, answer, now, undone):
    session.write(1, "mine")
    conflict, _ = session.take_theirs(others_write(path, "A", "theirs", "C"))
    assert (conflict.index, conflict.mine, conflict.theirs) == (1, "mine", "theirs")
    getattr(session, answer)(conflict)
    assert texts(session) == now
    save(session)
    session.undo()
    assert texts(session) == undone


@pytest.mark.parametrize("answer", ["keep_mine", "keep_both"])
def test_what_was_written_into_a_deleted_row_becomes_a_row(session, path, answer):
    session.write(2, "mine")
    conflict, _ = session.take_theirs(others_write(path, "A"))
    assert conflict.index is None
    getattr(session, answer)(conflict)
    assert texts(session) == ["A", "mine"]


def test_a_row_with_an_id_is_known_by_it(tmp_path):
    path = tmp_path / "b.csv"
    path.write_text("id,text_prompt\na,X\nb,X\n")
    before = read_document(path)
    path.write_text("id,text_prompt\nb,Y\na,X\n")
    assert locate(before, 1, read_document(path)) == 0
    path.write_text("id,text_prompt\na,X\n")
    assert locate(before, 1, read_document(path)) is None


def test_a_text_that_could_not_be_saved_is_a_draft_again(session, path):
    session.write(0, "A!")
    session.commit_draft()
    session.reopen_draft()
    assert texts(session) == ["A", "B", "C"]
    conflict, _ = session.take_theirs(others_write(path, "A", "B", "theirs"))
    assert conflict is None
    session.commit_draft()
    assert texts(session) == ["A!", "B", "theirs"]


def test_changes_that_others_overtook_are_put_aside_and_come_back(session, path):
    session.apply(arranging.duplicate_rows(session.document, [0]))
    session.reopen_draft()
    conflict, is_put_aside = session.take_theirs(others_write(path, "theirs"))
    assert conflict is None
    assert is_put_aside
    assert texts(session) == ["theirs"]
    assert session.undo() == "reload"
    assert texts(session) == ["A", "A", "B", "C"]


def test_of_rows_with_the_same_text_one_that_others_change_is_not_taken_for_its_neighbour(path):
    before = others_write(path, "A", "A", "B")
    after = others_write(path, "Z", "A", "B")
    assert locate(before, 0, after) == 0
    session = SetSession(before)
    session.write(0, "mine")
    conflict, _ = session.take_theirs(after)
    assert (conflict.index, conflict.theirs) == (0, "Z")
    assert locate(before, 0, others_write(path, "B", "A", "A")) == 2  # the rows were sorted
