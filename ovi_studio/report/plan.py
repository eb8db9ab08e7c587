"""How a plan looks: as a few lines to read, or as one JSON document."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

from ovi.spec.request import Mode
from ovi.spec.variants import FPS
from ovi_studio.render.planned import PlannedClip, RenderPlan, describe_rejections
from ovi_studio.report.paths import short_path

PLAN_VERSION = 1
"""Raised when the meaning of a field of the JSON document changes."""


def plan_summary(plan: RenderPlan) -> str:
    """What will come out, what to know about it, and which rows are left out."""
    return "\n".join([*plan.notes, plan_clips(plan)])


def plan_clips(plan: RenderPlan) -> str:
    """What will come out, in which sizes, and which rows are left out."""
    lines = []
    groups = Counter(map(_kind_of, plan.clips))
    for (variant, mode, size, num_steps, seconds, profile), num_clips in groups.items():
        clips, steps = _counted(num_clips, "clip"), _counted(num_steps, "step")
        named = "" if profile is None else f", profile {profile}"
        lines.append(f"{clips} of {seconds:.2f} s, {size}, {steps}: {variant}, {mode}{named}.")
    lines.extend(dict.fromkeys(_size_changes(plan)))
    if plan.rejections:
        lines.append(f"{len(plan.rejections)} cannot be rendered:")
        lines.append(describe_rejections(plan.rejections))
    return "\n".join(lines)


def plan_listing(plan: RenderPlan) -> str:
    """One line for each clip."""
    return "\n".join(
        f"{short_path(clip.output)}  {clip.request.variant}  {clip.request.mode}  "
        f"{clip.request.size}  {_counted(clip.request.sampling.num_steps, 'step')}  "
        f"seed {clip.request.sampling.seed}"
        f"{'' if clip.setup.profile is None else f'  {clip.setup.profile}'}"
        for clip in plan.clips
    )


def plan_document(plan: RenderPlan) -> dict[str, Any]:
    """The plan as plain JSON values.

    `plan_version`; `num_clips`; `clips`: for each `set`, `row`, `place`, `variant`, `mode`, `size`
    and `asked_size` (`height`, `width` in pixels; the real one, and what it was fitted from),
    `num_frames`, `fps`, `duration_seconds`, `seed`, `num_steps`, `output` (absolute path),
    `identity` (null while weights are missing), `request` and `placement` in full,
    `profile` (null: none was named), `vram_bytes` and `ram_bytes` that it is planned to take, and
    `fits`, false where this machine has less; `rejected`:
    `set`, `row`, `place` and `error` of each row that cannot be rendered; `notes`: sentences.
    """
    return {
        "plan_version": PLAN_VERSION,
        "num_clips": len(plan.clips),
        "clips": [_clip_data(clip) for clip in plan.clips],
        "rejected": [
            {
                "set": rejection.source.set_name,
                "row": rejection.source.row_id,
                "place": rejection.place,
                "error": rejection.message,
            }
            for rejection in plan.rejections
        ],
        "notes": list(plan.notes),
    }


def _clip_data(clip: PlannedClip) -> dict[str, Any]:
    request = clip.request
    asked = clip.asked_size
    return {
        "set": clip.source.set_name,
        "row": clip.source.row_id,
        "place": clip.place,
        "variant": request.variant,
        "mode": request.mode,
        "size": {"height": request.size.height, "width": request.size.width},
        "asked_size": {"height": asked.height, "width": asked.width},
        "num_frames": clip.variant.num_frames,
        "fps": FPS,
        "duration_seconds": round(clip.variant.video_seconds, 3),
        "seed": request.sampling.seed,
        "num_steps": request.sampling.num_steps,
        "output": str(clip.output),
        "identity": clip.identity,
        "request": request.to_dict(),
        "placement": clip.placement.to_dict(),
        "profile": clip.setup.profile,
        "vram_bytes": clip.setup.memory.device_bytes,
        "ram_bytes": clip.setup.memory.ram_bytes,
        "fits": clip.setup.shortage is None,
    }


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _kind_of(clip: PlannedClip) -> tuple[str, Mode, str, int, float, str | None]:
    """What a line of the summary is about."""
    request = clip.request
    return (
        request.variant,
        request.mode,
        str(request.size),
        request.sampling.num_steps,
        clip.variant.video_seconds,
        clip.setup.profile,
    )


def _size_changes(plan: RenderPlan) -> Iterator[str]:
    for clip in plan.clips:
        asked, size = clip.asked_size, clip.request.size
        if asked == size:
            continue
        why = f"the variant's area is {clip.variant.target_area} pixels, sides are multiples of 32"
        if clip.request.mode is Mode.T2V:
            yield f"{asked} becomes {size}: {why}."
        elif clip.request.mode is Mode.I2V:
            yield f"A first frame of {asked} makes a clip of {size}: {why}."
        else:
            yield f"The first frame is drawn at {asked}, and the clip follows it with {size}."
