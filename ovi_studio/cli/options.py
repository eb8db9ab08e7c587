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
Rows = Annotated[
    str | None,
    typer.Option(metavar="IDS", help="Of a set only these rows, such as 2,5-8. Default: all."),
]
Seeds = Annotated[
    str | None,
    typer.Option(metavar="3,5-8|random:N", help="A clip of each prompt with each of these seeds."),
]
Device = Annotated[
    str | None,
    typer.Option(metavar="auto|cpu|cuda|cuda:1|mps", help="Where the models run. Default: auto."),
]
Profile = Annotated[
    str | None,
    typer.Option(
        metavar="NAME|auto",
        help="exact, fast, fp8, int8, 24gb, 16gb, 12gb, 8gb, 6gb, cpu; auto: the first that fits. "
        "Options given beside it win. `ovi plan` shows what each takes.",
    ),
]
Precision = Annotated[
    str | None,
    typer.Option(metavar="fp32|bf16|fp8|int8", help="Default: bf16 on a GPU, else fp32."),
]
TextPrecision = Annotated[
    str | None,
    typer.Option(
        metavar="fp32|bf16|int8", help="Of the text encoder. Default: bf16 on a GPU, else fp32."
    ),
]
VaePrecision = Annotated[str | None, typer.Option(metavar="fp32|bf16", help="Default: fp32.")]
GuidanceCache = Annotated[
    str | None,
    typer.Option(
        metavar="FROM:EVERY|none",
        help="After that share of the steps, run the negative pass every so many steps only, such "
        "as 0.3:4: faster, other pixels (docs/caches.md).",
    ),
]
StepCache = Annotated[
    float | None,
    typer.Option(
        metavar="CHANGE",
        help="Leave out model passes whose answer should change by less than this share, such as "
        "0.1: faster, other pixels.",
    ),
]
VaeTiling = Annotated[
    str | None,
    typer.Option(
        metavar="SIDE|none",
        help="Decode pictures in tiles of so many pixels: less memory, the same picture.",
    ),
]
Gpus = Annotated[
    int | None,
    typer.Option(metavar="N", help="Use N GPUs: a clip on each, or all of them for a single clip."),
]
Split = Annotated[
    str | None,
    typer.Option(
        metavar="rows|clip|N", help="How clips share --gpus: one each, all, or N for each clip."
    ),
]
Offload = Annotated[
    str | None,
    typer.Option(
        metavar="none|model|blocks",
        help="model: models wait in host memory between their turns; blocks: the transformer "
        "passes through the GPU block by block. Default: none.",
    ),
]
Lora = Annotated[
    list[str] | None,
    typer.Option(
        metavar="FILE[:WEIGHT]",
        help="LoRA to render with, and how strongly (default 1); may be given again for more.",
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


def row_words(rows: str | None) -> tuple[str, ...]:
    """What `--rows` names, word by word."""
    return tuple(word.strip() for word in (rows or "").split(",") if word.strip())
