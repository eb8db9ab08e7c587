"""Renders tasks while showing what happens; shared by `ovi render` and `ovi reproduce`.

Imports are late, as in every command.
"""

import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from ovi_studio.cli.options import ProgressStyle

if TYPE_CHECKING:
    from ovi_studio.render.job import RenderJob, RenderTask
    from ovi_studio.report.progress import Report

WORTH_TELLING = 1_000_000_000
"""Bytes of weight files that take long enough to read for the user to wonder."""


def follow_tasks(
    tasks: "Sequence[RenderTask]", progress: ProgressStyle, cluster: str | None = None
) -> "tuple[list[RenderJob], bool]":
    """Renders the tasks, here or on the Ray cluster at an address.

    Returns the jobs as they ended, and whether the user stopped them.
    """
    from pathlib import Path

    from ovi_studio.actions.rendering import render_tasks
    from ovi_studio.cli.interrupts import counted_interrupts
    from ovi_studio.project.layout import find_layout

    def say_others(num_others: int) -> None:
        clips = "1 earlier clip is" if num_others == 1 else f"{num_others} earlier clips are"
        talk(f"{clips} still in the queue and rendered first.")

    with counted_interrupts() as stop_requests:
        jobs = render_tasks(
            tasks,
            find_layout(Path.cwd()),
            on_event=_report_for(progress),
            on_others_waiting=say_others,
            on_rescue=talk,
            stop_requests=stop_requests,
            cluster=cluster,
        )
        return jobs, stop_requests() > 0


def follow_queue(
    job_ids: Sequence[int],
    progress: ProgressStyle,
    *,
    gpus: int | None = None,
    cluster: str | None = None,
) -> "tuple[list[RenderJob], bool]":
    """Follows jobs of the queue. Returns them as they ended, and whether the user stopped them."""
    from pathlib import Path

    from ovi_studio.actions.rendering import follow_jobs
    from ovi_studio.cli.interrupts import counted_interrupts
    from ovi_studio.project.layout import find_layout

    with counted_interrupts() as stop_requests:
        jobs = follow_jobs(
            job_ids,
            find_layout(Path.cwd()),
            on_event=_report_for(progress),
            stop_requests=stop_requests,
            gpus=gpus,
            cluster=cluster,
        )
        return jobs, stop_requests() > 0


def detach_tasks(tasks: "Sequence[RenderTask]", cluster: str | None = None) -> "list[RenderJob]":
    """Leaves the tasks to the queue. Returns their jobs at once."""
    from functools import partial
    from pathlib import Path

    from ovi_studio.actions.rendering import enqueue_tasks
    from ovi_studio.project.layout import find_layout
    from ovi_studio.render.keeper import start_keeper

    keep_queue = partial(start_keeper, cluster=cluster)
    return enqueue_tasks(tasks, find_layout(Path.cwd()), on_rescue=talk, keep_queue=keep_queue)


def talk(text: str) -> None:
    """Says something to the user that is not a result."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def write_result(text: str) -> None:
    """Writes what was asked for."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def weight_talk() -> Callable[[int, int], None]:
    """Tells of large weight files being read for their identity: at first, then every 10 %."""
    said = -1

    def tell(done: int, total: int) -> None:
        nonlocal said
        tenth = 10 * done // max(total, 1)
        if total > WORTH_TELLING and tenth > said:
            said = tenth
            talk(f"Reading the weight files once: {done / 1e9:.1f} of {total / 1e9:.1f} GB.")

    return tell


def _report_for(progress: ProgressStyle) -> "Report":
    from ovi_studio.report.progress import JsonReport, LiveReport, PlainReport

    if progress is ProgressStyle.JSON:
        return JsonReport(sys.stdout)
    if progress is ProgressStyle.AUTO and sys.stderr.isatty():
        return LiveReport(sys.stdout, sys.stderr)
    return PlainReport(sys.stdout, sys.stderr, shows_progress=progress is not ProgressStyle.NONE)
