"""`ovi rows` puts rows in order and leaves the bytes of the others."""

import pytest

from .projects import run


@pytest.fixture
def project(tmp_path):
    (tmp_path / "ovi.toml").write_text("")
    (tmp_path / "prompts").mkdir()
    (tmp_path / "prompts" / "a.csv").write_bytes(
        b'id,text_prompt,note\r\nrain,"One, two.",3\r\n7,B,\r\nsnow,C,1\r\n'
    )
    return tmp_path


def lines(project):
    return (project / "prompts" / "a.csv").read_bytes().decode().split("\r\n")[1:-1]


@pytest.mark.parametrize(
    ("arguments", "said", "expected"),
    [
        (["duplicate", "a", "rain", "7"], "2 rows duplicated: rain-2, 8.",
         ['rain,"One, two.",3', 'rain-2,"One, two.",3', "7,B,", "8,B,", "snow,C,1"]),
        (["move", "a", "snow", "--to", "1"], "1 row moved: snow.",
         ["snow,C,1", 'rain,"One, two.",3', "7,B,"]),
        (["move", "a", "rain", "--down", "1"], "1 row moved: rain.",
         ["7,B,", 'rain,"One, two.",3', "snow,C,1"]),
        (["sort", "a", "--by", "note"], "3 rows sorted.",
         ["snow,C,1", 'rain,"One, two.",3', "7,B,"]),
        (["delete", "a", "7", "snow", "--yes"], "2 rows deleted.", ['rain,"One, two.",3']),
        (["set", "a", "rain-snow", "--set", "seed=7"], "3 rows changed: rain, 7, snow.",
         ['rain,"One, two.",3,7', "7,B,,7", "snow,C,1,7"]),
    ],
)  # fmt: skip
def test_rows_are_arranged(project, arguments, said, expected):
    ended = run("rows", *arguments, folder=project)
    assert (ended.returncode, ended.stderr) == (0, f"prompts/a.csv: {said}\n")
    assert lines(project) == expected


def test_deleting_asks(project):
    before = lines(project)
    ended = run("rows", "delete", "a", "all", folder=project, stdin="n\n")
    assert "Delete 3 rows of a.csv?" in ended.stderr
    assert ended.returncode == 1
    assert lines(project) == before


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["delete", "a", "hail", "--yes"], "no row 'hail'. It has rain to snow."),
        (["move", "a", "7"], "one of --to N, --up N and --down N"),
        (["sort", "a", "--by", "size"], "no column 'size' to sort by"),
        (["set", "a", "7", "--set", "sede=7"], "Did you mean seed?"),
        (["duplicate", "b", "7"], "There is no set 'b'"),
    ],
)
def test_what_cannot_be_done_is_said_and_changes_nothing(project, arguments, said):
    before = lines(project)
    ended = run("rows", *arguments, folder=project)
    assert ended.returncode == 2
    assert said in ended.stderr
    assert lines(project) == before
