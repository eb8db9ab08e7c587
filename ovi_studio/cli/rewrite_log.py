"""The log of calls to language models, on the command line."""

from pathlib import Path

from ovi_studio.actions.call_history import call_numbered, list_calls, replay_call
from ovi_studio.cli.following import talk, write_result
from ovi_studio.errors import ExitCode
from ovi_studio.report.json import json_text
from ovi_studio.report.plain import printable
from ovi_studio.report.rewriting import call_text, calls_table, spent_data, spent_line


def show_log(*, replay: int | None, call: int | None, last: int, as_json: bool) -> int:
    """Shows calls, or one, or makes one again; returns the exit code. Raises StudioError."""
    here = Path.cwd()
    if replay is not None:
        again = replay_call(replay, here)
        if as_json:
            document = {"before": again.before, "now": again.now, "spent": spent_data(again.spent)}
            write_result(json_text(document))
        else:
            write_result(f"--- then\n{printable(again.before)}\n--- now\n{printable(again.now)}")
        talk(spent_line(again.spent))
        return ExitCode.OK
    if call is not None:
        found = call_numbered(call, here)
        write_result(json_text(dict(found)) if as_json else call_text(call, found))
        return ExitCode.OK
    calls = list_calls(here)[-last:]
    if as_json:
        write_result(json_text([{"call": number, **record} for number, record in calls]))
    elif calls:
        write_result(calls_table(calls))
    else:
        talk("No call was made here yet.")
    return ExitCode.OK
