"""Options that several commands share."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class ProgressStyle(StrEnum):
    """How a running render is shown."""

    AUTO = "auto"
    """one line that changes on a terminal, else lines"""
    PLAIN = "plain"
    JSON = "json"
    NONE = "none"


Output = Annotated[
    Path | None,
    typer.Option("--output", "-o", metavar="FOLDER", help="Where the clips go."),
]
Device = Annotated[
    str | None,
    typer.Option(metavar="auto|cpu|cuda|cuda:1|mps", help="Where the models run. Default: auto."),
]
Offload = Annotated[
    str | None,
    typer.Option(
        metavar="none|model",
        help="model: models wait in host memory between their turns. Default: none.",
    ),
]
Attention = Annotated[
    str | None,
    typer.Option(
        metavar="NAME", help="auto, flash3, flash2, cudnn, flash, sdpa or math. Default: auto."
    ),
]
CkptDir = Annotated[
    Path | None,
    typer.Option(metavar="FOLDER", help="Published weight files. Default: ckpts."),
]
PictureModel = Annotated[
    str | None,
    typer.Option(
        metavar="FOLDER|REPOSITORY", help="Image model of mode t2i2v. Default: FLUX.1-Krea-dev."
    ),
]
Progress = Annotated[
    ProgressStyle,
    typer.Option(help="How progress is shown; json writes JSON lines to stdout."),
]
Json = Annotated[bool, typer.Option("--json", help="Write one JSON document to stdout.")]
