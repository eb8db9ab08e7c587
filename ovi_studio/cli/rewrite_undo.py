"""Taking an in-place rewrite back, on the command line."""

from pathlib import Path

from ovi_studio.actions.rewrite_undo import undo_rewrite
from ovi_studio.cli.following import talk, write_result
from ovi_studio.errors import ExitCode, UsageError
from ovi_studio.report.json import json_text
from ovi_studio.report.rewriting import undone_data, undone_line


def take_back(source: str | None, *, as_json: bool) -> int:
    """Takes the last in-place rewrite of a set back; returns the exit code. Raises StudioError."""
    if source is None:
        raise UsageError("Name the set whose rewrite is to be taken back: ovi rewrite SET --undo.")
    undone = undo_rewrite(source, Path.cwd())
    talk(undone_line(undone))
    if as_json:
        write_result(json_text(undone_data(undone)))
    return ExitCode.FAILED if undone.left else ExitCode.OK
