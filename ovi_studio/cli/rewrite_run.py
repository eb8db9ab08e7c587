"""Runs a rewrite on the command line: what it costs, rows as they come, review, writing."""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ovi_studio.actions.reviewing import REJECTED
from ovi_studio.actions.rewriting import (
    RewriteOrder,
    RewritePlan,
    RewriteSession,
    estimate_of,
    plan_rewrite,
)
from ovi_studio.actions.rewritten_sets import check_writable, new_path, save_in_place, save_new_set
from ovi_studio.cli.following import talk, write_result
from ovi_studio.errors import ExitCode, StudioError, UsageError
from ovi_studio.report.json import json_text
from ovi_studio.report.rewriting import (
    estimate_line,
    plan_lines,
    result_line,
    rewrite_document,
    spent_line,
    summary_line,
)
from ovi_studio.rewrite.order import RowResult


@dataclass(frozen=True, slots=True)
class Output:
    """What becomes of the rows."""

    into: str | None
    in_place: bool
    yes: bool
    dry_run: bool
    json: bool


def run_order(order: RewriteOrder, output: Output) -> int:
    """Does what the user asks for; returns the exit code. Raises StudioError."""
    here = Path.cwd()
    if output.into is not None and output.in_place:
        raise UsageError("--into and --in-place exclude each other: a new set, or the old one.")
    plan = plan_rewrite(order, here)
    path = None
    if output.in_place:
        check_writable(plan)
    else:
        path = new_path(plan, output.into, here)
    estimate = estimate_of(plan)
    talk(plan_lines(plan))
    if estimate is not None and plan.connection is not None:
        talk(estimate_line(estimate, plan.connection))
    if output.dry_run:
        return _dry_run(plan, output)
    is_reviewed = _is_terminal() and not output.yes and not output.json
    if output.in_place and not output.yes and not is_reviewed:
        raise UsageError(
            "Nobody is here to look at the changes: give --yes to take every row that passes, or "
            "leave out --in-place for a new set."
        )
    results: list[RowResult] = []
    with RewriteSession(plan, on_wait=_tell_wait) as session:
        is_complete = _collect(session, results, is_reviewed=is_reviewed)
        if plan.connection is not None:
            talk(spent_line(session.spent))
        if not is_complete:
            return ExitCode.INTERRUPTED
        written = _save(plan, results, path)
        if output.json:
            document = rewrite_document(plan, results, written, session.spent, estimate)
            write_result(json_text(document))
    return _exit_code(plan, results)


def _dry_run(plan: RewritePlan, output: Output) -> int:
    from ovi_studio.rewrite.calling import Spent

    for result in plan.kept:
        talk(result_line(result))
    if output.json:
        document = rewrite_document(plan, plan.kept, None, Spent(), estimate_of(plan))
        write_result(json_text(document))
    return ExitCode.OK


def _is_terminal() -> bool:
    return sys.stdin.isatty() and sys.stderr.isatty()


def _tell_wait(reason: str, seconds: float) -> None:
    talk(f"Waiting {seconds:.0f} s. {reason}" if seconds >= 1 else f"Trying again. {reason}")


def _collect(session: RewriteSession, results: list[RowResult], *, is_reviewed: bool) -> bool:
    """Takes the rows as they come. False if the user stopped it."""
    stream = _counted(session, results)
    try:
        if is_reviewed:
            from ovi_studio.cli.rewrite_review import review

            results[:] = review(session, stream)
        else:
            for result in stream:
                talk(result_line(result))
    except KeyboardInterrupt:
        session.cancel()
        talk(_resume_hint("Stopped", results))
        return False
    except StudioError as error:
        session.cancel()
        raise type(error)(f"{error}\n{_resume_hint('Nothing was written', results)}") from error
    return True


def _counted(session: RewriteSession, results: list[RowResult]) -> Iterator[RowResult]:
    for result in session.results():
        results.append(result)
        yield result


def _resume_hint(what: str, results: list[RowResult]) -> str:
    num_done = sum(result.is_rewritten for result in results)
    return (
        f"{what}. Answers for {num_done} rows are stored: the same command goes on from there."
        if num_done
        else f"{what}."
    )


def _save(plan: RewritePlan, results: list[RowResult], path: Path | None) -> Path | None:
    """Writes what was accepted; returns the file."""
    if not any(result.is_rewritten for result in results):
        talk("No prompt was rewritten; nothing was written.")
        return None
    if path is not None:
        save_new_set(plan, results, path)
        talk(summary_line(results, path))
        return path
    for row_id in save_in_place(plan, results):
        talk(f"row {row_id} was changed by someone else meanwhile, and is left as it is.")
    talk(summary_line(results, plan.source.path))
    return plan.source.path


def _exit_code(plan: RewritePlan, results: list[RowResult]) -> int:
    """FAILED if a row that could be rewritten was not."""
    asked = {task.key for task in plan.tasks}
    done = {result.task.key for result in results if result.is_rewritten}
    refused = {result.task.key for result in results if result.reason == REJECTED}
    return ExitCode.FAILED if asked - done - refused else ExitCode.OK
