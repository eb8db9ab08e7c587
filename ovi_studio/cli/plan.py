"""`ovi plan`: what a render would take of this machine, or of another."""

from pathlib import Path
from typing import Annotated

import typer

from ovi_studio.cli.completion import complete_set
from ovi_studio.cli.options import (
    CkptDir,
    Device,
    Gpus,
    GuidanceCache,
    Json,
    Offload,
    Precision,
    Profile,
    Rows,
    Seeds,
    Split,
    StepCache,
    TextPrecision,
    VaePrecision,
    VaeTiling,
    row_words,
)


def plan(
    sources: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[SOURCE]...",
            help="Prompts, sets, SET:ROW, CSV or TSV files. Default: any one prompt.",
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
    mode: Annotated[str | None, typer.Option(metavar="t2v|i2v|t2i2v")] = None,
    size: Annotated[
        str | None,
        typer.Option(metavar="HxW", help="Height and width, fitted to the variant's area."),
    ] = None,
    image: Annotated[str | None, typer.Option(metavar="FILE", help="First frame.")] = None,
    repeats: Annotated[int | None, typer.Option(help="Clips of each prompt.")] = None,
    rows: Rows = None,
    seeds: Seeds = None,
    steps: Annotated[int | None, typer.Option(help="Default: 50; 20 with nano.")] = None,
    slg_layer: Annotated[int | None, typer.Option(help="Layer left out.")] = None,
    profile: Profile = None,
    device: Device = None,
    precision: Precision = None,
    text_precision: TextPrecision = None,
    vae_precision: VaePrecision = None,
    vae_tiling: VaeTiling = None,
    guidance_cache: GuidanceCache = None,
    step_cache: StepCache = None,
    offload: Offload = None,
    gpus: Gpus = None,
    split: Split = None,
    ckpt_dir: CkptDir = None,
    vram: Annotated[
        float | None,
        typer.Option(metavar="GB", help="Plan for a machine whose GPU has so much memory."),
    ] = None,
    ram: Annotated[
        float | None, typer.Option(metavar="GB", help="Plan for a machine with so much RAM.")
    ] = None,
    gpu: Annotated[
        str | None,
        typer.Option(metavar="NAME", help='Plan for the speed of this GPU, such as "RTX 3070".'),
    ] = None,
    json: Json = False,
) -> int:
    """Show what a render takes under every profile: memory, RAM, time, and whether it fits.

    Nothing is loaded and nothing rendered. Settings given here are kept under every profile. 1 GB
    is 10^9 bytes.
    """
    from ovi_studio.actions.forecasting import OtherMachine, forecast
    from ovi_studio.actions.rendering import RenderOrder
    from ovi_studio.cli.following import write_result
    from ovi_studio.render.choices import choices_of_options
    from ovi_studio.report.forecast import forecast_document, forecast_text
    from ovi_studio.report.json import json_text

    said = choices_of_options(
        variant=variant,
        mode=mode,
        size=size,
        image=image,
        repeats=repeats,
        seeds=seeds,
        num_steps=steps,
        slg_layer=slg_layer,
        profile=profile,
        device=device,
        precision=precision,
        text_precision=text_precision,
        vae_precision=vae_precision,
        tile_side=vae_tiling,
        guidance_cache=guidance_cache,
        step_cache=step_cache,
        offload=offload,
        gpus=gpus,
        gpus_per_clip=split,
        ckpt_dir=ckpt_dir,
    )
    found = forecast(
        RenderOrder(sources or (), said, config, row_words(rows)),
        Path.cwd(),
        OtherMachine(vram_gb=vram, ram_gb=ram, gpu=gpu),
    )
    write_result(json_text(forecast_document(found)) if json else forecast_text(found))
    return 0
