"""Writes the rows of a set in the formats of others, one row at a time."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from enum import StrEnum

from ovi.spec.variants import AudioForm
from ovi_studio.errors import PromptFileError
from ovi_studio.project.delimited import has_undecodable
from ovi_studio.project.set_changes import delimited_record
from ovi_studio.prompt.format import format_for
from ovi_studio.prompt.prompt_set import IMAGE_COLUMN, TEXT_COLUMN, PromptRow


class ExportFormat(StrEnum):
    """How a set leaves the studio."""

    CSV = "csv"
    """UTF-8, commas, LF; all columns"""
    TSV = "tsv"
    TXT = "txt"
    """one prompt a line, white space folded"""
    JSON = "json"
    """one list of objects, all columns"""
    JSONL = "jsonl"
    """one object a line"""
    PUBLISHED = "published"
    """a CSV for the published program: prompts and first frames only"""


def export_rows(
    rows: Iterable[PromptRow],
    columns: Sequence[str],
    to: ExportFormat,
    *,
    form: AudioForm | None = None,
    rename_image: Callable[[str], str] = lambda cell: cell,
) -> Iterator[str]:
    """The pieces of the exported file.

    Prompts get their audio caption in `form`; None: as they are. `rename_image` says how the new
    file names a picture. Raises PromptFileError for a row that holds bytes that are no text.
    """
    columns = tuple(dict.fromkeys(columns))
    if to is ExportFormat.PUBLISHED:
        columns = tuple(name for name in (TEXT_COLUMN, IMAGE_COLUMN) if name in columns)
    cells = (_cells(row, columns, form, rename_image) for row in rows)
    match to:
        case ExportFormat.CSV | ExportFormat.PUBLISHED:
            return _delimited(cells, columns, ",")
        case ExportFormat.TSV:
            return _delimited(cells, columns, "\t")
        case ExportFormat.TXT:
            return (" ".join(row[TEXT_COLUMN].split()) + "\n" for row in cells)
        case ExportFormat.JSON:
            return _json_list(cells)
        case ExportFormat.JSONL:
            return (json.dumps(row, ensure_ascii=False) + "\n" for row in cells)


def _cells(
    row: PromptRow,
    columns: Sequence[str],
    form: AudioForm | None,
    rename_image: Callable[[str], str],
) -> dict[str, str]:
    cells = {name: row.values.get(name, "") for name in columns}
    if any(map(has_undecodable, cells.values())):
        raise PromptFileError(
            f"Row {row.id} (line {row.line}) holds bytes that are no text. Save the set as UTF-8."
        )
    if form is not None:
        cells[TEXT_COLUMN] = format_for(row.text, form)
    if IMAGE_COLUMN in cells:
        cells[IMAGE_COLUMN] = rename_image(row.image_path)
    return cells


def _delimited(
    rows: Iterable[Mapping[str, str]], columns: Sequence[str], delimiter: str
) -> Iterator[str]:
    yield delimited_record(columns, delimiter) + "\n"
    for row in rows:
        yield delimited_record([row[name] for name in columns], delimiter) + "\n"


def _json_list(rows: Iterable[Mapping[str, str]]) -> Iterator[str]:
    separator = "[\n  "
    for row in rows:
        yield separator + json.dumps(row, ensure_ascii=False)
        separator = ",\n  "
    yield "[]\n" if separator.startswith("[") else "\n]\n"
