"""The delimited layer loses no byte and reads what `csv.reader` reads."""

import csv
import io
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ovi_studio.project import delimited
from ovi_studio.project.delimited import (
    DELIMITERS,
    Cell,
    FileFormat,
    count_newlines,
    detect_format,
    has_undecodable,
    iter_records,
    write_cell,
)

FIXTURES = Path(__file__).parents[2] / "fixtures" / "csv"


def read(data, form=None, **named):
    form = form or detect_format(data, len(data), **named)
    return form, list(iter_records(io.BytesIO(data), form))


def written(form, records):
    return form.bom + b"".join(form.encode(record.raw) for record in records)


def values(records):
    return [[cell.value for cell in record.cells] for record in records]


csv_bytes = st.lists(
    st.sampled_from(
        [b",", b";", b"\t", b"|", b'"', b'""', b"\n", b"\r", b"\r\n", b"a", b" ", b"\0"]
    )
    | st.binary(max_size=4),
    max_size=30,
).map(b"".join)
heads = st.sampled_from([b"", b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff", b"t\0e\0", b"\0t\0e"])
chunk_sizes = st.sampled_from([1, 2, 3, 7, 1 << 18])


@settings(max_examples=500)
@given(heads, csv_bytes, chunk_sizes)
def test_records_joined_are_the_file(head, body, chunk):
    data = head + body
    form = detect_format(data, len(data))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(delimited, "CHUNK_BYTES", chunk)
        records = list(iter_records(io.BytesIO(data), form))
    assert written(form, records) == data
    assert all(record.ending for record in records[:-1])
    assert records == list(iter_records(io.BytesIO(data), form))  # wherever the chunks end


@settings(max_examples=300)
@given(st.text(st.sampled_from('ab,;"\t|\n\r é'), max_size=60), st.sampled_from(DELIMITERS))
def test_any_text_reads_as_csv_reader_reads_it(text, delimiter):
    expected = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))
    _, records = read(text.encode(), FileFormat(delimiter=delimiter))
    assert values(records) == expected


tables = st.lists(st.lists(st.text(max_size=8), min_size=1, max_size=4), max_size=5)


@settings(max_examples=300)
@given(
    tables,
    st.sampled_from(DELIMITERS),
    st.sampled_from(["\n", "\r\n", "\r"]),
    st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL, csv.QUOTE_NONNUMERIC]),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16-le", "utf-16-be"]),
)
def test_tables_of_any_dialect_are_read_back(table, delimiter, ending, quoting, encoding):
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=delimiter, lineterminator=ending, quoting=quoting).writerows(table)
    data = text.getvalue().encode(encoding, "surrogatepass" if "16" in encoding else "strict")
    bom = b"\xef\xbb\xbf" if encoding == "utf-8-sig" else b""
    form = FileFormat(encoding.removesuffix("-sig"), bom, delimiter)
    expected = list(csv.reader(io.StringIO(text.getvalue(), newline=""), delimiter=delimiter))
    assert values(read(data, form)[1]) == expected


@settings(max_examples=300)
@given(csv_bytes, st.integers(0, 4), st.integers(0, 4), st.text(max_size=8))
def test_changing_a_cell_changes_that_cell_alone(body, row, column, value):
    form, records = read(body)
    if not records:
        return
    record = records[row % len(records)]
    changed = record.with_values({column: value})
    expected = [cell.value for cell in record.cells]
    expected += [""] * (column + 1 - len(expected))
    expected[column] = value
    index = records.index(record)
    again = read(written(form, [*records[:index], changed, *records[index + 1 :]]), form)[1]
    assert values(again) == [*values(records[:index]), expected, *values(records[index + 1 :])]


def test_untouched_cells_of_a_changed_record_keep_their_quotes():
    (record,) = read(b'"a", b "x" ,"c ""d""",e\r\n', FileFormat())[1]
    assert record.with_values({3: "f"}).raw == '"a", b "x" ,"c ""d""",f\r\n'
    assert record.with_values({0: "A"}).raw == '"A", b "x" ,"c ""d""",e\r\n'


@pytest.mark.parametrize(("before", "value", "raw"), [
    ("a", "b", "b"),
    ('"a"', "b", '"b"'),
    ("a", "b, c", '"b, c"'),
    ("a", "b\nc", '"b\nc"'),
    ("a", 'b "c"', '"b ""c"""'),
    ('5" wide', '6" wide', '6" wide'),
    ("a", '"b', '"""b"'),
    ("a", " b ", " b "),
    ('"a"', "a", '"a"'),
])  # fmt: skip
def test_changed_cells_follow_the_habit_of_the_cell(before, value, raw):
    (record,) = read(before.encode(), FileFormat())[1]
    assert write_cell(value, record.cells[0], ",").raw == raw


@pytest.mark.parametrize(("data", "name", "expected"), [
    (b"text_prompt,seed\n", "", ("utf-8", b"", ",")),
    (b"\xef\xbb\xbftext_prompt;seed\n", "", ("utf-8", b"\xef\xbb\xbf", ";")),
    (b"text_prompt\tseed\n", "", ("utf-8", b"", "\t")),
    (b"id|text_prompt|a, b\n", "", ("utf-8", b"", "|")),
    (b'"a,b,c";text_prompt\n', "", ("utf-8", b"", ";")),
    (b"text_prompt\nA man, a plan; a|b\n", "", ("utf-8", b"", ",")),
    (b"text_prompt,x\n", "set.TSV", ("utf-8", b"", "\t")),
    (b"a;b;c\n", "", ("utf-8", b"", ";")),
    (b"", "", ("utf-8", b"", ",")),
    ("\ufefftext_prompt;x".encode("utf-16-le"), "", ("utf-16-le", b"\xff\xfe", ";")),
    ("\ufefftext_prompt,x".encode("utf-16-be"), "", ("utf-16-be", b"\xfe\xff", ",")),
    ("text_prompt,x".encode("utf-16-le"), "", ("utf-16-le", b"", ",")),
    ("text_prompt,x".encode("utf-16-be"), "", ("utf-16-be", b"", ",")),
])  # fmt: skip
def test_format_is_detected(data, name, expected):
    form = detect_format(data, len(data), name=name, wanted="text_prompt")
    assert (form.encoding, form.bom, form.delimiter) == expected


def test_lines_are_counted_through_quoted_newlines_of_every_kind():
    data = b'h\r\n\r\n"a\nb\rc\r\nd"\rx\ny'
    _, records = read(data, FileFormat())
    assert [record.line for record in records] == [1, 2, 3, 7, 8]
    assert records[1].cells == ()
    assert count_newlines(data.decode()) == 7


def test_a_place_is_where_the_character_stands_in_the_file():
    data = 'h\nid,"say ""hé""\nline two, x",last\n'.encode()
    record = read(data, FileFormat())[1][1]
    cell = record.cells[1]
    lines = data.decode().split("\n")
    for offset, character in enumerate(cell.value):
        line, column = record.place(1, offset)
        assert (lines[line - 1] + "\n")[column - 1] == character
    assert record.place(1, len(cell.value)) == (3, 12)
    assert record.place(2, 0) == (3, 14)
    assert record.place(0, 0) == (2, 1)


@settings(max_examples=300)
@given(st.text(st.sampled_from('ab,"\n\r'), max_size=20))
def test_every_character_of_a_value_has_its_place_in_the_raw_cell(text):
    for record in read(text.encode(), FileFormat())[1]:
        for cell in record.cells:
            for offset, character in enumerate(cell.value):
                assert cell.raw[cell.raw_offset(offset)] == character
            assert cell.raw_offset(len(cell.value)) <= len(cell.raw)


def test_undecodable_bytes_are_seen_and_kept():
    data = b"text_prompt\ncaf\xe9\n"
    form, records = read(data)
    assert has_undecodable(records[1].cells[0].value)
    assert not has_undecodable(records[0].cells[0].value)
    assert written(form, records) == data


def test_cells_have_no_size_limit():
    huge = "x" * 1_000_000
    (record,) = read(f'"{huge}""",b'.encode(), FileFormat())[1]
    assert record.cells[0].value == huge + '"'


class Endless(io.RawIOBase):
    """A file of many rows that never exists as a whole."""

    def __init__(self, size):
        self.left = size

    def read(self, size=-1):
        row = b'"a prompt of some length, with ""quotes""",12,x\r\n'
        data = row * max(1, min(size, self.left) // len(row))
        self.left -= len(data)
        return data if self.left > 0 else b""


def test_a_large_file_is_never_held():
    tracemalloc.start()
    count = sum(1 for _ in iter_records(Endless(20_000_000), FileFormat()))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert count > 400_000
    assert peak < 8_000_000


@pytest.mark.parametrize("path", sorted(FIXTURES.iterdir()), ids=lambda path: path.name)
def test_fixture_files_come_back_byte_for_byte(path):
    data = path.read_bytes()
    form, records = read(data, name=path.name, wanted="text_prompt")
    assert written(form, records) == data
    assert "text_prompt" in [cell.value for cell in records[0].cells]


def test_a_cell_without_quotes_maps_onto_itself():
    assert Cell("abc", "abc").raw_offset(2) == 2
