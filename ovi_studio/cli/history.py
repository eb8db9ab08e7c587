"""`ovi history`: what was rendered, and what failed."""

from typing import Annotated

import typer

from ovi_studio.cli.options import Json


def history(
    set_name: Annotated[
        str | None, typer.Argument(metavar="[SET]", help="Only clips of this set.")
    ] = None,
    limit: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="Only the latest N. Default: all.")
    ] = None,
    json: Json = False,
) -> int:
    """List finished and failed clips, the latest first: when, how long, where, and why not."""
    from pathlib import Path

    from ovi_studio.actions.queue_control import QueueControl
    from ovi_studio.cli.following import talk, write_result
    from ovi_studio.project.layout import find_layout
    from ovi_studio.report.json import json_text
    from ovi_studio.report.queue import history_document, history_table

    if set_name is not None and set_name.lower().endswith((".csv", ".tsv")):
        set_name = Path(set_name).stem
    clips = QueueControl(find_layout(Path.cwd()), on_rescue=talk).history(set_name, limit)
    if json:
        write_result(json_text(history_document(clips)))
    elif clips:
        write_result(history_table(clips))
    else:
        talk("Nothing was rendered yet." if set_name is None else f"No clip of {set_name} ended.")
    return 0
