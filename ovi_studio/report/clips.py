"""How clips of the library are shown."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from ovi_studio.actions.library import (
    Difference,
    LibraryClip,
    SettingsChange,
    TrashedClip,
    recipe_lines,
)
from ovi_studio.report.paths import short_path
from ovi_studio.report.plain import printable, screen_width, shortened, wrapped
from ovi_studio.report.table import table_text

STAR = "★"


def clips_table(clips: Sequence[LibraryClip]) -> str:
    """A line a clip."""
    header = ("", "clip", "set", "row", "seed", "variant", "made", "tags", "file")
    return table_text(header, [_cells(clip) for clip in clips])


def clip_text(clip: LibraryClip) -> str:
    """One clip: what the user says about it, its prompt and its recipe."""
    width = screen_width()
    lines = [short_path(clip.path)]
    if clip.is_starred:
        lines.append(f"  {STAR} starred")
    if clip.tags:
        lines.append(f"  tags    {printable(' '.join(clip.tags))}")
    if clip.note:
        lines.append(f"  note    {wrapped(clip.note, width - 10, ' ' * 10)}")
    if clip.fault is not None:
        lines.append(f"  recipe  {wrapped(clip.fault, width - 10, ' ' * 10)}")
    if clip.prompt:
        lines += ["", f"  {wrapped(clip.prompt, width - 2, '  ')}"]
    settings = recipe_lines(clip)
    if settings:
        longest = max(len(name) for name, _ in settings)
        lines.append("")
        lines += [
            f"  {printable(name):{longest}}  {shortened(value, 200)}" for name, value in settings
        ]
    return "\n".join(lines)


def clip_document(clip: LibraryClip) -> dict[str, Any]:
    """A clip as plain JSON values. `created` is UTC, ISO 8601."""
    return {
        "path": str(clip.path),
        "identity": clip.identity,
        "set": clip.set_name,
        "row": clip.row_id,
        "seed": clip.seed,
        "variant": clip.variant,
        "prompt": clip.prompt,
        "duration_seconds": clip.seconds,
        "height": clip.height,
        "width": clip.width,
        "created": _moment(clip.created),
        "bytes": clip.num_bytes,
        "starred": clip.is_starred,
        "tags": list(clip.tags),
        "note": clip.note,
        "fault": clip.fault,
    }


def trash_table(clips: Sequence[TrashedClip]) -> str:
    """A line a clip in the trash."""
    rows = [
        (
            printable(clip.name),
            _moment(clip.deleted)[:16].replace("T", " "),
            short_path(clip.origin),
        )
        for clip in clips
    ]
    return table_text(("clip", "deleted (UTC)", "came from"), rows)


def trash_document(clips: Sequence[TrashedClip]) -> list[dict[str, Any]]:
    """What is in the trash as plain JSON values."""
    return [
        {
            "name": clip.name,
            "path": str(clip.path),
            "origin": str(clip.origin),
            "deleted": _moment(clip.deleted),
            "bytes": clip.num_bytes,
        }
        for clip in clips
    ]


def comparison_text(differences: Sequence[Difference]) -> str:
    """A line a setting; what only says how the clips were made stands in brackets."""
    rows = [
        (
            one.name if one.is_deciding else f"({printable(one.name)})",
            shortened(one.first, 60),
            shortened(one.second, 60),
        )
        for one in differences
    ]
    return table_text(("setting", "first", "second"), rows)


def comparison_document(differences: Sequence[Difference]) -> list[dict[str, Any]]:
    """What differs as plain JSON values."""
    return [
        {"name": one.name, "first": one.first, "second": one.second, "decides": one.is_deciding}
        for one in differences
    ]


def change_text(change: SettingsChange) -> str:
    """What is written into a row, a line a cell, and what cannot be."""
    lines = [f"{short_path(change.row.path)} row {change.row.row_id}"]
    for cell in change.cells:
        added = "  (new column)" if cell.column in change.new_columns else ""
        before, after = (shortened(text, 60) or "empty" for text in (cell.before, cell.after))
        lines.append(f"  {cell.column}: {before} -> {after}{added}")
    if not change.cells:
        lines.append("  The row says all of it already.")
    return "\n".join((*lines, *(f"  {note}" for note in change.notes)))


def change_document(change: SettingsChange) -> dict[str, Any]:
    """The same as plain JSON values."""
    return {
        "set": str(change.row.path),
        "row": change.row.row_id,
        "cells": [
            {"column": cell.column, "before": cell.before, "after": cell.after}
            for cell in change.cells
        ],
        "new_columns": list(change.new_columns),
        "notes": list(change.notes),
    }


def _cells(clip: LibraryClip) -> tuple[str, ...]:
    return (
        STAR if clip.is_starred else "",
        clip.short_identity,
        shortened(clip.set_name, 24),
        shortened(clip.row_id, 16),
        "" if clip.seed is None else str(clip.seed),
        shortened(clip.variant or "", 16),
        _moment(clip.created)[:16].replace("T", " "),
        shortened(" ".join(clip.tags), 30),
        printable(short_path(clip.path)),
    )


def _moment(seconds: float) -> str:
    try:
        return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
    except (ValueError, OverflowError, OSError):
        return "?"
