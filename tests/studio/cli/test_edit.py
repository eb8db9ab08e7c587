"""`ovi edit` loses neither the user's text nor anybody else's change."""

import csv
import sys

import pytest

from .projects import files_in, run, temporary


@pytest.fixture
def project(tmp_path):
    assert run("init", folder=tmp_path).returncode == 0
    (tmp_path / "prompts" / "example.csv").unlink()
    (tmp_path / "prompts" / "a.csv").write_text(
        "text_prompt,image_path,repeats\n"
        "A man says <S>Hello there.<E> Audio: A low voice in rain.,,2\n"
        "A dog runs over the sand. Audio: Paws on wet sand and wind.,none.png,\n"
    )
    return tmp_path


def set_texts(project, name):
    with (project / "prompts" / f"{name}.csv").open(newline="", encoding="utf-8") as stream:
        return [row["text_prompt"] for row in csv.DictReader(stream)]


def editor(project, code):
    """An editor that runs Python code with the text in `text`, which it writes back."""
    script = project / ".tmp" / "editor.py"
    temporary(project)
    script.write_text(
        "import sys\nfrom pathlib import Path\npath = Path(sys.argv[-1])\n"
        "text = path.read_bytes().decode()\n"
        f"{code}\npath.write_bytes(text.encode())\n"
    )
    return f'"{sys.executable}" "{script}" --wait'


def kept_texts(project):
    return [path for path in temporary(project).iterdir() if path.name.startswith("ovi-")]


def test_a_row_is_edited_and_linted(project):
    ended = run(
        "edit", "a", "1", folder=project,
        EDITOR=editor(project, "text = text.replace('<E>', '') + '\\n'"),
    )  # fmt: skip
    assert ended.returncode == 1, "what was saved has an error"
    assert "prompts/a.csv:1: saved." in ended.stderr
    assert "S101 unclosed-speech" in ended.stderr
    assert set_texts(project, "a")[0] == "A man says <S>Hello there. Audio: A low voice in rain."
    assert kept_texts(project) == []


@pytest.mark.parametrize("code", ["pass", "text += '\\n'", "text += '\\r\\n'"])
def test_a_row_that_is_only_looked_at_stays_byte_for_byte(project, code):
    path = project / "prompts" / "b.csv"
    path.write_bytes(b'text_prompt\n"A  ""man"",\r\nold"\r\nA dog')
    before = path.read_bytes()
    ended = run("edit", "b:1", folder=project, VISUAL=editor(project, code), EDITOR="false")
    assert (ended.returncode, ended.stderr) == (0, "prompts/b.csv:1: nothing was changed.\n")
    assert path.read_bytes() == before
    assert kept_texts(project) == []


def test_only_the_edited_cell_changes(project):
    path = project / "prompts" / "b.csv"
    path.write_bytes(b'\xef\xbb\xbftext_prompt;mood\r\n"A  man";" x"\r\nA dog;y')
    run("edit", "b", "2", folder=project, EDITOR=editor(project, "text = 'A cat; old'"))
    assert path.read_bytes() == (b'\xef\xbb\xbftext_prompt;mood\r\n"A  man";" x"\r\n"A cat; old";y')


def test_changes_of_others_in_other_rows_are_kept(project):
    path = project / "prompts" / "a.csv"
    code = (
        f"other = Path({str(path)!r})\n"
        "other.write_text(other.read_text() + 'A bird sings.,,\\n')\n"
        "text = text.replace('man', 'woman')"
    )
    run("edit", "a", "1", folder=project, EDITOR=editor(project, code))
    texts = set_texts(project, "a")
    assert texts[0].startswith("A woman says")
    assert texts[2] == "A bird sings."


def test_a_change_of_someone_else_in_the_same_row_wins_and_the_text_is_kept(project):
    path = project / "prompts" / "a.csv"
    code = (
        f"other = Path({str(path)!r})\n"
        "other.write_text(other.read_text().replace('A man', 'A king'))\n"
        "text = 'My own words'"
    )
    ended = run("edit", "a", "1", folder=project, EDITOR=editor(project, code))
    assert ended.returncode == 2
    assert "was changed by someone else" in ended.stderr
    assert set_texts(project, "a")[0].startswith("A king says")
    (kept,) = kept_texts(project)
    assert kept.read_text() == "My own words"
    assert str(kept) in ended.stderr
    assert kept.name.startswith("ovi-a-1-")


def test_a_whole_set_is_edited(project):
    ended = run(
        "edit", "a", folder=project, EDITOR=editor(project, "text = text.replace('dog', 'cat')")
    )
    assert "prompts/a.csv: saved." in ended.stderr
    assert set_texts(project, "a")[1].startswith("A cat runs")
    assert run("edit", "a", folder=project, EDITOR=editor(project, "pass")).returncode == 0


def test_a_set_that_someone_else_changed_is_not_replaced(project):
    path = project / "prompts" / "a.csv"
    code = f"Path({str(path)!r}).write_text('text_prompt\\nTheirs\\n')\ntext += 'Mine\\n'"
    ended = run("edit", "a", folder=project, EDITOR=editor(project, code))
    assert ended.returncode == 2
    assert path.read_text() == "text_prompt\nTheirs\n"
    (kept,) = kept_texts(project)
    assert kept.read_text().endswith("Mine\n")
    assert str(kept) in ended.stderr


@pytest.mark.parametrize(("code", "said"), [
    ("text = ' '", "The prompt would be empty; the row is as it was."),
    ("sys.exit(3)", "ended with code 3. Nothing was changed."),
])  # fmt: skip
def test_what_cannot_be_saved_leaves_the_row(project, code, said):
    before = files_in(project)
    ended = run("edit", "a", "1", folder=project, EDITOR=editor(project, code))
    assert ended.returncode in (1, 2)
    assert said in ended.stderr
    assert files_in(project) == before
    assert kept_texts(project) == []


def test_a_text_that_is_no_utf8_is_kept(project):
    code = "path.write_bytes(b'caf\\xe9'); sys.exit(0)"
    ended = run("edit", "a", "1", folder=project, EDITOR=editor(project, code))
    assert ended.returncode == 2
    (kept,) = kept_texts(project)
    assert kept.read_bytes() == b"caf\xe9"
    assert str(kept) in ended.stderr


def test_an_editor_that_fails_after_a_change_costs_no_text(project):
    code = "path.write_text('My own words'); sys.exit(5)"
    ended = run("edit", "a", "1", folder=project, EDITOR=editor(project, code))
    assert "ended with code 5" in ended.stderr
    (kept,) = kept_texts(project)
    assert kept.read_text() == "My own words"


@pytest.mark.parametrize(("editor_name", "said"), [
    ("no-such-editor", "cannot be started"), ("false", "ended with code 1"), ("'", "no command"),
])  # fmt: skip
def test_an_editor_that_does_not_work_is_said(project, editor_name, said):
    ended = run("edit", "a", "1", folder=project, EDITOR=editor_name)
    assert ended.returncode != 0
    assert said in ended.stderr
    assert kept_texts(project) == []
