"""How sets look in lists: a table for people, or JSON values."""

from collections.abc import Sequence
from typing import Any

from ovi_studio.actions.exchange import ImportResult
from ovi_studio.actions.inspecting import SetSummary, Spread
from ovi_studio.lint.diagnostic import Severity
from ovi_studio.report.paths import short_path
from ovi_studio.report.plain import printable, shortened
from ovi_studio.report.table import table_text


def sets_table(summaries: Sequence[SetSummary]) -> str:
    """One line for each set."""
    header = ("set", "rows", "clips", "speech", "errors", "warnings")
    return table_text(header, [_set_cells(summary) for summary in summaries])


def _set_cells(summary: SetSummary) -> tuple[str, ...]:
    found = summary.findings
    return (
        printable(summary.name),
        str(summary.num_rows),
        str(summary.num_clips),
        f"{summary.speech_seconds.total:.1f} s",
        "-" if found is None else str(found[Severity.ERROR]),
        "-" if found is None else str(found[Severity.WARNING]),
    )


def set_text(summary: SetSummary) -> str:
    """Everything that is counted about a set."""
    rows = [
        ("words", *_spread_cells(summary.words, 0)),
        ("spoken words", *_spread_cells(summary.spoken_words, 0)),
        ("seconds of speech", *_spread_cells(summary.speech_seconds, 1)),
        ("words of the caption", *_spread_cells(summary.caption_words, 0)),
    ]
    lines = [
        f"{printable(summary.name)}: {_count(summary.num_rows, 'row')}, "
        f"{_count(summary.num_clips, 'clip')}",
        table_text(("per row", "least", "median", "most", "in all"), rows),
        f"without speech: {summary.num_silent}, without caption: {summary.num_without_caption}",
        f"first frames: {summary.num_images} named, {summary.num_missing_images} missing",
    ]
    if summary.findings is not None:
        lines.append("findings: " + ", ".join(_finding_counts(summary.findings)))
    return "\n".join(lines)


def _finding_counts(found: dict[Severity, int]) -> list[str]:
    names = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "note"}
    return [_count(found[severity], name) for severity, name in names.items()]


def _spread_cells(spread: Spread, digits: int) -> tuple[str, ...]:
    numbers = (spread.least, spread.median, spread.most, spread.total)
    return tuple(f"{number:.{digits}f}" for number in numbers)


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def set_data(summary: SetSummary) -> dict[str, Any]:
    """A set as plain JSON values.

    `set`, `path`, `rows`, `clips`; `words`, `spoken_words`, `speech_seconds`, `caption_words`, each
    with `total`, `least`, `median` and `most` over the rows; `without_speech`, `without_caption`,
    `images`, `missing_images`; `findings` by severity, null where the set was not checked.
    """
    spreads = {
        "words": summary.words,
        "spoken_words": summary.spoken_words,
        "speech_seconds": summary.speech_seconds,
        "caption_words": summary.caption_words,
    }
    return {
        "set": summary.name,
        "path": str(summary.path),
        "rows": summary.num_rows,
        "clips": summary.num_clips,
        **{name: _spread_data(spread) for name, spread in spreads.items()},
        "without_speech": summary.num_silent,
        "without_caption": summary.num_without_caption,
        "images": summary.num_images,
        "missing_images": summary.num_missing_images,
        "findings": summary.findings,
    }


def _spread_data(spread: Spread) -> dict[str, float]:
    names = ("total", "least", "median", "most")
    return {name: round(getattr(spread, name), 2) for name in names}


def import_text(result: ImportResult) -> str:
    """What became of an imported file, in a few lines."""
    taken = _count(result.num_rows, "row")
    where = f"{'new ' if result.is_new else ''}{short_path(result.path)}"
    lines = [
        f"{short_path(result.file)} ({result.what}): {taken} into {where}."
        if result.num_rows
        else f"{short_path(result.file)} ({result.what}): nothing was taken."
    ]
    if result.num_copied:
        lines.append(f"  copied: {_count(result.num_copied, 'picture')}")
    for one in result.left_out:
        more = f" and {one.count - 1} more" if one.count > 1 else ""
        reason = shortened(one.reason, 120)
        lines.append(f"  left out: {shortened(one.place, 80)}{more}: {reason}")
    return "\n".join(lines)


def import_data(result: ImportResult) -> dict[str, Any]:
    """What became of an imported file, as plain JSON values."""
    return {
        "file": str(result.file),
        "format": result.what,
        "set": str(result.path) if result.num_rows else None,
        "rows": result.num_rows,
        "is_new": result.is_new,
        "copied_images": result.num_copied,
        "left_out": [
            {"reason": one.reason, "first": one.place, "count": one.count}
            for one in result.left_out
        ],
    }
