"""Arguments and options of the commands that write prompts."""

from typing import Annotated

import typer

from ovi_studio.cli.completion import complete_set, complete_variant

Sources = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="SOURCE...",
        help="Sets, SET:ROW, CSV or TSV files, folders, prompts, or - for standard input.",
        autocompletion=complete_set,
    ),
]
SetName = Annotated[
    str,
    typer.Argument(
        metavar="SET", help="A set of the project, or a CSV or TSV file.",
        autocompletion=complete_set,
    ),
]  # fmt: skip
VariantName = Annotated[
    str | None,
    typer.Option(
        "--variant",
        metavar="NAME",
        help="What `ovi variants` lists. Default: the row's, else the configured one, else nano.",
        autocompletion=complete_variant,
    ),
]
NewFile = Annotated[
    str | None,
    typer.Option("--output", "-o", metavar="FILE", help="Where to write. Default: stdout."),
]
Force = Annotated[bool, typer.Option("--force", help="Replace the file if it is there.")]
