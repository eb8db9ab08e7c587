"""What the fields of the page hold: read from settings, drafts and recipes, and made into choices.

The page says everything it shows: a clip gets what stands in the fields, whatever `ovi.toml` says.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

from ovi.spec.geometry import FrameSize, fit_size
from ovi.spec.profiles import AUTO, PROFILES
from ovi.spec.request import SOLVERS, ClipRequest, Mode
from ovi.spec.variants import VARIANTS, Variant, variant_named
from ovi_studio.actions.settings import choices_of_settings, load_settings
from ovi_studio.errors import UsageError
from ovi_studio.render.choices import Choices, choices_of_row
from ovi_studio.render.settings import guidance_for, sampling_for
from ovi_studio.web.context import WebContext

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

WHOLE_NUMBERS = ("height", "width", "seed", "repeats", "num_steps", "slg_layer")
NUMBERS = ("shift", "video_guidance", "audio_guidance")


def read_fields(written: Sequence[Any]) -> FormValues:
    """The fields as a browser sent them. Raises UsageError that names an empty or odd one."""
    values = dict(zip(FIELD_NAMES, written, strict=True))
    for name in FIELD_NAMES:
        if name in WHOLE_NUMBERS or name in NUMBERS:
            values[name] = _number(name, values[name])
        elif not isinstance(values[name], str):
            values[name] = ""
    return FormValues(**values)


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
    """What the browser keeps."""
    return asdict(values)


def values_of_draft(draft: object, context: WebContext) -> FormValues:
    """What the browser kept, as far as it can be used; the usual values for the rest."""
    start = start_values(context)
    if not isinstance(draft, dict):
        return start
    kept = {
        name: draft[name]
        for name in FIELD_NAMES
        if name in draft and _is_alike(draft[name], getattr(start, name))
    }
    values = replace(start, **kept)
    known = {"variant": VARIANTS, "profile": (NO_PROFILE, AUTO, *PROFILES), "solver": SOLVERS}
    for name, names in known.items():
        if getattr(values, name) not in names:
            values = replace(values, **{name: getattr(start, name)})
    return values


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


def cells_of(values: FormValues) -> dict[str, str]:
    """The settings as the cells of a row; a whole number without its point."""
    cells = {}
    for name, column in ROW_COLUMNS.items():
        value = getattr(values, name)
        cells[column] = f"{value:g}" if isinstance(value, float) else str(value)
    return {"size": f"{values.height}x{values.width}", **cells}


def _number(name: str, value: object) -> int | float:
    label = name.replace("_", " ").removeprefix("num ")
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise UsageError(f"The field {label} is empty or no number: write one into it.")
    if name in NUMBERS:
        return float(value)
    if value != int(value):
        raise UsageError(f"The field {label} needs a whole number, not {value:g}.")
    return int(value)


def _is_alike(value: object, other: object) -> bool:
    """Whether both are texts, or both numbers."""
    if isinstance(other, str):
        return isinstance(value, str)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return False
    return isinstance(other, float) or value == int(value)
