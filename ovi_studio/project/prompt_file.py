"""Prompt files: reads CSV and TSV as prompt sets, row by row or whole, and changes cells in them.

`read_prompt_set` is for those who act on a set: it refuses what they could not use. `read_header`
and `iter_rows` are for those who look: they pass on bytes that are no text, one row at a time.

A change writes the file anew beside the old one and then takes its place, so that at any moment
there is a whole file; bytes of untouched cells stay as they are. Two processes change a file one
after the other. Whoever changes a file names the version it read: if somebody, with whatever tool,
has changed it since, nothing is written.
"""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

from ovi_studio.errors import PromptFileError
from ovi_studio.project.atomic_write import replace_file
from ovi_studio.project.delimited import (
    Cell,
    FileFormat,
    Record,
    has_undecodable,
    iter_records,
    quote_cell,
    read_values,
)
from ovi_studio.project.file_lock import file_lock
from ovi_studio.project.prompt_records import (
    HEAD_BYTES,
    HashedSink,
    HashedSource,
    Header,
    detect_file_format,
    empty_file,
    header_of,
    iter_parts,
    open_prompt_file,
)
from ovi_studio.prompt.prompt_set import ID_COLUMN, PromptRow, PromptSet


class FileChangedError(PromptFileError):
    """A file is no longer what was read; nothing was written."""


def read_header(path: Path) -> Header:
    """The head of a file, also of one that lacks `text_prompt`.

    Raises PromptFileError for a file that cannot be read or holds nothing.
    """
    with open_prompt_file(path) as stream:
        form = detect_file_format(path, stream)
        for record in iter_records(stream, form):
            if record.cells:
                return header_of(path, form, record)
    raise empty_file(path)


def iter_rows(
    path: Path, *, on_blank_line: Callable[[int], None] | None = None
) -> Iterator[PromptRow]:
    """The rows of a file, one at a time; a file of any length needs little memory.

    Empty lines are no rows: `on_blank_line` is told their line numbers. Bytes that are no text come
    as lone surrogates (see `delimited.has_undecodable`). Raises PromptFileError for a file that
    cannot be read, lacks `text_prompt`, or gives two rows one id.
    """
    with open_prompt_file(path) as stream:
        form = detect_file_format(path, stream)
        for record, part in iter_parts(path, form, stream):
            if isinstance(part, PromptRow):
                yield part
            elif part is None and on_blank_line is not None:
                on_blank_line(record.line)


def read_prompt_set(path: Path) -> PromptSet:
    """All rows of a file, for use.

    Raises PromptFileError as `iter_rows` does, and for bytes that are no text.
    """
    columns: tuple[str, ...] = ()
    rows: list[PromptRow] = []
    with open_prompt_file(path) as stream:
        form = detect_file_format(path, stream)
        source = HashedSource(stream)
        for _, part in iter_parts(path, form, source):
            if isinstance(part, Header):
                columns = part.columns
            elif part is not None:
                _refuse_undecodable(path, form, part)
                rows.append(part)
    return PromptSet(path, columns, tuple(rows), source.version)


def file_version(path: Path) -> str:
    """Names the bytes of a file: same version, same content. Raises PromptFileError."""
    with open_prompt_file(path) as stream:
        source = HashedSource(stream)
        while source.read(HEAD_BYTES):
            pass
        return source.version


def _refuse_undecodable(path: Path, form: FileFormat, row: PromptRow) -> None:
    for column, value in row.values.items():
        if has_undecodable(value):
            line, place = row.place(column)
            raise PromptFileError(
                f"{path}, line {line}, column {place}: the cell {column!r} of row {row.id} holds "
                f"bytes that are no {form.encoding.upper()} text. Save the file as UTF-8."
            )


def save_edits(path: Path, edits: Mapping[str, Mapping[str, str]], expected_version: str) -> str:
    """Changes cells, given as row id to column to new text; returns the file's new version.

    `expected_version` is what `read_prompt_set` or `file_version` gave. Changed cells keep the
    quotes they had and get them where they must. Raises FileChangedError if the file has changed
    since, PromptFileError for a row or column that does not exist or a file that cannot be written;
    in each case the file is as it was.
    """

    def changed(stream: BinaryIO, form: FileFormat) -> Iterator[Record]:
        missing = set(edits)
        columns: tuple[str, ...] = ()
        ids = _Ids(path)
        for record, part in iter_parts(path, form, stream):
            if isinstance(part, Header):
                columns = part.columns
                _check_known(path, columns, (name for cells in edits.values() for name in cells))
            if not isinstance(part, PromptRow):
                yield record
                continue
            cells = edits.get(part.id, {})
            missing.discard(part.id)
            ids.add(cells.get(ID_COLUMN, part.values.get(ID_COLUMN, "")))
            changes = {columns.index(name): text for name, text in cells.items()}
            yield record.with_values(changes) if changes else record
        if missing:
            raise PromptFileError(f"{path} has no row {min(missing)!r}; nothing was changed.")

    return _rewrite(path, expected_version, changed)


def append_rows(path: Path, rows: Sequence[Mapping[str, str]], expected_version: str) -> str:
    """Adds rows, given as column to text, after the last one; returns the file's new version.

    Cells are quoted as in the row above, and where they must be. Raises as `save_edits` does.
    """

    def changed(stream: BinaryIO, form: FileFormat) -> Iterator[Record]:
        columns: tuple[str, ...] = ()
        newline = "\n"
        ids = _Ids(path)
        last: Record | None = None
        for record, part in iter_parts(path, form, stream):
            if isinstance(part, Header):
                columns, newline = part.columns, record.ending or newline
                _check_known(path, columns, (name for cells in rows for name in cells))
            elif part is not None:
                ids.add(part.values.get(ID_COLUMN, ""))
            if last is not None:
                yield last
            last = record
        assert last is not None, "iter_parts refuses an empty file"
        yield _with_ending(last, newline)
        model = _blank_like(last, len(columns), newline)
        for cells in rows:
            ids.add(cells.get(ID_COLUMN, ""))
            yield model.with_values({columns.index(name): text for name, text in cells.items()})

    return _rewrite(path, expected_version, changed)


def add_column(path: Path, name: str, expected_version: str) -> str:
    """Adds a column after the last one, empty in every row; returns the file's new version.

    Only the header changes: a row gets its cell when something is written there. Raises as
    `save_edits` does.
    """
    return _change_header(path, expected_version, lambda columns: {len(columns): name})


def rename_column(path: Path, old: str, new: str, expected_version: str) -> str:
    """Renames the first column called `old`, also in a file without `text_prompt`; returns the
    file's new version. Raises as `save_edits` does.
    """

    def renamed(columns: Sequence[str]) -> Mapping[int, str]:
        _check_known(path, columns, [old])
        return {columns.index(old): new}

    return _change_header(path, expected_version, renamed)


def _change_header(
    path: Path, expected_version: str, change: Callable[[Sequence[str]], Mapping[int, str]]
) -> str:
    def changed(stream: BinaryIO, form: FileFormat) -> Iterator[Record]:
        is_found = False
        for record in iter_records(stream, form):
            if record.cells and not is_found:
                is_found = True
                columns = header_of(path, form, record).columns
                yield record.with_values(change(columns))
            else:
                yield record
        if not is_found:
            raise empty_file(path)

    return _rewrite(path, expected_version, changed)


class _Ids:
    """Watches that the rows of a changed file have an id each."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: set[str] = set()
        self._num_rows = 0

    def add(self, cell: str) -> None:
        """Takes note of the next row's cell in column `id`. Raises PromptFileError."""
        self._num_rows += 1
        row_id = cell.strip() or str(self._num_rows)
        if row_id in self._seen:
            raise PromptFileError(
                f"{self._path} would have two rows with the id {row_id!r}; nothing was changed. "
                "Give each row its own."
            )
        self._seen.add(row_id)


def _blank_like(record: Record, num_cells: int, newline: str) -> Record:
    """An empty record whose cells are quoted where those of `record` are."""
    cells = [Cell("", '""' if cell.is_quoted else "") for cell in record.cells[:num_cells]]
    cells += [Cell("", "")] * (num_cells - len(cells))
    return Record(tuple(cells), newline, record.line, record.delimiter)


def _with_ending(record: Record, newline: str) -> Record:
    """The record with an ending, so that another can follow it."""
    if record.ending:
        return record
    values = [cell.value for cell in record.cells]
    ended = Record(record.cells, newline, record.line, record.delimiter)
    if read_values(ended.raw, record.delimiter) == values:
        return ended
    return replace(ended, cells=tuple(map(quote_cell, values)))  # its last quote was never closed


def _check_known(path: Path, columns: Sequence[str], names: Iterable[str]) -> None:
    for name in names:
        if name not in columns:
            raise PromptFileError(f"{path} has no column {name!r}. It has: {', '.join(columns)}.")


def _rewrite(
    path: Path,
    expected_version: str,
    changed: Callable[[BinaryIO, FileFormat], Iterator[Record]],
) -> str:
    """Replaces the file by the records that `changed` makes of it, if it is the version expected.

    Returns the version written. A link is followed: what it names is replaced, not the link.
    """
    target = path.resolve()
    if target.exists() and not os.access(target, os.W_OK):
        raise PromptFileError(f"{path} is write-protected. Allow writing to it to change it.")
    with file_lock(target):
        if file_version(target) != expected_version:
            raise _changed_meanwhile(path)
        try:
            with replace_file(target) as output, open_prompt_file(target) as stream:
                before = os.fstat(stream.fileno())
                form = detect_file_format(target, stream)
                sink = HashedSink(output)
                sink.write(form.bom)
                for record in changed(stream, form):
                    sink.write(_encoded(path, form, record))
                if not _is_untouched(target, before):
                    raise _changed_meanwhile(path)
        except OSError as error:
            raise PromptFileError(f"{path} cannot be written: {error.strerror}.") from error
    return sink.version


def _is_untouched(target: Path, before: os.stat_result) -> bool:
    """True if nobody, heeding the lock or not, has written since the file was opened."""
    now = target.stat()
    return os.path.samestat(now, before) and (now.st_mtime_ns, now.st_size) == (
        before.st_mtime_ns,
        before.st_size,
    )


def _changed_meanwhile(path: Path) -> FileChangedError:
    return FileChangedError(
        f"{path} was changed by someone else since it was read; nothing was written. Read it "
        "again and repeat the change."
    )


def _encoded(path: Path, form: FileFormat, record: Record) -> bytes:
    try:
        return form.encode(record.raw)
    except UnicodeEncodeError as error:
        raise PromptFileError(
            f"{path}, line {record.line}: {error.object[error.start]!a} is no character that a "
            "file can hold. Remove it from the text."
        ) from error
