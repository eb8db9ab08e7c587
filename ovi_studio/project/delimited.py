"""Delimited text, read without losing a byte: CSV and TSV as records of cells.

A cell knows what it says (`value`) and how it is written (`raw`), so that a file can be written
back with one cell changed and every other byte as it was. Values are what `csv.reader` reads.
Records are read one at a time; a file is never held as a whole. Which columns a prompt set needs
is the business of `project/prompt_file.py`.

Text stands for bytes one to one: undecodable bytes of UTF-8 become lone surrogates (Python's
`surrogateescape`), unpaired UTF-16 units pass as they are, and both encode back to what they were.
"""

import codecs
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Protocol

DELIMITERS = ",;\t|"
"""What can be found between cells, the most usual first."""

CHUNK_BYTES = 1 << 18

_NEWLINE = re.compile(r"[\r\n]")
_CELL_ENDS = {d: re.compile(rf"[{re.escape(d)}\r\n]") for d in DELIMITERS}
_SURROGATE = re.compile(r"[\ud800-\udfff]")
_BOMS = {
    codecs.BOM_UTF8: "utf-8",
    codecs.BOM_UTF16_LE: "utf-16-le",
    codecs.BOM_UTF16_BE: "utf-16-be",
}


@dataclass(frozen=True, slots=True)
class FileFormat:
    """How a file is written: everything that holds for all its cells."""

    encoding: str = "utf-8"
    """`utf-8`, `utf-16-le` or `utf-16-be`."""
    bom: bytes = b""
    """The byte order mark at its head, or nothing."""
    delimiter: str = ","

    @property
    def errors(self) -> str:
        """The codec error handler with which text and bytes are one to one."""
        return "surrogateescape" if self.encoding == "utf-8" else "surrogatepass"

    def encode(self, text: str) -> bytes:
        """The bytes of `text`. Raises UnicodeEncodeError for surrogates that stand for no byte."""
        return text.encode(self.encoding, self.errors)


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell: what it says and how it is written."""

    value: str
    """Unquoted, as `csv.reader` gives it."""
    raw: str
    """As written, quotes included, delimiter not."""

    @property
    def is_quoted(self) -> bool:
        """True if it is written in quotes."""
        return self.raw.startswith('"')

    def raw_offset(self, offset: int) -> int:
        """Where in `raw` the character `offset` of `value` stands; its length: where it ends."""
        if not self.is_quoted:
            return offset
        position = 1
        while (quote := self.raw.find('"', position)) >= 0 and position + offset >= quote:
            offset -= quote - position
            if not self.raw.startswith('""', quote):  # the closing quote; after it all is literal
                is_last = quote + 1 == len(self.raw)
                return quote if is_last else quote + 1 + offset
            if offset == 0:
                return quote
            offset -= 1
            position = quote + 2
        return position + offset


@dataclass(frozen=True, slots=True)
class Record:
    """One record: a line, or several where a quoted cell holds newlines."""

    cells: tuple[Cell, ...]
    """Empty for an empty line."""
    ending: str
    """`\\n`, `\\r\\n`, `\\r`, or nothing at the end of the file."""
    line: int
    """1-based line of the file at which it begins."""
    delimiter: str

    @property
    def raw(self) -> str:
        """The record as written, with its ending."""
        return self.delimiter.join(cell.raw for cell in self.cells) + self.ending

    def place(self, index: int, offset: int) -> tuple[int, int]:
        """1-based line and column, in characters, of character `offset` of cell `index`."""
        cell = self.cells[index]
        before = [other.raw for other in self.cells[:index]]
        written = self.delimiter.join([*before, cell.raw[: cell.raw_offset(offset)]])
        line_start = max(written.rfind("\n"), written.rfind("\r")) + 1
        return self.line + count_newlines(written), len(written) - line_start + 1

    def with_values(self, changes: Mapping[int, str]) -> "Record":
        """The record with these cells (index to value) changed; cells it lacks are added."""
        cells = list(self.cells)
        for index, value in sorted(changes.items()):
            while len(cells) <= index:
                cells.append(Cell("", ""))
            cells[index] = write_cell(value, cells[index], self.delimiter)
        changed = replace(self, cells=tuple(cells))
        values = [cell.value for cell in cells]
        if read_values(changed.raw, self.delimiter) == values:
            return changed
        # one empty cell would be an empty line, and an unclosed quote swallows what is added
        return replace(self, cells=tuple(quote_cell(value) for value in values))


def write_cell(value: str, before: Cell, delimiter: str) -> Cell:
    """A cell saying `value`, quoted if `before` was, or if it has to be."""
    if value == before.value:
        return before
    has_to_be = any(c in value for c in (delimiter, "\n", "\r")) or value.startswith('"')
    is_unusual = '"' in value and '"' not in before.raw  # legal unquoted, but not this file's way
    if before.is_quoted or has_to_be or is_unusual:
        return quote_cell(value)
    return Cell(value, value)


def quote_cell(value: str) -> Cell:
    """A cell saying `value`, in quotes."""
    doubled = value.replace('"', '""')
    return Cell(value, f'"{doubled}"')


def read_values(text: str, delimiter: str) -> list[str]:
    """What the first record of `text` says."""
    found = _read_record(text, 0, delimiter, at_end=True)
    assert found is not None, "only a text that goes on can be incomplete"
    return [cell.value for cell in found[0]]


def count_newlines(text: str) -> int:
    """How many line endings of any kind `text` holds."""
    return text.count("\n") + text.count("\r") - text.count("\r\n")


def has_undecodable(text: str) -> bool:
    """True if `text` holds what is no character: a byte or unit its encoding cannot explain."""
    return _SURROGATE.search(text) is not None


def detect_format(head: bytes, size: int, *, name: str = "", wanted: str = "") -> FileFormat:
    """How a file is written, judged by its first bytes.

    `head` needs to hold the first record; `size` is the length of the whole file in bytes. `name`
    is the file's: `.tsv` settles the delimiter. `wanted` is a column the header should have.
    """
    encoding, bom = "utf-8", b""
    for mark, implied in _BOMS.items():
        if head.startswith(mark) and (implied == "utf-8" or size % 2 == 0):
            encoding, bom = implied, mark
            break
    else:
        if size % 2 == 0 and len(head) >= 4:  # a header in ASCII, written as UTF-16
            encoding = {b"\0\0": "utf-16-le"}.get(head[1:4:2], encoding)
            encoding = {b"\0\0": "utf-16-be"}.get(head[0:3:2], encoding)
    form = FileFormat(encoding, bom)
    if name.lower().endswith((".tsv", ".tab")):
        return replace(form, delimiter="\t")
    text = head[len(bom) :].decode(encoding, "replace")
    return replace(form, delimiter=_detect_delimiter(text, wanted))


def _detect_delimiter(text: str, wanted: str) -> str:
    """The delimiter that gives the header the column wanted, else the one that gives most."""

    def merit(delimiter: str) -> tuple[bool, int]:
        values = read_values(text, delimiter)
        return wanted in values, len(values)

    return max(DELIMITERS, key=merit)


class ByteSource(Protocol):
    """What records are read from: a binary file, or what stands in front of one."""

    def read(self, size: int, /) -> bytes:
        """Up to `size` bytes; none at the end."""


def iter_records(stream: ByteSource, form: FileFormat) -> Iterator[Record]:
    """The records of a source that stands at its start.

    The bytes read are `form.bom` and then `form.encode(record.raw)` of each record, for any bytes.
    Only the record at hand and one chunk are held.
    """
    decoder = codecs.getincrementaldecoder(form.encoding)(form.errors)
    stream.read(len(form.bom))
    text, position, line = "", 0, 1
    at_end = False
    while True:
        found = _read_record(text, position, form.delimiter, at_end=at_end)
        if found is not None:
            cells, ending, following = found
            if following == position:
                return
            yield Record(cells, ending, line, form.delimiter)
            line += count_newlines(text[position:following])
            position = following
            continue
        rest = text[position:]
        # reading as much as is pending keeps a record of any length linear
        data = stream.read(max(CHUNK_BYTES, len(rest)))
        at_end = not data
        text, position = rest + decoder.decode(data, at_end), 0


def _read_record(
    text: str, position: int, delimiter: str, *, at_end: bool
) -> tuple[tuple[Cell, ...], str, int] | None:
    """Cells, ending and end of the record at `position`; None if it may go on after `text`.

    `at_end` says that nothing follows `text`.
    """
    newline = _NEWLINE.search(text, position)
    if newline is None and not at_end:
        return None
    line_end = newline.start() if newline else len(text)
    if text.find('"', position, line_end) < 0:
        line = text[position:line_end]
        cells = tuple(Cell(raw, raw) for raw in line.split(delimiter)) if line else ()
        end = line_end
    else:
        found = _read_cells(text, position, delimiter, at_end=at_end)
        if found is None:
            return None
        cells, end = found
    ending = text[end : end + 2] if text.startswith("\r\n", end) else text[end : end + 1]
    if end + len(ending) == len(text) and ending == "\r" and not at_end:
        return None  # its line feed may follow
    return cells, ending, end + len(ending)


def _read_cells(
    text: str, position: int, delimiter: str, *, at_end: bool
) -> tuple[tuple[Cell, ...], int] | None:
    """The cells from `position` to the end of their record, and where that is."""
    cell_end = _CELL_ENDS[delimiter]
    cells: list[Cell] = []
    while True:
        start = position
        inside = ""
        if text.startswith('"', start):
            closing = _closing_quote(text, start + 1)
            inside = text[start + 1 : closing].replace('""', '"')
            position = closing + 1
        found = cell_end.search(text, position)
        if found is None and not at_end:
            return None
        end = found.start() if found else len(text)
        raw = text[start:end]
        cells.append(Cell(inside + text[position:end], raw))
        if found is None or found[0] != delimiter:
            return tuple(cells), end
        position = end + 1


def _closing_quote(text: str, position: int) -> int:
    """Where the quote opened before `position` is closed; the end of `text` if it is not."""
    while (quote := text.find('"', position)) >= 0:
        if not text.startswith('"', quote + 1):
            return quote
        position = quote + 2
    return len(text)
