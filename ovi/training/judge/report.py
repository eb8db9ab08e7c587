"""Writes what the judge found: a table of all sources side by side, and into a page."""

from collections.abc import Mapping
from pathlib import Path

from ovi.errors import RequestError
from ovi.training.judge.statistics import Share, Summary

BEGIN, END = "<!-- judge: begin -->", "<!-- judge: end -->"
"""Between these lines of a page the judge writes."""


def as_table(summaries: Mapping[str, Summary]) -> str:
    """A Markdown table: a row an attribute, a column a source."""
    names = list(summaries)
    rows = ["| right, % (95 % interval; clips) | " + " | ".join(names) + " |"]
    rows.append("| --- |" + " --- |" * len(names))
    for attribute in dict.fromkeys(key for found in summaries.values() for key in found.shares):
        cells = [_share_cell(found.shares.get(attribute)) for found in summaries.values()]
        rows.append(f"| {attribute} | " + " | ".join(cells) + " |")
    rows += ["", "| median | " + " | ".join(names) + " |", "| --- |" + " --- |" * len(names)]
    for quantity in dict.fromkeys(key for found in summaries.values() for key in found.medians):
        values = [found.medians.get(quantity) for found in summaries.values()]
        cells = ["" if value is None else f"{value:.2f}" for value in values]
        rows.append(f"| {quantity} | " + " | ".join(cells) + " |")
    return "\n".join(rows) + "\n"


def _share_cell(share: Share | None) -> str:
    if share is None:
        return ""
    low, high = share.interval
    return f"{100 * share.value:.1f} ({100 * low:.0f} to {100 * high:.0f}; {share.count})"


def write_into_page(page: Path, text: str) -> None:
    """Replaces what stands between the page's two marks. Raises RequestError without them."""
    old = page.read_text(encoding="utf-8") if page.is_file() else ""
    before, begin, rest = old.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise RequestError(f"{page} has no lines {BEGIN} and {END} to write between: add them.")
    page.write_text(f"{before}{BEGIN}\n{text}{END}{after}", encoding="utf-8")
