"""A plan as it stands beside the form: what comes out, what it takes, what cannot be rendered."""

from rich.text import Text

from ovi_studio.actions.forecasting import Forecast
from ovi_studio.actions.outlook import Outlook
from ovi_studio.render.fitting import gigabytes
from ovi_studio.render.planned import describe_rejections
from ovi_studio.report.durations import duration_text
from ovi_studio.report.forecast import size_text
from ovi_studio.report.plan import plan_clips
from ovi_studio.report.queue_watch import bar_text
from ovi_studio.tui.visible_text import visible

BAR = 12

_OPTION_NAMED = "choose another with --variant", "choose another in the field Variant"
"""What the command line says of an option, and what the form says of its field."""


def plan_text(found: Forecast) -> Text:
    """The plan, its clips first."""
    plan, outlook = found.plan, found.as_planned
    text = Text()
    clips = plan_clips(plan).split("\n")
    num_rejected_lines = 1 + len(describe_rejections(plan.rejections).split("\n"))
    shown = clips[: len(clips) - num_rejected_lines] if plan.rejections else clips
    text.append("\n".join(visible(line) for line in shown), "bold")
    text.append("\n\n")
    _add_takes(text, outlook)
    if outlook.shortage is not None:
        text.append(f"Does not fit: {outlook.shortage.sentence}.\n", "bold red")
    if found.auto is None:
        text.append(f"Profile auto: {found.auto_reason}\n")
    else:
        text.append(f"Profile auto takes {found.auto}: {found.auto_reason}.\n")
    if any(clip.weights is None for clip in plan.clips):
        text.append("\nCannot be rendered yet:\n", "bold red")
    for note in plan.notes:
        text.append(f"{visible(note.replace(*_OPTION_NAMED))}\n", "dim")
    if plan.rejections:
        text.append(f"\n{len(plan.rejections)} cannot be rendered:\n", "bold red")
        text.append(visible_lines(describe_rejections(plan.rejections)), "red")
    return text


def visible_lines(text: str) -> str:
    """Several lines, each safe to show."""
    return "\n".join(visible(line) for line in text.split("\n"))


def _add_takes(text: Text, outlook: Outlook) -> None:
    limits = outlook.limits
    if outlook.is_on_gpu:
        _add_memory(text, "VRAM", outlook.memory.device_bytes, limits.device_bytes)
        if limits.device is not None:
            text.append(f"         {visible(limits.device)}\n", "dim")
    _add_memory(text, "RAM", outlook.memory.ram_bytes, limits.ram_bytes)
    how = "measured by ovi bench" if outlook.is_measured else "estimated; ovi bench measures"
    seconds = "not known: run ovi bench"
    if outlook.seconds is not None:
        seconds = f"{duration_text(outlook.seconds)} ({how})"
    text.append(f"Time     {seconds}\n")
    text.append(f"Disk     about {size_text(outlook.disk_bytes)}")
    if outlook.free_disk_bytes is not None:
        is_short = outlook.free_disk_bytes < outlook.disk_bytes
        text.append(
            f" of {size_text(outlook.free_disk_bytes)} free", "bold red" if is_short else ""
        )
    profiles = " and ".join(name or "none named" for name in outlook.profiles)
    text.append(f"\nProfile  {profiles}\n")


def _add_memory(text: Text, label: str, needed: int, total: int | None) -> None:
    text.append(f"{label:<9}{gigabytes(needed)}")
    if total:
        share = needed / total
        text.append(f" of {gigabytes(total)}  ")
        text.append(bar_text(share, BAR), "red" if share > 1 else "green")
    text.append("\n")
