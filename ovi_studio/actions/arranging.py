"""Rows of a set duplicated, moved, sorted, deleted, written anew: for every screen.

Each function takes a set as a value and returns another; nothing is lost, so undoing is going back
to the value before. `arrange_set` does one of them to a file at once: what `ovi rows` does. Other
rows stay byte for byte, and a change that someone else makes meanwhile is kept.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ovi_studio.errors import UsageError
from ovi_studio.lint.limits import count_words
from ovi_studio.project.set_changes import repeat_after_others
from ovi_studio.project.set_document import DocumentRow, SetDocument, read_document, save_document
from ovi_studio.prompt.parse import parse_prompt
from ovi_studio.prompt.prompt_set import ID_COLUMN, TEXT_COLUMN
from ovi_studio.prompt.timing import time_prompt

LENGTH_ORDERS = ("words", "speech")
"""Orders that are no column: words of the prompt, seconds of speech."""


@dataclass(frozen=True, slots=True)
class Arranged:
    """A set after a change."""

    document: SetDocument
    rows: tuple[int, ...]
    """Where the rows stand that it was about; of deleted ones, none."""
    done: str
    """What was done, for "undid: ..."."""


Change = Callable[[SetDocument], Arranged]


def duplicate_rows(document: SetDocument, rows: Iterable[int]) -> Arranged:
    """Copies of rows, each directly below its own. A row with an id gives its copy a new one."""
    chosen = set(rows)
    taken = set(document.row_ids)
    written: list[DocumentRow] = []
    copies: list[int] = []
    for index, row in enumerate(document.rows):
        written.append(row)
        if index not in chosen:
            continue
        cells = {}
        if row_id := document.cell(index, ID_COLUMN).strip():
            cells[ID_COLUMN] = fresh_id(row_id, taken)
            taken.add(cells[ID_COLUMN])
        copies.append(len(written))
        written.append(replace(document.changed_row(index, cells), blank_lines=""))
    return Arranged(
        document.with_rows(tuple(written)), tuple(copies), f"duplicate {_counted(len(copies))}"
    )


def delete_rows(document: SetDocument, rows: Iterable[int]) -> Arranged:
    """The set without some rows."""
    gone = set(rows)
    left = tuple(row for index, row in enumerate(document.rows) if index not in gone)
    return Arranged(document.with_rows(left), (), f"delete {_counted(len(gone))}")


def move_rows(document: SetDocument, rows: Iterable[int], offset: int) -> Arranged:
    """Rows moved up (negative) or down by so many places; at the end they stop.

    Rows that are apart each move on their own, and keep their order.
    """
    order = list(range(len(document)))
    chosen = set(rows)
    places = sorted(chosen, reverse=offset > 0)
    step = 1 if offset > 0 else -1
    for _ in range(min(abs(offset), len(order))):
        moved = []
        for place in places:
            target = place + step
            is_free = 0 <= target < len(order) and target not in moved
            if is_free:
                order[place], order[target] = order[target], order[place]
            moved.append(target if is_free else place)
        if moved == places:
            break
        places = moved
    return _in_order(document, order, chosen, f"move {_counted(len(chosen))}")


def move_rows_to(document: SetDocument, rows: Iterable[int], place: int) -> Arranged:
    """Rows brought together, the first of them at a place counted from 0, or as near as can be."""
    chosen = sorted(set(rows))
    rest = [index for index in range(len(document)) if index not in set(chosen)]
    place = max(0, min(place, len(rest)))
    order = [*rest[:place], *chosen, *rest[place:]]
    return _in_order(document, order, set(chosen), f"move {_counted(len(chosen))}")


def sort_rows(
    document: SetDocument, by: str, *, descending: bool = False, rows: Iterable[int] = ()
) -> Arranged:
    """Rows in the order of a column, or of `words` or `speech`; some of them, or (none named) all.

    Numbers are ordered as numbers and stand before texts; rows without a value stand last; equal
    ones keep their order. Some rows are sorted among the places that they hold. Raises UsageError
    for a column that the set lacks.
    """
    if by not in LENGTH_ORDERS and by not in (*document.columns, ID_COLUMN):
        known = ", ".join([*document.columns, *LENGTH_ORDERS])
        raise UsageError(f"{document.path} has no column {by!r} to sort by. Known: {known}.")
    places = sorted(set(rows)) or list(range(len(document)))
    keys = {index: _sort_key(document, index, by) for index in places}
    valued = [index for index in places if keys[index] is not None]
    valued.sort(key=lambda index: keys[index] or (0, 0.0, ""), reverse=descending)
    ordered = valued + [index for index in places if keys[index] is None]
    order = list(range(len(document)))
    for place, index in zip(places, ordered, strict=True):
        order[place] = index
    return _in_order(document, order, set(places), f"sort by {by}")


def replace_cells(document: SetDocument, cells: Mapping[int, Mapping[str, str]]) -> Arranged:
    """Cells written anew, by row and column. Columns that the set lacks are added to it."""
    wanted = dict.fromkeys(name for changed in cells.values() for name in changed)
    for name in wanted:
        if name not in document.columns:
            document = document.with_column(name)
    written = list(document.rows)
    for index, changed in cells.items():
        written[index] = document.changed_row(index, changed)
    is_text = list(wanted) == [TEXT_COLUMN]
    done = f"{'edit' if is_text else 'change'} {_counted(len(cells))}"
    return Arranged(document.with_rows(tuple(written)), tuple(sorted(cells)), done)


def set_cells(document: SetDocument, rows: Iterable[int], cells: Mapping[str, str]) -> Arranged:
    """The same cells written into rows, by column; such as a seed or a first frame.

    Raises UsageError for a column that the set lacks and that would decide nothing.
    """
    from ovi_studio.actions.adding import check_columns  # brings YAML

    check_columns(document.path, document.columns, cells)
    return replace_cells(document, dict.fromkeys(rows, cells))


def insert_row(document: SetDocument, place: int, cells: Mapping[str, str]) -> Arranged:
    """A new row at a place counted from 0. In a set whose rows have ids it gets one too."""
    neighbour = min(max(place - 1, 0), len(document) - 1) if len(document) else None
    cells = dict(cells)
    if neighbour is not None and ID_COLUMN not in cells:
        named = document.cell(neighbour, ID_COLUMN).strip()
        if named:
            cells[ID_COLUMN] = fresh_id(named, document.row_ids)
    row = document.new_row(cells, neighbour)
    written = (*document.rows[:place], row, *document.rows[place:])
    return Arranged(document.with_rows(written), (place,), "new row")


def fresh_id(row_id: str, taken: Iterable[str]) -> str:
    """An id like another that no row has: `rain` gives `rain-2`, `7` the next free number."""
    known = set(taken)
    if row_id.isdecimal():
        number = int(row_id) + 1
        while str(number) in known:
            number += 1
        return str(number)
    stem, dash, tail = row_id.rpartition("-")
    stem, number = (stem, int(tail) + 1) if dash and tail.isdecimal() else (row_id, 2)
    while f"{stem}-{number}" in known:
        number += 1
    return f"{stem}-{number}"


def find_rows(document: SetDocument, names: Sequence[str]) -> list[int]:
    """Where the rows of these ids stand; `3-7` means all from one to the other, `all` all.

    Raises UsageError for an id that no row has.
    """
    found: list[int] = []
    for name in names:
        index = document.index_of(name)
        if index is not None:
            found.append(index)
        elif name == "all":
            found += range(len(document))
        else:
            found += _range_named(document, name)
    return list(dict.fromkeys(found))


def arrange_set(path: Path, change: Change) -> Arranged:
    """Does a change to a file; returns what it came to. Raises PromptFileError, UsageError."""
    arranged: Arranged | None = None

    def attempt() -> None:
        nonlocal arranged
        document = read_document(path)
        arranged = change(document)
        if arranged.document is not document:
            arranged = replace(arranged, document=save_document(arranged.document))

    repeat_after_others(attempt)
    assert arranged is not None, "the change was made, or an error was raised"
    return arranged


def _range_named(document: SetDocument, name: str) -> range:
    for cut, character in enumerate(name):
        if character == "-":
            first, last = document.index_of(name[:cut]), document.index_of(name[cut + 1 :])
            if first is not None and last is not None and first <= last:
                return range(first, last + 1)
    ids = document.row_ids
    known = f"It has {ids[0]} to {ids[-1]}." if ids else "It has none."
    raise UsageError(f"{document.path} has no row {name!r}. {known}")


def _in_order(document: SetDocument, order: list[int], chosen: set[int], done: str) -> Arranged:
    if order == list(range(len(document))):
        return Arranged(document, tuple(sorted(chosen)), done)
    rows = tuple(document.rows[index] for index in order)
    places = tuple(place for place, index in enumerate(order) if index in chosen)
    return Arranged(document.with_rows(rows), places, done)


def _sort_key(document: SetDocument, index: int, by: str) -> tuple[int, float, str] | None:
    """Numbers before texts; None where there is nothing."""
    if by == "words":
        return (0, count_words(document.text(index)), "")
    if by == "speech":
        return (0, time_prompt(parse_prompt(document.text(index))).total.seconds, "")
    value = (document.row_id(index) if by == ID_COLUMN else document.cell(index, by)).strip()
    if not value:
        return None
    try:
        number = float(value)
    except ValueError:
        return (1, 0.0, value.casefold())
    return (0, number, "") if number == number else (1, 0.0, value.casefold())


def _counted(number: int) -> str:
    return "1 row" if number == 1 else f"{number} rows"
