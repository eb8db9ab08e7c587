"""`ovi sets`: the sets of the project."""

from typing import Annotated

import typer

from ovi_studio.cli.options import Json


def sets(
    no_lint: Annotated[
        bool, typer.Option("--no-lint", help="Do not check the prompts; faster with large sets.")
    ] = False,
    json: Json = False,
) -> int:
    """List the project's sets: rows, clips, seconds of speech, errors and warnings."""
    from pathlib import Path

    from ovi_studio.actions.inspecting import project_sets, summarize_set
    from ovi_studio.actions.settings import load_settings
    from ovi_studio.cli.following import talk
    from ovi_studio.cli.streams import write_line
    from ovi_studio.errors import ExitCode, StudioError
    from ovi_studio.project.layout import find_layout
    from ovi_studio.project.sets import SetRow, set_folder
    from ovi_studio.report.json import json_text
    from ovi_studio.report.sets import set_data, sets_table

    here = Path.cwd()
    config = load_settings(here)
    summaries, faults = [], []
    for path in project_sets(here):
        try:
            summaries.append(summarize_set(SetRow(path), config, here, checks=not no_lint))
        except StudioError as error:
            faults.append(str(error))
    if json:
        document = {"sets": [set_data(summary) for summary in summaries], "unreadable": faults}
        write_line(json_text(document))
    elif summaries:
        write_line(sets_table(summaries))
    elif not faults:
        talk(f"There are no sets in {set_folder(find_layout(here))}. `ovi init` makes a project.")
    for fault in faults:
        talk(fault)
    return ExitCode.FAILED if faults else ExitCode.OK
