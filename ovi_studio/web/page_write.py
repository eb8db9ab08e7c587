"""The write tab: a prompt is written, checked, mended and rendered, and its clip is watched."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr

from ovi.errors import OviError
from ovi_studio.errors import StudioError, UsageError
from ovi_studio.web.context import WebContext
from ovi_studio.web.ordering import order_text
from ovi_studio.web.page_check import (
    check_fields,
    fix_all,
    fix_one,
    row_of_fields,
    show_check,
    show_size,
    with_cells,
)
from ovi_studio.web.page_desk import Desk
from ovi_studio.web.page_drawing import build_drawing
from ovi_studio.web.page_events import QUIET, message_of, tell, tells_errors, warn
from ovi_studio.web.page_fields import (
    RANDOM_SEED,
    Fields,
    build_clip,
    build_first_frame,
    build_negatives,
    build_prompt,
    build_sampling,
    folded,
)
from ovi_studio.web.page_first_frame import keep_upload, picture_path
from ovi_studio.web.page_forecast import forecast_fields, show_forecast
from ovi_studio.web.page_form import (
    OF_VARIANT,
    FormValues,
    choices_of,
    draft_of,
    for_variant,
    read_fields,
)
from ovi_studio.web.page_markup import CLICKS, Markup, read_click, tag
from ovi_studio.web.page_own_jobs import add_own

MENDED = ("prompt", "video_negative", "audio_negative", "height", "width")
"""Fields that a fix may change."""


@dataclass
class WriteTab:
    """What other parts of the page need of this one."""

    fields: Fields
    desk: Desk
    stage: Any
    draft: Any
    """what the browser keeps of the fields"""
    own_jobs: Any
    """numbers of the jobs that this browser enqueued"""


def build_write(
    context: WebContext, start: FormValues, draft: Any, own_jobs: Any, tabs: Any
) -> WriteTab:
    """The components of the tab; `connect_write` gives them life."""
    fields = Fields()
    with gr.Row(equal_height=False, elem_id="ovi-desk"):
        with gr.Column(scale=6, min_width=320):
            build_prompt(fields, start)
            with folded("First frame"):
                build_first_frame(fields, context)
                build_drawing(context, fields)
            with folded("Negative prompts"):
                build_negatives(fields, start)
            with folded("Keep it in a set"):
                desk = Desk(context, fields, tabs)
        with gr.Column(scale=5, min_width=320):
            stage = gr.HTML(js_on_load=CLICKS, elem_id="ovi-stage")
            with folded("Clip", is_open=True):
                build_clip(fields, start)
            with folded("Sampling and guidance"):
                build_sampling(fields, start)
    return WriteTab(fields, desk, stage, draft, own_jobs)


def connect_write(
    page: gr.Blocks, context: WebContext, tab: WriteTab, refresh: Sequence[Any],
    refreshed: Callable[[list[int]], Sequence[Any]],
) -> None:  # fmt: skip
    """What happens when something in the tab is changed or pressed.

    `refreshed(own_jobs)` makes new content for `refresh`, the parts that show the queue.
    """
    fields, named = tab.fields, tab.fields.named

    def look_at(picture: str, is_drawn: bool, *written: Any) -> tuple[Any, ...]:
        return (*show_fields(context, picture, is_drawn, written), _draft(picture, written))

    # The draft is not written at first: the one that the browser has is being restored then.
    page.load(
        lambda *given: look_at(*given)[:-1], fields.deciding,
        [fields.check, fields.size, fields.plan], **QUIET,
    )  # fmt: skip
    changed = [component.change for component in fields.deciding]
    gr.on(changed, look_at, fields.deciding, [fields.check, fields.size, fields.plan, tab.draft],
          trigger_mode="always_last", **QUIET)  # fmt: skip

    @tells_errors
    def render(own: object, picture: str, is_drawn: bool, *written: Any) -> tuple[Any, ...]:
        values = read_fields(written)
        chosen = choices_of(values, picture_path(context, picture), is_drawn=is_drawn)
        jobs = order_text(context, values.prompt, chosen)
        done = [job.id for job in jobs if job.status.is_finished]
        if done:
            tell(f"Job {done[0]} was rendered before: here is its clip.")
        kept = add_own(own, jobs)
        return (kept, *refreshed(kept))

    fields.render.click(
        render, [tab.own_jobs, *fields.deciding], [tab.own_jobs, *refresh],
        api_visibility="private", concurrency_limit=4, show_progress="hidden",
    )  # fmt: skip

    @tells_errors
    def mend(event: gr.EventData, picture: str, is_drawn: bool, *written: Any) -> tuple[Any, ...]:
        pressed = read_click(event)
        values = read_fields(written)
        row = row_of_fields(values, picture_path(context, picture), is_drawn=is_drawn)
        if pressed.get("act") == "fix-all":
            cells: Mapping[str, str] | None = fix_all(context, row)
        else:
            cells = fix_one(context, row, pressed.get("key", ""))
        if cells is None:
            raise UsageError("The prompt has changed since; look at the findings again.")
        mended = with_cells(values, cells)
        return tuple(getattr(mended, name) for name in MENDED)

    fields.check.click(mend, fields.deciding, [named[name] for name in MENDED], **QUIET)

    def keep(path: str | None) -> tuple[str, Any]:
        try:
            return keep_upload(context, path), gr.skip()
        except (StudioError, OviError) as error:
            warn(error)
            return "", None  # nobody shall believe that the clip starts from it

    fields.picture.upload(keep, fields.picture, [fields.picture_name, fields.picture],
                          api_visibility="private", show_progress="hidden")  # fmt: skip
    fields.picture.clear(lambda: "", None, fields.picture_name, **QUIET)

    def usual(before: str, *written: Any) -> tuple[Any, ...]:
        try:
            values = for_variant(read_fields(written), before)
        except (StudioError, OviError):
            return (gr.skip(),) * (len(OF_VARIANT) + 1)
        return (*(getattr(values, name) for name in OF_VARIANT), values.variant)

    named["variant"].input(
        usual, [fields.variant_before, *fields.written],
        [*(named[name] for name in OF_VARIANT), fields.variant_before], **QUIET,
    )  # fmt: skip
    fields.random_seed.click(None, None, named["seed"], js=RANDOM_SEED, api_visibility="private")
    fields.size_preset.input(
        None, fields.size_preset, [named["height"], named["width"]],
        js="(size) => size.split('x').map(Number)", api_visibility="private",
    )  # fmt: skip


def show_fields(
    context: WebContext, picture: str, is_drawn: bool, written: Sequence[Any]
) -> tuple[Markup | str, Markup | str, Markup | str]:
    """Findings, real size and plan of the fields as they stand."""
    try:
        values = read_fields(written)
        path = picture_path(context, picture)
        check = check_fields(context, row_of_fields(values, path, is_drawn=is_drawn))
        found = show_check(check), show_size(check)
    except (StudioError, OviError) as error:
        return _bad(error), "", ""
    try:
        forecast = forecast_fields(context, choices_of(values, path, is_drawn=is_drawn))
        return (*found, show_forecast(forecast, values.profile))
    except (StudioError, OviError) as error:
        return (*found, _bad(error))


def _draft(picture: str, written: Sequence[Any]) -> Any:
    try:
        return {**draft_of(read_fields(written)), "picture": picture}
    except (StudioError, OviError):
        return gr.skip()


def _bad(error: Exception) -> Markup:
    return tag("p", message_of(error), class_="ovi-bad")
