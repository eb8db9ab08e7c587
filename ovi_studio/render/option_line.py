"""Reads settings of a render written as on the command line: `--steps 8 --solver euler`.

For screens that have a field for everything that has none of its own.
"""

import difflib
import shlex
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from ovi_studio.errors import UsageError
from ovi_studio.render.choices import Choices, choices_of_options

OPTIONS: Mapping[str, tuple[str, Callable[[str], Any]]] = MappingProxyType(
    {
        "--variant": ("variant", str),
        "--mode": ("mode", str),
        "--size": ("size", str),
        "--image": ("image", str),
        "--seed": ("seed", int),
        "--repeats": ("repeats", int),
        "--seeds": ("seeds", str),
        "--steps": ("num_steps", int),
        "--solver": ("solver", str),
        "--shift": ("shift", float),
        "--video-guidance": ("video_guidance", float),
        "--audio-guidance": ("audio_guidance", float),
        "--lora": ("loras", str),
        "--guidance-cache": ("guidance_cache", str),
        "--step-cache": ("step_cache", float),
        "--slg-layer": ("slg_layer", int),
        "--video-negative": ("video_negative", str),
        "--audio-negative": ("audio_negative", str),
        "--output": ("output", Path),
        "-o": ("output", Path),
        "--profile": ("profile", str),
        "--device": ("device", str),
        "--precision": ("precision", str),
        "--text-precision": ("text_precision", str),
        "--vae-precision": ("vae_precision", str),
        "--vae-tiling": ("tile_side", str),
        "--offload": ("offload", str),
        "--resident-blocks": ("resident_blocks", int),
        "--host-memory": ("host_memory", str),
        "--gpus": ("gpus", int),
        "--split": ("gpus_per_clip", str),
        "--attention": ("attention", str),
        "--noise": ("noise", str),
        "--ckpt-dir": ("ckpt_dir", Path),
        "--picture-model": ("picture_model", str),
    }
)
"""The options of `ovi render` that decide a clip or its cost: the choice of each, and its kind."""

_KINDS = {int: "a whole number", float: "a number"}


def choices_of_line(line: str, **beside: Any) -> Choices:
    """What the options in a line say, and those given beside it by the names of the fields.

    Raises UsageError for an option that `ovi render` does not have, that has no value, or that is
    said twice; RequestError for a size that cannot be read.
    """
    try:
        words = shlex.split(line)
    except ValueError as error:
        raise UsageError(f"The options cannot be read: {error}. Close every quote.") from error
    said: dict[str, Any] = {name: value for name, value in beside.items() if value is not None}
    while words:
        name, equals, value = words.pop(0).partition("=")
        if name not in OPTIONS:
            raise UsageError(f"There is no option {name!r}.{_nearest(name)}")
        if not equals:
            if not words or words[0] in OPTIONS:
                raise UsageError(f"{name} needs a value, such as in `ovi render --help`.")
            value = words.pop(0)
        field, read = OPTIONS[name]
        if field == "loras":  # the one that may be said again
            said[field] = [*said.get(field, ()), value]
            continue
        if field in said:
            raise UsageError(f"{name} is said twice: leave out one of them.")
        try:
            said[field] = read(value)
        except ValueError:
            raise UsageError(f"{name} {value!r} is not {_KINDS[read]}.") from None  # type: ignore[index]
    return choices_of_options(**said)


def _nearest(name: str) -> str:
    near = difflib.get_close_matches(name if name.startswith("-") else f"--{name}", OPTIONS, n=1)
    return f" Did you mean {near[0]}?" if near else " `ovi render --help` lists them."
