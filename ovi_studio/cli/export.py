"""`ovi export`: a set in the format of another program."""

from typing import Annotated

import typer

from ovi_studio.cli.authoring_options import Force, NewFile, SetName
from ovi_studio.cli.completion import complete_variant


def complete_format(incomplete: str) -> list[str]:
    """Names of formats."""
    from ovi_studio.project.exporting import ExportFormat

    return [name for name in ExportFormat if name.startswith(incomplete)]


def export(
    set_name: SetName,
    to: Annotated[
        str,
        typer.Option(
            metavar="csv|tsv|txt|json|jsonl|published",
            help="The format.",
            autocompletion=complete_format,
        ),
    ],
    variant: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Write audio captions in this variant's form. Default: as they are; with "
            "published, in the configured variant's.",
            autocompletion=complete_variant,
        ),
    ] = None,
    output: NewFile = None,
    force: Force = False,
) -> int:
    """Write a set in another format: to stdout, or to a new file.

    published is a CSV for the published program: the columns text_prompt and image_path, nothing
    else. txt has one prompt a line. In a file, first frames are named from where it lies.
    """  # fmt: skip
    from pathlib import Path

    from ovi_studio.actions.exchange import export_set, write_export
    from ovi_studio.actions.settings import default_variant, known_variant, load_settings
    from ovi_studio.cli.following import talk
    from ovi_studio.cli.streams import write_pieces
    from ovi_studio.errors import ExitCode
    from ovi_studio.project.exporting import ExportFormat
    from ovi_studio.project.sets import set_or_row_named
    from ovi_studio.render.choices import one_of
    from ovi_studio.report.paths import short_path

    here = Path.cwd()
    format_name = one_of(ExportFormat, "format", to)
    chosen = known_variant(variant)
    if chosen is None and format_name is ExportFormat.PUBLISHED:
        chosen = default_variant(load_settings(here))
    source = set_or_row_named(set_name, here)
    path = None if output is None else here / output
    is_published = format_name is ExportFormat.PUBLISHED
    folder = None if path is None else here if is_published else path.resolve().parent
    pieces = export_set(source, format_name, variant=chosen, folder=folder)
    if path is None:
        write_pieces(pieces)
    else:
        write_export(path, pieces, is_forced=force)
        talk(f"{short_path(path)} written.")
    return ExitCode.OK
