"""Prompt files: CSV or TSV in, `PromptSet` out."""

import csv
import hashlib
import io
from collections.abc import Iterator
from pathlib import Path

from ovi_studio.errors import PromptFileError
from ovi_studio.prompt.prompt_set import ID_COLUMN, TEXT_COLUMN, PromptRow, PromptSet


def iter_rows(path: Path) -> Iterator[PromptRow]:
    """The rows of a prompt file, one at a time."""
    yield from read_prompt_set(path).rows


def read_prompt_set(path: Path) -> PromptSet:
    """All rows of a prompt file. Raises PromptFileError."""
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise PromptFileError(f"{path} cannot be read: {error.strerror}.") from error
    text = data.decode("utf-8-sig", "surrogateescape")
    delimiter = "\t" if Path(path).suffix == ".tsv" else ","
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    columns = tuple(next(reader, []))
    if TEXT_COLUMN not in columns:
        raise PromptFileError(f"{path} has no column text_prompt. Columns: {', '.join(columns)}.")
    rows = []
    line = reader.line_num + 1
    for cells in reader:
        if cells:
            values = dict(zip(columns, cells + [""] * len(columns), strict=False))
            row_id = values.get(ID_COLUMN) or str(len(rows) + 1)
            rows.append(PromptRow(row_id, line, values[TEXT_COLUMN], values))
        line = reader.line_num + 1
    version = "sha256:" + hashlib.sha256(data).hexdigest()
    return PromptSet(Path(path), columns, tuple(rows), version)
