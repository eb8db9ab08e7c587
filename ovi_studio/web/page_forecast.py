"""The plan beside the form: memory and time under every profile, and whether it fits here."""

from ovi_studio.actions.forecasting import ANY_PROMPT, Forecast, OtherMachine, forecast
from ovi_studio.actions.rendering import RenderOrder
from ovi_studio.render.choices import Choices
from ovi_studio.report.forecast import forecast_document
from ovi_studio.web.context import WebContext
from ovi_studio.web.page_markup import Markup, join, tag


def forecast_fields(context: WebContext, chosen: Choices) -> Forecast:
    """What a clip with these settings would take. Raises StudioError or OviError."""
    order = RenderOrder((ANY_PROMPT,), chosen.over(context.defaults))
    return forecast(order, context.working_folder, OtherMachine())


def show_forecast(found: Forecast, profile: str) -> Markup:
    """One line for the profile that is chosen, and the table of all."""
    document = forecast_document(found)
    chosen = found.auto if profile == "auto" else profile
    rows = [_row(entry, found, chosen) for entry in document["profiles"]]
    header = tag("tr", *(tag("th", name) for name in ("profile", "fits", "GPU", "RAM", "time")))
    table = tag("table", tag("thead", header), tag("tbody", *rows), class_="ovi-plan")
    machine = document["machine"]
    where = machine["gpu"] or "No GPU: clips are rendered on the processor."
    source = {
        "measured": "Times follow from what `ovi bench` measured here.",
        "estimated": "Times are estimates: `ovi bench` measures.",
        None: "How fast this device is, nobody has measured: run `ovi bench`.",
    }[document["seconds_from"]]
    notes = [_note(note) for note in document["notes"]]
    fall = tag("p", f"auto takes {found.auto}." if found.auto else found.auto_reason)
    return tag(
        "div", _headline(document, chosen), *notes,
        tag("details", tag("summary", "All profiles on this machine"), tag("p", where), table,
            fall, tag("p", source, " Loading the models comes on top.")),
        class_="ovi-forecast",
    )  # fmt: skip


def _headline(document: dict, chosen: str | None) -> Markup:  # type: ignore[type-arg]
    entry = next((e for e in document["profiles"] if e["profile"] == (chosen or "exact")), None)
    if entry is None:
        return tag("p", "No profile fits this machine.", class_="ovi-bad")
    num_clips = document["num_clips"]
    parts = [
        f"{'' if num_clips == 1 else f'{num_clips} clips, '}about {_time(entry['seconds'])}",
        f"{_size(entry['vram_bytes'])} of GPU memory" if document["machine"]["gpu"] else None,
        f"{_size(entry['ram_bytes'])} of RAM",
    ]
    text = ", ".join(part for part in parts if part)
    if entry["fits"] is False:
        return tag("p", tag("b", "Does not fit. "), entry["shortage"], class_="ovi-bad")
    return tag("p", join([tag("b", text[0].upper() + text[1:]), "."]), class_="ovi-good")


def _note(note: str) -> Markup:
    """A note; of one with several lines the first, and the others on demand."""
    first, *others = note.splitlines()
    if not others:
        return tag("p", first, class_="ovi-note")
    lines = [tag("div", line.strip()) for line in others if line.strip()]
    return tag("details", tag("summary", first, class_="ovi-note"), *lines, class_="ovi-more")


def _row(entry: dict, found: Forecast, chosen: str | None) -> Markup:  # type: ignore[type-arg]
    fits = {True: "yes", False: "no", None: "?"}[entry["fits"]]
    name = entry["profile"]
    on_gpu = found.limits.kind != "cpu" and name != "cpu"
    cells = (
        name, fits, _size(entry["vram_bytes"]) if on_gpu else "–", _size(entry["ram_bytes"]),
        _time(entry["seconds"]),
    )  # fmt: skip
    marks = [mark for mark, holds in (("chosen", name == chosen), ("short", fits == "no")) if holds]
    return tag("tr", *(tag("td", cell) for cell in cells), class_=" ".join(marks) or None,
               title="other pixels than exact" if entry["changes_pixels"] else None)  # fmt: skip


def _size(num_bytes: int) -> str:
    return f"{num_bytes / 1e9:.1f} GB"


def _time(seconds: float | None) -> str:
    if seconds is None:
        return "an unknown time"
    if seconds < 100:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 100:
        return f"{minutes} min"
    hours = round(minutes / 60)
    return f"{hours} h" if hours < 100 else f"{round(hours / 24)} days"
