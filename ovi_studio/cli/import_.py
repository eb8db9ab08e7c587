"""`ovi import`: prompts of other programs into sets."""

from typing import Annotated

import typer

from ovi_studio.cli.completion import complete_set
from ovi_studio.cli.options import Json


def import_(
    files: Annotated[
        list[str],
        typer.Argument(
            metavar="FILE...",
            help="CSV, TSV, TXT, JSON, JSONL, ComfyUI workflow or PNG, published YAML.",
        ),
    ],
    into: Annotated[
        str | None,
        typer.Option(
            metavar="SET",
            help="Add to this set. Default: a new set for each file, of its name.",
            autocompletion=complete_set,
        ),
    ] = None,
    lines: Annotated[
        bool, typer.Option("--lines", help="A text file has one prompt a line.")
    ] = False,
    paragraphs: Annotated[
        bool, typer.Option("--paragraphs", help="A text file has empty lines between prompts.")
    ] = False,
    copy_images: Annotated[
        bool, typer.Option("--copy-images", help="Copy first frames into images/.")
    ] = False,
    json: Json = False,
) -> int:
    """Take prompts from files of other programs, and say what was left out and why.

    The exit code is 1 if a file could not be read, or held nothing to take.
    """  # fmt: skip
    from pathlib import Path

    from ovi_studio.actions.exchange import import_file
    from ovi_studio.cli.following import talk
    from ovi_studio.cli.streams import write_line
    from ovi_studio.errors import ExitCode, StudioError, UsageError
    from ovi_studio.project.import_text import Split
    from ovi_studio.report.json import json_text
    from ovi_studio.report.sets import import_data, import_text

    if lines and paragraphs:
        raise UsageError("--lines and --paragraphs exclude each other.")
    split = Split.LINES if lines else Split.PARAGRAPHS if paragraphs else Split.AUTO
    here = Path.cwd()
    results, faults = [], []
    for file in files:
        try:
            results.append(
                import_file(here / file, here, into=into, split=split, copies_images=copy_images)
            )
        except StudioError as error:
            if len(files) == 1:
                raise
            faults.append(str(error))
    if json:
        document = {"files": [import_data(result) for result in results], "failed": faults}
        write_line(json_text(document))
    for result in results if not json else ():
        write_line(import_text(result))
    for fault in faults:
        talk(fault)
    is_fine = not faults and all(result.num_rows for result in results)
    return ExitCode.OK if is_fine else ExitCode.FAILED
