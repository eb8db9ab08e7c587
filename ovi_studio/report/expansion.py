"""How the plan of an expansion looks: as a few lines to read, or as one JSON document."""

from pathlib import Path
from typing import Any

from ovi_studio.actions.expanding import ExpansionPlan, VariantCost
from ovi_studio.report.durations import duration_text

EXPANSION_VERSION = 1
"""Raised when the meaning of a field of the JSON document changes."""

_LARGEST = 10**15


def expansion_summary(plan: ExpansionPlan) -> str:
    """How many rows there will be, and what rendering them costs."""
    rows = counted(plan.num_rows, "row")
    if plan.num_rows < plan.num_possible:
        rows = f"The first {rows} of {_number(plan.num_possible)}"
    lines = [f"{rows}: {counted(plan.num_clips, 'clip')}, {counted(plan.num_steps, 'step')}."]
    lines.extend(_cost_line(cost) for cost in plan.costs)
    return "\n".join(lines)


def _cost_line(cost: VariantCost) -> str:
    what = f"{cost.variant}: {counted(cost.num_clips, 'clip')}, {counted(cost.num_steps, 'step')}"
    if cost.seconds is None:
        return f"{what}; how long a step takes here is not known, no clip of it was rendered yet."
    timed = "1 clip" if cost.num_timed == 1 else f"{cost.num_timed} clips"
    spent = f"about {duration_text(cost.seconds)} on one worker"
    return f"{what}, {spent}, going by {timed} rendered here."


def counted(number: int, noun: str) -> str:
    """`1 row`, `2,000 rows`."""
    return f"{_number(number)} {noun}" if number == 1 else f"{_number(number)} {noun}s"


def _number(number: int) -> str:
    return f"{number:,}" if number < _LARGEST else f"more than {_LARGEST:,}"


def expansion_document(
    plan: ExpansionPlan, output: Path | None, rows: list[dict[str, str]] | None
) -> dict[str, Any]:
    """The plan as plain JSON values.

    `expansion_version`; `num_rows`, and `num_possible` without the limit; `num_clips`; `num_steps`
    of all clips; `seconds` to render them on one worker, null while a variant's pace is not known
    here; `costs`: the same for each `variant`, with `num_timed`, the finished clips that the pace
    is taken from; `columns`; `output`: the file written, or null; `rows`: where no file was
    written, the rows by column, else null.
    """
    return {
        "expansion_version": EXPANSION_VERSION,
        "num_rows": _plain(plan.num_rows),
        "num_possible": _plain(plan.num_possible),
        "num_clips": _plain(plan.num_clips),
        "num_steps": _plain(plan.num_steps),
        "seconds": _rounded(plan.seconds),
        "costs": [
            {
                "variant": cost.variant,
                "num_clips": _plain(cost.num_clips),
                "num_steps": _plain(cost.num_steps),
                "seconds": _rounded(cost.seconds),
                "num_timed": cost.num_timed,
            }
            for cost in plan.costs
        ],
        "columns": list(plan.columns),
        "output": None if output is None else str(output),
        "rows": rows,
    }


def _plain(number: int) -> int | float:
    """Numbers beyond what JSON readers take for whole ones become floats."""
    if number < 2**53:
        return number
    return float(number) if number < 10**300 else 1e300


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 1)
