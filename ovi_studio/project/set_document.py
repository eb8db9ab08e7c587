"""A prompt set held whole: rows that can be put in another order and written back, byte for byte.

For those who work on a set for a while, such as a screen. A document is a value: a change makes a
new one (`actions/arranging.py`), and undoing it is going back to the old. What saves a document
names the version it began from, so that a change made by anybody else meanwhile is never lost.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from ovi_studio.errors import PromptFileError
from ovi_studio.project.delimited import (
    Cell,
    FileFormat,
    Record,
    has_undecodable,
    quote_cell,
    read_values,
)
from ovi_studio.project.prompt_file import file_version
from ovi_studio.project.prompt_records import (
    HashedSource,
    Header,
    detect_file_format,
    iter_parts,
    open_prompt_file,
)
from ovi_studio.project.set_changes import replace_whole
from ovi_studio.prompt.prompt_set import ID_COLUMN, TEXT_COLUMN, PromptRow


@dataclass(frozen=True, slots=True)
class DocumentRow:
    """One row as it is written."""

    record: Record
    blank_lines: str = ""
    """Empty lines that follow it, with their endings; they stay with it."""


@dataclass(frozen=True)
class SetDocument:
    """All of a set."""

    path: Path
    columns: tuple[str, ...]
    rows: tuple[DocumentRow, ...]
    head: Record
    """The column names."""
    lines_before: str
    """Empty lines that stand before the column names."""
    lines_after: str
    """The same after them."""
    form: FileFormat
    newline: str
    """What ends its lines."""
    ends_with_newline: bool
    version: str
    """Names the bytes that were read or written last."""

    def __len__(self) -> int:
        return len(self.rows)

    @cached_property
    def _positions(self) -> dict[str, int]:
        """Of two columns with one name the first counts."""
        return {name: self.columns.index(name) for name in self.columns}

    @cached_property
    def row_ids(self) -> tuple[str, ...]:
        """What the rows are called: their cells in column `id`, else their 1-based numbers."""
        place = self._positions.get(ID_COLUMN)
        if place is None:
            return tuple(map(str, range(1, len(self.rows) + 1)))
        cells = (row.record.cells[place : place + 1] for row in self.rows)
        return tuple(
            (found and found[0].value.strip()) or str(number)
            for number, found in enumerate(cells, 1)
        )

    @cached_property
    def _indices(self) -> dict[str, int]:
        return dict(zip(self.row_ids, range(len(self.rows)), strict=True))

    def cell(self, index: int, column: str) -> str:
        """What a row says in a column; "" where it has no such cell."""
        position = self._positions.get(column)
        cells = self.rows[index].record.cells
        return cells[position].value if position is not None and position < len(cells) else ""

    def text(self, index: int) -> str:
        """The prompt of a row."""
        return self.cell(index, TEXT_COLUMN)

    def row_id(self, index: int) -> str:
        """What a row is called: its cell in column `id`, else its 1-based number."""
        return self.row_ids[index]

    def index_of(self, row_id: str) -> int | None:
        """Where the row of that name stands; None if there is none."""
        return self._indices.get(row_id)

    def row(self, index: int) -> PromptRow:
        """A row as all others know it."""
        record = self.rows[index].record
        values = {name: self.cell(index, name) for name in self._positions}
        return PromptRow(
            self.row_id(index), record.line, values[TEXT_COLUMN], values, self.columns, record
        )

    def changed_row(self, index: int, cells: Mapping[str, str]) -> DocumentRow:
        """A row with cells changed, by column; every other byte as it was.

        Raises PromptFileError for a column that the set lacks.
        """
        row = self.rows[index]
        changes = {self._position(name): text for name, text in cells.items()}
        return replace(row, record=row.record.with_values(changes))

    def new_row(self, cells: Mapping[str, str], like: int | None = None) -> DocumentRow:
        """A row that is not there yet, quoted as the row `like` is. Raises PromptFileError."""
        model = () if like is None else self.rows[like].record.cells[: len(self.columns)]
        blank = [Cell("", '""' if cell.is_quoted else "") for cell in model]
        blank += [Cell("", "")] * (len(self.columns) - len(blank))
        record = Record(tuple(blank), self.newline, 0, self.form.delimiter)
        changes = {self._position(name): text for name, text in cells.items()}
        return DocumentRow(record.with_values(changes))

    def with_column(self, name: str) -> "SetDocument":
        """The set with a column more, empty in every row."""
        place = len(self.columns)
        head = self.head.with_values({place: name})
        rows = (
            row
            if len(row.record.cells) > place  # it has a cell too many already
            else replace(row, record=row.record.with_values({place: ""}))
            for row in self.rows
        )
        return replace(self, columns=(*self.columns, name), head=head, rows=tuple(rows))

    def with_rows(self, rows: tuple[DocumentRow, ...]) -> "SetDocument":
        """The set with other rows.

        Raises PromptFileError if two would have one id, as may happen where some rows have one in
        their cell and others go by their number.
        """
        document = replace(self, rows=rows)
        if len(document._indices) < len(rows):
            seen: set[str] = set()
            for row_id in document.row_ids:
                if row_id in seen:
                    raise PromptFileError(
                        f"{self.path} would have two rows with the id {row_id!r}; nothing was "
                        "changed. Give each row its own."
                    )
                seen.add(row_id)
        return document

    def pieces(self) -> Iterator[bytes]:
        """The file, bit by bit. Raises PromptFileError for text that no file can hold."""
        head = self.head if self.head.ending else _ended(self.head, self.newline)
        yield self.form.bom + self.form.encode(self.lines_before + head.raw + self.lines_after)
        last = len(self.rows) - 1
        for index, row in enumerate(self.rows):
            record = row.record
            if not record.ending and (index < last or self.ends_with_newline or row.blank_lines):
                record = _ended(record, self.newline)
            elif index == last and not self.ends_with_newline and not row.blank_lines:
                record = replace(record, ending="")
            try:
                yield self.form.encode(record.raw + row.blank_lines)
            except UnicodeEncodeError as error:
                raise PromptFileError(
                    f"{self.path}, row {self.row_id(index)}: {error.object[error.start]!a} is no "
                    "character that a file can hold. Remove it from the text."
                ) from error

    def _position(self, column: str) -> int:
        if column not in self._positions:
            raise PromptFileError(
                f"{self.path} has no column {column!r}. It has: {', '.join(self.columns)}."
            )
        return self._positions[column]


def read_document(path: Path) -> SetDocument:
    """A set as it stands in its file. Raises PromptFileError for what is no prompt set."""
    head: Record | None = None
    columns: tuple[str, ...] = ()
    lines_before, lines_after = "", ""
    rows: list[DocumentRow] = []
    endings: list[str] = []
    with open_prompt_file(path) as stream:
        form = detect_file_format(path, stream)
        source = HashedSource(stream)
        for record, part in iter_parts(path, form, source):
            endings[1:] = [record.ending]
            if isinstance(part, Header):
                head, columns = record, part.columns
            elif part is not None:
                rows.append(DocumentRow(record))
            elif rows:
                rows[-1] = replace(rows[-1], blank_lines=rows[-1].blank_lines + record.raw)
            elif head is not None:
                lines_after += record.raw
            else:
                lines_before += record.raw
        version = source.version
    assert head is not None, "iter_parts refuses an empty file"
    return SetDocument(
        path,
        columns,
        tuple(rows),
        head,
        lines_before,
        lines_after,
        form,
        newline=endings[0] or "\n",
        ends_with_newline=bool(endings[-1]) or not rows,
        version=version,
    )


def save_document(document: SetDocument) -> SetDocument:
    """Writes a set to its file, whole or not at all; returns it with its new version.

    Raises FileChangedError if the file is no longer the version that the document began from,
    PromptFileError if it cannot be written; in each case the file is as it was.
    """
    import hashlib  # reading does without

    pieces = list(document.pieces())  # all that can fail of the text fails before a byte is written
    replace_whole(document.path, pieces, document.version)
    digest = hashlib.sha256()
    for piece in pieces:
        digest.update(piece)
    return replace(document, version=f"sha256:{digest.hexdigest()}")


def is_current(document: SetDocument) -> bool:
    """True if the file still holds the version of the document. Raises PromptFileError."""
    return file_version(document.path) == document.version


def is_writable_text(text: str) -> bool:
    """False for text with bytes that are no characters: it can be kept, but not edited."""
    return not has_undecodable(text)


def _ended(record: Record, newline: str) -> Record:
    """The record with an ending, so that another can follow it."""
    values = [cell.value for cell in record.cells]
    ended = replace(record, ending=newline)
    if read_values(ended.raw, record.delimiter) == values:
        return ended
    return replace(ended, cells=tuple(map(quote_cell, values)))  # its last quote was never closed
