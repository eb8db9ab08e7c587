"""`ovi queue`: looks at the jobs of a project and changes what becomes of them."""

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from ovi_studio.cli.options import Json
from ovi_studio.cli.preview import preview_job
from ovi_studio.cli.queue_stop import stop
from ovi_studio.cli.queue_watch import log, watch

if TYPE_CHECKING:
    from ovi_studio.actions.queue_control import QueueControl

queue_commands = typer.Typer(
    help="Look at the queue of clips, and change it.", no_args_is_help=True, rich_markup_mode=None
)

queue_commands.command("watch")(watch)
queue_commands.command("log")(log)
queue_commands.command("preview")(preview_job)
queue_commands.command("stop")(stop)

Jobs = Annotated[
    list[str],
    typer.Argument(
        metavar="JOB...",
        help="Numbers, ranges such as 3-7, or all, waiting, running, done, failed, cancelled.",
    ),
]


@queue_commands.command("list")
def list_queue(json: Json = False) -> int:
    """List all jobs: first those that were taken, then those that wait, the next one first."""
    from ovi_studio.cli.following import talk, write_result
    from ovi_studio.report.json import json_text
    from ovi_studio.report.queue import queue_document
    from ovi_studio.report.table import jobs_table

    view = _control().view()
    if json:
        write_result(json_text(queue_document(view.jobs, view.paused_since)))
        return 0
    if view.jobs:
        write_result(jobs_table(view.jobs))
    else:
        talk("The queue is empty.")
    if view.paused_since is not None:
        talk(f"The queue is paused since {view.paused_since[:19]} UTC: `ovi queue resume`.")
    return 0


@queue_commands.command("show")
def show_job(
    job: Annotated[int, typer.Argument(metavar="JOB", help="Its number.")], json: Json = False
) -> int:
    """Show one job: all that happened to it and when, its error, traceback and last log lines."""
    from ovi_studio.cli.following import write_result
    from ovi_studio.report.json import json_text
    from ovi_studio.report.queue import job_document, job_text

    found, events = _control().describe(job)
    write_result(json_text(job_document(found, events)) if json else job_text(found, events))
    return 0


@queue_commands.command("pause")
def pause() -> int:
    """Take no further clip; the one at work is finished."""
    from ovi_studio.cli.following import talk

    _control().pause()
    talk("The queue is paused: the clip at work is finished, and no other is taken.")
    return 0


@queue_commands.command("resume")
def resume() -> int:
    """Take clips again. Those that wait are rendered in the background."""
    from ovi_studio.cli.following import talk

    was_paused, num_waiting = _control().resume()
    said = "The queue goes on" if was_paused else "The queue was not paused"
    talk(f"{said}; {num_waiting} waiting.")
    return 0


@queue_commands.command("cancel")
def cancel(jobs: Jobs) -> int:
    """Stop jobs: waiting ones at once, running ones as soon as their worker sees it."""
    from ovi_studio.cli.following import talk

    stopped = _control().cancel(jobs)
    at_work = sum(job.status.is_with_worker for job in stopped)
    talk(f"{len(stopped) - at_work} cancelled, {at_work} being stopped.")
    return 0


@queue_commands.command("retry")
def retry(jobs: Jobs) -> int:
    """Let failed and cancelled jobs wait again; they are rendered in the background."""
    from ovi_studio.cli.following import talk

    again, others = _control().retry(jobs)
    talk(f"{len(again)} put back into the queue.")
    for job in others:
        if job.status.is_finished and job.status != "DONE":
            talk(f"Job {job.id} has a newer job for the same clip.")
        else:
            talk(f"Job {job.id} is {job.status}; only FAILED and CANCELLED ones are tried again.")
    return 0


@queue_commands.command("move")
def move(
    jobs: Annotated[
        str, typer.Argument(metavar="JOB", help="A number, or several such as 3-7 or 2,4.")
    ],
    to: Annotated[str, typer.Option("--to", metavar="first|last|before", help="Where to.")],
    other: Annotated[str, typer.Argument(metavar="[N]", help="The waiting job to go before.")] = "",
) -> int:
    """Change when waiting jobs are taken: --to first, --to last, or --to before N."""
    from ovi_studio.cli.following import talk
    from ovi_studio.errors import UsageError
    from ovi_studio.render.ordering import Place

    words = [*to.lower().split(), *other.split()]
    match words:
        case ["first"]:
            place = Place(is_first=True)
        case ["last"]:
            place = Place()
        case ["before", number] if number.isdecimal():
            place = Place(before=int(number))
        case _:
            raise UsageError(f"--to {' '.join(words)}: give first, last, or before and a number.")
    waiting = _control().move([jobs], place)
    talk("Waiting, the next one first: " + ", ".join(str(job.id) for job in waiting) + ".")
    return 0


@queue_commands.command("clear")
def clear(
    jobs: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[JOB...]",
            help="Numbers, ranges, or all, done, failed, cancelled. Default: all that have ended.",
        ),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do it without asking.")] = False,
) -> int:
    """Forget jobs that have ended, with their history. Clips and other files stay."""
    from ovi_studio.cli.following import talk
    from ovi_studio.errors import ExitCode, UsageError

    control = _control()
    found = control.finished(jobs or ["all"])
    if not found:
        talk("No job that has ended is among these.")
        return ExitCode.OK
    question = f"Forget {len(found)} ended {'job' if len(found) == 1 else 'jobs'}? Files stay."
    if not yes:
        if not sys.stdin.isatty():
            raise UsageError(f"Nobody is here to answer: {question} Give --yes.")
        if not typer.confirm(question, err=True):
            return ExitCode.FAILED
    talk(f"{control.clear(found)} forgotten; no file was touched.")
    return ExitCode.OK


def _control() -> "QueueControl":
    """The queue of the project that we are in."""
    from pathlib import Path

    from ovi_studio.actions.queue_control import QueueControl
    from ovi_studio.cli.following import talk
    from ovi_studio.project.layout import find_layout

    return QueueControl(find_layout(Path.cwd()), on_rescue=talk)
