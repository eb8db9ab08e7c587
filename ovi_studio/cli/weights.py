"""`ovi weights`: lists, brings, checks, finds and quantizes weight files."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ovi_studio.cli.options import CkptDir, Json

if TYPE_CHECKING:
    from ovi.spec.request import TransformerPrecision
    from ovi.spec.variants import Variant

weights_commands = typer.Typer(
    help="List, download, verify and quantize weight files.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

_Variants = Annotated[
    list[str] | None,
    typer.Argument(metavar="VARIANT...", help="What `ovi variants` lists, or all."),
]
_Precision = Annotated[
    str, typer.Option("--precision", metavar="bf16|fp8", help="Of the transformer.")
]
_AnyPrecision = Annotated[
    str,
    typer.Option(
        "--precision", metavar="bf16|fp8|int8", help="Of the transformer; int8 of the text encoder."
    ),
]


@weights_commands.command("list")
def list_weights(variants: _Variants = None, ckpt_dir: CkptDir = None, json: Json = False) -> int:
    """List the components of each variant: what is there, how large, from whom, on which terms."""
    from ovi.spec.variants import VARIANTS
    from ovi.weights.licences import PICTURE_SOURCE, licence_of
    from ovi_studio.actions.weights import chosen_variants, list_components
    from ovi_studio.cli.following import talk, write_result
    from ovi_studio.errors import ExitCode
    from ovi_studio.report.json import json_text
    from ovi_studio.report.weights import (
        component_data,
        components_table,
        licence_data,
        picture_text,
    )

    folder = _checkpoint_folder(ckpt_dir)
    chosen = chosen_variants(variants) if variants else tuple(VARIANTS.values())
    views = list_components(chosen, folder)
    if json:
        components = [component_data(view) for view in views]
        picture = licence_data(licence_of(PICTURE_SOURCE))
        write_result(
            json_text({"ckpt_dir": str(folder), "components": components, "picture_model": picture})
        )
        return ExitCode.OK
    write_result(components_table(views))
    talk(picture_text(licence_of(PICTURE_SOURCE)))
    return ExitCode.OK


@weights_commands.command("download")
def download(
    variants: _Variants = None,
    precision: _Precision = "bf16",
    source: Annotated[
        Path | None,
        typer.Option(
            "--from", metavar="FOLDER", help="Take the files from here, not from the network."
        ),
    ] = None,
    ckpt_dir: CkptDir = None,
    jobs: Annotated[int, typer.Option(min=1, max=16, help="Files at a time.")] = 4,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Accept the licences.")] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Bring files anew that are there.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would come and bring nothing.")
    ] = False,
    json: Json = False,
) -> int:
    """Download the weight files of variants, or go on with a download that broke off.

    HF_ENDPOINT names a mirror, HF_TOKEN a token; the token of `hf auth login` is found too.
    """
    from ovi_studio.actions.weights import prepare_download, run_download
    from ovi_studio.cli.following import talk, write_result
    from ovi_studio.errors import ExitCode
    from ovi_studio.report.json import json_text
    from ovi_studio.report.weights import TransferReport, download_data, download_text

    prepared = prepare_download(
        _published(variants),
        _precision(precision),
        _checkpoint_folder(ckpt_dir),
        folder=source,
        replaces=force,
    )
    text = download_text(prepared)
    if dry_run:
        write_result(json_text(download_data(prepared, ())) if json else text)
        return ExitCode.OK
    talk(text)
    brought: tuple[str, ...] = ()
    if prepared.plan.files:
        if not yes and not _agrees():
            talk("Nothing was brought.")
            return ExitCode.FAILED
        report = TransferReport(sys.stderr, "Copying" if source else "Downloading")
        try:
            brought = run_download(prepared, jobs, report.show)
        finally:
            report.end()
    if json:
        write_result(json_text(download_data(prepared, brought)))
    else:
        for path in brought:
            write_result(path)
    return ExitCode.OK


@weights_commands.command("verify")
def verify(
    variants: _Variants = None,
    ckpt_dir: CkptDir = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="Sizes and headers only; no file is read through.")
    ] = False,
    json: Json = False,
) -> int:
    """Check weight files: sizes, headers, and hashes against those of the download.

    Named variants must be complete; without a name, whatever is there is checked.
    """
    from ovi_studio.actions.weights import (
        chosen_variants,
        list_components,
        published_variants,
        verify_files,
    )
    from ovi_studio.cli.following import talk, write_result
    from ovi_studio.errors import ExitCode
    from ovi_studio.report.json import json_text
    from ovi_studio.report.weights import (
        TransferReport,
        component_data,
        missing_text,
        repair_text,
        verified_data,
        verified_table,
    )

    folder = _checkpoint_folder(ckpt_dir)
    chosen = chosen_variants(variants) if variants else published_variants()
    report = TransferReport(sys.stderr, "Reading")
    files = verify_files(
        chosen,
        folder,
        reads_all=not quick,
        on_bytes=lambda done, total: report.show(done, total) if total else None,
    )
    report.end()
    views = list_components(chosen, folder) if variants else []
    missing = [view for view in views if not view.is_present and view.precision is None]
    if json:
        write_result(
            json_text(
                {
                    "ckpt_dir": str(folder),
                    "files": [verified_data(file) for file in files],
                    "missing": [component_data(view) for view in missing],
                }
            )
        )
    elif files:
        write_result(verified_table(files))
    else:
        talk(f"There are no published weight files in {folder}.")
    for view in missing:
        talk(missing_text(view))
    damaged = [file.path for file in files if file.fault is not None]
    for path in damaged:
        talk(repair_text(path))
    return ExitCode.FAILED if damaged or missing else ExitCode.OK


@weights_commands.command("quantize")
def quantize(
    variants: _Variants = None,
    to: Annotated[
        str, typer.Option("--to", metavar="int8|fp8", help="The format; int8 loses least.")
    ] = "int8",
    component: Annotated[
        str | None,
        typer.Option(
            metavar="fusion|text_encoder",
            help="Default: both for int8; the transformer (fusion) for fp8.",
        ),
    ] = None,
    ckpt_dir: CkptDir = None,
    force: Annotated[bool, typer.Option("--force", help="Make files anew that are there.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would be made and make nothing.")
    ] = False,
    json: Json = False,
) -> int:
    """Save weights in eight bits beside the originals: they load faster and take half the disk.

    Renders at that precision use them from then on, and come out the same as without them.
    """
    from ovi.weights.quantized import QUANTIZABLE
    from ovi_studio.actions.quantizing import plan_quantization, run_quantization
    from ovi_studio.cli.following import talk, write_result
    from ovi_studio.errors import ExitCode, UsageError
    from ovi_studio.report.json import json_text
    from ovi_studio.report.weights import (
        TransferReport,
        quantization_data,
        quantization_text,
        quantized_text,
        size_text,
    )

    if component is not None and component not in QUANTIZABLE:
        raise UsageError(f"{component!r} is not quantized. Known: {', '.join(QUANTIZABLE)}.")
    named = [component] if component else ["fusion", *(["text_encoder"] if to == "int8" else [])]
    chosen = _published(variants, "quantizing")
    plan = plan_quantization(chosen, _precision(to), named, _checkpoint_folder(ckpt_dir))
    if dry_run:
        data = [quantization_data(item) for item in plan]
        write_result(json_text({"files": data}) if json else quantization_text(plan))
        return ExitCode.OK
    made = []
    for item in plan:
        hashing = TransferReport(sys.stderr, f"Reading {item.source.name}")
        work = TransferReport(sys.stderr, f"Quantizing {item.source.name}")
        try:
            done = run_quantization(
                item,
                replaces=force,
                on_hashing=hashing.show,
                on_size=lambda size: talk(f"{size_text(size)} to write."),
                on_bytes=work.show,
            )
        finally:
            hashing.end()
            work.end()
        made.append(done)
        if not json:
            write_result(quantized_text(done))
    if json:
        data = [quantization_data(done.quantization, done) for done in made]
        write_result(json_text({"files": data}))
    return ExitCode.OK


@weights_commands.command("path")
def show_path(
    component: Annotated[
        str | None,
        typer.Argument(
            help="fusion, video_vae, audio_vae, vocoder, text_encoder or tokenizer. "
            "Default: the checkpoint folder."
        ),
    ] = None,
    variant: Annotated[
        str | None, typer.Option(metavar="NAME", help="Default: the configured one.")
    ] = None,
    precision: _AnyPrecision = "bf16",
    ckpt_dir: CkptDir = None,
    json: Json = False,
) -> int:
    """Print where a component is. Exits with 1, after its place, when it is not there."""
    from ovi_studio.actions.settings import default_variant, load_settings
    from ovi_studio.actions.weights import find_component
    from ovi_studio.cli.following import write_result
    from ovi_studio.errors import ExitCode
    from ovi_studio.report.json import json_text

    chosen = default_variant(load_settings(Path.cwd(), variant=variant))
    folder = _checkpoint_folder(ckpt_dir)
    path = find_component(component, chosen, _precision(precision), folder)
    is_there = path.exists()
    document = {"path": str(path), "is_present": is_there}
    write_result(json_text(document) if json else str(path))
    return ExitCode.OK if is_there else ExitCode.FAILED


def _checkpoint_folder(named: Path | None) -> Path:
    """The folder of the command line, else of the configuration, else the project's."""
    from ovi_studio.actions.settings import load_settings
    from ovi_studio.project.layout import find_layout

    if named is not None:
        return named.expanduser().absolute()
    working_folder = Path.cwd()
    configured = load_settings(working_folder).render.ckpt_dir
    return configured or find_layout(working_folder).checkpoint_folder


def _published(names: list[str] | None, purpose: str = "download") -> "tuple[Variant, ...]":
    """The named variants, or the configured one, without those that need no `purpose`."""
    from ovi_studio.actions.settings import default_variant, load_settings
    from ovi_studio.actions.weights import chosen_variants, published_variants
    from ovi_studio.cli.following import talk
    from ovi_studio.errors import UsageError

    chosen = chosen_variants(names) if names else (default_variant(load_settings(Path.cwd())),)
    published = tuple(variant for variant in chosen if not variant.is_embedded)
    if not published and not names:
        known = ", ".join(variant.name for variant in published_variants())
        raise UsageError(f"Say which variant: {known}, or all. nano needs no {purpose}.")
    for variant in chosen:
        if variant.is_embedded:
            talk(f"{variant.name} needs no {purpose}.")
    return published


def _precision(name: str) -> "TransformerPrecision":
    from ovi.spec.request import TransformerPrecision
    from ovi_studio.errors import UsageError

    try:
        return TransformerPrecision(name)
    except ValueError:
        known = ", ".join(TransformerPrecision)
        raise UsageError(f"There is no precision {name!r}. Known: {known}.") from None


def _agrees() -> bool:
    """Asks the user; who cannot be asked has to say --yes."""
    from ovi_studio.errors import UsageError

    if not sys.stdin.isatty():
        raise UsageError("Nobody can be asked here: say --yes to accept these licences.")
    return typer.confirm("Do you accept these licences, and want these files?", err=True)
