"""Writing rewritten rows into sets: a new one, or the old one in place."""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from ovi_studio.actions.rewrite_undo import keep_before, note_written
from ovi_studio.actions.rewriting import RewritePlan
from ovi_studio.errors import PromptFileError, UsageError
from ovi_studio.project.image_cells import find_picture, relative_name
from ovi_studio.project.prompt_file import file_version, read_header, save_edits
from ovi_studio.project.prompt_sources import rows_of
from ovi_studio.project.set_changes import (
    create_file,
    csv_bytes,
    repeat_after_others,
    replace_whole,
    widened_bytes,
)
from ovi_studio.project.sets import new_set_path, set_folder
from ovi_studio.prompt.prompt_set import ID_COLUMN, IMAGE_COLUMN, TEXT_COLUMN, PromptRow
from ovi_studio.rewrite.order import Purpose, RowResult
from ovi_studio.rewrite.provenance import PROVENANCE_COLUMNS, provenance_of

MAX_SLUG = 32


def slug_of(text: str) -> str:
    """A text as part of a file's name: `ai-is-taking-over`."""
    words = re.findall(r"[a-z0-9]+", text.lower())
    while len("-".join(words)) > MAX_SLUG and len(words) > 1:
        words.pop()
    return "-".join(words)[:MAX_SLUG] or "rewritten"


def new_path(plan: RewritePlan, into: str | None, working_folder: Path) -> Path:
    """Where the new set goes: what the user says, else a free name beside the source.

    A source outside the project is not added to; its new set goes to the project's own folder, or
    to the working folder. Raises UsageError for a name that cannot be, or that is taken.
    """
    if into is not None:
        return checked_target(into, working_folder)
    wish = plan.order.wish
    said = wish.language if wish.purpose is Purpose.TRANSLATE else wish.theme
    stem = f"{plan.source.path.stem}-{slug_of(said or wish.language or wish.tone or wish.voice)}"
    return free_path(_folder_for(plan, working_folder), stem)


def checked_target(into: str, working_folder: Path) -> Path:
    """The path of a set that is to be made. Raises UsageError if it is there, or cannot be."""
    path = new_set_path(into, working_folder)
    if path.suffix.lower() != ".csv":
        raise UsageError(f"{into} has to end in .csv, for that is what is written.")
    if path.exists():
        raise UsageError(f"{path} exists. Choose another name with --into.")
    return path


def free_path(folder: Path, stem: str) -> Path:
    """`stem.csv`, or with the first number that is free."""
    path = folder / f"{stem}.csv"
    number = 1
    while path.exists() or path.is_symlink():
        number += 1
        path = folder / f"{stem}-{number}.csv"
    return path


def _folder_for(plan: RewritePlan, working_folder: Path) -> Path:
    folder = plan.source.path.resolve().parent
    if folder.is_relative_to(plan.layout.root):
        return folder
    own = set_folder(plan.layout)
    return own if own.is_dir() else working_folder


def save_new_set(plan: RewritePlan, results: Sequence[RowResult], path: Path) -> int:
    """Writes the rows of the source, rewritten where they are, as a new set; returns how many.

    A row with several versions becomes as many rows; one without any keeps its old text. Raises
    PromptFileError if the file is there already or cannot be written.
    """
    columns = list(plan.rows[0].columns)
    columns += [name for name in PROVENANCE_COLUMNS if name not in columns]
    rows = list(_new_rows(plan, results, path.parent))
    create_file(path.resolve(), csv_bytes(list(dict.fromkeys(columns)), rows))
    return len(rows)


def _new_rows(
    plan: RewritePlan, results: Sequence[RowResult], folder: Path
) -> Iterator[dict[str, str]]:
    by_row: dict[str, list[RowResult]] = {}
    for result in sorted(results, key=lambda result: result.task.draw):
        if result.is_rewritten:
            by_row.setdefault(result.task.row.id, []).append(result)
    for row in plan.rows:
        cells = _moved(row, plan.source.path.parent, folder)
        versions = by_row.get(row.id, [])
        if not versions:
            yield cells
        for result in versions:
            new = {**cells, TEXT_COLUMN: result.text, **_provenance(plan, result)}
            if plan.order.num_versions > 1 and cells.get(ID_COLUMN, "").strip():
                new[ID_COLUMN] = f"{cells[ID_COLUMN].strip()}-{result.task.draw}"
            yield new


def _moved(row: PromptRow, old_folder: Path, folder: Path) -> dict[str, str]:
    """The cells of a row, its first frame named so that it is found from another folder."""
    cells = dict(row.values)
    if row.image_path and old_folder.resolve() != folder.resolve():
        found = find_picture(row.image_path, [old_folder])
        if found is not None:
            cells[IMAGE_COLUMN] = relative_name(found, folder)
    return cells


def _provenance(plan: RewritePlan, result: RowResult) -> Mapping[str, str]:
    return provenance_of(
        result, plan.order.wish, label=plan.label, seed=plan.order.seed,
        set_name=plan.source.path.stem,
    )  # fmt: skip


def save_in_place(plan: RewritePlan, results: Sequence[RowResult]) -> list[str]:
    """Writes the new prompts into the set they came from; returns the ids of rows left alone,
    because someone else has changed them meanwhile. All other bytes stay.

    `rewrite_undo.undo_rewrite` takes it back. Raises PromptFileError if the file cannot be written;
    then it is as it was.
    """
    path = plan.source.path
    written: dict[str, str] = {}
    wanted = {result.task.row.id: result for result in results if result.is_rewritten}
    skipped: list[str] = []

    def save() -> None:
        skipped.clear()
        version = file_version(path)
        columns = read_header(path).columns
        missing = [name for name in PROVENANCE_COLUMNS if name not in columns]
        edits: dict[str, Mapping[str, str]] = {}
        for row in rows_of(plan.source):
            result = wanted.get(row.id)
            if result is None:
                continue
            if row.text != result.task.row.text:
                skipped.append(row.id)
                continue
            edits[row.id] = {TEXT_COLUMN: result.text, **_provenance(plan, result)}
        if not edits:
            return
        if missing:
            replace_whole(path, widened_bytes(path, missing), version)
            version = file_version(path)
        save_edits(path, edits, version)
        written.update((row_id, cells[TEXT_COLUMN]) for row_id, cells in edits.items())

    if wanted:
        copy = keep_before(path, plan.layout)
        repeat_after_others(save)
        if written:
            note_written(copy, path, written)
        else:
            copy.unlink(missing_ok=True)
    return skipped


def check_writable(plan: RewritePlan) -> None:
    """Raises UsageError or PromptFileError if the set cannot be rewritten in place."""
    if plan.order.num_versions > 1:
        raise UsageError("--n makes several rows of one, so it needs a new set: leave out "
                         "--in-place.")  # fmt: skip
    if not plan.source.path.is_file():
        raise PromptFileError(f"{plan.source.path} is gone.")
