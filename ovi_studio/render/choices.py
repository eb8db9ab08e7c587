"""What was chosen for a render, by the command line, a row of a file, or a published configuration.

Every field may be None: nothing was said. Layers are laid over each other, the command line on top,
then the row, then the configuration file; what nobody says is decided in `plan.py`.

A profile stands for several choices at once. Beside it in one layer, a choice made by hand wins; in
a layer below, the profile does.
"""

import difflib
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from enum import StrEnum
from pathlib import Path
from typing import Any, Self, TypeVar

from ovi.errors import RequestError
from ovi.spec.geometry import FrameSize
from ovi.spec.placement import HostMemory, Offload
from ovi.spec.request import Mode, NoiseSource, TransformerPrecision
from ovi_studio.errors import UsageError
from ovi_studio.project.published_config import PublishedConfig
from ovi_studio.prompt.prompt_set import ID_COLUMN, IGNORE_COLUMN, TEXT_COLUMN
from ovi_studio.render.lora_choice import LoraChoice, read_lora_cell, read_loras

_Member = TypeVar("_Member", bound=StrEnum)

MAX_SEEDS = 10_000
"""Clips of one prompt in one command; a year of rendering is rather a typing mistake."""

MAX_DRAWN_SEED = 2**31
"""Seeds that are drawn are below it, so that every other program can take them, too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """What one source says about clips and about how to run them."""

    variant: str | None = None
    mode: Mode | None = None
    size: FrameSize | None = None
    """as asked for, before it is fitted to the variant"""
    image: str | None = None
    """path of the first frame, as written"""
    seed: int | None = None
    repeats: int | None = None
    seeds: tuple[int, ...] | None = None
    """a clip for each; wins over `seed` and `repeats` of every layer"""
    num_steps: int | None = None
    solver: str | None = None
    shift: float | None = None
    video_guidance: float | None = None
    audio_guidance: float | None = None
    guidance_cache: tuple[float, int] | None = None
    """share of the steps after which the negative pass runs only now and then; every how many"""
    step_cache: float | None = None
    """relative change below which a pass keeps its last answer; 0: never"""
    slg_layer: int | None = None
    """0 and below: no layer is skipped"""
    video_negative: str | None = None
    audio_negative: str | None = None
    loras: tuple[LoraChoice, ...] | None = None
    output: Path | None = None
    profile: str | None = None
    """a name of `ovi/spec/profiles.py`, or `auto`"""
    device: str | None = None
    precision: TransformerPrecision | None = None
    text_precision: TransformerPrecision | None = None
    vae_precision: TransformerPrecision | None = None
    tile_side: int | None = None
    """pixels of a tile in which pictures are decoded; 0: each frame is decoded whole"""
    offload: Offload | None = None
    resident_blocks: int | None = None
    host_memory: HostMemory | None = None
    gpus: int | None = None
    """how many the command may use"""
    gpus_per_clip: int | None = None
    """of these, for one clip; 0: all of them"""
    accelerator: str | None = None
    """what device `auto` is on another machine that is planned for: cuda, mps or cpu"""
    attention: str | None = None
    noise: NoiseSource | None = None
    ckpt_dir: Path | None = None
    picture_model: str | None = None

    def over(self, other: Self) -> Self:
        """These choices, and those of `other` where these say nothing.

        A profile named here also replaces what `other` says about anything that profiles decide.
        """
        if self.profile is not None:
            other = replace(other, **dict.fromkeys(DECIDED_BY_PROFILE))
        merged = {
            field.name: getattr(other, field.name)
            if getattr(self, field.name) is None
            else getattr(self, field.name)
            for field in fields(self)
        }
        return type(self)(**merged)


DECIDED_BY_PROFILE = (
    "precision", "text_precision", "vae_precision", "tile_side", "offload", "resident_blocks",
    "host_memory",
)  # fmt: skip
"""Choices that a profile makes. Its device only counts where nobody names one."""


def choices_of_config(config: PublishedConfig) -> Choices:
    """What a published configuration says. Its prompt is left to the caller.

    Raises UsageError for a mode that does not exist, RequestError for an impossible size.
    """
    precision = None
    if config.fp8:
        precision = TransformerPrecision.FP8
    elif config.qint8:
        precision = TransformerPrecision.INT8
    size = config.video_frame_height_width
    shares_gpus = config.sp_size is not None and config.sp_size > 1
    return Choices(
        variant=config.model_name,
        mode=None if config.mode is None else one_of(Mode, "mode", config.mode),
        size=None if size is None else FrameSize(*size),
        image=config.image_path or None,
        seed=config.seed,
        repeats=config.each_example_n_times,
        num_steps=config.sample_steps,
        solver=config.solver_name,
        shift=config.shift,
        video_guidance=config.video_guidance_scale,
        audio_guidance=config.audio_guidance_scale,
        slg_layer=config.slg_layer,
        video_negative=config.video_negative_prompt,
        audio_negative=config.audio_negative_prompt,
        output=None if config.output_dir is None else Path(config.output_dir),
        precision=precision,
        offload=Offload.MODEL if config.cpu_offload else None,
        gpus=config.sp_size if shares_gpus else None,
        gpus_per_clip=0 if shares_gpus else None,
        ckpt_dir=None if config.ckpt_dir is None else Path(config.ckpt_dir),
    )


def choices_of_options(**options: Any) -> Choices:
    """What the options of a command say, given by the names of the fields; text is read.

    Raises UsageError that lists the known names, RequestError for a size that cannot be read.
    """
    for name, kind in _NAMED.items():
        if isinstance(options.get(name), str):
            options[name] = one_of(kind, name.replace("_", " "), options[name])
    if isinstance(options.get("size"), str):
        options["size"] = FrameSize.parse(options["size"])
    if isinstance(options.get("tile_side"), str):
        options["tile_side"] = read_tile_side(options["tile_side"])
    if options.get("loras") is not None:
        options["loras"] = read_loras(options["loras"]) or None
    if isinstance(options.get("guidance_cache"), str):
        options["guidance_cache"] = read_guidance_cache(options["guidance_cache"])
    if isinstance(options.get("seeds"), str):
        if options.get("seed") is not None or options.get("repeats") is not None:
            raise UsageError("--seeds names all seeds: leave out --seed and --repeats.")
        options["seeds"] = read_seeds(options["seeds"])
    if isinstance(options.get("gpus_per_clip"), str):
        options["gpus_per_clip"] = read_split(options["gpus_per_clip"])
    return Choices(**options)


def read_seeds(text: str) -> tuple[int, ...]:
    """The seeds that a text names, each once: `3,5-8`, `random`, or `random:4`. UsageError."""
    seeds: dict[int, None] = {}
    for word in text.replace(" ", "").lower().split(","):
        match = re.fullmatch(r"(\d{1,18})(?:-(\d{1,18}))?|random(?::(\d{1,6}))?", word)
        if match is None:
            raise UsageError(
                f"{word!r} is no seed: use numbers and ranges such as 3,5-8, or random:4 for four "
                "drawn ones."
            )
        first, last, drawn = match.groups()
        num = int(drawn or 1) if first is None else int(last or first) - int(first) + 1
        if not 0 < num <= MAX_SEEDS - len(seeds):
            raise UsageError(f"{word!r} names {max(0, num)} seeds: use 1 to {MAX_SEEDS}.")
        if first is None:
            seeds.update((secrets.randbelow(MAX_DRAWN_SEED), None) for _ in range(num))
        else:
            seeds.update(dict.fromkeys(range(int(first), int(first) + num)))
    return tuple(seeds)


def read_tile_side(text: str) -> int:
    """The side of a tile in pixels, 0 for `none`. Raises UsageError for what is neither."""
    if text.strip().lower() == "none":
        return 0
    if text.strip().isdecimal():
        return int(text)
    raise UsageError(
        f"{text!r} is no side of a tile: use pixels, such as 384, or none to decode frames whole."
    )


def read_guidance_cache(text: str) -> tuple[float, int]:
    """`0.3:4` as its two numbers; `0.3` takes 4, `none` is off. Raises UsageError."""
    if text.strip().lower() == "none":
        return 1.0, 1
    match = re.fullmatch(r"\s*(\d*\.?\d+)\s*(?::\s*(\d{1,4})\s*)?", text)
    if match is None:
        raise UsageError(
            f"{text!r} is no guidance cache: use the share of the steps it starts after and how "
            "often the negative pass then runs, such as 0.3:4, or none."
        )
    return float(match[1]), int(match[2] or 4)


def read_split(text: str) -> int:
    """GPUs for one clip that `--split` stands for, 0 for all. Raises UsageError."""
    if text in ("rows", "clip"):
        return 1 if text == "rows" else 0
    if text.isdecimal() and int(text) > 0:
        return int(text)
    raise UsageError(
        f"{text!r} is no way to share GPUs: use rows (a clip on each), clip (all of them for one), "
        "or a number of GPUs for each clip."
    )


_NAMED: Mapping[str, type[StrEnum]] = {
    "mode": Mode,
    "precision": TransformerPrecision,
    "text_precision": TransformerPrecision,
    "vae_precision": TransformerPrecision,
    "offload": Offload,
    "host_memory": HostMemory,
    "noise": NoiseSource,
}
"""Choices that are one of a few names."""


def one_of(kind: type[_Member], name: str, text: str) -> _Member:
    """The member of an enumeration that the user named. Raises UsageError that lists them."""
    try:
        return kind(text)
    except ValueError:
        known = ", ".join(kind)
        raise UsageError(f"There is no {name} {text!r}. Known: {known}.") from None


def _text(cell: str) -> str:
    return cell


def _mode(cell: str) -> Mode:
    return one_of(Mode, "mode", cell)


COLUMNS: Mapping[str, tuple[str, Callable[[str], Any]]] = {
    "image_path": ("image", _text),
    "variant": ("variant", _text),
    "model_name": ("variant", _text),
    "mode": ("mode", _mode),
    "size": ("size", FrameSize.parse),
    "seed": ("seed", int),
    "repeats": ("repeats", int),
    "steps": ("num_steps", int),
    "num_steps": ("num_steps", int),
    "sample_steps": ("num_steps", int),
    "solver": ("solver", _text),
    "solver_name": ("solver", _text),
    "shift": ("shift", float),
    "video_guidance": ("video_guidance", float),
    "video_guidance_scale": ("video_guidance", float),
    "audio_guidance": ("audio_guidance", float),
    "audio_guidance_scale": ("audio_guidance", float),
    "slg_layer": ("slg_layer", int),
    "negative": ("video_negative", _text),
    "video_negative": ("video_negative", _text),
    "video_negative_prompt": ("video_negative", _text),
    "audio_negative": ("audio_negative", _text),
    "audio_negative_prompt": ("audio_negative", _text),
    "lora": ("loras", read_lora_cell),
}
"""Columns of a prompt file that decide a clip: the choice each one makes, and how it is read."""

SIDE_COLUMNS = ("height", "width")
"""Together another way to write `size`."""

FROM_COLUMN = "from"
"""Where `ovi expand` writes down what a prompt was made from."""

REWRITE_COLUMNS = (
    "rewrite_theme", "rewrite_part", "rewrite_model", "rewrite_date", "rewrite_original",
    "rewrite_from", "rewrite_seed",
)  # fmt: skip
"""Where `ovi rewrite` does the same."""

_OTHER_COLUMNS = (
    TEXT_COLUMN, ID_COLUMN, IGNORE_COLUMN, FROM_COLUMN, *SIDE_COLUMNS, *REWRITE_COLUMNS,
)  # fmt: skip

_KINDS = {int: "a whole number", float: "a number"}


def choices_of_row(cells: Mapping[str, str]) -> Choices:
    """What the cells of one row say; an empty cell says nothing.

    Raises UsageError that names the column, for a cell that cannot be read and for two columns that
    contradict each other.
    """
    said: dict[str, Any] = {}
    columns: dict[str, str] = {}
    for column, (choice, read) in COLUMNS.items():
        cell = cells.get(column, "").strip()
        if cell:
            _say(said, columns, choice, column, _read_cell(column, cell, read))
    height, width = (cells.get(column, "").strip() for column in SIDE_COLUMNS)
    if height and width:
        sides = [_read_cell(c, s, int) for c, s in zip(SIDE_COLUMNS, (height, width), strict=True)]
        _say(said, columns, "size", "height and width", FrameSize(*sides))
    elif height or width:
        raise UsageError("it gives only one of height and width; give both.")
    return Choices(**said)


def columns_without_effect(columns: tuple[str, ...]) -> list[str]:
    """A note on each column that decides nothing, with the name that was perhaps meant."""
    known = (*COLUMNS, *_OTHER_COLUMNS)
    notes = []
    for column in columns:
        if column not in known:
            near = difflib.get_close_matches(column.strip().lower(), known, n=1, cutoff=0.75)
            notes.append(f"{column} (did you mean {near[0]}?)" if near else column)
    return notes


def _read_cell(column: str, cell: str, read: Callable[[str], Any]) -> Any:
    try:
        return read(cell)
    except (RequestError, UsageError) as error:
        raise UsageError(f"column {column}: {error}") from error
    except ValueError as error:
        raise UsageError(f"column {column}: {cell!r} is not {_KINDS[read]}.") from error  # type: ignore[index]


def _say(
    said: dict[str, Any], columns: dict[str, str], choice: str, column: str, value: Any
) -> None:
    if said.get(choice, value) != value:
        raise UsageError(f"the columns {columns[choice]} and {column} contradict each other.")
    said[choice], columns[choice] = value, column
