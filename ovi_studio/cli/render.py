"""`ovi render`: prompts in, clips out."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ovi_studio.cli.completion import complete_set
from ovi_studio.cli.options import (
    Attention,
    CkptDir,
    Device,
    Gpus,
    GuidanceCache,
    Json,
    Lora,
    Offload,
    Output,
    PictureModel,
    Precision,
    Profile,
    Progress,
    ProgressStyle,
    Rows,
    Seeds,
    Split,
    StepCache,
    TextPrecision,
    VaePrecision,
    VaeTiling,
    row_words,
)

if TYPE_CHECKING:
    from ovi_studio.render.job import RenderJob


def render(
    sources: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="SOURCE...",
            help="Prompts, sets, SET:ROW, and CSV or TSV files with a column text_prompt.",
            autocompletion=complete_set,
        ),
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="The published inference_fusion.yaml, as it is."),
    ] = None,
    variant: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="What `ovi variants` lists. Default: nano."),
    ] = None,
    mode: Annotated[
        str | None,
        typer.Option(
            metavar="t2v|i2v|t2i2v", help="Default: i2v where there is a first frame, else t2v."
        ),
    ] = None,
    size: Annotated[
        str | None,
        typer.Option(metavar="HxW", help="Height and width, fitted to the variant's area."),
    ] = None,
    image: Annotated[
        str | None, typer.Option(metavar="FILE", help="First frame of every clip.")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Default: 100.")] = None,
    repeats: Annotated[
        int | None, typer.Option(help="Clips of each prompt, with seed, seed+1, and so on.")
    ] = None,
    rows: Rows = None,
    seeds: Seeds = None,
    steps: Annotated[int | None, typer.Option(help="Default: 50; 20 with nano.")] = None,
    solver: Annotated[
        str | None, typer.Option(metavar="unipc|dpm++|euler", help="Default: unipc.")
    ] = None,
    shift: Annotated[float | None, typer.Option(help="Default: 5.")] = None,
    video_guidance: Annotated[float | None, typer.Option(help="Default: 4.")] = None,
    audio_guidance: Annotated[float | None, typer.Option(help="Default: 3.")] = None,
    slg_layer: Annotated[
        int | None,
        typer.Option(help="Layer left out of the negative pass; 0 or below: none. Default: 11."),
    ] = None,
    video_negative: Annotated[
        str | None, typer.Option(help="What the picture should not show.")
    ] = None,
    audio_negative: Annotated[
        str | None, typer.Option(help="What the sound should not hold.")
    ] = None,
    lora: Lora = None,
    output: Output = None,
    profile: Profile = None,
    device: Device = None,
    precision: Precision = None,
    text_precision: TextPrecision = None,
    vae_precision: VaePrecision = None,
    vae_tiling: VaeTiling = None,
    guidance_cache: GuidanceCache = None,
    step_cache: StepCache = None,
    offload: Offload = None,
    resident_blocks: Annotated[
        int | None,
        typer.Option(
            metavar="N", help="With --offload blocks: blocks that stay on the GPU. Default: 0."
        ),
    ] = None,
    host_memory: Annotated[
        str | None,
        typer.Option(
            metavar="pinned|mapped",
            help="With --offload blocks: where the others wait. Default: pinned where RAM allows.",
        ),
    ] = None,
    gpus: Gpus = None,
    split: Split = None,
    cluster: Annotated[
        str | None,
        typer.Option(metavar="ADDRESS", help="Render on a Ray cluster: its address, or auto."),
    ] = None,
    attention: Attention = None,
    noise: Annotated[
        str | None,
        typer.Option(
            metavar="cpu|cuda",
            help="cpu: equal on every machine; cuda: as published, differs between GPUs.",
        ),
    ] = None,
    ckpt_dir: CkptDir = None,
    picture_model: PictureModel = None,
    progress: Progress = ProgressStyle.AUTO,
    force: Annotated[
        bool, typer.Option("--force", help="Render anew what was rendered before.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show the plan and render nothing.")
    ] = False,
    detach: Annotated[
        bool, typer.Option("--detach", help="Render in the background; print the job numbers.")
    ] = False,
    resume: Annotated[
        bool,
        typer.Option("--resume", help="Go on with what waits in the queue or was stopped."),
    ] = False,
    only_failed: Annotated[
        bool,
        typer.Option("--only-failed", help="Only what failed last, of SOURCE or of the queue."),
    ] = False,
    json: Json = False,
) -> int:
    """Render prompts to MP4 files with picture and sound.

    What is said here wins over a row of a file, and that over --config. Columns that decide a
    clip: text_prompt, image_path, variant, mode, size (or height and width), seed, repeats, steps,
    solver, shift, video_guidance, audio_guidance, slg_layer, negative, audio_negative, lora.
    """
    from ovi.spec.machine import UNKNOWN_MACHINE
    from ovi_studio.actions.rendering import (
        RenderOrder,
        check_installation,
        failed_tasks,
        plan_render,
    )
    from ovi_studio.cli.following import (
        detach_tasks,
        follow_tasks,
        talk,
        weight_talk,
        write_result,
    )
    from ovi_studio.cli.resuming import render_queue, write_jobs
    from ovi_studio.errors import ExitCode, UsageError
    from ovi_studio.project.layout import find_layout
    from ovi_studio.render.choices import Choices, choices_of_options
    from ovi_studio.render.cluster_address import check_cluster
    from ovi_studio.report.json import json_text
    from ovi_studio.report.plan import plan_document, plan_listing, plan_summary
    from ovi_studio.report.progress import JsonReport

    if json and not (dry_run or detach):
        raise UsageError(
            "--json goes with --dry-run and --detach. To watch a render, use --progress json."
        )
    said = choices_of_options(
        variant=variant,
        mode=mode,
        size=size,
        image=image,
        seed=seed,
        repeats=repeats,
        seeds=seeds,
        num_steps=steps,
        solver=solver,
        shift=shift,
        video_guidance=video_guidance,
        audio_guidance=audio_guidance,
        slg_layer=slg_layer,
        video_negative=video_negative,
        audio_negative=audio_negative,
        loras=lora,
        output=output,
        profile=profile,
        device=device,
        precision=precision,
        text_precision=text_precision,
        vae_precision=vae_precision,
        tile_side=vae_tiling,
        guidance_cache=guidance_cache,
        step_cache=step_cache,
        offload=offload,
        resident_blocks=resident_blocks,
        host_memory=host_memory,
        gpus=gpus,
        gpus_per_clip=split,
        attention=attention,
        noise=noise,
        ckpt_dir=ckpt_dir,
        picture_model=picture_model,
        # The GPUs of a cluster are elsewhere: a device that is named is taken at its word.
        accelerator="cuda" if cluster and (device or "").startswith("cuda") else None,
    )
    if cluster is not None and not dry_run:
        check_cluster(cluster)
    if resume or (only_failed and not sources and config is None):
        is_plain = rows is None and said == Choices(gpus=gpus, gpus_per_clip=said.gpus_per_clip)
        if sources or config is not None or not is_plain or split or force or dry_run:
            raise UsageError(
                "What is in the queue is rendered as it was planned: leave out sources and other "
                "options, or leave out --resume."
            )
        check_installation()
        return render_queue(
            is_failed_only=only_failed,
            is_detached=detach,
            progress=progress,
            as_json=json,
            gpus=gpus,
            cluster=cluster,
        )
    order = RenderOrder(sources or (), said, config, row_words(rows))
    plan = plan_render(
        order,
        Path.cwd(),
        needs_weights=not dry_run,
        on_weight_bytes=weight_talk(),
        machine=None if cluster is None else UNKNOWN_MACHINE,
    )
    talk(plan_summary(plan))
    exit_code = ExitCode.FAILED if plan.rejections else ExitCode.OK
    if dry_run:
        write_result(json_text(plan_document(plan)) if json else plan_listing(plan))
        return exit_code
    check_installation()
    if progress is ProgressStyle.JSON:
        JsonReport(sys.stdout).write({"event": "plan", **plan_document(plan)})
    tasks = [clip.to_task(is_forced=force) for clip in plan.clips]
    if only_failed:
        tasks = failed_tasks(tasks, find_layout(Path.cwd()))
        talk(f"{len(tasks)} of them failed when last rendered.")
    if detach:
        write_jobs(detach_tasks(tasks, cluster), as_json=json)
        return exit_code
    jobs, is_stopped = follow_tasks(tasks, progress, cluster)
    return end_render(jobs, len(plan.rejections), progress, is_stopped=is_stopped)


def end_render(
    jobs: "Sequence[RenderJob]", num_rejected: int, progress: ProgressStyle, *, is_stopped: bool
) -> int:
    """Tells how the clips ended. Returns the exit code."""
    from ovi_studio.cli.following import talk
    from ovi_studio.errors import ExitCode
    from ovi_studio.report.progress import JsonReport

    counts = _counts(jobs, num_rejected)
    if progress is ProgressStyle.JSON:
        JsonReport(sys.stdout).write({"event": "end", **counts})
    if len(jobs) > 1 or counts["done"] < len(jobs) or num_rejected:
        talk(", ".join(f"{number} {what}" for what, number in counts.items() if number) + ".")
    if is_stopped:
        return ExitCode.INTERRUPTED
    is_all_done = counts["done"] == len(jobs) and not num_rejected
    return ExitCode.OK if is_all_done else ExitCode.FAILED


def _counts(jobs: "Sequence[RenderJob]", num_rejected: int) -> dict[str, int]:
    """How many clips came to which end."""
    from ovi_studio.render.job import JobStatus

    ends = [job.status for job in jobs]
    return {
        "done": ends.count(JobStatus.DONE),
        "failed": ends.count(JobStatus.FAILED),
        "cancelled": ends.count(JobStatus.CANCELLED),
        "rejected": num_rejected,
    }
