"""Takes prompts from files of other programs: which format a file has, and who reads it.

Nothing is written here; `actions/importing.py` puts the rows into a set.
"""

from collections.abc import Set
from dataclasses import dataclass, fields, replace
from pathlib import Path

from ovi_studio.errors import PromptFileError, UsageError
from ovi_studio.project.delimited import Record, has_undecodable, iter_records
from ovi_studio.project.import_json import (
    cells_of,
    import_document,
    import_json,
    import_json_lines,
    read_json,
)
from ovi_studio.project.import_rows import Gathering, Imported, LeftOut, our_name
from ovi_studio.project.import_text import Split, import_text
from ovi_studio.project.png_text import prompt_of_parameters, read_png_texts
from ovi_studio.project.prompt_records import (
    Header,
    detect_file_format,
    header_of,
    open_prompt_file,
)
from ovi_studio.project.published_config import PublishedConfig, read_published_config
from ovi_studio.prompt.prompt_set import IMAGE_COLUMN, TEXT_COLUMN

FORMATS = (
    "CSV and TSV, plain text (.txt), JSON and JSON lines (.json, .jsonl), ComfyUI workflows and "
    "PNG files, and the published inference_fusion.yaml"
)

MAX_COLUMNS = 500
"""Of a file that is taken for a set."""

_SETS = (".csv", ".tsv", ".tab")
_LINES = (".jsonl", ".ndjson")
_YAML = (".yaml", ".yml")


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """What decides how a file is read."""

    working_folder: Path
    known_columns: Set[str]
    """Columns that decide something; of JSON objects no others are taken."""
    split: Split = Split.AUTO
    """For plain text."""


@dataclass(frozen=True, slots=True)
class Source:
    """A file that was read, with the folders its pictures may be named from."""

    imported: Imported
    image_folders: tuple[Path, ...]


def read_import(path: Path, options: ImportOptions) -> Source:
    """What a file comes to. Raises UsageError or PromptFileError that says why it cannot be read,
    which formats are known, or what is wrong with it.
    """
    if path.is_dir():
        raise UsageError(f"{path} is a folder. Name the files in it.")
    suffix = path.suffix.lower()
    folders = (path.parent, options.working_folder)
    try:
        if suffix in _YAML:
            return _import_published(path, options)
        if suffix in _SETS:
            return Source(import_delimited(path), folders)
        if suffix == ".txt":
            return Source(import_text(path, options.split), folders)
        if suffix == ".json":
            return Source(import_json(path, options.known_columns), folders)
        if suffix in _LINES:
            return Source(import_json_lines(path, options.known_columns), folders)
        if suffix == ".png":
            return Source(_import_png(path, options.known_columns), folders)
    except OSError as error:
        raise PromptFileError(f"{path} cannot be read: {error.strerror}.") from error
    if not path.exists():
        raise PromptFileError(f"{path} cannot be read: there is no such file.")
    raise UsageError(f"{path} has no format that can be imported. Known: {FORMATS}.")


def import_delimited(path: Path) -> Imported:
    """The rows of a CSV or TSV file, also of one that calls the prompt differently.

    Raises PromptFileError for a file without a column that could be the prompt.
    """
    gathering = Gathering()
    names: list[str | None] | None = None
    with open_prompt_file(path) as stream:
        form = detect_file_format(path, stream)
        for record in iter_records(stream, form):
            if not record.cells:
                continue
            if names is None:
                names = _column_names(header_of(path, form, record), gathering)
                gathering.columns_are(name for name in names if name is not None)
            else:
                _take_record(gathering, record, names)
    if names is None:
        raise PromptFileError(f"{path} is empty.")
    return gathering.imported("TSV" if form.delimiter == "\t" else "CSV")


def _column_names(header: Header, gathering: Gathering) -> list[str | None]:
    """Our name of each column; None for one that is not taken."""
    if len(header.columns) > MAX_COLUMNS:
        raise PromptFileError(
            f"{header.path} has {len(header.columns):,} columns; a set has at most {MAX_COLUMNS}."
        )
    text_column = TEXT_COLUMN if header.has_text_column else next(iter(header.near_columns), None)
    if text_column is None:
        raise PromptFileError(
            f"{header.path} has no column of prompts. It has: {', '.join(header.columns)}. Rename "
            f"one to {TEXT_COLUMN}."
        )
    names: list[str | None] = []
    for column in header.columns:
        name = TEXT_COLUMN if column == text_column else our_name(column)
        if (name == TEXT_COLUMN) is not (column == text_column):
            name = column.strip()  # another column that could have been the prompt
        if not name or name in names:
            gathering.leave(f"column {column!r}", "a column without a name of its own")
            names.append(None)
        else:
            names.append(name)
    return names


def _take_record(gathering: Gathering, record: Record, names: list[str | None]) -> None:
    place = f"line {record.line}"
    values = [cell.value for cell in record.cells]
    if any(map(has_undecodable, values)):
        gathering.leave(place, "holds bytes that are no text")
        return
    if len(values) > len(names):
        gathering.leave(place, "cells beyond the last column")
    cells = {name: value for name, value in zip(names, values, strict=False) if name and value}
    gathering.take(place, cells)


def _import_png(path: Path, known_columns: Set[str]) -> Imported:
    texts = read_png_texts(path)
    for keyword in ("prompt", "workflow"):
        if keyword in texts:
            return import_document(read_json(texts[keyword], str(path)), str(path), known_columns)
    if "parameters" not in texts:
        raise UsageError(f"{path} carries no prompt: it has no text called prompt or workflow.")
    gathering = Gathering()
    gathering.take("parameters", cells_of(prompt_of_parameters(texts["parameters"])))
    return gathering.imported("a picture's parameters")


def _import_published(path: Path, options: ImportOptions) -> Source:
    """The prompts that a published configuration names."""
    config = read_published_config(path)
    text = (config.text_prompt or "").strip()
    if not text:
        raise UsageError(f"{path} names no prompts: its text_prompt is empty.")
    named = Path(text)
    if named.suffix.lower() not in _SETS:
        gathering = Gathering()
        cells = {TEXT_COLUMN: text, IMAGE_COLUMN: config.image_path or ""}
        gathering.take("text_prompt", cells)
        imported, folders = gathering.imported("a published configuration"), [path.parent]
    else:
        # paths in it count from where the published program is started: some folder above
        tried = [options.working_folder, path.parent, *path.resolve().parents[1:5]]
        folder = next((folder for folder in tried if (folder / named).is_file()), None)
        if folder is None:
            raise UsageError(f"{path} names {text}, which is not in {options.working_folder}.")
        imported, folders = import_delimited(folder / named), [(folder / named).parent, folder]
    return Source(
        _with_settings_left_out(imported, config, path), (*folders, options.working_folder)
    )


def _with_settings_left_out(imported: Imported, config: PublishedConfig, path: Path) -> Imported:
    """The same, and told that a set does not hold the configuration's settings."""
    rows = ("text_prompt", "image_path")
    settings = [f.name for f in fields(config) if f.name not in rows and getattr(config, f.name)]
    if not settings:
        return imported
    reason = f"settings, which `ovi render SET --config {path}` uses"
    left_out = LeftOut(reason, ", ".join(settings), len(settings))
    return replace(imported, left_out=(*imported.left_out, left_out))
