"""The sets of the project on the page: which there are, their rows, and what is written into them.

Only sets inside the project's folder of sets can be named, and only by their names.
"""

from collections.abc import Callable, Mapping
from pathlib import Path

from ovi_studio.actions.adding import add_prompt
from ovi_studio.actions.arranging import (
    Arranged,
    arrange_set,
    delete_rows,
    duplicate_rows,
    move_rows,
    replace_cells,
)
from ovi_studio.actions.live_check import LiveChecker
from ovi_studio.actions.settings import load_settings
from ovi_studio.errors import PromptFileError, UsageError
from ovi_studio.lint.diagnostic import Severity
from ovi_studio.project.set_document import SetDocument, read_document
from ovi_studio.project.sets import (
    SET_SUFFIXES,
    find_sets,
    new_set_path,
    no_set,
    set_folder,
    set_name,
)
from ovi_studio.prompt.prompt_set import TEXT_COLUMN, PromptRow
from ovi_studio.web.context import WebContext
from ovi_studio.web.page_markup import Markup, button, counted, join, tag

MAX_ROWS = 200
"""Rows that the page shows at once."""


def own_sets(context: WebContext) -> dict[str, Path]:
    """The sets of the project by name; those that a link leads out of it are none."""
    folder = set_folder(context.layout)
    if not folder.is_dir():
        return {}
    inside = folder.resolve()
    return {
        set_name(path, context.layout): path
        for path in find_sets(folder)
        if path.resolve().is_relative_to(inside)
    }


def set_path(context: WebContext, name: object) -> Path:
    """The file of a set. Raises UsageError for what is no set of the project."""
    sets = own_sets(context)
    if not isinstance(name, str) or not name:
        raise UsageError("Choose a set first.")
    if name not in sets:
        raise no_set(name, context.working_folder)
    return sets[name]


def read_row(context: WebContext, name: object, row_id: str) -> PromptRow:
    """A row of a set. Raises UsageError, PromptFileError."""
    document = read_document(set_path(context, name))
    return document.row(_index(document, row_id))


def columns_of(context: WebContext, name: object) -> tuple[str, ...]:
    """The columns of a set; none of one that is still to be made. Raises PromptFileError."""
    path = own_sets(context).get(name.strip()) if isinstance(name, str) else None
    return () if path is None else read_document(path).columns


def save_row(
    context: WebContext, name: object, row_id: str, before: str, cells: Mapping[str, str]
) -> None:
    """Writes cells of a row whose prompt still is `before`. Raises UsageError, PromptFileError."""
    _check_text(cells[TEXT_COLUMN])

    def change(document: SetDocument) -> Arranged:
        index = _index(document, row_id)
        if _newlines_alike(document.text(index)) != _newlines_alike(before):
            raise PromptFileError(
                f"Row {row_id} of {name} was changed by someone else meanwhile. Open it again, or "
                "add yours as a new row."
            )
        return replace_cells(document, {index: cells})

    arrange_set(set_path(context, name), change)


def add_row(context: WebContext, name: object, cells: Mapping[str, str]) -> str:
    """Adds a row to a set, which is made where there is none; returns the row's id."""
    if not isinstance(name, str) or not name.strip():
        raise UsageError("Choose a set, or write the name of a new one.")
    name = name.strip()
    _check_text(cells[TEXT_COLUMN])
    is_new = name not in own_sets(context)
    if is_new:
        if name.lower().endswith(SET_SUFFIXES):
            raise UsageError("Give the set a name without .csv: it goes to the folder of sets.")
        new_set_path(name, context.working_folder)  # refuses a name that leads elsewhere
    others = {column: cell for column, cell in cells.items() if column != TEXT_COLUMN}
    text, folder = cells[TEXT_COLUMN], context.working_folder
    return str(add_prompt(name, text, folder, cells=others, is_new=is_new)[1])


def arrange_row(context: WebContext, name: object, row_id: str, act: str) -> None:
    """Duplicates, deletes or moves a row. Raises UsageError, PromptFileError."""
    changes: dict[str, Callable[[SetDocument, list[int]], Arranged]] = {
        "row-copy": duplicate_rows,
        "row-delete": delete_rows,
        "row-up": lambda document, rows: move_rows(document, rows, -1),
        "row-down": lambda document, rows: move_rows(document, rows, 1),
    }
    change = changes[act]
    arrange_set(set_path(context, name), lambda d: change(d, [_index(d, row_id)]))


ROW_ACTS = ("row-copy", "row-delete", "row-up", "row-down")


def show_rows(context: WebContext, name: object, chosen: str = "") -> Markup:
    """The rows of a set, each with its worst finding and what can be done with it."""
    if not isinstance(name, str) or not name:
        return tag("p", "Choose a set.", class_="ovi-empty")
    path = set_path(context, name)
    document = read_document(path)
    if not len(document):
        return tag("p", "This set has no rows yet: write one, and add it.", class_="ovi-empty")
    checker = LiveChecker(load_settings(context.working_folder), context.working_folder, path=path)
    shown = range(min(MAX_ROWS, len(document)))
    cards = [_card(document.row(index), checker, index, len(document), chosen) for index in shown]
    head = tag(
        "div", tag("span", counted(len(document), "row"), class_="ovi-sub"),
        tag("div", button(f"Render {counted(len(document), 'row')}", "row-render-all", kind="main",
                          ask=f"Render {counted(len(document), 'row')} of {name}?"),
            class_="ovi-actions"),
        class_="ovi-line",
    )  # fmt: skip
    more = len(document) - len(cards)
    rest = tag("p", f"and {more} more: ovi show {name}", class_="ovi-sub") if more else None
    return join([head, tag("div", *cards, rest, class_="ovi-rows")])


def _card(row: PromptRow, checker: LiveChecker, index: int, count: int, chosen: str) -> Markup:
    worst = checker.severity_of(row)
    sign = {
        Severity.ERROR: tag("span", "has errors", class_="ovi-state failed"),
        Severity.WARNING: tag("span", "has warnings", class_="ovi-state running"),
    }.get(worst, tag("span", "clean", class_="ovi-state done"))  # type: ignore[arg-type]
    others = [
        tag("span", f"{column} {value.strip()}", class_="ovi-tag")
        for column, value in row.values.items()
        if column not in (TEXT_COLUMN, "id") and value.strip() and len(value) < 60
    ]
    return tag(
        "div",
        tag("div", tag("strong", row.id), join(others), sign, class_="top"),
        tag("div", row.text, class_="text"),
        tag("div",
            button("Open", "row-open", row=row.id, kind="quiet main"),
            button("Render", "row-render", row=row.id, kind="quiet"),
            button("Copy", "row-copy", row=row.id, kind="quiet"),
            button("↑", "row-up", row=row.id, is_off=index == 0, kind="quiet"),
            button("↓", "row-down", row=row.id, is_off=index == count - 1, kind="quiet"),
            button("Delete", "row-delete", row=row.id, kind="quiet danger",
                   ask=f"Delete row {row.id}?"),
            class_="ovi-actions"),
        class_=f"ovi-row{' running' if row.id == chosen else ''}", data_row=row.id,
    )  # fmt: skip


def _index(document: SetDocument, row_id: str) -> int:
    index = document.index_of(row_id)
    if index is None:
        raise UsageError(f"There is no row {row_id!r} any more. Choose the set again.")
    return index


def _check_text(text: str) -> None:
    if not text.strip():
        raise UsageError("The prompt is empty. Write what should be seen and heard.")


def _newlines_alike(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")
