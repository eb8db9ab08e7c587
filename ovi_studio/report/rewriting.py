"""How a rewrite looks: lines to read while it runs, a summary, JSON, the log of calls."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ovi_studio.actions.inventing import IdeaResult
from ovi_studio.actions.rewrite_undo import Undone
from ovi_studio.actions.rewriting import RewritePlan
from ovi_studio.report.expansion import counted
from ovi_studio.report.paths import short_path
from ovi_studio.report.plain import printable, shortened
from ovi_studio.report.table import table_text
from ovi_studio.rewrite.calling import Spent
from ovi_studio.rewrite.connection import Connection
from ovi_studio.rewrite.estimate import Estimate
from ovi_studio.rewrite.order import RowResult, Source

REWRITE_VERSION = 1
"""Raised when the meaning of a field of the JSON documents changes."""


def plan_lines(plan: RewritePlan) -> str:
    """Who will write what, and what is noteworthy about it."""
    wish = plan.order.wish
    num_rows = len(plan.rows) - len(plan.kept)
    what = f"{short_path(plan.source.path)}: {wish.part} of {counted(num_rows, 'row')}"
    if plan.order.num_versions > 1:
        what += f", {plan.order.num_versions} versions each"
    lines = [f"{what}, written by {plan.label}."]
    if plan.connection is None:
        lines.append("No model is asked: these are lines of a bank, drawn and fitted by the seed.")
    return "\n".join([*lines, *plan.notes])


def estimate_line(estimate: Estimate, connection: Connection) -> str:
    """What will be sent, before it is."""
    if not estimate.num_rows:
        return f"All {counted(estimate.num_stored, 'answer')} are stored: nothing will be sent."
    stored = f", {estimate.num_stored} more are stored" if estimate.num_stored else ""
    return (
        f"{counted(estimate.num_rows, 'answer')} in {counted(estimate.num_requests, 'request')}"
        f"{stored}: about {estimate.input_tokens:,} tokens in, {estimate.output_tokens:,} out"
        f"{_price(estimate.price)}, to {connection.address}."
    )


def spent_line(spent: Spent) -> str:
    """What calls have cost."""
    if not spent.num_calls:
        return "No server was called."
    about = "" if spent.is_counted else "about "
    return (
        f"{counted(spent.num_calls, 'call')}: {about}{spent.input_tokens:,} tokens in, "
        f"{spent.output_tokens:,} out{_price(spent.price)}."
    )


def _price(price: float | None) -> str:
    return "" if price is None else f", {price:.4f} in the currency of the prices"


def result_line(result: RowResult) -> str:
    """A row that is done, in a line or two."""
    row = result.task.row.id
    version = f" version {result.task.draw}" if result.task.draw > 1 else ""
    if not result.is_rewritten:
        return f"row {printable(row)}{version}: kept. {shortened(result.reason, 300)}"
    words = " / ".join(shortened(word, 160) for word in result.words)
    how = " (stored)" if result.source is Source.STORE else ""
    tries = f" (try {result.num_tries})" if result.num_tries > 1 else ""
    return f"row {printable(row)}{version}: {words}{how}{tries}"


def summary_line(results: Sequence[RowResult], output: Path | None) -> str:
    """What became of the rows."""
    num_done = sum(result.is_rewritten for result in results)
    num_kept = len(results) - num_done
    said = f"{counted(num_done, 'prompt')} rewritten"
    if num_kept:
        said += f", {num_kept} kept as they were"
    return f"{said}; written to {short_path(output)}." if output else f"{said}."


def result_data(result: RowResult) -> dict[str, Any]:
    """A row as plain JSON values: `row`, `version`, `status` (rewritten or kept), `text`, `words`,
    `reason`, `source`, `tries`, `refused` (why earlier answers were not taken), `time`."""
    return {
        "row": result.task.row.id,
        "version": result.task.draw,
        "status": str(result.status),
        "text": result.text,
        "words": list(result.words),
        "reason": result.reason,
        "source": str(result.source),
        "tries": result.num_tries,
        "refused": list(result.notes),
        "time": result.time,
    }


def rewrite_document(
    plan: RewritePlan, results: Sequence[RowResult], output: Path | None, spent: Spent,
    estimate: Estimate | None,
) -> dict[str, Any]:  # fmt: skip
    """A rewrite as plain JSON values: `rewrite_version`, `set`, `writer`, `is_offline`, `part`,
    `notes`, `rows` (see `result_data`), `counts` by status, `output`, `estimate`, `spent`."""
    return {
        "rewrite_version": REWRITE_VERSION,
        "set": str(plan.source.path),
        "writer": plan.label,
        "is_offline": plan.connection is None,
        "part": str(plan.order.wish.part),
        "notes": list(plan.notes),
        "rows": [result_data(result) for result in results],
        "counts": dict(Counter(str(result.status) for result in results)),
        "output": None if output is None else str(output),
        "estimate": estimate_data(estimate),
        "spent": spent_data(spent),
    }


def estimate_data(estimate: Estimate | None) -> dict[str, Any] | None:
    """An estimate as plain JSON values."""
    if estimate is None:
        return None
    return {
        "rows": estimate.num_rows,
        "stored": estimate.num_stored,
        "requests": estimate.num_requests,
        "input_tokens": estimate.input_tokens,
        "output_tokens": estimate.output_tokens,
        "price": estimate.price,
    }


def spent_data(spent: Spent) -> dict[str, Any]:
    """The cost as plain JSON values; `is_counted`: by the server, else estimated."""
    return {
        "calls": spent.num_calls,
        "input_tokens": spent.input_tokens,
        "output_tokens": spent.output_tokens,
        "is_counted": spent.is_counted,
        "price": spent.price,
    }


def idea_line(result: IdeaResult) -> str:
    """A clip that was invented."""
    if not result.text:
        return f"clip {result.number}: none. {shortened(result.reason, 300)}"
    return f"clip {result.number}: {printable(result.text)}"


def idea_data(result: IdeaResult) -> dict[str, Any]:
    """A clip as plain JSON values."""
    return {
        "clip": result.number,
        "text": result.text,
        "reason": result.reason,
        "tries": result.num_tries,
        "time": result.time,
    }


def undone_line(undone: Undone) -> str:
    """What taking a rewrite back did."""
    said = f"{counted(undone.num_rows, 'prompt')} as before in {short_path(undone.path)}."
    if undone.left:
        rows = ", ".join(map(printable, undone.left[:8])) + (" ..." if undone.left[8:] else "")
        said += f" Left alone, because someone has changed them since: row {rows}."
    return said


def undone_data(undone: Undone) -> dict[str, Any]:
    """The same as plain JSON values: `set`, `rows` (how many), `left` (row ids left alone)."""
    return {"set": str(undone.path), "rows": undone.num_rows, "left": list(undone.left)}


def calls_table(calls: Sequence[tuple[int, Mapping[str, Any]]]) -> str:
    """Calls of the log with their numbers."""
    header = ("call", "time", "model", "format", "rows", "tokens", "seconds", "answer or error")
    rows = []
    for number, call in calls:
        error = str(call.get("error") or "")
        said = f"ERROR {error}" if error else str(call.get("answer") or "(empty)")
        tokens = f"{call.get('input_tokens', 0)}+{call.get('output_tokens', 0)}"
        asked = call.get("rows")
        rows.append((
            str(number), str(call.get("time", ""))[:19], shortened(str(call.get("model", "")), 24),
            str(call.get("response_format", "")),
            shortened(",".join(map(str, asked)) if isinstance(asked, list) else "", 16), tokens,
            str(call.get("seconds", "")), shortened(said, 50),
        ))  # fmt: skip
    return table_text(header, rows)


def call_text(number: int, call: Mapping[str, Any]) -> str:
    """One call in full."""
    lines = [
        f"call {number}, {call.get('time', '')}: {call.get('model', '')} at "
        f"{call.get('address', '')}, {call.get('response_format', '')}"
    ]
    messages = call.get("messages")
    for message in messages if isinstance(messages, list) else []:
        if isinstance(message, dict):
            lines += [f"--- {message.get('role', '')}", str(message.get("content", ""))]
    if call.get("error"):
        lines += ["--- error", str(call["error"])]
    else:
        lines += ["--- answer", str(call.get("answer", ""))]
    return printable("\n".join(lines))
