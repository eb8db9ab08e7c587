"""Sets are found by name, made without replacing anything, and grow without losing a row."""

import subprocess
import sys
from pathlib import Path

import pytest

from ovi_studio.errors import PromptFileError, UsageError
from ovi_studio.project import set_changes
from ovi_studio.project.image_cells import ImageNaming, find_picture, relative_name
from ovi_studio.project.layout import ProjectLayout
from ovi_studio.project.new_project import create_project
from ovi_studio.project.prompt_file import (
    FileChangedError,
    file_version,
    iter_rows,
    read_prompt_set,
)
from ovi_studio.project.prompt_sources import TextSource, read_sources, rows_of
from ovi_studio.project.set_changes import (
    append_to_set,
    changed_bytes,
    create_file,
    csv_bytes,
    replace_whole,
)
from ovi_studio.project.sets import (
    SetRow,
    existing_set,
    find_sets,
    new_set_path,
    set_name,
    set_named,
    set_or_row_named,
)

ROOT = Path(__file__).parents[3]
FIXTURES = ROOT / "tests" / "fixtures" / "csv"
PNG = b"\x89PNG\r\n\x1a\n" + bytes(64)


def names_in(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture
def project(tmp_path):
    root = tmp_path / "project"
    for name in (
        "people.csv",
        "crowd/market.tsv",
        "a:1.csv",
        ".hidden.csv",
        "notes.txt",
        ".old/x.csv",
    ):
        path = root / "prompts" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("text_prompt\nA man\nA dog\n")
    (root / "ovi.toml").write_text("")
    (root / "own.csv").write_text("text_prompt\nA cat\n")
    return root


def no_input():
    raise AssertionError("standard input was read")


def test_sets_are_listed_by_name_without_hidden_ones(project):
    layout = ProjectLayout(project)
    paths = find_sets(project / "prompts")
    assert [set_name(path, layout) for path in paths] == ["a:1", "people", "crowd/market"]


@pytest.mark.parametrize(("name", "path"), [
    ("people", "prompts/people.csv"),
    ("people.csv", "prompts/people.csv"),
    ("crowd/market", "prompts/crowd/market.tsv"),
    ("prompts/people.csv", "prompts/people.csv"),
    ("own.csv", "own.csv"),
])  # fmt: skip
def test_a_set_is_named_by_its_name_or_path(project, name, path):
    assert set_named(name, project) == project / path
    inner = project / "prompts" / "crowd"
    if not name.endswith(".csv") or name == "people.csv":
        assert set_named(name, inner).samefile(project / path)


@pytest.mark.parametrize(
    "name", ["own", "notes.txt", "nobody", "", "x" * 5000, "a\0b", "people\n", "prompts"]
)
def test_what_is_no_set_is_not_found(project, name):
    assert existing_set(name, project) is None


def test_an_unknown_set_offers_the_nearest(project):
    with pytest.raises(UsageError, match=r"no set 'poeple'\. Did you mean people"):
        set_named("poeple", project)
    with pytest.raises(UsageError, match="Known: a:1, people, crowd/market"):
        set_named("zzzzzz", project)


def test_a_row_stands_behind_a_colon_and_a_whole_name_wins(project):
    assert set_or_row_named("people:2", project) == SetRow(project / "prompts/people.csv", "2")
    assert set_or_row_named("a:1", project) == SetRow(project / "prompts/a:1.csv")
    assert set_or_row_named("a:1:2", project) == SetRow(project / "prompts/a:1.csv", "2")
    assert [row.text for row in rows_of(set_or_row_named("people:2", project))] == ["A dog"]
    with pytest.raises(PromptFileError, match=r"has no row '3'\. It has 1 to 2"):
        list(rows_of(set_or_row_named("people:3", project)))


def test_sources_are_sets_rows_folders_standard_input_or_prompts(project):
    found = read_sources(
        ["people", "-", "A man says hi", "prompts/crowd", "people", "一个人说话"],
        project,
        lambda: "x y",
    )
    assert found == [
        SetRow(project / "prompts/people.csv"),
        TextSource("x y", "-"),
        TextSource("A man says hi"),
        SetRow(project / "prompts/crowd/market.tsv"),
        TextSource("一个人说话"),
    ]
    every = read_sources([], project, no_input)
    assert [source.path.name for source in every] == ["a:1.csv", "people.csv", "market.tsv"]


@pytest.mark.parametrize(("name", "said"), [
    ("peple", "no set 'peple'. Did you mean people?"),
    ("my set.csv", "no set 'my set.csv'"),
    ("people.csv:", "no set"),
    ("notes.txt", "no set"),
    ("prompts/notes.txt", "is no set: sets end in .csv or .tsv"),
    (" ", "The prompt is empty"),
    ("-", "Standard input is empty"),
    ("images", "holds no sets"),
])  # fmt: skip
def test_sources_that_are_nothing_are_refused(project, name, said):
    (project / "images").mkdir()
    with pytest.raises(UsageError, match=said):
        read_sources([name], project, lambda: "  ")


def test_no_source_needs_a_project(tmp_path):
    with pytest.raises(UsageError, match="Name a prompt or a set"):
        read_sources([], tmp_path, no_input)


def test_new_sets_stay_in_their_folder(project):
    assert new_set_path("x/y", project) == project / "prompts/x/y.csv"
    assert new_set_path("here.csv", project) == project / "here.csv"
    for name in ("../x", "/etc/x", "", " ", "..", "a\0b", "x" * 5000, "."):
        with pytest.raises(UsageError, match="no name for a set"):
            new_set_path(name, project)


def test_a_new_file_never_replaces_one(tmp_path):
    path = tmp_path / "a" / "b.csv"
    create_file(path, [b"x", b"y"])
    assert path.read_bytes() == b"xy"
    with pytest.raises(PromptFileError, match="exists already"):
        create_file(path, [b"z"])
    link = tmp_path / "link.csv"
    link.symlink_to(tmp_path / "nowhere")
    with pytest.raises(PromptFileError, match="exists already"):
        create_file(link, [b"z"])
    assert path.read_bytes() == b"xy"
    assert names_in(tmp_path / "a") == ["b.csv"], "no lock or half a file is left"


def test_a_new_file_that_fails_leaves_nothing(tmp_path):
    def pieces():
        yield b"x"
        raise PromptFileError("no")

    with pytest.raises(PromptFileError):
        create_file(tmp_path / "b.csv", pieces())
    assert names_in(tmp_path) == []


def test_a_file_is_replaced_only_in_the_version_that_was_read(tmp_path):
    path = tmp_path / "b.csv"
    path.write_bytes(b"old")
    version = file_version(path)
    replace_whole(path, [b"new"], version)
    assert path.read_bytes() == b"new"
    with pytest.raises(FileChangedError, match="by someone else"):
        replace_whole(path, [b"newer"], version)
    assert path.read_bytes() == b"new"


def test_written_sets_are_read_back(tmp_path):
    rows = [
        {"text_prompt": 'A "man", old\nand\r\ngrey', "mood": " x "},
        {"text_prompt": "A dog"},
        {"mood": "sad", "text_prompt": "｜é日本"},
    ]
    path = tmp_path / "b.csv"
    create_file(path, csv_bytes(("text_prompt", "mood"), rows))
    read = read_prompt_set(path)
    assert [dict(row.values) for row in read] == [{"mood": "", **row} for row in rows]
    single = tmp_path / "c.csv"
    create_file(single, csv_bytes(("text_prompt",), [{"text_prompt": ""}, {"text_prompt": "x"}]))
    assert [row.text for row in read_prompt_set(single)] == ["", "x"]
    with pytest.raises(PromptFileError, match="no character"):
        list(csv_bytes(("text_prompt",), [{"text_prompt": "\ud800"}]))


@pytest.mark.parametrize("name", sorted({*names_in(FIXTURES)} - {"unclosed_quote.csv"}))
def test_rows_are_added_and_all_before_stays_byte_for_byte(tmp_path, name):
    """But for a last row whose quote is never closed: it would swallow what follows."""
    before = (FIXTURES / name).read_bytes()
    path = tmp_path / name
    path.write_bytes(before)
    num_before = append_to_set(path, [{"text_prompt": 'One, "more"; a|b\tc'}])
    assert path.read_bytes().startswith(before)
    texts = [row.text for row in iter_rows(path)]
    assert (len(texts), texts[-1]) == (num_before + 1, 'One, "more"; a|b\tc')


def test_columns_that_are_needed_are_added(tmp_path):
    path = tmp_path / "s.csv"
    path.write_text("text_prompt\r\nA man\r\n", newline="")
    append_to_set(path, [{"text_prompt": "A dog", "seed": "7"}])
    assert path.read_bytes() == b"text_prompt,seed\r\nA man,\r\nA dog,7\r\n"
    bad = tmp_path / "bad.csv"
    bad.write_text("prompt\nA man\n")
    with pytest.raises(PromptFileError, match="no column 'text_prompt'"):
        append_to_set(bad, [{"text_prompt": "A dog"}])
    assert bad.read_text() == "prompt\nA man\n"


def test_new_columns_leave_no_row_ragged_and_every_cell_as_it_was(tmp_path):
    path = tmp_path / "s.csv"
    path.write_bytes(b'\xef\xbb\xbftext_prompt;mood\r\n"A ""m""";" x"\r\n\r\nA\r\nB;y;too many;z')
    append_to_set(path, [{"text_prompt": "C", "seed": "7", "steps": "2"}])
    assert path.read_bytes() == (
        b'\xef\xbb\xbftext_prompt;mood;seed;steps\r\n"A ""m""";" x";;\r\n\r\nA;;;\r\n'
        b"B;y;too many;z\r\nC;;7;2\r\n"
    )


def test_a_change_while_a_file_is_replaced_is_noticed(tmp_path):
    path = tmp_path / "b.csv"
    path.write_bytes(b"old")

    def pieces():
        yield b"ours"
        path.write_bytes(b"theirs")

    with pytest.raises(FileChangedError):
        replace_whole(path, pieces(), file_version(path))
    assert (path.read_bytes(), names_in(tmp_path)) == (b"theirs", ["b.csv"])


def test_someone_elses_change_is_taken_in(tmp_path, monkeypatch):
    path = tmp_path / "s.csv"
    path.write_text("text_prompt\nA man\n")
    original, calls = set_changes.append_rows, []

    def disturbed(target, rows, version):
        if not calls:
            calls.append(1)
            path.write_text("text_prompt\nA man\nA bird\n")
        return original(target, rows, version)

    monkeypatch.setattr(set_changes, "append_rows", disturbed)
    assert append_to_set(path, [{"text_prompt": "A dog"}]) == 2
    assert path.read_text() == "text_prompt\nA man\nA bird\nA dog\n"


def test_two_processes_that_add_rows_lose_none(tmp_path):
    path = tmp_path / "s.csv"
    path.write_text("text_prompt\n")
    code = (
        "import sys\nfrom pathlib import Path\n"
        "from ovi_studio.project.set_changes import append_to_set\n"
        "for n in range(40):\n"
        "    row = {'text_prompt': f'{sys.argv[2]} {n}', sys.argv[2]: 'x'}\n"
        "    append_to_set(Path(sys.argv[1]), [row])\n"
    )
    processes = [
        subprocess.Popen([sys.executable, "-c", code, str(path), name], cwd=ROOT)
        for name in ("left", "right")
    ]
    assert [process.wait() for process in processes] == [0, 0]
    read = read_prompt_set(path)
    wanted = {f"{name} {n}" for name in ("left", "right") for n in range(40)}
    assert (len(read), {row.text for row in read}) == (80, wanted)
    assert set(read.columns) == {"text_prompt", "left", "right"}
    assert names_in(tmp_path) == ["s.csv"]


@pytest.mark.parametrize("name", names_in(FIXTURES))
def test_a_set_that_nothing_changes_comes_out_byte_for_byte(name):
    path = FIXTURES / name
    assert b"".join(changed_bytes(path, lambda row: row.text)) == path.read_bytes()


# pictures


@pytest.fixture
def pictures(tmp_path):
    root = tmp_path / "project"
    (root / "images").mkdir(parents=True)
    (root / "images" / "in.png").write_bytes(PNG)
    (tmp_path / "out.png").write_bytes(PNG)
    (tmp_path / "secret.txt").write_text("no picture")
    (root / "images" / "link.png").symlink_to(tmp_path / "out.png")
    return root


def naming(root, **options):
    return ImageNaming((root,), root / "prompts", root, **options)


@pytest.mark.parametrize(("cell", "text", "problem"), [
    ("images/in.png", "../images/in.png", ""),
    (" images\\in.png ", "../images/in.png", ""),
    ("", "", ""),
    ("images/later.png", "images/later.png", "not there yet"),
    ("../out.png", "", "outside the project"),
    ("images/link.png", "", "outside the project"),
    ("../../none.png", "", "outside the project that are not there"),
    ("/none.png", "", "outside the project that are not there"),
    ("C:\\none.png", "", "outside the project that are not there"),
    ("~/none.png", "", "outside the project that are not there"),
    ("https://host/a.png", "", "not named by a path"),
    ("data:image/png;base64,xx", "", "not named by a path"),
    ("a\0b.png", "", "not named by a path"),
    ("x" * 3000, "", "not named by a path"),
])  # fmt: skip
def test_pictures_are_named_from_the_new_place_and_never_from_outside(
    pictures, cell, text, problem
):
    found = naming(pictures).rename(cell)
    assert found.text == text
    assert problem in found.problem
    assert bool(problem) is bool(found.problem)


def test_pictures_from_outside_are_copied_once(pictures):
    copying = naming(pictures, copy_folder=pictures / "images" / "s")
    assert copying.rename("../out.png").text == "../images/s/out.png"
    assert copying.rename("../out.png").text == "../images/s/out.png"
    other = pictures.parent / "other"
    other.mkdir()
    (other / "out.png").write_bytes(PNG + b"x")
    assert copying.rename("../other/out.png").text == "../images/s/out-2.png"
    assert (pictures / "images/s/out-2.png").read_bytes() == PNG + b"x"
    assert (
        copying.rename("../secret.txt").problem == "files outside the project that are no pictures"
    )
    assert names_in(pictures / "images" / "s") == ["out-2.png", "out.png"]


def test_names_are_relative_with_slashes(pictures):
    assert relative_name(pictures / "images/in.png", pictures / "a" / "b") == "../../images/in.png"
    assert find_picture("in.png", (pictures, pictures / "images")) == pictures / "images/in.png"


# a new project


def test_a_new_project_has_everything_and_is_readable(tmp_path):
    made = create_project(tmp_path / "new")
    assert made.made == (
        "prompts/", "images/", "templates/", "renders/", ".gitignore", "prompts/example.csv",
        "ovi.toml",
    )  # fmt: skip
    assert made.kept == ()
    assert len(read_prompt_set(tmp_path / "new/prompts/example.csv")) == 2


def test_a_project_that_is_there_is_left_as_it_is(tmp_path):
    (tmp_path / "ovi.toml").write_text("# mine")
    (tmp_path / "prompts").mkdir()
    (tmp_path / "prompts" / "mine.csv").write_text("text_prompt\nA\n")
    made = create_project(tmp_path)
    assert made.made == ("images/", "templates/", "renders/", ".gitignore")
    assert made.kept == ("prompts/", "ovi.toml")
    assert (tmp_path / "ovi.toml").read_text() == "# mine"
    assert names_in(tmp_path / "prompts") == ["mine.csv"]
    assert create_project(tmp_path).made == ()


def test_a_project_cannot_be_made_in_a_file(tmp_path):
    (tmp_path / "f").write_text("")
    for place in (tmp_path / "f", tmp_path / "f" / "g"):
        with pytest.raises(UsageError):
            create_project(place)
