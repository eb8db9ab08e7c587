"""Renders what is in the queue already: `ovi render --resume`, and what `--detach` writes.

Imports are late, as in every command.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ovi_studio.cli.options import ProgressStyle

if TYPE_CHECKING:
    from ovi_studio.render.job import RenderJob


def render_queue(
    *,
    is_failed_only: bool,
    is_detached: bool,
    progress: ProgressStyle,
    as_json: bool,
    gpus: int | None = None,
    cluster: str | None = None,
) -> int:
    """Goes on with the queue of the project that we are in. Returns the exit code.

    `gpus` wins over what the clips were planned with; `cluster` is a Ray cluster's address.
    """
    from pathlib import Path

    from ovi_studio.actions.rendering import keep_jobs, resume_queue
    from ovi_studio.cli.following import follow_queue, talk
    from ovi_studio.cli.render import end_render
    from ovi_studio.errors import ExitCode
    from ovi_studio.project.layout import find_layout

    def say_taken_up(number: int) -> None:
        had = "failed" if is_failed_only else "been stopped"
        talk(f"{number} {'clip' if number == 1 else 'clips'} had {had} and will be tried again.")

    layout = find_layout(Path.cwd())
    job_ids = resume_queue(
        layout, is_failed_only=is_failed_only, on_taken_up=say_taken_up, on_rescue=talk
    )
    if not job_ids:
        talk("No clip has failed." if is_failed_only else "Nothing waits in the queue.")
        return ExitCode.OK
    if is_detached:
        write_jobs(keep_jobs(job_ids, layout, gpus=gpus, cluster=cluster), as_json=as_json)
        return ExitCode.OK
    jobs, is_stopped = follow_queue(job_ids, progress, gpus=gpus, cluster=cluster)
    return end_render(jobs, 0, progress, is_stopped=is_stopped)


def write_jobs(jobs: "Sequence[RenderJob]", *, as_json: bool) -> None:
    """Writes the numbers of jobs that are rendered in the background."""
    from pathlib import Path

    from ovi_studio.actions.queue_control import QueueControl
    from ovi_studio.cli.following import talk, write_result
    from ovi_studio.project.layout import find_layout
    from ovi_studio.report.json import json_text

    if as_json:
        write_result(json_text({"jobs": [job.id for job in jobs]}))
    elif jobs:
        write_result("\n".join(str(job.id) for job in jobs))
    num_open = sum(not job.status.is_finished for job in jobs)
    talk(f"{num_open} left to the queue: `ovi queue list` shows them, `ovi queue show N` one.")
    if num_open and QueueControl(find_layout(Path.cwd()), on_rescue=talk).view().paused_since:
        talk("The queue is paused: nothing is rendered until `ovi queue resume`.")
