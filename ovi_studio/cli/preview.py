"""`ovi preview calibrate`, and `ovi queue preview`: what a clip looks like as it is made."""

from pathlib import Path
from typing import Annotated

import typer

from ovi_studio.cli.options import CkptDir, Device, Json

preview_commands = typer.Typer(
    help="Set up the live preview of clips.", no_args_is_help=True, rich_markup_mode=None
)


@preview_commands.callback()
def preview() -> None:
    """Set up the live preview of clips. To see one: `ovi queue preview JOB`."""


@preview_commands.command("calibrate")
def calibrate(
    variant: Annotated[
        str | None, typer.Option(metavar="NAME", help="Default: the configured one.")
    ] = None,
    clips: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Videos to learn the colours from, MP4 or another form that ffmpeg reads. "
            "Default: small clips that are drawn for it.",
        ),
    ] = None,
    num_clips: Annotated[
        int, typer.Option(metavar="N", min=1, help="How many clips to learn from.")
    ] = 48,
    device: Device = None,
    ckpt_dir: CkptDir = None,
) -> int:
    """Learn how a variant's latents look, for the live preview in true colours.

    Its video and audio VAE read the clips; a map from latents to pixels and to sound is fitted to
    what they make of them, and kept beside the weights. Clips that are rendered do not change.
    """
    import os
    import subprocess

    from ovi_studio.actions.previewing import calibrate_command
    from ovi_studio.actions.rendering import check_installation
    from ovi_studio.render.launch import worker_environment

    check_installation()
    command = calibrate_command(
        Path.cwd(),
        os.environ,
        variant=variant,
        clips=clips,
        num_clips=num_clips,
        device=device,
        ckpt_dir=ckpt_dir,
    )
    return subprocess.run(command, check=False, env=worker_environment()).returncode


def preview_job(
    job: Annotated[int, typer.Argument(metavar="JOB", help="Its number.")],
    save: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Copy the animated WebP here, and the sound's PNG beside it."
        ),
    ] = None,
    json: Json = False,
) -> int:
    """Show where the live preview of a clip being denoised is, and how far the clip is."""
    from ovi_studio.actions.previewing import latest_preview, save_preview
    from ovi_studio.actions.queue_control import QueueControl
    from ovi_studio.cli.following import talk, write_result
    from ovi_studio.errors import ExitCode
    from ovi_studio.project.layout import find_layout
    from ovi_studio.report.json import json_text
    from ovi_studio.report.preview import no_preview_text, preview_document, preview_text

    layout = find_layout(Path.cwd())
    found = latest_preview(layout, job)
    if found is None:
        known, _ = QueueControl(layout, on_rescue=talk).describe(job)
        talk(no_preview_text(known))
        return ExitCode.FAILED
    if save is not None:
        written = save_preview(found, save)
        talk("Saved: " + ", ".join(map(str, written)))
    if json:
        write_result(json_text(preview_document(found)))
    elif save is None:
        write_result(preview_text(found))
    if found.note is not None and not json:
        talk(found.note)
    return ExitCode.OK
