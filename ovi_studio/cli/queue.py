"""`ovi queue`: looks at the jobs of a project."""

import typer

from ovi_studio.cli.options import Json

queue_commands = typer.Typer(
    help="Look at the queue of clips.", no_args_is_help=True, rich_markup_mode=None
)


@queue_commands.command("list")
def list_queue(json: Json = False) -> int:
    """List all jobs, oldest first."""
    from pathlib import Path

    from ovi_studio.actions.rendering import list_jobs
    from ovi_studio.cli.following import talk, write_result
    from ovi_studio.project.layout import find_layout
    from ovi_studio.report.json import json_text
    from ovi_studio.report.table import job_data, jobs_table

    jobs = list_jobs(find_layout(Path.cwd()))
    if json:
        write_result(json_text({"jobs": [job_data(job) for job in jobs]}))
    elif jobs:
        write_result(jobs_table(jobs))
    else:
        talk("The queue is empty.")
    return 0
