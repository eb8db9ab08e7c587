"""`ovi reproduce`: a clip in, the same clip out."""

from pathlib import Path
from typing import Annotated

import typer

from ovi_studio.cli.options import (
    Attention,
    CkptDir,
    Device,
    Lora,
    Offload,
    Output,
    PictureModel,
    Progress,
    ProgressStyle,
)


def reproduce(
    clip: Annotated[
        Path, typer.Argument(metavar="CLIP", help="An MP4, or the .json file beside it.")
    ],
    output: Output = None,
    image: Annotated[
        str | None, typer.Option(metavar="FILE", help="Where the first frame lies now.")
    ] = None,
    lora: Lora = None,
    device: Device = None,
    offload: Offload = None,
    attention: Attention = None,
    ckpt_dir: CkptDir = None,
    picture_model: PictureModel = None,
    progress: Progress = ProgressStyle.AUTO,
    anyway: Annotated[
        bool, typer.Option("--anyway", help="Render though weights or first frame have changed.")
    ] = False,
) -> int:
    """Render a clip again from the recipe inside it.

    The original is never overwritten. On the same device, with the same software, the latents are
    the same bit for bit; exit code 1 says that they are not.
    """
    from ovi_studio.actions.rendering import check_installation
    from ovi_studio.actions.reproducing import compare_latents, plan_reproduction
    from ovi_studio.cli.following import follow_tasks, talk, weight_talk
    from ovi_studio.errors import ExitCode
    from ovi_studio.render.choices import choices_of_options
    from ovi_studio.render.job import JobStatus

    said = choices_of_options(
        output=output,
        image=image,
        loras=lora,
        device=device,
        offload=offload,
        attention=attention,
        ckpt_dir=ckpt_dir,
        picture_model=picture_model,
    )
    reproduction = plan_reproduction(
        clip,
        Path.cwd(),
        said=said,
        accepts_differences=anyway,
        on_weight_bytes=weight_talk(),
    )
    for note in reproduction.notes:
        talk(f"Not as then: {note}.")
    request = reproduction.task.request
    talk(
        f"Rendering {clip.name} again: {request.variant}, {request.mode}, {request.size}, "
        f"{request.sampling.num_steps} steps, seed {request.sampling.seed}. On the same device "
        "the latents are the same bit for bit."
    )
    check_installation()
    (job,), is_stopped = follow_tasks([reproduction.task], progress)
    if is_stopped:
        return ExitCode.INTERRUPTED
    if job.status is not JobStatus.DONE:
        return ExitCode.FAILED
    comparison = compare_latents(reproduction.recipe, job.task.output)
    talk(comparison.sentence)
    return ExitCode.OK if comparison.is_equal else ExitCode.FAILED
