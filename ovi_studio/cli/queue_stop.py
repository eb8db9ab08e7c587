"""`ovi queue stop`: ends all work at once, and leaves no worker behind."""

from typing import Annotated

import typer


def stop(
    now: Annotated[
        bool, typer.Option("--now", help="Kill the workers instead of letting them end.")
    ] = False,
) -> int:
    """Stop rendering: give up every clip that waits or is rendered, and end the workers.

    Clips that are finished stay. `ovi render --resume` goes on with those that were given up.
    """
    from pathlib import Path

    from ovi_studio.actions.stopping import stop_work
    from ovi_studio.cli.following import talk
    from ovi_studio.project.layout import find_layout

    stopped = stop_work(find_layout(Path.cwd()), is_hurried=lambda: now)
    if not stopped.num_jobs:
        talk("Nothing waits and nothing is rendered.")
        return 0
    clips = "1 clip" if stopped.num_jobs == 1 else f"{stopped.num_jobs} clips"
    killed = f", {stopped.num_killed} workers killed" if stopped.num_killed else ""
    talk(f"{clips} given up{killed}. `ovi render --resume` goes on with them.")
    return 0
