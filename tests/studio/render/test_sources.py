"""A text is a prompt, a file name is a file, and one is never taken for the other."""

import pytest

from ovi_studio.errors import UsageError
from ovi_studio.render.sources import read_prompts


def test_prompts_and_files_keep_their_order_and_names(tmp_path):
    (tmp_path / "day one.csv").write_text("text_prompt,seed\na cat,1\na dog,2\n")
    found = read_prompts(["a fox", "day one.csv", "an owl"], tmp_path).prompts
    assert [(p.source.set_name, p.source.row_id, p.text) for p in found] == [
        ("prompt", "1", "a fox"), ("day one", "1", "a cat"), ("day one", "2", "a dog"),
        ("prompt", "2", "an owl"),
    ]  # fmt: skip
    assert found[2].cells["seed"] == "2"
    assert found[2].place == "day one.csv, line 3 (row 2)"


@pytest.mark.parametrize(
    "text",
    [
        "A cat and/or a dog",
        "At 5.30 a train arrives.",
        "<S>Hello<E> Audio: wind/rain outside",
        "word",
        "ends with a dot.",
        "a\nb.csv",
        "x" * 5000,
        "A man reads data.csv aloud.",
    ],
)
def test_texts_are_prompts(tmp_path, text):
    (found,) = read_prompts([text], tmp_path).prompts
    assert found.text == text


@pytest.mark.parametrize(
    "name", ["none.csv", "NONE.CSV", "a b.tsv", "prompts/none", "note.txt", "x.yaml", "C:\\x"]
)
def test_a_file_name_that_does_not_exist_is_an_error_and_no_prompt(tmp_path, name):
    with pytest.raises(UsageError, match="There is no file"):
        read_prompts([name], tmp_path)


def test_files_that_are_no_prompt_sets_are_named(tmp_path):
    (tmp_path / "notes").write_text("x")
    (tmp_path / "some.yaml").write_text("x: 1")
    (tmp_path / "folder").mkdir()
    (tmp_path / "empty.csv").write_text("text_prompt\n")
    for name, said in (
        ("notes", "not a .csv or .tsv"),
        ("some.yaml", "behind --config"),
        ("folder", "is a folder"),
        ("empty.csv", "no rows"),
    ):
        with pytest.raises(UsageError, match=said):
            read_prompts([name], tmp_path)


@pytest.mark.parametrize("text", ["", "  ", "\n"])
def test_an_empty_prompt_is_an_error(tmp_path, text):
    with pytest.raises(UsageError, match="prompt is empty"):
        read_prompts([text], tmp_path)


def test_sets_and_rows_of_the_project_go_by_their_names(tmp_path):
    (tmp_path / "ovi.toml").write_text("schema = 1\n")
    (tmp_path / "prompts").mkdir()
    (tmp_path / "prompts" / "people.csv").write_text("text_prompt\na cat\na dog\n")
    inside = tmp_path / "images"
    inside.mkdir()
    for folder in (tmp_path, inside):
        assert [p.text for p in read_prompts(["people"], folder).prompts] == ["a cat", "a dog"]
        (row,) = read_prompts(["people:2"], folder).prompts
        assert (row.text, row.source.set_name, row.source.row_id) == ("a dog", "people", "2")
    assert read_prompts(["people laugh"], tmp_path).prompts[0].text == "people laugh"
    with pytest.raises(UsageError, match=r"no row '3'\. It has 1 to 2"):
        read_prompts(["people:3"], tmp_path)
    with pytest.raises(UsageError, match=r"Did you mean people.* more than one word"):
        read_prompts(["poeple"], tmp_path)
