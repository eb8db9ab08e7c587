"""`ovi expand`: prompts with choices in, a set of prompts out."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ovi_studio.cli.options import Json

if TYPE_CHECKING:
    from ovi_studio.actions.expanding import ExpansionPlan


def expand(
    sources: Annotated[
        list[str],
        typer.Argument(
            metavar="SOURCE...",
            help="Prompts, sets, rows as SET:ROW, folders of sets, - for stdin.",
        ),
    ],
    variables: Annotated[
        list[str] | None,
        typer.Option(
            "--var",
            metavar="NAME=A,B",
            help="Values for {{ NAME }}, one prompt for each; wins over a column of that name.",
        ),
    ] = None,
    number: Annotated[
        int | None,
        typer.Option("--n", help="Draw this many different texts of each prompt."),
    ] = None,
    every: Annotated[
        bool, typer.Option("--all", help="Every text of each prompt. This is the default.")
    ] = False,
    draw_seed: Annotated[
        int, typer.Option(help="Decides what --n draws; the same one draws the same.")
    ] = 0,
    seeds: Annotated[
        str | None,
        typer.Option(metavar="1-4,7", help="Clip seeds, one row for each. Default: the row's own."),
    ] = None,
    variants: Annotated[
        str | None,
        typer.Option(
            metavar="A,B",
            help="Variants, one row for each, in its caption form. Default: the row's own.",
        ),
    ] = None,
    limit: Annotated[int | None, typer.Option(help="Keep the first rows only.")] = None,
    steps: Annotated[
        int | None, typer.Option(help="Steps a clip for the estimate. Default: the variant's.")
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", metavar="FILE", help="The CSV file to write. Default: to stdout."
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what it comes to and write nothing.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Write without asking.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there.")] = False,
    json: Json = False,
) -> int:
    """Turn prompts with choices in them into a set of prompts, one a row.

    {a|b} one of them; {3::a|b} a three times as often; {2$$a|b|c} two of them, {1-2$$ and $$a|b}
    one or two with " and " between; __name__ a line of wildcards/name.txt; {{ name }} a column or
    --var; a backslash before { } | _ makes it plain text. The number of clips and what rendering
    them costs is said before anything is written.
    """
    from ovi_studio.actions.expanding import (
        ExpansionOrder,
        check_target,
        plan_expansion,
        write_expansion,
    )
    from ovi_studio.cli.following import talk, write_result
    from ovi_studio.cli.streams import read_input
    from ovi_studio.errors import ExitCode, UsageError
    from ovi_studio.expand.matrix import Matrix
    from ovi_studio.expand.matrix_text import read_seeds, read_variables
    from ovi_studio.report.expansion import counted, expansion_document, expansion_summary
    from ovi_studio.report.json import json_text

    if every and number is not None:
        raise UsageError("--all and --n exclude each other: every text, or some of them.")
    matrix = Matrix(
        variables=read_variables(variables or ()),
        num_drawn=number,
        draw_seed=draw_seed,
        seeds=read_seeds(seeds) if seeds is not None else (),
        variants=tuple(dict.fromkeys(name.strip() for name in variants.split(",")))
        if variants is not None
        else (),
    )
    order = ExpansionOrder(sources=sources, matrix=matrix, limit=limit, num_steps=steps)
    plan = plan_expansion(order, Path.cwd(), read_input)
    talk(expansion_summary(plan))
    if output is not None:
        check_target(plan, output, is_forced=force)
    if dry_run:
        if json:
            write_result(json_text(expansion_document(plan, None, None)))
        return ExitCode.OK
    if output is None:
        _write_rows(plan, as_json=json)
        return ExitCode.OK
    if not yes and not _is_confirmed(output):
        talk("Nothing was written.")
        return ExitCode.FAILED
    write_expansion(plan, output, is_forced=force)
    talk(f"{counted(plan.num_rows, 'row')} written to {output}.")
    if json:
        write_result(json_text(expansion_document(plan, output, None)))
    return ExitCode.OK


def _write_rows(plan: "ExpansionPlan", *, as_json: bool) -> None:
    """The new set on stdout."""
    from ovi_studio.actions.expanding import expanded_cells, expansion_csv
    from ovi_studio.cli.following import write_result
    from ovi_studio.cli.streams import write_pieces
    from ovi_studio.report.expansion import expansion_document
    from ovi_studio.report.json import json_text

    if as_json:
        rows = list(expanded_cells(plan, Path.cwd()))
        write_result(json_text(expansion_document(plan, None, rows)))
        return
    write_pieces(expansion_csv(plan, Path.cwd()))


def _is_confirmed(output: Path) -> bool:
    """Whether the user wants the file written."""
    from ovi_studio.errors import UsageError

    if not sys.stdin.isatty():
        raise UsageError(f"Nobody is here to say yes to writing {output}: give --yes.")
    return typer.confirm(f"Write {output}?", err=True)
