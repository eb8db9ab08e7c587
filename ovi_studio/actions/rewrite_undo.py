"""Takes an in-place rewrite back: what a set was like before is kept when it is written.

Where nobody has touched the set since, it becomes what it was, byte for byte. Else the rows that
still hold the new prompt get their old one, and what others wrote in the meantime stays.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ovi_studio.errors import PromptFileError, UsageError
from ovi_studio.project.atomic_write import replace_file
from ovi_studio.project.layout import ProjectLayout, find_layout
from ovi_studio.project.prompt_file import file_version, iter_rows, read_header, save_edits
from ovi_studio.project.set_changes import repeat_after_others, replace_whole
from ovi_studio.project.sets import set_named
from ovi_studio.prompt.prompt_set import TEXT_COLUMN
from ovi_studio.rewrite.provenance import PROVENANCE_COLUMNS

MAX_KEPT = 20
"""Rewrites that can be taken back, over all sets; older ones are forgotten."""


@dataclass(frozen=True, slots=True)
class Undone:
    """What taking a rewrite back did."""

    path: Path
    num_rows: int
    left: tuple[str, ...]
    """Ids of rows that hold something else by now, and were left alone."""


@dataclass(frozen=True, slots=True)
class _Kept:
    """One in-place rewrite that can be taken back."""

    record: Path
    """JSON: the set, its version after, what each row was given."""
    copy: Path
    """The set as it was before."""
    written: Mapping[str, Any]


def keep_before(path: Path, layout: ProjectLayout) -> Path:
    """Copies a set that is about to be rewritten; returns the copy. Raises PromptFileError."""
    folder = _folder(layout)
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%f")
    copy = folder / f"{stamp}{path.suffix}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with replace_file(copy) as stream:
            stream.write(path.read_bytes())
    except OSError as error:
        raise PromptFileError(f"{copy}, the copy to go back to, cannot be written: "
                              f"{error.strerror}.") from error  # fmt: skip
    return copy


def note_written(copy: Path, path: Path, texts: Mapping[str, str]) -> None:
    """Notes that the set of `copy` was rewritten: row id to new prompt. Forgets old copies."""
    document = {"set": str(path.resolve()), "after": file_version(path), "rows": dict(texts)}
    with replace_file(copy.with_suffix(".json")) as stream:
        stream.write(json.dumps(document).encode())
    stems = sorted({file.stem for file in copy.parent.iterdir() if file.suffix})
    for stem in stems[:-MAX_KEPT]:
        _forget(copy.with_name(f"{stem}.json"))


def can_undo(path: Path, layout: ProjectLayout) -> bool:
    """True if the set was rewritten in place, and that can be taken back."""
    return _last(path, layout) is not None


def undo_rewrite(set_name: str, working_folder: Path) -> Undone:
    """Takes the last in-place rewrite of a set back; called again, the one before it.

    Raises UsageError if there is none, PromptFileError if the set cannot be written.
    """
    path = set_named(set_name, working_folder)
    kept = _last(path, find_layout(working_folder))
    if kept is None:
        raise UsageError(f"{path} was not rewritten in place, or it is too long ago: there is "
                         "nothing to take back.")  # fmt: skip
    texts = {str(row_id): str(text) for row_id, text in kept.written["rows"].items()}
    if file_version(path) == kept.written.get("after"):
        replace_whole(path, [kept.copy.read_bytes()], str(kept.written["after"]))
        undone = Undone(path, len(texts), ())
    else:
        undone = _undo_rows(path, kept.copy, texts)
    _forget(kept.record)
    return undone


def _undo_rows(path: Path, copy: Path, texts: Mapping[str, str]) -> Undone:
    old = {row.id: row.values for row in iter_rows(copy) if row.id in texts}
    left: list[str] = []
    edits: dict[str, dict[str, str]] = {}

    def put_back() -> None:
        left.clear()
        edits.clear()
        version = file_version(path)
        columns = read_header(path).columns
        names = [name for name in (TEXT_COLUMN, *PROVENANCE_COLUMNS) if name in columns]
        now = {row.id: row.text for row in iter_rows(path)}
        for row_id, text in texts.items():
            if now.get(row_id) == text and row_id in old:
                edits[row_id] = {name: old[row_id].get(name, "") for name in names}
            else:
                left.append(row_id)
        if edits:
            save_edits(path, edits, version)

    repeat_after_others(put_back)
    return Undone(path, len(edits), tuple(left))


def _last(path: Path, layout: ProjectLayout) -> _Kept | None:
    resolved = str(path.resolve())
    for record in sorted(_folder(layout).glob("*.json"), reverse=True):
        try:
            written = json.loads(record.read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError):
            continue
        copy = record.with_suffix(path.suffix)
        is_whole = isinstance(written, dict) and isinstance(written.get("rows"), dict)
        if is_whole and written.get("set") == resolved and copy.is_file():
            return _Kept(record, copy, written)
    return None


def _forget(record: Path) -> None:
    for path in _versions(record):
        path.unlink(missing_ok=True)


def _versions(record: Path) -> Sequence[Path]:
    return sorted(record.parent.glob(f"{record.stem}.*"))


def _folder(layout: ProjectLayout) -> Path:
    return layout.state.path / "rewrite" / "before"
