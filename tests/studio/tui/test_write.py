"""The write view driven by keys: every flow ends in the bytes of the file."""

import pytest

from ovi_studio.tui.messages import RenderRows, RewriteRows

from .write_view import DOG, FISHER, SINGER, TEXTS, Driver, make_project, opened, run, texts_in


@pytest.fixture
def people(tmp_path):
    return make_project(tmp_path)


def test_what_is_typed_is_saved_when_the_editor_is_left(people, tmp_path):
    before = people.read_bytes()

    async def drive():
        async with opened(tmp_path) as studio:
            await studio.press("j", "enter")
            assert studio.editor.has_focus
            assert studio.editor.text == DOG
            await studio.press("ctrl+end")
            await studio.type(" X")
            assert people.read_bytes() == before, "not saved while it is written"
            assert studio.editor.border_subtitle == "unsaved"
            await studio.press("escape")
            await studio.until(lambda: people.read_bytes() != before, "the file to be written")
            assert studio.rows.has_focus
            assert studio.editor.border_subtitle == "saved"

    run(drive())
    assert people.read_bytes() == before.replace(DOG.encode(), f"{DOG} X".encode())


def test_looking_at_rows_writes_nothing(tmp_path):
    people = make_project(tmp_path, ["a\r\nb\nc", "x\u2028y\x0bz", "1"])
    before = people.read_bytes()

    async def drive():
        async with opened(tmp_path) as studio:
            for key in ("enter", "escape", "j", "enter", "escape", "j", "k"):
                await studio.press(key)

    run(drive())
    assert people.read_bytes() == before


def test_rare_line_separators_survive_an_edit(tmp_path):
    people = make_project(tmp_path, ["x\u2028y\x0bz"])

    async def drive():
        async with opened(tmp_path) as studio:
            await studio.press("enter", "ctrl+end", "A", "escape")

    run(drive())
    assert people.read_bytes().decode().splitlines(keepends=False)[-1].endswith("zA,")
    assert "x\u2028y\x0bzA" in people.read_bytes().decode()


def test_one_key_fixes_what_is_at_the_cursor_and_undo_takes_it_back(people, tmp_path):
    async def drive():
        async with opened(tmp_path) as studio:
            await studio.press("enter")
            found = [one.name for one in studio.view.pane.findings.findings]
            assert "wrong-closer" in found
            await studio.press("ctrl+n", "f5")
            assert studio.editor.text == FISHER.replace("</s>", "<E>")
            await studio.press("ctrl+z")
            assert studio.editor.text == FISHER
            await studio.press("ctrl+y", "escape")

    run(drive())
    assert texts_in(people)[0] == FISHER.replace("</s>", "<E>")


def test_all_safe_fixes_of_the_marked_rows_are_one_step(tmp_path):
    people = make_project(tmp_path, [FISHER, DOG, FISHER + " ", SINGER])

    async def drive():
        async with opened(tmp_path) as studio:
            await studio.press("a", "f8")
            fixed = texts_in(people)
            assert fixed[0] == FISHER.replace("</s>", "<E>")
            assert "</s>" not in fixed[2]
            await studio.press("u")

    run(drive())
    assert texts_in(people) == [FISHER, DOG, FISHER + " ", SINGER]


def test_a_finding_chosen_in_the_panel_is_fixed(people, tmp_path):
    async def drive():
        async with opened(tmp_path) as studio:
            await studio.press("tab", "tab")
            assert studio.view.pane.findings.has_focus
            names = [one.name for one in studio.view.pane.findings.findings]
            await studio.press("home", *["j"] * names.index("wrong-closer"), "enter")
            assert "</s>" not in studio.editor.text
            await studio.press("ctrl+s")

    run(drive())
    assert "</s>" not in texts_in(people)[0]


ARRANGEMENTS = {
    "d": [FISHER, FISHER, DOG, SINGER],
    "J": [DOG, FISHER, SINGER],
    "J J K": [DOG, FISHER, SINGER],
    "space j space d": [FISHER, FISHER, DOG, SINGER, SINGER],
    "x y": [DOG, SINGER],
    "x n": [FISHER, DOG, SINGER],
    "a x y": [],
    "s w": sorted(TEXTS, key=lambda text: len(text.split())),
    "s t": [DOG, FISHER, SINGER],
    "s t s t": [SINGER, FISHER, DOG],
    "x y u": [FISHER, DOG, SINGER],
    "x y u U": [DOG, SINGER],
    "j n h i escape": [FISHER, DOG, "hi", SINGER],
    "G n h i escape u u": [FISHER, DOG, SINGER],
    "j n escape": [FISHER, DOG, SINGER],
}
"""What keys on a set of three rows make of it."""


def test_the_mouse_does_what_keys_do(tmp_path):
    make_project(tmp_path)

    async def drive():
        async with opened(tmp_path) as studio:
            await studio.pilot.click(studio.rows, offset=(6, 1))
            await studio.settle()
            assert studio.editor.text == DOG
            await studio.pilot.click(studio.rows, offset=(0, 2))
            assert studio.rows.marked == {2}
            await studio.pilot.click(studio.rows, offset=(6, 0), times=2)
            await studio.settle()
            assert studio.editor.has_focus
            panel = studio.view.pane.findings
            names = [one.name for one in panel.findings]
            assert names[0] == "wrong-closer"
            await studio.pilot.click(panel, offset=(4, 1))
            await studio.settle()
            assert studio.editor.text == FISHER, "the first click only shows where it is"
            assert studio.editor.cursor_offset == FISHER.index("</s>")
            await studio.pilot.click(panel, offset=(4, 1))
            await studio.settle()
            assert "</s>" not in studio.editor.text

    run(drive())


def test_rows_are_arranged_by_keys(tmp_path):
    sets = {keys: make_project(tmp_path, name=f"s{n}") for n, keys in enumerate(ARRANGEMENTS)}

    async def drive():
        async with opened(tmp_path) as studio:
            for keys, expected in ARRANGEMENTS.items():
                studio.view.open_set(sets[keys])
                await studio.settle()
                studio.rows.focus()
                await studio.press(*keys.split())
                shown = studio.rows.document
                assert [shown.text(index) for index in range(len(shown))] == expected, keys

    run(drive())
    for keys, expected in ARRANGEMENTS.items():
        assert texts_in(sets[keys]) == expected, keys


def test_a_filter_shows_rows_with_all_words_and_escape_shows_all(tmp_path):
    make_project(tmp_path)

    async def drive():
        async with opened(tmp_path) as studio:
            await studio.press("slash")
            await studio.type("audio moon")
            assert list(studio.rows.shown) == [2]
            assert studio.editor.text == SINGER
            await studio.press("enter")
            assert studio.rows.has_focus
            await studio.press("escape")
            assert list(studio.rows.shown) == [0, 1, 2]
            assert studio.editor.text == SINGER, "the cursor stays on its row"
            await studio.until(lambda: len(studio.rows.severities) == 3, "the survey")
            await studio.press("slash")
            await studio.type("!error")
            assert list(studio.rows.shown) == [0]

    run(drive())


def test_a_cell_is_changed_in_all_marked_rows(people, tmp_path):
    async def drive():
        async with opened(tmp_path) as studio:
            await studio.press("space", "space", "c")
            await studio.type("seed=7")
            await studio.press("enter")

    run(drive())
    assert people.read_text().splitlines()[0] == "text_prompt,image_path,seed"
    assert [line[-2:] for line in people.read_text().splitlines()[1:]] == [",7", ",7", ",,"]


def test_marked_rows_are_handed_to_other_views(people, tmp_path, monkeypatch):
    shown = []

    async def drive():
        async with opened(tmp_path) as studio:
            monkeypatch.setattr(studio.app, "show", lambda *what: shown.append(what))
            await studio.press("enter", "Z", "escape", "space", "j", "space", "r")
            assert studio.app.context.selected_ids == ("1", "3")
            await studio.press("escape", "w")
            assert studio.app.context.selected_ids == ()

    run(drive())
    (render, rows), (rewrite, row) = shown
    assert (render, type(rows), rows.path, rows.row_ids) == (
        "render", RenderRows, people, ("1", "3")
    )  # fmt: skip
    assert (rewrite, type(row), row.row_ids) == ("rewrite", RewriteRows, ("3",))
    assert texts_in(people)[0] == f"Z{FISHER}", "saved before it is handed on"


def test_a_new_set_is_made_and_written(tmp_path):
    make_project(tmp_path)

    async def drive():
        async with opened(tmp_path) as studio:
            await studio.press("N")
            await studio.type("street")
            await studio.press("enter")
            await studio.until(lambda: studio.editor.has_focus, "the editor")
            await studio.type("rain")
            await studio.press("escape")
            assert studio.app.context.set_path == tmp_path / "prompts" / "street.csv"

    run(drive())
    assert texts_in(tmp_path / "prompts" / "street.csv") == ["rain"]


def test_leaving_the_studio_saves(people, tmp_path):
    async def drive():
        async with opened(tmp_path) as studio:
            await studio.press("enter", "Q")
            await studio.press("ctrl+q")

    run(drive())
    assert texts_in(people)[0] == f"Q{FISHER}"
    assert not list((tmp_path / ".ovi" / "unsaved").glob("*.json"))


def test_rows_with_bytes_that_are_no_text_can_be_looked_at_only(people, tmp_path):
    people.write_bytes(b"text_prompt\nA \xff\x1b[31m dog\nB\n")

    async def drive():
        async with opened(tmp_path) as studio:
            assert studio.editor.read_only
            await studio.press("enter", "x", "escape", "j", "enter", "x", "escape")
            assert "\x1b" not in studio.app.export_screenshot()

    run(drive())
    assert people.read_bytes() == b"text_prompt\nA \xff\x1b[31m dog\nxB\n"


def test_a_set_that_cannot_be_read_is_named_and_another_can_be_opened(tmp_path):
    make_project(tmp_path)
    (tmp_path / "prompts" / "a.csv").write_text("prompt\nA\n")

    async def drive():
        from ovi_studio.project.layout import find_layout
        from ovi_studio.tui.app import StudioApp
        from ovi_studio.tui.opening import context_of

        app = StudioApp(context_of(find_layout(tmp_path)))
        async with app.run_test(size=(100, 30)) as pilot:
            studio = Driver(app, pilot)
            await studio.until(lambda: app.current_mode == "write", "the view")
            await studio.until(lambda: studio.view.query("#empty.-shown"), "the sentence")
            assert "a.csv cannot be opened" in str(studio.view.query_one("#empty").render())
            await studio.press("shift+tab", "j", "enter")
            assert studio.editor.text == FISHER
            assert not studio.view.query("#empty.-shown")

    run(drive())


def test_a_write_protected_set_keeps_what_is_typed(people, tmp_path):
    people.chmod(0o444)
    before = people.read_bytes()

    async def drive():
        async with opened(tmp_path) as studio:
            await studio.press("enter", "Z", "escape")
            if people.read_bytes() != before:
                return  # root may write everywhere
            assert studio.editor.text == f"Z{FISHER}"
            assert studio.editor.border_subtitle == "not saved"
            people.chmod(0o644)
            await studio.press("ctrl+s")

    run(drive())
    assert texts_in(people)[0] == f"Z{FISHER}"


def test_names_and_cells_are_shown_as_they_are(tmp_path):
    people = make_project(tmp_path, name="[b]red")
    people.write_text('id,text_prompt,image_path\n[/b],"[@click=app.quit]x[/]",[/i].png\n')

    async def drive():
        async with opened(tmp_path) as studio:
            assert "[b]red:[/b]" in studio.editor._border_title.plain
            await studio.press("enter", "Z", "escape", "x", "n", "N", "escape")
            assert studio.editor.text == "Z[@click=app.quit]x[/]"

    run(drive())


def test_a_project_without_sets_says_how_to_make_one(tmp_path):
    (tmp_path / "ovi.toml").write_text("")

    async def drive():
        from ovi_studio.project.layout import find_layout
        from ovi_studio.tui.app import StudioApp
        from ovi_studio.tui.opening import context_of

        app = StudioApp(context_of(find_layout(tmp_path)))
        async with app.run_test(size=(80, 24)) as pilot:
            for _ in range(100):
                await pilot.pause(0.02)
                if app.current_mode == "write" and app.screen.query("#empty.-shown"):
                    break
            await pilot.press("n", "a", "enter")
            for _ in range(100):
                await pilot.pause(0.02)
                if (tmp_path / "prompts" / "a.csv").is_file():
                    break

    run(drive())
    assert texts_in(tmp_path / "prompts" / "a.csv") == [""]


def test_a_row_is_made_from_a_template(people, tmp_path):
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates" / "a.jinja").write_text(
        "{#\nAn animal.\n\nanimal: which one\nplace: where (default the sea)\n#}\n"
        "One {{ animal }} at {{ place }}. Audio: Wind.\n"
    )

    async def drive():
        async with opened(tmp_path) as studio:
            await studio.press("t")
            await studio.until(lambda: studio.app.screen is not studio.view, "the question")
            await studio.press("home", "enter")
            await studio.until(lambda: studio.editor.has_focus, "the editor")

    run(drive())
    assert texts_in(people) == [FISHER, "One ... at the sea. Audio: Wind.", DOG, SINGER]
