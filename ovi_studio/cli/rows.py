"""`ovi rows`: duplicates, moves, sorts and deletes rows of a set."""

from typing import TYPE_CHECKING, Annotated

import typer

from ovi_studio.cli.authoring_options import SetName

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ovi_studio.actions.arranging import Arranged
    from ovi_studio.project.set_document import SetDocument

rows_commands = typer.Typer(
    help="Put the rows of a set in order. Other rows stay byte for byte.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

Rows = Annotated[
    list[str],
    typer.Argument(metavar="ROW...", help="Ids, ranges such as 3-7, or all."),
]


@rows_commands.command("duplicate")
def duplicate(set_name: SetName, rows: Rows) -> int:
    """Copy rows; each copy stands below its row, and where rows have ids it gets its own."""
    from ovi_studio.actions.arranging import duplicate_rows

    return _arrange(set_name, rows, duplicate_rows, "duplicated")


@rows_commands.command("move")
def move(
    set_name: SetName,
    rows: Rows,
    to: Annotated[
        int | None, typer.Option("--to", metavar="N", help="Bring them to place N, 1 the first.")
    ] = None,
    up: Annotated[int, typer.Option("--up", metavar="N", help="Move up by N places.")] = 0,
    down: Annotated[int, typer.Option("--down", metavar="N", help="Move down by N places.")] = 0,
) -> int:
    """Move rows. In a set without ids, rows are named by their place and so get new names."""
    from ovi_studio.actions.arranging import move_rows, move_rows_to
    from ovi_studio.errors import UsageError

    if sum((to is not None, up != 0, down != 0)) != 1:
        raise UsageError("Say where to: one of --to N, --up N and --down N.")
    if up < 0 or down < 0 or (to is not None and to < 1):
        raise UsageError("--to, --up and --down take a number from 1.")
    if to is not None:
        place = to - 1
        return _arrange(set_name, rows, lambda a, b: move_rows_to(a, b, place), "moved")
    return _arrange(set_name, rows, lambda a, b: move_rows(a, b, down - up), "moved")


@rows_commands.command("sort")
def sort(
    set_name: SetName,
    rows: Annotated[
        list[str] | None,
        typer.Argument(metavar="ROW...", help="Ids, or ranges such as 3-7. Default: all."),
    ] = None,
    by: Annotated[
        str, typer.Option("--by", metavar="COLUMN|words|speech", help="What decides.")
    ] = "text_prompt",
    descending: Annotated[bool, typer.Option("--descending", help="The greatest first.")] = False,
) -> int:
    """Sort rows by a column, by words of the prompt, or by seconds of speech."""
    from ovi_studio.actions.arranging import sort_rows

    return _arrange(
        set_name,
        rows or ["all"],
        lambda document, places: sort_rows(document, by, descending=descending, rows=places),
        "sorted",
    )


@rows_commands.command("delete")
def delete(
    set_name: SetName,
    rows: Rows,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> int:
    """Delete rows, after asking."""
    from pathlib import Path

    from ovi_studio.actions.arranging import delete_rows, find_rows
    from ovi_studio.cli.following import talk
    from ovi_studio.errors import ExitCode
    from ovi_studio.project.set_document import read_document
    from ovi_studio.project.sets import set_named

    if not yes:
        path = set_named(set_name, Path.cwd())
        count = len(find_rows(read_document(path), rows))
        if not typer.confirm(f"Delete {count} {_rows(count)} of {path.name}?", err=True):
            talk("Nothing was deleted.")
            return ExitCode.FAILED
    return _arrange(set_name, rows, delete_rows, "deleted")


@rows_commands.command("set")
def set_cells(
    set_name: SetName,
    rows: Rows,
    values: Annotated[
        list[str],
        typer.Option("--set", metavar="COLUMN=VALUE", help="A cell, such as seed=7; repeatable."),
    ],
) -> int:
    """Write cells of rows. Columns that Ovi knows are added to the set where it lacks them."""
    from ovi_studio.actions import arranging
    from ovi_studio.actions.adding import read_cells

    cells = read_cells(values)
    return _arrange(set_name, rows, lambda a, b: arranging.set_cells(a, b, cells), "changed")


def _arrange(
    set_name: str,
    rows: "Sequence[str]",
    change: "Callable[[SetDocument, Sequence[int]], Arranged]",
    done: str,
) -> int:
    """Does a change to rows of a set, and says what was done."""
    from pathlib import Path

    from ovi_studio.actions.arranging import arrange_set, find_rows
    from ovi_studio.cli.following import talk
    from ovi_studio.errors import ExitCode
    from ovi_studio.project.sets import set_named
    from ovi_studio.report.paths import short_path

    path = set_named(set_name, Path.cwd())
    count = 0

    def changed(document: "SetDocument") -> "Arranged":
        nonlocal count
        places = find_rows(document, rows)
        count = len(places)
        return change(document, places)

    arranged = arrange_set(path, changed)
    now = [arranged.document.row_id(place) for place in arranged.rows]
    named = f": {', '.join(now)}" if 0 < len(now) <= 12 and done != "sorted" else ""
    talk(f"{short_path(path)}: {count} {_rows(count)} {done}{named}.")
    return ExitCode.OK


def _rows(count: int) -> str:
    return "row" if count == 1 else "rows"
