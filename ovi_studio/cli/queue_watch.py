"""`ovi queue watch` and `ovi queue log`: look on while a queue is worked off."""

import sys
import time
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from ovi_studio.actions.metering import Metering
    from ovi_studio.actions.queue_watching import QueueSnapshot, QueueWatch

LOOK_SECONDS = 0.25
LINE_SECONDS = 1.0
"""Looks of those who read lines come that far apart."""


def watch(
    json: Annotated[
        bool, typer.Option("--json", help="Write one JSON document a look, each in one line.")
    ] = False,
    once: Annotated[bool, typer.Option("--once", help="Look once and end.")] = False,
    stay: Annotated[
        bool, typer.Option("--stay", help="Go on when nothing waits any more; Ctrl-C ends it.")
    ] = False,
) -> int:
    """Watch the queue: progress, pace and time left of each job, GPUs and memory, throughput.

    Ends when nothing waits and nobody works. Whoever watches changes nothing.
    """
    from pathlib import Path

    from ovi_studio.actions.metering import Metering
    from ovi_studio.actions.queue_watching import QueueWatch
    from ovi_studio.project.layout import find_layout

    looks, metering = QueueWatch(find_layout(Path.cwd())), Metering()
    ends = not stay or once
    if json:
        _write_documents(looks, metering, once=once, ends=ends)
    elif sys.stdout.isatty() and not once:
        _show_live(looks, metering, ends=ends)
    else:
        _write_lines(looks, metering, once=once, ends=ends)
    return 0


def log(
    job: Annotated[int, typer.Argument(metavar="JOB", help="Its number.")],
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Go on until the job has ended.")
    ] = False,
    lines: Annotated[int, typer.Option(min=1, help="How many lines of the end.")] = 200,
) -> int:
    """Show the log of the worker that has or had a job."""
    from pathlib import Path

    from ovi_studio.actions.job_logs import JobLog, last_lines
    from ovi_studio.actions.queue_control import QueueControl
    from ovi_studio.cli.following import talk, write_result
    from ovi_studio.project.layout import find_layout

    layout = find_layout(Path.cwd())
    control = QueueControl(layout, on_rescue=talk)
    found, _ = control.describe(job)
    if found.worker is None and not follow:
        talk(f"No worker has taken job {job} yet, so it has no log.")
        return 0
    if not follow:
        write_result("\n".join(last_lines(layout, job, lines)))
        return 0
    log_file, is_first = JobLog(layout, job), True
    while True:
        is_over = control.describe(job)[0].status.is_finished
        new = log_file.new_lines()
        for line in new[-lines:] if is_first else new:
            write_result(line)
        is_first = False
        if is_over:
            return 0
        time.sleep(LOOK_SECONDS)


def _is_over(snapshot: "QueueSnapshot") -> bool:
    return all(view.job.status.is_finished for view in snapshot.jobs)


def _write_documents(looks: "QueueWatch", metering: "Metering", *, once: bool, ends: bool) -> None:
    import json

    from ovi_studio.cli.following import write_result
    from ovi_studio.report.queue_watch import watch_document

    while True:
        snapshot = looks.look()
        document = watch_document(snapshot, metering.read())
        write_result(json.dumps(document, ensure_ascii=False))
        if once or (ends and _is_over(snapshot)):
            return
        time.sleep(LINE_SECONDS)


def _write_lines(looks: "QueueWatch", metering: "Metering", *, once: bool, ends: bool) -> None:
    """The summary and what waits at first, then each job that got further."""
    from ovi_studio.cli.following import talk, write_result
    from ovi_studio.report.queue_watch import changed_lines, job_line, meter_lines, summary_text

    snapshot = looks.look()
    for line in (*meter_lines(metering.read()), summary_text(snapshot)):
        talk(line)
    for view in snapshot.jobs:
        if once or not view.job.status.is_finished:
            write_result(job_line(view))
    has_waited = False
    while not once and not (ends and _is_over(snapshot)):
        has_waited = True
        time.sleep(LINE_SECONDS)
        before, snapshot = snapshot, looks.look()
        for line in changed_lines(before.jobs, snapshot.jobs):
            write_result(line)
    if has_waited:
        talk(summary_text(snapshot))


def _show_live(looks: "QueueWatch", metering: "Metering", *, ends: bool) -> None:
    """One picture that changes; the last one stays."""
    from rich.console import Console
    from rich.live import Live
    from rich.text import Text

    from ovi_studio.report.queue_watch import screen_lines

    console, meters, read = Console(), metering.read(), time.monotonic()
    with Live(console=console, auto_refresh=False) as live:
        while True:
            snapshot = looks.look()
            if time.monotonic() - read > LINE_SECONDS:
                meters, read = metering.read(), time.monotonic()
            size = console.size
            picture = screen_lines(snapshot, meters, size.width - 1, size.height - 1)
            live.update(Text("\n".join(picture), no_wrap=True, overflow="crop"), refresh=True)
            if ends and _is_over(snapshot):
                return
            time.sleep(LOOK_SECONDS)
