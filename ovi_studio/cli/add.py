"""`ovi add`: a prompt into a set."""

from typing import Annotated

import typer

from ovi_studio.cli.authoring_options import SetName
from ovi_studio.cli.completion import complete_setting


def add(
    set_name: SetName,
    prompt: Annotated[
        str, typer.Argument(metavar="PROMPT", help="The prompt, or - for standard input.")
    ],
    image: Annotated[
        str | None, typer.Option(metavar="FILE", help="First frame, inside the project.")
    ] = None,
    values: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="COLUMN=VALUE",
            help="Another cell of the row, such as seed=7; may be repeated.",
            autocompletion=complete_setting,
        ),
    ] = None,
    new: Annotated[bool, typer.Option("--new", help="Make the set.")] = False,
) -> int:
    """Add a prompt to a set, as its last row.

    Columns that Ovi knows are added to the set where it lacks them.
    """
    from pathlib import Path

    from ovi_studio.actions.adding import add_prompt, read_cells
    from ovi_studio.actions.linting import Tally, lint_options, lint_sources
    from ovi_studio.actions.settings import load_settings
    from ovi_studio.cli.following import talk
    from ovi_studio.cli.streams import read_input, write_line
    from ovi_studio.errors import ExitCode
    from ovi_studio.project.sets import SetRow
    from ovi_studio.report.paths import short_path
    from ovi_studio.report.prompt import finding_lines

    here = Path.cwd()
    config = load_settings(here)
    text = read_input() if prompt == "-" else prompt
    cells = read_cells(values or ())
    path, number = add_prompt(set_name, text, here, cells=cells, image=image, is_new=new)
    row_id = cells.get("id", "").strip() or str(number)
    write_line(f"{short_path(path)}:{row_id}")
    findings = lint_sources([SetRow(path, row_id)], lint_options(config, here), Tally())
    for line in finding_lines(findings):
        talk(line)
    return ExitCode.OK
