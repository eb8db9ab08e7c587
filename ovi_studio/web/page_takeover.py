"""What the form cannot hold of a clip or row whose settings it takes over, to be told."""

from collections.abc import Mapping
from pathlib import Path

from ovi.errors import OviError
from ovi.spec.request import ClipRequest, Mode
from ovi_studio.errors import StudioError
from ovi_studio.web.context import WebContext
from ovi_studio.web.ordering import plan_row, plan_text
from ovi_studio.web.page_form import FormValues, choices_of

_UNSAID: Mapping[str, str] = {
    "size": "size",
    "sampling": "sampling",
    "guidance": "guidance",
    "precision": "number formats",
    "vae_tiling": "tiles of the decoder",
    "noise": "source of noise",
}
"""Parts of a request -> what the user knows them as."""


def wants_drawing(context: WebContext, mode: Mode | None) -> bool:
    """Whether the form asks for a drawn first frame, as far as this page offers it."""
    return mode is Mode.T2I2V and context.can_draw_first_frames


def request_of_row(context: WebContext, set_name: str, row_id: str) -> ClipRequest | None:
    """What the row asks for, rendered as it stands; None where it cannot be rendered."""
    try:
        clips = plan_row(context, set_name, row_id).clips
    except (StudioError, OviError):
        return None
    return clips[0].request if clips else None


def left_behind(
    context: WebContext, wanted: ClipRequest, values: FormValues, picture: Path | None
) -> str | None:
    """A sentence on what a clip rendered from the form would have otherwise; None for nothing."""
    if wanted.mode is Mode.T2I2V and not context.can_draw_first_frames:
        return (
            "Its first frame was drawn, and this page draws none: start ovi web with "
            "--use-image-gen, or choose a picture."
        )
    is_drawn = wants_drawing(context, wanted.mode)
    try:
        said = choices_of(values, picture, is_drawn=is_drawn)
        clips = plan_text(context, values.prompt, said).clips
    except (StudioError, OviError):
        return None  # the form tells that itself
    if not clips:
        return None
    found = clips[0].request
    names = [
        name for part, name in _UNSAID.items() if getattr(found, part) != getattr(wanted, part)
    ]
    if not names:
        return None
    return (
        f"Not taken over, for the page has no field for it: {', '.join(names)}. What the project "
        "says holds instead; `ovi render` has options for it."
    )
