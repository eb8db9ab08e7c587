"""The settings a configuration knows: their names, what each takes, its default, its meaning.

`SETTINGS` is the one table from which files and environment variables are read, `ovi config show`
is written and `ovi init` makes its `ovi.toml`. Where values come from is `project/config.py`.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from ovi.spec.geometry import FrameSize
from ovi.spec.placement import HostMemory, Offload, Placement
from ovi.spec.profiles import AUTO, profile_named
from ovi.spec.request import (
    Guidance,
    Mode,
    NoiseSource,
    Precision,
    Sampling,
    TransformerPrecision,
    VaeTiling,
    default_sampling,
)
from ovi.spec.variants import variant_named

DEFAULT_VARIANT = "nano"
"""The variant when nobody names one."""


@dataclass(frozen=True, slots=True)
class Kind:
    """What a setting takes: how it is written in TOML and in an environment variable."""

    described: str
    """Completes "must be"."""
    types: tuple[type, ...]
    """What TOML may give."""
    from_text: Callable[[str], Any] = str
    """From a variable to what TOML would give. Raises ValueError."""
    read: Callable[[Any, Path], Any] = lambda value, _: value
    """From what TOML gives, and the folder that paths are relative to. Raises ValueError."""

    def accepts(self, value: object) -> bool:
        """True if TOML gave the right type; a truth value is no number."""
        return isinstance(value, self.types) and not isinstance(value, bool)


def _read_path(value: str, folder: Path) -> Path:
    if not value.strip():
        raise ValueError("is empty; name a folder or leave it out")
    try:
        return (folder / Path(value).expanduser()).resolve()
    except RuntimeError as error:  # `~name` of nobody
        raise ValueError(f"is {value!r}, whose home folder is not known") from error


def _read_source(value: str, folder: Path) -> str:
    """A repository stays as it is; what can only be a folder is resolved like a path."""
    if value.startswith((".", "/", "~", "\\")):
        return str(_read_path(value, folder))
    return value


def _read_names(value: list[Any], _: Path) -> tuple[str, ...]:
    if not all(isinstance(name, str) for name in value):
        raise ValueError(f"must be a list of texts, not {value!r}")
    return tuple(value)


def _read_number(value: float, _: Path) -> float:
    if not math.isfinite(value):
        raise ValueError(f"must be a finite number, not {value!r}")
    return float(value)


def _split_names(text: str) -> list[str]:
    return text.replace(",", " ").split()


def _one_of(kind: type[StrEnum]) -> Kind:
    known = ", ".join(kind)

    def read(value: str, _: Path) -> StrEnum:
        try:
            return kind(value)
        except ValueError:
            raise ValueError(f"must be one of {known}, not {value!r}") from None

    return Kind(f"one of {known}", (str,), read=read)


TEXT = Kind("a text in quotes", (str,))
WHOLE = Kind("a whole number", (int,), from_text=int)
NUMBER = Kind("a number", (int, float), from_text=float, read=_read_number)
PATH = Kind("a path in quotes", (str,), read=_read_path)
SOURCE = Kind("a folder or repository in quotes", (str,), read=_read_source)
NAMES = Kind("a list of texts", (list,), from_text=_split_names, read=_read_names)
SIZE = Kind('height x width in quotes, such as "704x1280"', (str,),
            read=lambda value, _: FrameSize.parse(value))  # fmt: skip
MODE = _one_of(Mode)
PRECISION = _one_of(TransformerPrecision)
OFFLOAD = _one_of(Offload)
HOST_MEMORY = _one_of(HostMemory)
NOISE = _one_of(NoiseSource)


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting."""

    section: str
    name: str
    kind: Kind
    meaning: str
    """What it does, in a line."""
    default: Any = None
    """None: there is no fixed one, see `default_text`."""
    default_text: str = ""
    """What happens when nobody says it, where that is no fixed value."""
    example: Any = None
    """A value to show, where there is no default."""
    check: Callable[[Any], object] = field(default=lambda _: None)
    """Raises RequestError for a value that can never be right."""

    @property
    def key(self) -> str:
        """`section.name`."""
        return f"{self.section}.{self.name}"

    @property
    def variable(self) -> str:
        """The environment variable that sets it."""
        prefix = "OVI_" if self.section == "render" else f"OVI_{self.section.upper()}_"
        return prefix + self.name.upper()


def _setting(name: str, kind: Kind, meaning: str, **more: Any) -> Setting:
    return Setting("render", name, kind, meaning, **more)


_SAMPLING, _GUIDANCE, _PLACEMENT, _PRECISION = Sampling(), Guidance(), Placement(), Precision()
_FEW_STEPS = default_sampling(DEFAULT_VARIANT).num_steps


def _check_repeats(value: int) -> None:
    if value < 1:
        raise ValueError(f"must be at least 1, not {value}")


def _check_not_negative(value: float) -> None:
    if value < 0:
        raise ValueError(f"must be 0 or more, not {value}")


def _check_profile(value: str) -> None:
    profile_named(None if value == AUTO else value)


def _check_tiling(value: int) -> None:
    if value:
        VaeTiling(side=value)


SETTINGS: tuple[Setting, ...] = (
    _setting("variant", TEXT, "The checkpoint, one of those that `ovi variants` lists.",
             default=DEFAULT_VARIANT, check=variant_named),
    _setting("mode", MODE, "What a clip starts from: t2v, i2v or t2i2v.", example="t2v",
             default_text="i2v where there is a first frame, else t2v"),
    _setting("size", SIZE, "Height x width in pixels, fitted to the variant's area.",
             example="704x1280", default_text="a square of the variant's area"),
    _setting("seed", WHOLE, "The first seed.", default=_SAMPLING.seed,
             check=lambda value: Sampling(seed=value)),
    _setting("repeats", WHOLE, "Clips of each prompt, with seed, seed + 1, and so on.",
             default=1, check=_check_repeats),
    _setting("steps", WHOLE, "Denoising steps.", example=_SAMPLING.num_steps,
             default_text=f"{_SAMPLING.num_steps}; {_FEW_STEPS} with {DEFAULT_VARIANT}",
             check=lambda value: Sampling(num_steps=value)),
    _setting("solver", TEXT, "unipc, dpm++ or euler.", default=_SAMPLING.solver,
             check=lambda value: Sampling(solver=value)),
    _setting("shift", NUMBER, "Above 0; larger spends more steps at high noise.",
             default=_SAMPLING.shift, check=lambda value: Sampling(shift=value)),
    _setting("video_guidance", NUMBER, "How strongly the picture follows the prompt.",
             default=_GUIDANCE.video_scale),
    _setting("audio_guidance", NUMBER, "How strongly the sound follows the prompt.",
             default=_GUIDANCE.audio_scale),
    _setting("slg_layer", WHOLE, "Layer left out of the negative pass; 0 or below: none.",
             example=_GUIDANCE.skip_layer,
             default_text=f"{_GUIDANCE.skip_layer}; none with {DEFAULT_VARIANT}"),
    _setting("video_negative", TEXT, "What the picture should not show.",
             default=_GUIDANCE.video_negative),
    _setting("audio_negative", TEXT, "What the sound should not hold.",
             default=_GUIDANCE.audio_negative),
    _setting("output", PATH, "Where the clips go.", example="renders",
             default_text="renders in the project"),
    _setting("device", TEXT, "auto, cpu, cuda, cuda:1 or mps.", default=_PLACEMENT.device,
             check=lambda value: Placement(device=value)),
    _setting("profile", TEXT, "What `ovi plan` lists, or auto; settings beside it win.",
             example="auto", default_text="none: the settings below as they are",
             check=_check_profile),
    _setting("precision", PRECISION, "Number format of the transformer: fp32, bf16, fp8 or int8.",
             example="bf16", default_text="bf16 on a GPU, else fp32"),
    _setting("text_precision", PRECISION, "Number format of the text encoder: fp32, bf16 or int8.",
             example="bf16", default_text="bf16 on a GPU, else fp32",
             check=lambda value: Precision(text_encoder=value)),
    _setting("vae_precision", PRECISION, "Number format of the video decoder: fp32 or bf16.",
             default=_PRECISION.video_vae, check=lambda value: Precision(video_vae=value)),
    _setting("vae_tiling", WHOLE, "Pixels of the tiles that pictures are decoded in; 0: whole.",
             default=0, check=_check_tiling),
    _setting("offload", OFFLOAD, "none, model or blocks: what waits in host memory meanwhile.",
             example=_PLACEMENT.offload, default_text="none; model in mode t2i2v"),
    _setting("resident_blocks", WHOLE, "With offload blocks: blocks that stay on the GPU.",
             default=_PLACEMENT.resident_blocks,
             check=lambda value: Placement(resident_blocks=value)),
    _setting("host_memory", HOST_MEMORY, "With offload blocks, where others wait: pinned, mapped.",
             example=_PLACEMENT.host_memory, default_text="pinned where there is RAM for it"),
    _setting("attention", TEXT, "auto, flash3, flash2, cudnn, flash, sdpa or math.",
             default=_PLACEMENT.attention, check=lambda value: Placement(attention=value)),
    _setting("noise", NOISE, "cpu: equal on every machine; cuda: as published.",
             default=NoiseSource.CPU),
    _setting("ckpt_dir", PATH, "Folder of the published weight files.", example="ckpts",
             default_text="ckpts in the project"),
    _setting("picture_model", SOURCE, "Image model of mode t2i2v: a folder or a repository.",
             default="black-forest-labs/FLUX.1-Krea-dev"),
    Setting("lint", "select", NAMES, "Rules to check, by code, beginning of a code, or name.",
            example=["P", "S", "A", "F", "I", "C"], default_text="all"),
    Setting("lint", "ignore", NAMES, "Rules to leave out.", default=()),
    Setting("preview", "seconds", NUMBER,
            "Seconds between two previews of a clip while it is denoised; 0: none.",
            default=0.5, check=_check_not_negative),
    Setting("disk", "encodings_gb", NUMBER, "Most that encoded texts and first frames take, in GB.",
            default=2.0, check=_check_not_negative),
    Setting("disk", "logs_days", NUMBER, "Days after which `ovi gc` removes logs of workers.",
            default=14.0, check=_check_not_negative),
    Setting("disk", "trash_days", NUMBER,
            "Days after which `ovi gc` removes deleted clips and damaged queues.",
            default=30.0, check=_check_not_negative),
)  # fmt: skip
"""Every setting, in the order in which they are shown."""

SETTING_OF = {setting.key: setting for setting in SETTINGS}
"""By key."""

SECTIONS = (*dict.fromkeys(setting.section for setting in SETTINGS), "llm")
"""The tables a file may have; `llm` holds one table for each connection."""
