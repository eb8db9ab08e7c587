"""How the forecast of a render looks: as a table to read, or as one JSON document."""

from typing import Any

from ovi.spec.request import Mode
from ovi_studio.actions.forecasting import Forecast, ProfileForecast
from ovi_studio.actions.outlook import Outlook
from ovi_studio.render.fitting import gigabytes
from ovi_studio.report.durations import duration_text
from ovi_studio.report.plan import plan_clips
from ovi_studio.report.table import table_text

FORECAST_VERSION = 1
"""Raised when the meaning of a field of the JSON document changes."""


def forecast_text(found: Forecast) -> str:
    """What is rendered on what, the table of profiles, and what to know about it."""
    num_clips = len(found.plan.clips)
    time_column = "time" if num_clips == 1 else f"{num_clips} clips"
    header = ("profile", "fits", "GPU memory", "RAM", time_column, "pixels", "")
    rows = [_row(entry, found) for entry in found.profiles]
    lines = [_machine_line(found), plan_clips(found.plan), "", table_text(header, rows), ""]
    if found.auto is None:
        lines.append(f"--profile auto: {found.auto_reason}")
    else:
        lines.append(f"--profile auto takes {found.auto}: {found.auto_reason}.")
    lines.append(outlook_text(found.as_planned))
    if any(clip.request.mode is Mode.T2I2V for clip in found.plan.clips):
        lines.append("The image model that draws first frames is not in these figures.")
    lines.append(_about_seconds(found))
    return "\n".join(lines)


def forecast_document(found: Forecast) -> dict[str, Any]:
    """The forecast as plain JSON values.

    `forecast_version`; `machine`: `kind` (cuda, mps, cpu), `gpu`, `vram_bytes`, `free_vram_bytes`,
    `ram_bytes`, each null where it is not known; `num_clips`; `sizes`: the real ones, height and
    width in pixels; `auto`: what `--profile auto` takes, null for none, and `auto_reason`;
    `seconds_from`: measured, estimated, or null; `profiles`: for each `profile`, `fits` (null: not
    known), `shortage`, `vram_bytes`, `fullest_stage`, `stages` (bytes of tensors), `ram_bytes`,
    `pinned_bytes`, `mapped_bytes`, `resident_blocks`, `seconds` for all clips, `changes_pixels`
    (against exact); `as_planned`: what the clips take with the profile that was named, see
    `outlook_document`.
    """
    limits = found.limits
    rates = found.rates
    sizes = dict.fromkeys(clip.request.size for clip in found.plan.clips)
    return {
        "forecast_version": FORECAST_VERSION,
        "machine": {
            "kind": limits.kind,
            "gpu": limits.device,
            "vram_bytes": limits.device_bytes,
            "free_vram_bytes": limits.free_bytes,
            "ram_bytes": limits.ram_bytes,
        },
        "num_clips": len(found.plan.clips),
        "sizes": [{"height": size.height, "width": size.width} for size in sizes],
        "auto": found.auto,
        "auto_reason": found.auto_reason,
        "seconds_from": rates and ("measured" if rates.is_measured else "estimated"),
        "profiles": [_data(entry, found) for entry in found.profiles],
        "as_planned": outlook_document(found.as_planned),
        "notes": list(found.plan.notes),
    }


def outlook_document(outlook: Outlook) -> dict[str, Any]:
    """What planned clips take, as plain JSON values; null where it is not known.

    `profiles` (null: none was named), `fits`, `shortage`, `vram_bytes`, `ram_bytes`, `seconds`,
    `disk_bytes`, `free_disk_bytes`.
    """
    return {
        "profiles": list(outlook.profiles),
        "fits": outlook.shortage is None,
        "shortage": None if outlook.shortage is None else outlook.shortage.sentence,
        "vram_bytes": outlook.memory.device_bytes,
        "ram_bytes": outlook.memory.ram_bytes,
        "seconds": None if outlook.seconds is None else round(outlook.seconds, 2),
        "disk_bytes": outlook.disk_bytes,
        "free_disk_bytes": outlook.free_disk_bytes,
    }


def outlook_text(outlook: Outlook) -> str:
    """What clips take as they are planned, in one line."""
    profiles = " and ".join(name or "no profile" for name in outlook.profiles)
    parts = []
    if outlook.is_on_gpu:
        parts.append(f"{gigabytes(outlook.memory.device_bytes)} of GPU memory")
    parts.append(f"{gigabytes(outlook.memory.ram_bytes)} of RAM")
    if outlook.seconds is not None:
        parts.append(duration_text(outlook.seconds))
    disk = f"about {size_text(outlook.disk_bytes)} on the disk"
    if outlook.free_disk_bytes is not None:
        disk += f" ({size_text(outlook.free_disk_bytes)} free)"
    return f"As planned, with {profiles}: {', '.join((*parts, disk))}."


def size_text(size: int) -> str:
    """Bytes as people say them: `640 kB`, `12 MB`, `1.4 GB`."""
    if size < 1e6:
        return f"{size / 1e3:.0f} kB"
    return f"{size / 1e6:.0f} MB" if size < 1e9 else f"{size / 1e9:.1f} GB"


def _data(entry: ProfileForecast, found: Forecast) -> dict[str, Any]:
    memory = entry.memory
    return {
        "profile": entry.profile,
        "fits": _fits(entry, found),
        "shortage": None if entry.shortage is None else entry.shortage.sentence,
        "vram_bytes": memory.device_bytes,
        "fullest_stage": memory.fullest_stage,
        "stages": {stage.stage: stage.device_bytes for stage in memory.stages},
        "ram_bytes": memory.ram_bytes,
        "pinned_bytes": memory.pinned_bytes,
        "mapped_bytes": memory.mapped_bytes,
        "resident_blocks": entry.resident_blocks,
        "seconds": None if entry.seconds is None else round(entry.seconds, 2),
        "changes_pixels": entry.changes_pixels,
    }


def _fits(entry: ProfileForecast, found: Forecast) -> bool | None:
    """None where the memory that decides is not known."""
    if entry.shortage is not None:
        return False
    limits = found.limits
    is_known = limits.ram_bytes is not None
    if limits.kind == "cuda" and entry.profile != "cpu":
        is_known = limits.device_bytes is not None
    return True if is_known else None


def _row(entry: ProfileForecast, found: Forecast) -> tuple[str, ...]:
    fits = {True: "yes", False: "no", None: "unknown"}[_fits(entry, found)]
    if entry.shortage is not None:
        fits = f"no: {entry.shortage.memory}"
    on_gpu = found.limits.kind != "cpu" and entry.profile != "cpu"
    seconds = "unknown"
    if entry.seconds is not None:
        seconds = duration_text(entry.seconds)
    return (
        entry.profile,
        fits,
        gigabytes(entry.memory.device_bytes) if on_gpu else "-",
        gigabytes(entry.memory.ram_bytes),
        seconds,
        "other" if entry.changes_pixels else "as exact",
        "<- auto" if entry.profile == found.auto else "",
    )


def _machine_line(found: Forecast) -> str:
    limits = found.limits
    ram = "unknown" if limits.ram_bytes is None else gigabytes(limits.ram_bytes)
    if limits.kind == "cpu":
        return f"No GPU: clips are rendered on the processor. RAM {ram}."
    if limits.device_bytes is None:
        return f"A GPU whose memory is not known ({limits.kind}). RAM {ram}."
    free = ""
    if limits.free_bytes is not None and limits.free_bytes < limits.device_bytes:
        free = f" ({gigabytes(limits.free_bytes)} free now)"
    return f"{limits.device}, {gigabytes(limits.device_bytes)}{free}. RAM {ram}."


def _about_seconds(found: Forecast) -> str:
    rates = found.rates
    if rates is None:
        return "How fast this device is, nobody has measured: run `ovi bench` on it."
    if rates.is_measured:
        return "Times follow from what `ovi bench` measured here; loading the models comes on top."
    return (
        f"Times are estimated from what {rates.device} is sold as: run `ovi bench` to measure. "
        "Loading the models comes on top."
    )
