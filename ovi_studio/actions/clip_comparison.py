"""What differs between two clips, from their recipes as they stand in the files."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ovi_studio.actions.clip_finding import LibraryClip

ABSENT = "—"
"""Stands for what one of the two recipes does not have."""

_NAMES = {
    "request.text": "prompt",
    "request.variant": "variant",
    "request.sampling.seed": "seed",
    "request.sampling.num_steps": "steps",
    "request.sampling.shift": "shift",
    "request.sampling.solver": "solver",
    "request.guidance.video_scale": "video guidance",
    "request.guidance.audio_scale": "audio guidance",
    "request.guidance.video_negative": "video negative",
    "request.guidance.audio_negative": "audio negative",
    "request.guidance.skip_layer": "SLG layer",
    "request.size.height": "height",
    "request.size.width": "width",
    "request.first_frame.sha256": "first frame",
    "request.noise": "noise",
    "duration_seconds": "seconds",
    "source.set": "set",
    "source.row": "row",
    "profile": "profile",
    "device": "device",
}
"""What the user calls the values of a recipe, in the order they are shown; others come after."""

_DECIDING = ("request.", "weights.")
"""Beginnings of what changes the clip itself."""

_NOT_SAID = ("request.first_frame.path",)
_OUTCOMES = ("identity", "latents_sha256", "created", "recipe_version")
"""What differs between any two clips, and explains nothing."""


@dataclass(frozen=True, slots=True)
class Difference:
    """A setting that is not the same in both."""

    name: str
    first: str
    second: str
    is_deciding: bool
    """it changes the clip, not only how or when it was made"""


def compare_clips(first: LibraryClip, second: LibraryClip) -> tuple[Difference, ...]:
    """What differs: what decides the clips, then how they were made. Empty: nothing known does."""
    flat = [dict(_flattened(clip.recipe or {})) for clip in (first, second)]
    order = {key: place for place, key in enumerate(_NAMES)}
    keys = sorted({*flat[0], *flat[1]}, key=lambda key: (order.get(key, len(order)), key))
    found = []
    for key in keys:
        one, other = (values.get(key, ABSENT) for values in flat)
        if one != other and key not in (*_OUTCOMES, *_NOT_SAID):
            found.append(Difference(_NAMES.get(key, key), one, other, key.startswith(_DECIDING)))
    return tuple(sorted(found, key=lambda difference: not difference.is_deciding))


def recipe_lines(clip: LibraryClip) -> list[tuple[str, str]]:
    """The recipe for people: what a setting is called and its value, the prompt left out."""
    flat = dict(_flattened(clip.recipe or {}))
    known = [(name, flat.pop(key)) for key, name in _NAMES.items() if key in flat]
    others = [(key, flat[key]) for key in sorted(flat) if flat[key] not in ("", ABSENT)]
    return [(name, value) for name, value in known if name != "prompt" and value != ""] + others


def _flattened(value: Any, prefix: str = "", depth: int = 0) -> Iterator[tuple[str, str]]:
    """The values of a recipe as text, by dotted names; what is nested too deep as JSON."""
    if isinstance(value, Mapping) and depth < 6:
        for key, inner in value.items():
            yield from _flattened(inner, f"{prefix}.{key}" if prefix else str(key), depth + 1)
    elif value is None:
        yield prefix, ABSENT
    elif isinstance(value, str):
        yield prefix, value
    else:
        yield prefix, json.dumps(value, ensure_ascii=False)
