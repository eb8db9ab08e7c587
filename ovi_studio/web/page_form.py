"""What the fields of the page hold: read from settings, drafts and recipes, and made into choices.

The page says everything it shows: a clip gets what stands in the fields, whatever `ovi.toml` says.
"""

import math
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

from ovi.spec.geometry import FrameSize, fit_size
from ovi.spec.profiles import AUTO, PROFILES
from ovi.spec.request import MAX_SEED, SOLVERS, ClipRequest, Mode
from ovi.spec.variants import VARIANTS, Variant, variant_named
from ovi_studio.actions.settings import choices_of_settings, load_settings
from ovi_studio.errors import UsageError
from ovi_studio.render.choices import COLUMNS, SIDE_COLUMNS, Choices, choices_of_row
from ovi_studio.render.settings import guidance_for, sampling_for
from ovi_studio.web.context import Limits, WebContext

PUBLISHED_SIZE = FrameSize(512, 992)
"""What the published page asks for."""

PUBLISHED_SIZES = (
    "704x1280", "1280x704", "960x960", "512x992", "992x512", "960x512", "512x960", "720x720",
    "448x1120",
)  # fmt: skip
"""Height x width, as the published configuration recommends them."""

NO_PROFILE = ""
"""In the place of a profile: the settings as they are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FormValues:
    """The fields that decide a clip, but for the first frame. The order is that of the page."""

    prompt: str = ""
    variant: str = "nano"
    profile: str = NO_PROFILE
    height: int = PUBLISHED_SIZE.height
    width: int = PUBLISHED_SIZE.width
    seed: int = 100
    repeats: int = 1
    num_steps: int = 50
    solver: str = "unipc"
    shift: float = 5.0
    video_guidance: float = 4.0
    audio_guidance: float = 3.0
    slg_layer: int = 11
    """0 and below: none"""
    video_negative: str = ""
    audio_negative: str = ""


FIELD_NAMES = tuple(field.name for field in fields(FormValues))

_LIMITS = Limits()

_DIGITS = re.compile(r"\s*-?[0-9]{1,40}\s*")

_SIDES = (32, _LIMITS.side_pixels)

WHOLE_NUMBERS: Mapping[str, tuple[int, int]] = {
    "height": _SIDES, "width": _SIDES, "seed": (0, MAX_SEED),
    "repeats": (1, _LIMITS.clips_per_request), "num_steps": (1, _LIMITS.steps),
    "slg_layer": (-1, 1000),
}  # fmt: skip
NUMBERS: Mapping[str, tuple[float, float]] = {
    "shift": (0.001, 1000.0), "video_guidance": (-100.0, 100.0), "audio_guidance": (-100.0, 100.0),
}  # fmt: skip
"""Fields with the least and the most that each takes, as in the HTTP API."""

NAMES: Mapping[str, Sequence[str]] = {
    "variant": tuple(VARIANTS), "profile": (NO_PROFILE, AUTO, *PROFILES), "solver": SOLVERS,
}  # fmt: skip
"""Fields that hold one of a few names."""

LABELS: Mapping[str, str] = {
    "repeats": "Clips", "num_steps": "Steps", "slg_layer": "SLG layer",
    "video_guidance": "Video guidance scale", "audio_guidance": "Audio guidance scale",
}  # fmt: skip
"""What a field is called on the page, where that is not its name."""


def read_fields(written: Sequence[Any]) -> FormValues:
    """The fields as a browser sent them. Raises UsageError that names an empty or odd one."""
    pairs = zip(FIELD_NAMES, written, strict=True)
    return FormValues(**{name: _read(name, value) for name, value in pairs})


def shown_fields(values: FormValues) -> list[Any]:
    """The fields as they are sent to a browser, in the order of the page."""
    kept = draft_of(values)
    return [kept[name] for name in FIELD_NAMES]


def start_values(context: WebContext) -> FormValues:
    """What a new page shows: the project's settings, and what the published page has beyond them.

    Raises StudioError for a configuration that cannot be read.
    """
    configured = choices_of_settings(load_settings(context.working_folder))
    return values_of_choices(context.defaults.over(configured), "")


def values_of_choices(chosen: Choices, prompt: str) -> FormValues:
    """The fields that stand for choices; what nobody chose is as in a render."""
    variant = variant_named(chosen.variant or "nano")
    sampling, guidance = sampling_for(chosen, variant), guidance_for(chosen, variant)
    size = chosen.size or usual_size(variant)
    return FormValues(
        prompt=prompt,
        variant=variant.name,
        profile=chosen.profile or NO_PROFILE,
        height=size.height,
        width=size.width,
        seed=sampling.seed,
        repeats=chosen.repeats or 1,
        num_steps=sampling.num_steps,
        solver=sampling.solver,
        shift=sampling.shift,
        video_guidance=guidance.video_scale,
        audio_guidance=guidance.audio_scale,
        slg_layer=guidance.skip_layer or 0,
        video_negative=guidance.video_negative,
        audio_negative=guidance.audio_negative,
    )


def usual_size(variant: Variant) -> FrameSize:
    """The published page's size, as large as the variant makes it; of `nano` a square."""
    if variant.is_embedded:
        side = round(variant.target_area**0.5)
        return FrameSize(side, side)
    size = PUBLISHED_SIZE
    for _ in range(8):  # fitting rounds, so that what it gives may be fitted once more
        fitted = fit_size(size.height, size.width, variant.target_area)
        if fitted == size:
            break
        size = fitted
    return size


def values_of_row(cells: Mapping[str, str], prompt: str, context: WebContext) -> FormValues:
    """The fields for a row of a set. Raises StudioError or OviError for cells that are wrong."""
    configured = choices_of_settings(load_settings(context.working_folder))
    below = context.defaults.over(configured)
    return values_of_choices(choices_of_row(cells).over(below), prompt)


def values_of_request(request: ClipRequest, profile: str | None) -> FormValues:
    """The fields that ask for the clip of a recipe again."""
    sampling, guidance = request.sampling, request.guidance
    return FormValues(
        prompt=request.text,
        variant=request.variant,
        profile=profile if profile in PROFILES else NO_PROFILE,
        height=request.size.height,
        width=request.size.width,
        seed=sampling.seed,
        num_steps=sampling.num_steps,
        solver=sampling.solver,
        shift=sampling.shift,
        video_guidance=guidance.video_scale,
        audio_guidance=guidance.audio_scale,
        slg_layer=guidance.skip_layer or 0,
        video_negative=guidance.video_negative,
        audio_negative=guidance.audio_negative,
    )


OF_VARIANT = ("num_steps", "slg_layer", "height", "width")
"""Fields whose usual value depends on the variant."""


def for_variant(values: FormValues, before: str) -> FormValues:
    """The fields after another variant was chosen: those of `OF_VARIANT` that were as usual for
    the old one become as usual for the new one.
    """
    old, new = (values_of_choices(Choices(variant=name), "") for name in (before, values.variant))
    changes = {
        name: getattr(new, name)
        for name in OF_VARIANT
        if getattr(values, name) == getattr(old, name)
    }
    return replace(values, **changes)


def draft_of(values: FormValues) -> dict[str, Any]:
    """What the browser keeps; the seed as text, for a browser rounds numbers above 2**53."""
    return {**asdict(values), "seed": str(values.seed)}


def values_of_draft(draft: object, context: WebContext) -> FormValues:
    """What the browser kept, as far as it can be used; the usual values for the rest."""
    start = start_values(context)
    if not isinstance(draft, dict):
        return start
    kept = {}
    for name in FIELD_NAMES:
        with suppress(UsageError):
            kept[name] = _read(name, draft.get(name))
    return replace(start, **kept)


def choices_of(values: FormValues, picture: Path | None, *, is_drawn: bool = False) -> Choices:
    """What the fields say. Raises RequestError for a size that cannot be."""
    mode = Mode.I2V if picture is not None else Mode.T2I2V if is_drawn else Mode.T2V
    return Choices(
        variant=values.variant,
        mode=mode,
        size=None if mode is Mode.I2V else FrameSize(values.height, values.width),
        image=None if picture is None else str(picture),
        seed=values.seed,
        repeats=values.repeats,
        num_steps=values.num_steps,
        solver=values.solver,
        shift=values.shift,
        video_guidance=values.video_guidance,
        audio_guidance=values.audio_guidance,
        slg_layer=values.slg_layer,
        video_negative=values.video_negative,
        audio_negative=values.audio_negative,
        profile=values.profile or None,
    )


ROW_COLUMNS: Mapping[str, str] = {
    "variant": "variant", "seed": "seed", "num_steps": "steps", "solver": "solver",
    "shift": "shift", "video_guidance": "video_guidance", "audio_guidance": "audio_guidance",
    "slg_layer": "slg_layer", "video_negative": "video_negative",
    "audio_negative": "audio_negative",
}  # fmt: skip
"""Fields that a row can keep, and the column of each."""


def cells_of(values: FormValues, columns: Sequence[str] = ()) -> dict[str, str]:
    """The settings as the cells of a row; a whole number without its point.

    `columns` are those that the set has: a setting goes to all that say the same, so that no two
    contradict each other, else to one under its usual name.
    """
    cells: dict[str, str] = {}
    for name, usual in ROW_COLUMNS.items():
        value = getattr(values, name)
        cell = f"{value:g}" if isinstance(value, float) else str(value)
        choice = COLUMNS[usual][0]
        there = [c for c in columns if c in COLUMNS and COLUMNS[c][0] == choice]
        cells |= dict.fromkeys(there or [usual], cell)
    sides = {"height": str(values.height), "width": str(values.width)}
    has_sides = all(side in columns for side in SIDE_COLUMNS)
    if "size" in columns or not has_sides:
        cells["size"] = f"{values.height}x{values.width}"
    return {**cells, **(sides if has_sides else {})}


def _read(name: str, written: object) -> Any:
    """What stands in a field. Raises UsageError that names it."""
    if name in WHOLE_NUMBERS or name in NUMBERS:
        return _number(name, written)
    if name in NAMES and written not in NAMES[name]:
        raise UsageError(f"The field {_label(name)} holds none of its choices: choose one.")
    if not isinstance(written, str):
        raise UsageError(f"The field {_label(name)} holds no text: load the page anew.")
    return written


def _number(name: str, written: object) -> int | float:
    """What stands in a field of a number. Raises UsageError."""
    if name == "seed" and isinstance(written, str) and _DIGITS.fullmatch(written):
        written = int(written)
    label, value = _label(name), _as_number(written)
    if value is None:
        raise UsageError(f"The field {label} is empty or no number: write one into it.")
    if name in WHOLE_NUMBERS and value != int(value):
        raise UsageError(f"The field {label} needs a whole number, not {value:g}.")
    least, most = {**WHOLE_NUMBERS, **NUMBERS}[name]
    if not least <= value <= most:
        raise UsageError(
            f"The field {label} takes {least} to {most}, and {str(written)[:40]} stands in it."
        )
    return float(value) if name in NUMBERS else int(value)


def _as_number(written: object) -> int | float | None:
    """A number that can be reckoned with; None for anything else."""
    if isinstance(written, bool) or not isinstance(written, int | float):
        return None
    return written if math.isfinite(written) else None


def _label(name: str) -> str:
    return LABELS.get(name, name.replace("_", " ").capitalize())
