"""Rows are put in order without touching a byte of the others, and all of it can be undone."""

import csv
import io
import random

import pytest

from ovi_studio.actions import arranging
from ovi_studio.errors import PromptFileError, UsageError
from ovi_studio.project.prompt_file import FileChangedError, read_prompt_set
from ovi_studio.project.set_document import read_document, save_document

ODD = (
    b'\nid,text_prompt,n\r\n\r\na,"one, ""1""",3\r\nb,two,\r\n\r\n\n'
    b'c,\xfftres,10,extra\rd,"vier\nfuenf",x'
)


def written(tmp_path, data=b"text_prompt\nA\nB\nC\nD\nE\n", name="set.csv"):
    path = tmp_path / name
    path.write_bytes(data)
    return path


def texts(document):
    return [document.text(index) for index in range(len(document))]


@pytest.mark.parametrize(
    "data",
    [
        ODD,
        b"\xef\xbb\xbftext_prompt;id\r\nA;1",
        "text_prompt\tid\nÄ\t1\n".encode("utf-16"),
        b"text_prompt",
        b"text_prompt\n\n\n",
        b'text_prompt\nA\n"open',
    ],
)
def test_what_is_read_is_written_byte_for_byte(tmp_path, data):
    path = written(tmp_path, data)
    document = read_document(path)
    assert b"".join(document.pieces()) == data or not len(document)
    assert save_document(document).version == read_document(path).version


def test_rows_are_what_everybody_else_reads(tmp_path):
    path = written(tmp_path, ODD.replace(b"\xff", b""))
    document = read_document(path)
    assert [document.row(index) for index in range(4)] == list(read_prompt_set(path).rows)
    assert document.index_of("c") == 2
    assert document.index_of("z") is None


def test_duplicates_stand_below_their_rows_with_ids_of_their_own(tmp_path):
    path = written(tmp_path, b"id,text_prompt\nrain,A\nrain-2,B\n7,C\n8,D\n")
    arranged = arranging.duplicate_rows(read_document(path), [0, 2])
    assert texts(arranged.document) == ["A", "A", "B", "C", "C", "D"]
    ids = [arranged.document.row_id(index) for index in range(6)]
    assert ids == ["rain", "rain-3", "rain-2", "7", "9", "8"]
    assert arranged.rows == (1, 4)


@pytest.mark.parametrize(
    ("rows", "offset", "expected", "places"),
    [
        ([2], -1, "ACBDE", (1,)),
        ([2], 1, "ABDCE", (3,)),
        ([0, 1], -1, "ABCDE", (0, 1)),
        ([1, 3], -2, "BDACE", (0, 1)),
        ([1, 3], 9, "ACEBD", (3, 4)),
        ([0], 2, "BCADE", (2,)),
    ],
)
def test_rows_move_and_stop_at_the_end(tmp_path, rows, offset, expected, places):
    arranged = arranging.move_rows(read_document(written(tmp_path)), rows, offset)
    assert "".join(texts(arranged.document)) == expected
    assert arranged.rows == places


@pytest.mark.parametrize(
    ("rows", "place", "expected"), [([3, 0], 1, "BADCE"), ([1], 99, "ACDEB"), ([4], -3, "EABCD")]
)
def test_rows_are_brought_to_a_place(tmp_path, rows, place, expected):
    arranged = arranging.move_rows_to(read_document(written(tmp_path)), rows, place)
    assert "".join(texts(arranged.document)) == expected


def test_sorting_puts_numbers_first_and_empty_cells_last(tmp_path):
    path = written(tmp_path, b"text_prompt,n\na,10\nb,\nc,x\nd,9\ne,nan\n")
    document = read_document(path)
    assert "".join(texts(arranging.sort_rows(document, "n").document)) == "daecb"
    falling = arranging.sort_rows(document, "n", descending=True).document
    assert "".join(texts(falling)) == "cead" + "b"


def test_some_rows_are_sorted_among_their_places(tmp_path):
    path = written(tmp_path, b"text_prompt\nd\na b c\nc\na\n")
    arranged = arranging.sort_rows(read_document(path), "text_prompt", rows=[0, 2, 3])
    assert texts(arranged.document) == ["a", "a b c", "c", "d"]
    by_words = arranging.sort_rows(read_document(path), "words", descending=True)
    assert texts(by_words.document) == ["a b c", "d", "c", "a"]
    with pytest.raises(UsageError, match="no column 'size'"):
        arranging.sort_rows(read_document(path), "size")


def test_a_changed_cell_leaves_every_other_byte(tmp_path):
    data = b'text_prompt,image\r\nA,"x"\r\n"B",y\r\nC\r\n'
    path = written(tmp_path, data)
    arranged = arranging.replace_cells(read_document(path), {1: {"text_prompt": 'a, "b"'}})
    save_document(arranged.document)
    assert path.read_bytes() == data.replace(b'"B"', b'"a, ""b"""')


def test_a_column_that_is_missing_is_added(tmp_path):
    path = written(tmp_path, b"\ntext_prompt\nA\nB\n")
    arranged = arranging.replace_cells(read_document(path), {1: {"seed": "7"}})
    save_document(arranged.document)
    assert path.read_bytes() == b"\ntext_prompt,seed\nA,\nB,7\n"  # each row has every column
    assert arranged.document.row(1).values == {"text_prompt": "B", "seed": "7"}


def test_a_cell_too_many_is_not_lost_to_a_new_column(tmp_path):
    path = written(tmp_path, b"text_prompt\nA,more\nB\n")
    arranged = arranging.replace_cells(read_document(path), {1: {"seed": "7"}})
    save_document(arranged.document)
    assert path.read_bytes() == b"text_prompt,seed\nA,more\nB,7\n"


def test_new_rows_go_anywhere(tmp_path):
    path = written(tmp_path, b'id,text_prompt\nx,"A"\ny,B')
    document = read_document(path)
    for place in (0, 1, 2):
        document = arranging.insert_row(document, place, {"text_prompt": str(place)}).document
    save_document(document)
    rows = list(csv.reader(io.StringIO(path.read_text())))
    assert rows[1:] == [["x-2", "0"], ["x-3", "1"], ["x-4", "2"], ["x", "A"], ["y", "B"]]


def test_a_set_without_rows_gets_its_first(tmp_path):
    path = written(tmp_path, b"text_prompt,n")
    save_document(arranging.insert_row(read_document(path), 0, {"text_prompt": "A"}).document)
    assert path.read_bytes() == b"text_prompt,n\nA,\n"


def test_going_back_to_the_value_before_restores_the_file(tmp_path):
    data = ODD
    path = written(tmp_path, data)
    rng = random.Random(5)
    document = first = read_document(path)
    for _ in range(40):
        rows = rng.sample(range(len(document)), min(2, len(document)))
        change = rng.choice(
            [
                lambda d, r: arranging.move_rows(d, r, rng.choice([-2, 1])),
                arranging.duplicate_rows,
                lambda d, _: arranging.sort_rows(d, "n"),
                lambda d, r: arranging.delete_rows(d, r[:1]) if len(d) > 3 else d,
            ]
        )
        arranged = change(document, rows)
        document = save_document(getattr(arranged, "document", arranged))
        assert texts(read_document(path)) == texts(document)
    save_document(document.with_rows(first.rows))
    assert path.read_bytes() == data


def test_two_rows_never_get_one_id(tmp_path):
    path = written(tmp_path, b"id,text_prompt\n,A\n,B\n3,C\n")
    with pytest.raises(PromptFileError, match="two rows with the id '3'"):
        arranging.duplicate_rows(read_document(path), [0])


def test_a_change_of_somebody_else_is_never_overwritten(tmp_path):
    path = written(tmp_path)
    document = arranging.delete_rows(read_document(path), [0]).document
    path.write_bytes(b"text_prompt\nOthers\n")
    with pytest.raises(FileChangedError):
        save_document(document)
    assert path.read_bytes() == b"text_prompt\nOthers\n"


def test_rows_are_named_by_id_and_range(tmp_path):
    path = written(tmp_path, b"id,text_prompt\na-1,A\na-2,B\n,C\n9,D\n")
    document = read_document(path)
    assert arranging.find_rows(document, ["9", "a-1"]) == [3, 0]
    assert arranging.find_rows(document, ["a-1-3"]) == [0, 1, 2]
    assert arranging.find_rows(document, ["all", "9"]) == [0, 1, 2, 3]
    with pytest.raises(UsageError, match="no row '4'"):
        arranging.find_rows(document, ["4"])


def test_text_that_no_file_can_hold_is_refused(tmp_path):
    path = written(tmp_path)
    before = path.read_bytes()
    document = arranging.replace_cells(read_document(path), {0: {"text_prompt": "\ud800"}}).document
    with pytest.raises(PromptFileError, match="row 1"):
        save_document(document)
    assert path.read_bytes() == before
