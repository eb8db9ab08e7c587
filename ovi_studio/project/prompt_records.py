"""The records of a prompt set with what each one is: the header, a row, or an empty line.

The ground on which `project/prompt_file.py` reads and changes files.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from ovi_studio.errors import PromptFileError
from ovi_studio.project.delimited import (
    ByteSource,
    FileFormat,
    Record,
    detect_format,
    iter_records,
)
from ovi_studio.prompt.prompt_set import ID_COLUMN, TEXT_COLUMN, PromptRow

HEAD_BYTES = 1 << 16
"""Read to judge how a file is written."""

MAX_LISTED = 300
"""Characters of the names of columns that a message repeats."""

_NEAR_NAMES = frozenset({"prompt", "prompts", "text", "texts", "prompttext", "caption"})


@dataclass(frozen=True, slots=True)
class Header:
    """What the head of a file says about all of it."""

    path: Path
    format: FileFormat
    columns: tuple[str, ...]
    line: int
    """1-based; more than 1 where empty lines come first."""

    @property
    def has_text_column(self) -> bool:
        """True if the file can be read as a prompt set."""
        return TEXT_COLUMN in self.columns

    @property
    def near_columns(self) -> tuple[str, ...]:
        """The columns that were probably meant as `text_prompt`, the likeliest first."""
        import difflib  # only the few who need it pay for it

        plain_names = {
            name: "".join(c for c in name.casefold() if c.isalnum()) for name in self.columns
        }
        same = [name for name, plain in plain_names.items() if plain == "textprompt"]
        near = [name for name, plain in plain_names.items() if plain in _NEAR_NAMES]
        close = difflib.get_close_matches(TEXT_COLUMN, self.columns, cutoff=0.75)
        return tuple(dict.fromkeys([*same, *close, *near]))


class HashedSource:
    """Passes on bytes and knows the hash of all that passed."""

    def __init__(self, source: ByteSource) -> None:
        self._source = source
        import hashlib  # not needed to check a set, and its start counts

        self._hash = hashlib.sha256()

    def read(self, size: int, /) -> bytes:
        """Up to `size` bytes; none at the end."""
        data = self._source.read(size)
        self._hash.update(data)
        return data

    @property
    def version(self) -> str:
        """Names the bytes read so far."""
        return _version(self._hash.hexdigest())


class HashedSink:
    """Passes on bytes to a file and knows the hash of all that passed."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        import hashlib  # not needed to check a set, and its start counts

        self._hash = hashlib.sha256()

    def write(self, data: bytes) -> None:
        """Writes `data`."""
        self._stream.write(data)
        self._hash.update(data)

    @property
    def version(self) -> str:
        """Names the bytes written so far."""
        return _version(self._hash.hexdigest())


def _version(digest: str) -> str:
    return f"sha256:{digest}"


@contextmanager
def open_prompt_file(path: Path) -> Iterator[BinaryIO]:
    """The bytes of a file. Raises PromptFileError that says why it cannot be opened."""
    try:
        stream = path.open("rb")
    except OSError as error:
        raise PromptFileError(f"{path} cannot be read: {error.strerror}.") from error
    with stream:
        yield stream


def detect_file_format(path: Path, stream: BinaryIO) -> FileFormat:
    """How the file is written; leaves the stream at its start."""
    head = stream.read(HEAD_BYTES)
    size = stream.seek(0, 2)
    stream.seek(0)
    return detect_format(head, size, name=path.name, wanted=TEXT_COLUMN)


def header_of(path: Path, form: FileFormat, record: Record) -> Header:
    """The header that a file's first record is."""
    return Header(path, form, tuple(cell.value for cell in record.cells), record.line)


def iter_parts(
    path: Path, form: FileFormat, source: ByteSource
) -> Iterator[tuple[Record, Header | PromptRow | None]]:
    """Every record of a prompt set with what it is: the header, a row, or (None) an empty line.

    Raises PromptFileError for a file that is empty or lacks `text_prompt`, and for an id given
    twice.
    """
    header: Header | None = None
    positions: dict[str, int] = {}
    seen_ids: set[str] = set()
    num_rows = 0
    for record in iter_records(source, form):
        if not record.cells:
            yield record, None
        elif header is None:
            header = header_of(path, form, record)
            _check_columns(header)
            # of two columns with one name the first counts
            positions = {name: header.columns.index(name) for name in header.columns}
            yield record, header
        else:
            num_rows += 1
            cells = record.cells
            values = {
                name: cells[index].value if index < len(cells) else ""
                for name, index in positions.items()
            }
            row_id = values.get(ID_COLUMN, "").strip() or str(num_rows)
            if ID_COLUMN in positions:
                if row_id in seen_ids:
                    raise _repeated_id(path, row_id, record.line)
                seen_ids.add(row_id)
            yield (
                record,
                PromptRow(row_id, record.line, values[TEXT_COLUMN], values, header.columns, record),
            )
    if header is None:
        raise empty_file(path)


def _check_columns(header: Header) -> None:
    columns = ", ".join(header.columns)
    if len(columns) > MAX_LISTED:  # a file of another kind may have anything for a header
        columns = f"{columns[:MAX_LISTED]} …"
    if not header.has_text_column:
        near = header.near_columns
        hint = f" Did you mean {near[0]!r}? Rename it." if near else " Add it."
        raise PromptFileError(
            f"{header.path} has no column {TEXT_COLUMN!r}. It has: {columns}.{hint}"
        )
    for name in (TEXT_COLUMN, ID_COLUMN):
        if header.columns.count(name) > 1:
            raise PromptFileError(
                f"{header.path} has more than one column {name!r}. It has: {columns}. Rename all "
                "but one."
            )


def empty_file(path: Path) -> PromptFileError:
    return PromptFileError(
        f"{path} is empty. A prompt set begins with a line of column names, {TEXT_COLUMN!r} among "
        "them."
    )


def _repeated_id(path: Path, row_id: str, line: int) -> PromptFileError:
    return PromptFileError(
        f"{path}, line {line}: the id {row_id!r} names an earlier row too. Give each row its own; "
        "an empty id stands for the number of the row."
    )
