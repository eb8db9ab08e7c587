"""Prompt files are read with stable ids, and changed without losing a byte or another's change."""

import os
import stat
import tracemalloc
from pathlib import Path

import pytest

from ovi_studio.errors import PromptFileError
from ovi_studio.project import prompt_file
from ovi_studio.project.prompt_file import (
    FileChangedError,
    add_column,
    append_rows,
    file_version,
    iter_rows,
    read_header,
    read_prompt_set,
    rename_column,
    save_edits,
)

FIXTURES = Path(__file__).parents[2] / "fixtures" / "csv"


def make(folder, data, name="set.csv"):
    path = folder / name
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return path


def shared(left, right):
    """How many bytes the two begin with alike."""
    pairs = zip(left, right, strict=False)
    return next((n for n, (a, b) in enumerate(pairs) if a != b), min(len(left), len(right)))


def save(path, edits):
    return save_edits(path, edits, file_version(path))


# reading


def test_rows_have_text_values_lines_and_numbers(tmp_path):
    path = make(tmp_path, 'text_prompt,image_path,mood\n"A\ndog",a.png,\n\nA cat, b.png \n')
    prompts = read_prompt_set(path)
    assert prompts.columns == ("text_prompt", "image_path", "mood")
    assert [(r.id, r.line, r.text, r.image_path) for r in prompts] == [
        ("1", 2, "A\ndog", "a.png"),
        ("2", 5, "A cat", "b.png"),
    ]
    assert prompts.rows[1].values == {"text_prompt": "A cat", "image_path": " b.png ", "mood": ""}
    assert prompts.rows[1].num_cells == 2
    assert prompts.version == file_version(path)
    assert list(iter_rows(path)) == list(prompts.rows)


def test_the_id_column_names_rows_and_an_empty_id_is_the_number(tmp_path):
    path = make(tmp_path, "id,text_prompt,ignore\nintro,A,\n ,B,P1 no-speech\nend,C,\n")
    rows = read_prompt_set(path).rows
    assert [row.id for row in rows] == ["intro", "2", "end"]
    assert rows[1].ignore == ("P1", "no-speech")


@pytest.mark.parametrize("ids", [("a", "b", "a"), ("2", "")])
def test_two_rows_of_one_id_are_refused(tmp_path, ids):
    path = make(tmp_path, "id,text_prompt\n" + "".join(f"{i},A dog\n" for i in ids))
    with pytest.raises(PromptFileError, match=rf"line {len(ids) + 1}: the id '{ids[0]}'"):
        read_prompt_set(path)


@pytest.mark.parametrize(("header", "near"), [
    ("Text_Prompt,seed", "Text_Prompt"),
    ("seed,prompt", "prompt"),
    ("text", "text"),
    ("text prompt ,text", "text prompt "),
    ("text_promt", "text_promt"),
])  # fmt: skip
def test_a_near_miss_of_the_column_is_offered(tmp_path, header, near):
    path = make(tmp_path, header + "\nA,1\n")
    with pytest.raises(PromptFileError) as caught:
        read_prompt_set(path)
    message = str(caught.value)
    assert f"Did you mean {near!r}" in message
    assert all(name in message for name in header.split(","))
    assert not read_header(path).has_text_column
    assert read_header(path).near_columns[0] == near


@pytest.mark.parametrize(("data", "words"), [
    (b"", "is empty"),
    (b"\n\r\n", "is empty"),
    (b"\xef\xbb\xbf", "is empty"),
    (b"colour,shape\n", "no column 'text_prompt'. It has: colour, shape. Add it."),
    pytest.param(b"z" * 5000, r"It has: z{300} …\. Add it", id="a long header"),
    (b"text_prompt,text_prompt\n", "more than one column 'text_prompt'"),
    (b"text_prompt\nok\ncaf\xe9\n", "line 3, column 1: .* no UTF-8 text"),
])  # fmt: skip
def test_unusable_files_are_refused_with_the_reason(tmp_path, data, words):
    with pytest.raises(PromptFileError, match=words):
        read_prompt_set(make(tmp_path, data))


def test_missing_files_and_folders_are_refused(tmp_path):
    for path in (tmp_path / "none.csv", tmp_path):
        with pytest.raises(PromptFileError, match="cannot be read"):
            read_prompt_set(path)


def test_a_file_that_is_no_text_can_still_be_looked_at():
    rows = list(iter_rows(FIXTURES / "latin1_bytes.csv"))
    assert [row.text for row in rows] == ["caf\udce9 terrace", "fine"]


@pytest.mark.parametrize(("name", "texts"), [
    ("utf16le_bom.csv", ["Ein Mädchen lächelt, 🎬"]),
    ("utf16be_bom.csv", ["日本語の文"]),
    ("mixed_newlines_no_last.csv", ["first\nsecond\r\nthird", "plain", "last, unended"]),
    ("semicolon_lone_quotes.csv", ['A 5" screen glows', "Café, at dusk"]),
    ("tabs.tsv", ["A man, a plan; a|b", "tab\tinside"]),
    ("pipe_ragged_blank.csv", ["one", "two", "", "   "]),
    ("old_mac.csv", ["A dog", "A cat"]),
    ("nul_bytes.csv", ["A dog\0runs"]),
    ("unknown_columns.csv", ["A dog"]),
])  # fmt: skip
def test_odd_files_are_read(name, texts):
    assert [row.text for row in read_prompt_set(FIXTURES / name)] == texts


def test_blank_lines_are_told_and_count_as_no_rows():
    blank = []
    rows = list(iter_rows(FIXTURES / "pipe_ragged_blank.csv", on_blank_line=blank.append))
    assert blank == [2, 4]
    assert [(row.id, row.line, row.num_cells) for row in rows][:2] == [("1", 3, 2), ("2", 5, 5)]


def test_a_place_in_a_row_is_its_place_in_the_file(tmp_path):
    path = make(tmp_path, '\ufefftext_prompt,x\n"say ""a""\nb",c\nd\n')
    first, second = read_prompt_set(path)
    assert first.place(offset=first.text.index("b")) == (3, 1)
    assert first.place(offset=first.text.index("a", 3)) == (2, 8)
    assert first.place("x") == (3, 4)
    assert second.place("x") == (4, 1)


def test_a_long_file_is_read_row_by_row(tmp_path):
    path = tmp_path / "long.csv"
    with path.open("w") as file:
        file.write("text_prompt,seed\n")
        file.writelines(f'"A prompt, number {n}: {"word " * 20}",{n}\n' for n in range(60_000))
    tracemalloc.start()
    count = sum(1 for _ in iter_rows(path))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert count == 60_000
    assert peak < 4_000_000 < path.stat().st_size


# writing


@pytest.mark.parametrize("path", sorted(FIXTURES.iterdir()), ids=lambda path: path.name)
def test_saving_nothing_changes_no_byte(tmp_path, path):
    copy = make(tmp_path, path.read_bytes(), path.name)
    before = file_version(copy)
    assert save(copy, {}) == before == file_version(copy)
    assert copy.read_bytes() == path.read_bytes()


@pytest.mark.parametrize("path", sorted(FIXTURES.iterdir()), ids=lambda path: path.name)
def test_changing_one_cell_changes_its_bytes_alone(tmp_path, path):
    copy = make(tmp_path, path.read_bytes(), path.name)
    rows = list(iter_rows(copy))
    version = save(copy, {rows[0].id: {"text_prompt": "A new prompt"}})
    assert version == file_version(copy)
    old, new = path.read_bytes(), copy.read_bytes()
    same_head, same_tail = shared(old, new), shared(old[::-1], new[::-1])
    codec = read_header(copy).format.encoding
    assert len(old) - same_head - same_tail <= len(rows[0].text.encode(codec, "replace")) + 8
    after = list(iter_rows(copy))
    assert after[0].text == "A new prompt"
    assert [row.values for row in after[1:]] == [row.values for row in rows[1:]]


def test_changed_cells_keep_the_habit_of_the_file(tmp_path):
    data = b'\xef\xbb\xbfid;text_prompt;seed\r\na;"A ""b""";1\r\n"b"; C d ;2'
    path = make(tmp_path, data)
    save(path, {"b": {"text_prompt": "E; f", "seed": "3"}, "a": {"text_prompt": "Ä"}})
    assert path.read_bytes() == (
        b'\xef\xbb\xbfid;text_prompt;seed\r\na;"\xc3\x84";1\r\n"b";"E; f";3'
    )


def test_a_cell_that_a_row_lacks_is_added(tmp_path):
    path = make(tmp_path, "text_prompt,seed,ignore\nA dog\nA cat,2\n")
    save(path, {"1": {"ignore": "P1"}})
    assert path.read_bytes() == b"text_prompt,seed,ignore\nA dog,,P1\nA cat,2\n"


def test_an_emptied_only_cell_stays_a_row(tmp_path):
    path = make(tmp_path, "text_prompt\nA\nB\n")
    save(path, {"1": {"text_prompt": ""}})
    assert path.read_bytes() == b'text_prompt\n""\nB\n'


@pytest.mark.parametrize(("edits", "words"), [
    ({"9": {"text_prompt": "x"}}, "no row '9'"),
    ({"1": {"text": "x"}}, "no column 'text'"),
    ({"1": {"id": "2"}}, "two rows with the id '2'"),
    ({"1": {"text_prompt": "\ud800"}}, "no character"),
])  # fmt: skip
def test_impossible_edits_change_nothing(tmp_path, edits, words):
    data = b"id,text_prompt\n,A\n,B\n"
    path = make(tmp_path, data)
    with pytest.raises(PromptFileError, match=words):
        save(path, edits)
    assert path.read_bytes() == data
    assert [p.name for p in tmp_path.iterdir()] == ["set.csv"]


def test_a_change_by_someone_else_is_not_overwritten(tmp_path):
    path = make(tmp_path, "text_prompt\nA\n")
    version = file_version(path)
    path.write_text("text_prompt\nB\n")
    with pytest.raises(FileChangedError, match="changed by someone else"):
        save_edits(path, {"1": {"text_prompt": "C"}}, version)
    assert path.read_text() == "text_prompt\nB\n"


def test_a_change_while_writing_is_not_overwritten(tmp_path, monkeypatch):
    """An editor heeds no lock: it may write after the version was compared."""
    path = make(tmp_path, "text_prompt\nA\n")
    version = file_version(path)
    original_detect = prompt_file.detect_file_format

    def change_first(target, stream):
        path.write_text("text_prompt\nX\n")
        os.utime(path, ns=(1, 1))
        return original_detect(target, stream)

    monkeypatch.setattr(prompt_file, "detect_file_format", change_first)
    with pytest.raises(FileChangedError):
        save_edits(path, {"1": {"text_prompt": "C"}}, version)
    assert path.read_text() == "text_prompt\nX\n"


def test_links_are_followed_and_permissions_kept(tmp_path):
    path = make(tmp_path, "text_prompt\nA\n")
    path.chmod(0o640)
    link = tmp_path / "link.csv"
    link.symlink_to(path)
    save(link, {"1": {"text_prompt": "B"}})
    assert link.is_symlink()
    assert path.read_text() == "text_prompt\nB\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_a_write_protected_file_is_left_alone(tmp_path, monkeypatch):
    """Its folder may allow a replacement all the same. `access` lets the test run as root."""
    path = make(tmp_path.resolve(), "text_prompt\nA\n")
    monkeypatch.setattr(os, "access", lambda target, mode: (target, mode) != (path, os.W_OK))
    with pytest.raises(PromptFileError, match="write-protected"):
        save(path, {"1": {"text_prompt": "B"}})


def test_rows_are_appended_in_the_way_of_the_last_one(tmp_path):
    path = make(tmp_path, 'id;text_prompt;seed\r\n"a";"A";1')
    append_rows(path, [{"id": "b", "text_prompt": "B"}, {"text_prompt": "C"}], file_version(path))
    assert path.read_bytes() == (b'id;text_prompt;seed\r\n"a";"A";1\r\n"b";"B";\r\n"";"C";\r\n')
    with pytest.raises(PromptFileError, match="id 'a'"):
        append_rows(path, [{"id": "a"}], file_version(path))


def test_appending_after_an_unclosed_quote_closes_it(tmp_path):
    path = make(tmp_path, 'text_prompt,x\n"open, ""5\n6')
    before = read_prompt_set(path).rows[0].text
    append_rows(path, [{"text_prompt": "next"}], file_version(path))
    assert [row.text for row in read_prompt_set(path)] == [before, "next"]


def test_columns_are_added_and_renamed_in_the_header_alone(tmp_path):
    path = make(tmp_path, '"prompt",seed\nA dog,1\n')
    rename_column(path, "prompt", "text_prompt", file_version(path))
    add_column(path, "ignore", file_version(path))
    assert path.read_bytes() == b'"text_prompt",seed,ignore\nA dog,1\n'
    save(path, {"1": {"ignore": "P1"}})
    assert path.read_bytes() == b'"text_prompt",seed,ignore\nA dog,1,P1\n'
