"""Prompts in and out: what `ovi import` and `ovi export` do, for every screen."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from ovi.spec.variants import Variant
from ovi_studio.actions.adding import KNOWN_COLUMNS
from ovi_studio.errors import UsageError
from ovi_studio.project.exporting import ExportFormat, export_rows
from ovi_studio.project.image_cells import ImageNaming, find_picture, relative_name
from ovi_studio.project.import_rows import Imported, LeftOut, Rows
from ovi_studio.project.import_text import Split
from ovi_studio.project.importing import ImportOptions, Source, read_import
from ovi_studio.project.layout import find_layout
from ovi_studio.project.prompt_file import file_version, iter_rows, read_header
from ovi_studio.project.prompt_sources import rows_of
from ovi_studio.project.set_changes import append_to_set, create_file, csv_bytes, replace_whole
from ovi_studio.project.sets import SetRow, existing_set, new_set_path, set_folder
from ovi_studio.prompt.prompt_set import ID_COLUMN, IMAGE_COLUMN, TEXT_COLUMN


@dataclass(frozen=True, slots=True)
class ImportResult:
    """What became of one file."""

    file: Path
    what: str
    """What the file was taken for."""
    path: Path
    """The set that has the rows now, if there were any."""
    num_rows: int
    is_new: bool
    num_copied: int
    """pictures copied into the project"""
    left_out: tuple[LeftOut, ...]


def import_file(
    file: Path,
    working_folder: Path,
    *,
    into: str | None = None,
    split: Split = Split.AUTO,
    copies_images: bool = False,
) -> ImportResult:
    """Takes the prompts of a file into a set: `into`, else a new one called like the file.

    Raises UsageError or PromptFileError; then nothing was written but, perhaps, copies of pictures.
    """
    source = read_import(file, ImportOptions(working_folder, KNOWN_COLUMNS, split))
    target, is_new = _target_of(into, file, working_folder)
    naming = ImageNaming(
        source.image_folders,
        target.parent,
        find_layout(working_folder).root,
        find_layout(working_folder).root / "images" / target.stem if copies_images else None,
    )
    rows, num_copied, left_out = _fit_rows(source, naming, None if is_new else target)
    if rows and is_new:
        create_file(target, csv_bytes(rows.columns, rows))
    elif rows:
        append_to_set(target, rows)
    return ImportResult(file, source.imported.what, target, len(rows), is_new, num_copied, left_out)


def _target_of(into: str | None, file: Path, working_folder: Path) -> tuple[Path, bool]:
    """The set that gets the rows, and whether it has to be made."""
    if into is not None:
        found = existing_set(into, working_folder)
        return (found, False) if found else (new_set_path(into, working_folder), True)
    target = set_folder(find_layout(working_folder)).resolve() / f"{file.stem}.csv"
    if target.exists():
        raise UsageError(
            f"There is a set {file.stem} already ({target}). Add to it with --into {file.stem}, or "
            "name another one there."
        )
    return target, True


def _fit_rows(
    source: Source, naming: ImageNaming, existing: Path | None
) -> tuple[Rows, int, tuple[LeftOut, ...]]:
    """The rows as the set takes them, how many pictures were copied, and what is left out."""
    imported = source.imported
    left_out = _LeftOuts(imported.left_out)
    columns = _columns_for(imported, existing, left_out)
    known = _known_prompts(existing)
    num_copied = 0
    rows: list[tuple[str, ...]] = []
    for number, cells in enumerate(imported.rows, 1):
        place = f"prompt {number}"
        image = naming.rename(cells.get(IMAGE_COLUMN, ""))
        num_copied += image.is_copied
        if image.problem:
            left_out.add(image.problem, f"{place}: {cells[IMAGE_COLUMN][:60]}")
        named = {**cells, IMAGE_COLUMN: image.text}
        if (named[TEXT_COLUMN], image.text) in known:
            left_out.add("in the set already", place)
            continue
        rows.append(tuple(named.get(name, "") for name in columns))
    return Rows(columns, rows), num_copied, left_out.all()


def _columns_for(
    imported: Imported, existing: Path | None, left_out: "_LeftOuts"
) -> tuple[str, ...]:
    """The columns to write: all for a new set, else those that the set has or that do something."""
    columns = imported.rows.columns
    if existing is None:
        ids = [cells.get(ID_COLUMN, "") for cells in imported.rows if ID_COLUMN in columns]
        if len(set(ids)) == len(ids):
            return columns
        wanted = [name for name in columns if name != ID_COLUMN]
    else:
        has = read_header(existing).columns
        wanted = [n for n in columns if n in KNOWN_COLUMNS or (n in has and n != ID_COLUMN)]
    for name in columns:
        if name not in wanted:
            reason = "ids, which would not be unique" if name == ID_COLUMN else "unknown columns"
            left_out.add(reason, name)
    return tuple(wanted)


def _known_prompts(existing: Path | None) -> set[tuple[str, str]]:
    if existing is None:
        return set()
    return {(row.text, row.image_path) for row in iter_rows(existing)}


class _LeftOuts:
    """Reasons with their first place and number."""

    def __init__(self, before: Iterable[LeftOut]) -> None:
        self._by_reason = {one.reason: one for one in before}

    def add(self, reason: str, place: str) -> None:
        one = self._by_reason.get(reason, LeftOut(reason, place, 0))
        self._by_reason[reason] = replace(one, count=one.count + 1)

    def all(self) -> tuple[LeftOut, ...]:
        return tuple(self._by_reason.values())


def export_set(
    source: SetRow, to: ExportFormat, *, variant: Variant | None, folder: Path | None
) -> Iterator[str]:
    """The pieces of a set in another format, captions in the variant's form if one is given.

    `folder` is where the file will lie, from which it names its pictures; None: cells stay as they
    are. The published program looks for them from the folder it is started in. Raises
    PromptFileError.
    """
    columns = read_header(source.path).columns

    def rename(cell: str) -> str:
        picture = find_picture(cell, (source.path.parent,)) if cell and folder else None
        return relative_name(picture, folder) if picture and folder else cell

    form = variant.audio_form if variant else None
    return export_rows(rows_of(source), columns, to, form=form, rename_image=rename)


def write_export(path: Path, pieces: Iterable[str], *, is_forced: bool) -> None:
    """Writes an exported set, whole or not at all. Raises PromptFileError."""
    write_new_file(path, (piece.encode() for piece in pieces), is_forced=is_forced)


def write_new_file(path: Path, pieces: Iterable[bytes], *, is_forced: bool) -> None:
    """Writes a file that is not there yet, or that may be replaced. Raises PromptFileError."""
    if path.is_dir():
        raise UsageError(f"{path} is a folder. Name a file in it.")
    if is_forced and path.exists():
        replace_whole(path, pieces, file_version(path))
        return
    if path.exists():
        raise UsageError(f"{path} exists. Choose another name, or --force to replace it.")
    create_file(path.resolve(), pieces)
