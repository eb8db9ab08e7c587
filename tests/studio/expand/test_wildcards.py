import pytest

from ovi_studio.expand.errors import ExpansionError
from ovi_studio.expand.grammar import read_pattern
from ovi_studio.expand.matrix import all_texts
from ovi_studio.expand.wildcards import Wildcards


@pytest.fixture
def folder(tmp_path):
    project = tmp_path / "wildcards"
    project.mkdir()
    return project


def texts(pattern, *folders):
    return list(all_texts(read_pattern(pattern, Wildcards(folders))))


def test_entries_are_lines_without_comments(folder):
    text = "\ufeff# colours\r\nred\r\n\r\n  3::blue  \r\n\\#ff\r\n{a|b} c"
    (folder / "colour.txt").write_text(text, encoding="utf-8", newline="")
    assert texts("a __colour__.", folder) == ["a red.", "a blue.", "a #ff.", "a a c.", "a b c."]
    wildcards = Wildcards([folder])
    assert [option.weight for option in wildcards.options("colour", 1)] == [1, 3, 1, 1]


def test_wildcards_hold_wildcards_and_lie_in_folders(folder):
    (folder / "people").mkdir()
    (folder / "people" / "young.txt").write_text("a boy\na girl")
    (folder / "who.txt").write_text("__people/young__ in __colour__\nnobody")
    (folder / "colour.txt").write_text("red\nblue")
    assert texts("__who__", folder) == [
        "a boy in red",
        "a boy in blue",
        "a girl in red",
        "a girl in blue",
        "nobody",
    ]


def test_a_star_gathers_files(folder):
    (folder / "light-cold.txt").write_text("moon")
    (folder / "light-warm.txt").write_text("fire")
    (folder / "other.txt").write_text("x")
    assert texts("__light*__", folder) == ["moon", "fire"]
    with pytest.raises(ExpansionError, match=r"no wildcard file z\*.txt"):
        texts("__z*__", folder)


def test_the_first_folder_wins(folder, tmp_path):
    other = tmp_path / "shipped"
    other.mkdir()
    (other / "colour.txt").write_text("grey")
    (other / "weather.txt").write_text("rain")
    (folder / "colour.txt").write_text("red")
    assert texts("__colour__ __weather__", folder, other) == ["red rain"]
    assert Wildcards([folder, other]).names() == ["colour", "weather"]


def test_a_circle_is_named(folder):
    (folder / "a.txt").write_text("x\n__b__")
    (folder / "b.txt").write_text("{y|__c__}")
    (folder / "c.txt").write_text("__b__")
    with pytest.raises(ExpansionError, match="go in a circle: b -> c -> b"):
        texts("__a__", folder)


def test_an_unknown_name_offers_the_nearest(folder):
    (folder / "colours.txt").write_text("red")
    with pytest.raises(ExpansionError, match="Did you mean __colours__"):
        texts("__colour__", folder)


@pytest.mark.parametrize("name", ["../secret", "a/../../secret", "/etc/hosts", "a//b", "./a"])
def test_names_that_could_lead_out_are_refused(folder, name):
    (folder.parent / "secret.txt").write_text("secret")
    with pytest.raises(ExpansionError, match="no name for a wildcard"):
        texts(f"__{name}__", folder)


def test_links_that_lead_out_are_refused(folder):
    (folder.parent / "secret.txt").write_text("secret")
    (folder / "w.txt").symlink_to(folder.parent / "secret.txt")
    with pytest.raises(ExpansionError, match="leads out of"):
        texts("__w__", folder)


def test_a_mistake_in_a_file_names_its_line(folder):
    (folder / "w.txt").write_text("fine\n# note\n{broken\n")
    with pytest.raises(ExpansionError, match=r"w.txt, line 3: .*never closed"):
        texts("__w__", folder)


def test_files_that_hold_nothing_or_no_text_are_refused(folder):
    (folder / "empty.txt").write_text("# only a comment\n")
    (folder / "bytes.txt").write_bytes(b"\xff\xfe\xff")
    with pytest.raises(ExpansionError, match="holds no entry"):
        texts("__empty__", folder)
    with pytest.raises(ExpansionError, match="cannot be read"):
        texts("__bytes__", folder)
