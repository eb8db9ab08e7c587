"""Picks the rows of a set that a user names: ids, and ranges of numbers such as `3-7`."""

import re
from collections.abc import Iterable, Sequence

from ovi_studio.errors import UsageError
from ovi_studio.prompt.prompt_set import PromptRow

_RANGE = re.compile(r"(\d{1,15})-(\d{1,15})")


def chosen_rows(
    rows: Sequence[PromptRow], wanted: Iterable[str], place: str
) -> tuple[PromptRow, ...]:
    """The rows that are wanted, in the order of the set, each once; all if nothing is named.

    Whatever is an id means that row, also if it looks like a range. Raises UsageError, which names
    `place`, for what fits no row.
    """
    ids = {row.id for row in rows}
    numbers = {int(row_id): row_id for row_id in ids if row_id.isascii() and row_id.isdigit()}
    named: set[str] = set()
    is_all = True
    for word in wanted:
        is_all = False
        match = _RANGE.fullmatch(word)
        found = {word} & ids
        if not found and match is not None:
            found = {
                row_id
                for number, row_id in numbers.items()
                if int(match[1]) <= number <= int(match[2])
            }
        if not found:
            known = f"It has {rows[0].id} to {rows[-1].id}." if rows else "It has none."
            raise UsageError(f"{place} has no row {word!r}. {known}")
        named |= found
    return tuple(rows) if is_all else tuple(row for row in rows if row.id in named)
