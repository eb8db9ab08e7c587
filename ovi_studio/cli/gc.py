"""`ovi gc`: frees what the project no longer needs."""

import sys
from typing import Annotated

import typer

from ovi_studio.cli.options import Json


def gc(
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would go and remove nothing.")
    ] = False,
    caches: Annotated[
        bool, typer.Option("--caches", help="Empty the caches too; they are made again.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do it without asking.")] = False,
    json: Json = False,
) -> int:
    """Remove unfinished clips, old logs and damaged queues, and keep caches within their limits.

    Finished clips are never touched, but for those deleted longer than `disk.trash_days` ago. The
    limits are settings: `disk.encodings_gb`, `disk.logs_days` and `disk.trash_days`.
    """
    from pathlib import Path

    from ovi_studio.actions.cleaning import find_waste, remove_waste
    from ovi_studio.actions.settings import load_settings
    from ovi_studio.cli.following import talk, write_result
    from ovi_studio.errors import ExitCode, UsageError
    from ovi_studio.project.layout import find_layout
    from ovi_studio.render.disk_limits import disk_limits
    from ovi_studio.report.cleaning import size_text, waste_document, waste_listing, waste_text
    from ovi_studio.report.json import json_text

    load_settings(Path.cwd())  # a limit that cannot be read is said, not replaced by the default
    layout = find_layout(Path.cwd())
    limits = disk_limits(Path.cwd())
    waste = find_waste(layout, limits, empties_caches=caches, on_rescue=talk)
    if waste:
        talk(waste_text(waste))
    else:
        talk("There is nothing to free.")
    if dry_run or not waste:
        if json:
            write_result(json_text(waste_document(waste, is_removed=False)))
        elif waste:
            write_result(waste_listing(waste))
        return ExitCode.OK
    if not yes:
        if json or not sys.stdin.isatty():
            raise UsageError("Nobody is here to answer whether to remove these. Give --yes.")
        if not typer.confirm("Remove these?", err=True):
            return ExitCode.FAILED
    gone = remove_waste(waste, layout)
    if json:
        write_result(json_text(waste_document(gone, is_removed=True)))
    left = len(waste) - len(gone)
    talk(
        f"{size_text(gone)} freed."
        + (f" {left} could not be removed or is in use." if left else "")
    )
    return ExitCode.FAILED if left else ExitCode.OK
