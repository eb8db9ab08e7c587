"""Creates sets, replaces them whole, and adds rows to them, so that nobody's change is lost.

Cells are changed by `prompt_file.py`; this is for those who bring a whole file, or more rows.
"""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from ovi_studio.errors import PromptFileError
from ovi_studio.project.atomic_write import replace_file
from ovi_studio.project.file_lock import file_lock
from ovi_studio.project.prompt_file import (
    FileChangedError,
    append_rows,
    file_version,
    iter_rows,
    read_header,
)
from ovi_studio.project.prompt_records import (
    Header,
    detect_file_format,
    iter_parts,
    open_prompt_file,
)
from ovi_studio.prompt.prompt_set import TEXT_COLUMN, PromptRow

_ATTEMPTS = 100
"""How often a change that suits any version of a file is tried anew after someone else's."""


def create_file(path: Path, pieces: Iterable[bytes]) -> None:
    """Writes a new file, whole or not at all, and its folders.

    Raises PromptFileError if there is one already, or it cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with file_lock(path):
            if path.exists() or path.is_symlink():
                raise PromptFileError(f"{path} exists already; nothing was written.")
            with replace_file(path) as stream:
                for piece in pieces:
                    stream.write(piece)
    except OSError as error:
        raise PromptFileError(f"{path} cannot be written: {error.strerror}.") from error


def replace_whole(path: Path, pieces: Iterable[bytes], expected_version: str) -> None:
    """Replaces the content of a file, if it is still the version that was read.

    Raises FileChangedError if it is not, PromptFileError if it cannot be written; in each case the
    file is as it was.
    """
    target = path.resolve()
    if target.exists() and not os.access(target, os.W_OK):
        raise PromptFileError(f"{path} is write-protected. Allow writing to it to change it.")
    try:
        with file_lock(target):
            if file_version(target) != expected_version:
                raise _changed(path)
            with replace_file(target) as stream:
                for piece in pieces:
                    stream.write(piece)
                if file_version(target) != expected_version:  # by someone who heeds no lock
                    raise _changed(path)
    except OSError as error:
        raise PromptFileError(f"{path} cannot be written: {error.strerror}.") from error


def _changed(path: Path) -> FileChangedError:
    return FileChangedError(
        f"{path} was changed by someone else since it was read; nothing was written."
    )


def csv_bytes(columns: Sequence[str], rows: Iterable[Mapping[str, str]]) -> Iterator[bytes]:
    """A set as the pieces of a CSV file: UTF-8, commas, quotes where they must be, LF.

    Raises PromptFileError for text that no file can hold.
    """
    yield _record(columns)
    for number, cells in enumerate(rows, 1):
        try:
            yield _record([cells.get(name, "") for name in columns])
        except UnicodeEncodeError as error:
            raise PromptFileError(
                f"Row {number}: {error.object[error.start]!a} is no character that a file can "
                "hold. Remove it from the text."
            ) from error


def _record(values: Sequence[str]) -> bytes:
    return (delimited_record(values, ",") + "\n").encode()


def delimited_record(values: Sequence[str], delimiter: str) -> str:
    """One record, without its ending; cells in quotes where they must be."""
    cells = [_quoted(value) if _needs_quotes(value, delimiter) else value for value in values]
    written = delimiter.join(cells)
    return written or '""'  # an empty line would be no row


def _needs_quotes(value: str, delimiter: str) -> bool:
    return any(character in value for character in (delimiter, '"', "\n", "\r"))


def _quoted(value: str) -> str:
    doubled = value.replace('"', '""')
    return f'"{doubled}"'


def append_to_set(path: Path, rows: Sequence[Mapping[str, str]]) -> int:
    """Adds rows after the last one, and the columns they need that the set lacks.

    Returns how many rows were there before. Rows that others add at the same time stay too. Raises
    PromptFileError.
    """
    wanted = list(dict.fromkeys(name for cells in rows for name in cells))
    num_before = 0

    def add() -> None:
        nonlocal num_before
        version = file_version(path)
        header = read_header(path)
        if not header.has_text_column:
            raise PromptFileError(
                f"{path} has no column {TEXT_COLUMN!r}; it has {', '.join(header.columns)}."
            )
        missing = [name for name in wanted if name not in header.columns]
        if missing:
            replace_whole(path, widened_bytes(path, missing), version)
            version = file_version(path)
        num_before = sum(1 for _ in iter_rows(path))
        append_rows(path, rows, version)

    repeat_after_others(add)
    return num_before


def widened_bytes(path: Path, names: Sequence[str]) -> Iterator[bytes]:
    """A set with columns added after its last one, as the pieces of a file.

    Rows get the cells they lack, empty, so that none is left ragged. Raises PromptFileError.
    """
    with open_prompt_file(path) as stream:
        form = detect_file_format(path, stream)
        yield form.bom
        width = 0
        for record, part in iter_parts(path, form, stream):
            written = record
            if isinstance(part, Header):
                width = len(part.columns) + len(names)
                written = record.with_values(dict(enumerate(names, len(part.columns))))
            elif part is not None and len(record.cells) < width:
                written = record.with_values({width - 1: ""})
            yield form.encode(written.raw)


def repeat_after_others(change: Callable[[], None]) -> None:
    """Makes a change that reads the file anew each time, until nobody else changes it meanwhile.

    Raises FileChangedError when others never stop.
    """
    for attempt in range(_ATTEMPTS):
        try:
            change()
            return
        except FileChangedError:
            if attempt == _ATTEMPTS - 1:
                raise


def changed_bytes(path: Path, rewrite: Callable[[PromptRow], str]) -> Iterator[bytes]:
    """A set with the prompt of each row replaced by what `rewrite` makes of the row, as the pieces
    of a file. All else is byte for byte as it was. Raises PromptFileError.
    """
    with open_prompt_file(path) as stream:
        form = detect_file_format(path, stream)
        yield form.bom
        index = 0
        for record, part in iter_parts(path, form, stream):
            written = record
            if isinstance(part, Header):
                index = part.columns.index(TEXT_COLUMN)
            elif part is not None and (text := rewrite(part)) != part.text:
                written = record.with_values({index: text})
            yield form.encode(written.raw)
