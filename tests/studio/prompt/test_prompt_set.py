"""Rows that come from no file stand on their own."""

from pathlib import Path

from ovi_studio.prompt.prompt_set import PromptRow, PromptSet


def test_a_row_without_a_file_has_its_place_in_the_text():
    row = PromptRow("1", 1, "one\ntwo")
    assert row.place(offset=0) == (1, 1)
    assert row.place(offset=2) == (1, 3)
    assert row.place(offset=4) == (2, 1)
    assert (row.image_path, row.ignore, row.num_cells) == ("", (), 1)


def test_a_set_is_its_rows():
    rows = (PromptRow("a", 2, "A"), PromptRow("b", 3, "B"))
    prompts = PromptSet(Path("x.csv"), ("text_prompt",), rows)
    assert (list(prompts), len(prompts)) == (list(rows), 2)
