"""The write view and the disk: other programs, crashes, other editors, a set of 10,000 rows."""

import csv
import json
import sys
from contextlib import contextmanager

from ovi_studio.tui import set_keeper
from ovi_studio.tui.dialogs import ChoiceDialog
from ovi_studio.tui.screens.conflict import ConflictDialog
from ovi_studio.tui.state import EditJournal, UnsavedEdit

from .studio import words_on
from .write_view import DOG, FISHER, SINGER, make_project, opened, run, texts_in


def test_what_another_program_writes_is_shown(tmp_path):
    people = make_project(tmp_path)

    async def drive():
        async with opened(tmp_path) as studio:
            await studio.press("j")
            make_project(tmp_path, ["New.", FISHER, DOG])
            await studio.until(lambda: len(studio.rows.document) == 3, "their rows")
            await studio.until(lambda: studio.rows.document.text(0) == "New.", "their text")
            await studio.press("u")
            assert studio.rows.document.text(2) == SINGER, "reading anew can be undone"

    run(drive())
    assert texts_in(people) == [FISHER, DOG, SINGER]


def test_what_is_typed_survives_what_another_program_writes(tmp_path):
    people = make_project(tmp_path)

    async def drive():
        async with opened(tmp_path) as studio:
            await studio.press("j", "enter", "Z")
            make_project(tmp_path, ["New.", FISHER, DOG])
            await studio.until(lambda: studio.rows.document.text(0) == "New.", "their text")
            assert studio.editor.text == f"Z{DOG}"
            await studio.press("escape")

    run(drive())
    assert texts_in(people) == ["New.", FISHER, f"Z{DOG}"]


def test_two_texts_for_one_row_are_both_kept_on_escape(tmp_path):
    people = make_project(tmp_path)

    async def drive():
        async with opened(tmp_path) as studio:
            await studio.press("enter", "Z")
            make_project(tmp_path, ["Theirs.", DOG])
            await studio.until(lambda: isinstance(studio.app.screen, ConflictDialog), "the choice")
            await studio.press("escape")
            assert studio.editor.text == f"Z{FISHER}"

    run(drive())
    assert texts_in(people) == ["Theirs.", f"Z{FISHER}", DOG]


def test_what_is_typed_is_in_the_journal_soon_and_gone_once_it_is_saved(tmp_path):
    people = make_project(tmp_path)
    journal = EditJournal(tmp_path / ".ovi" / "unsaved")

    async def drive():
        async with opened(tmp_path) as studio:
            await studio.press("enter", "Z")
            await studio.until(journal.unsaved, "the journal")
            assert journal.unsaved() == [
                UnsavedEdit(people, "1", "text_prompt", FISHER, f"Z{FISHER}")
            ]
            await studio.press("escape")
            await studio.until(lambda: not journal.unsaved(), "the journal to be empty")

    run(drive())


def test_what_a_crash_left_is_offered_and_restored(tmp_path):
    people = make_project(tmp_path)
    journal = EditJournal(tmp_path / ".ovi" / "unsaved")
    journal.keep(UnsavedEdit(people, "2", "text_prompt", DOG, "A wolf runs."))
    journal.keep(UnsavedEdit(people, "3", "text_prompt", "What it said then.", "A choir."))
    journal.keep(UnsavedEdit(people, "1", "text_prompt", "Then.", FISHER))

    async def drive():
        async with opened(tmp_path) as studio:
            await studio.until(lambda: studio.app.screen is not studio.view, "the question")
            await studio.press("r")
            await studio.until(lambda: studio.editor.has_focus, "the editor")
            assert studio.editor.text == "A choir."

    run(drive())
    assert texts_in(people) == [FISHER, "A wolf runs.", SINGER, "A choir."]
    assert journal.unsaved() == []


def test_the_users_own_editor_changes_the_prompt(tmp_path, monkeypatch):
    people = make_project(tmp_path)
    script = tmp_path / "editor.py"
    script.write_text(
        "import sys\nfrom pathlib import Path\npath = Path(sys.argv[1])\n"
        "path.write_text(path.read_text().replace('dog', 'wolf'))\n"
    )
    monkeypatch.setenv("VISUAL", f'"{sys.executable}" "{script}"')

    @contextmanager
    def suspend(_):
        yield

    async def drive():
        async with opened(tmp_path) as studio:
            monkeypatch.setattr(type(studio.app), "suspend", suspend)
            await studio.press("j", "e")
            await studio.until(lambda: "wolf" in studio.editor.text, "the text")
            await studio.press("u")

    run(drive())
    assert texts_in(people) == [FISHER, DOG, SINGER]


def test_a_file_that_is_deleted_is_written_anew(tmp_path):
    people = make_project(tmp_path)

    async def drive():
        async with opened(tmp_path) as studio:
            people.unlink()
            await studio.press("enter", "Z", "escape")

    run(drive())
    assert texts_in(people)[0] == f"Z{FISHER}"


def test_of_ten_thousand_rows_only_those_seen_are_drawn(tmp_path, monkeypatch):
    people = make_project(tmp_path, [f"{number} {DOG}" for number in range(10_000)])
    drawn = set()

    async def drive():
        async with opened(tmp_path, size=(80, 24)) as studio:
            studio.view.pane.checks.stop()
            studio.rows.add_severities(dict.fromkeys((), None))
            real = type(studio.rows).render_line

            def render_line(self, y):
                drawn.add(y + self.scroll_offset.y)
                return real(self, y)

            monkeypatch.setattr(type(studio.rows), "render_line", render_line)
            await studio.press("G")
            assert studio.editor.text.startswith("9999 ")
            await studio.press("enter", "Z", "escape")
            assert len(drawn) < 200
            assert len(list(studio.rows.children)) == 0, "no widget for each row"

    run(drive())
    with people.open(newline="") as stream:
        rows = list(csv.reader(stream))
    assert len(rows) == 10_001
    assert rows[-1][0] == f"Z9999 {DOG}"


def test_the_row_is_found_again_after_a_restart(tmp_path):
    make_project(tmp_path)
    make_project(tmp_path, ["Rain.", "Snow."], name="weather")

    async def drive():
        async with opened(tmp_path) as studio:
            await studio.press("shift+tab", "down", "enter", "j")
            assert studio.editor.text == "Snow."
            await studio.press("q")
        async with opened(tmp_path) as studio:
            assert studio.editor.text == "Snow."

    run(drive())
    assert json.loads((tmp_path / ".ovi" / "studio.json").read_text())["row"] == "2"


def test_quitting_asks_before_it_loses_what_cannot_be_saved(tmp_path, monkeypatch):
    people = make_project(tmp_path)

    def refuse(document):
        raise PermissionError(13, "Permission denied", str(document.path))

    async def drive():
        async with opened(tmp_path) as studio:
            with monkeypatch.context() as broken:
                broken.setattr(set_keeper, "_write", refuse)
                await studio.press("enter", "Z", "ctrl+q")
                await studio.until(
                    lambda: isinstance(studio.app.screen, ChoiceDialog), "a question"
                )
                asked = words_on(studio.app.screen)
                assert "could not be saved" in asked
                assert "people.csv: Permission denied" in asked
                await studio.press("n")
                assert studio.app.is_running
            await studio.press("ctrl+q")
            await studio.until(lambda: not studio.app.is_running, "the end")

    run(drive())
    assert texts_in(people)[0] == f"Z{FISHER}"
