"""The tab of sets: choose one, look at its rows, open, render, copy, move and delete them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import gradio as gr

from ovi.errors import OviError
from ovi_studio.errors import StudioError, UsageError
from ovi_studio.render.choices import Choices
from ovi_studio.web.context import WebContext
from ovi_studio.web.ordering import order_rows
from ovi_studio.web.page_desk import Desk
from ovi_studio.web.page_events import QUIET, message_of, tell, tells_errors
from ovi_studio.web.page_inputs import taken_as_written
from ovi_studio.web.page_markup import CLICKS, Markup, counted, read_click, tag
from ovi_studio.web.page_own_jobs import add_own
from ovi_studio.web.page_sets import ROW_ACTS, arrange_row, set_path, show_rows


@dataclass
class SetsTab:
    """The components of the tab."""

    name: Any
    rows: Any


def build_sets() -> SetsTab:
    """The components; `connect_sets` gives them life."""
    name = taken_as_written(gr.Dropdown([], label="Set", elem_id="ovi-sets", filterable=False))
    return SetsTab(name, gr.HTML(js_on_load=CLICKS, elem_id="ovi-rows"))


def connect_sets(
    context: WebContext, tab: SetsTab, desk: Desk, own_jobs: Any, refresh: list[Any],
    refreshed: Callable[[list[int]], Any],
) -> None:  # fmt: skip
    """What happens when a set is chosen or a button of a row is pressed."""

    def chosen(name: Any) -> Markup:
        return rows_or_error(context, name)

    @tells_errors
    def press(event: gr.EventData, name: Any, own: Any) -> list[Any]:
        pressed = read_click(event)
        act, row_id = pressed.get("act", ""), pressed.get("row", "")
        still = [gr.skip()] * len(desk.outputs)
        kept = [gr.skip()] * (1 + len(refresh))
        if act == "row-open":
            return [*desk.open_row(name, row_id), *kept, gr.skip()]
        if act in ("row-render", "row-render-all"):
            ids = None if act == "row-render-all" else [row_id]
            jobs = order_rows(context, name, ids, Choices())
            tell(f"In the queue: {counted(len(jobs), 'clip')}.")
            own_now = add_own(own, jobs)
            return [*still, own_now, *refreshed(own_now), gr.skip()]
        if act in ROW_ACTS:
            arrange_row(context, name, row_id, act)
            return [*still, *kept, rows_or_error(context, name)]
        raise UsageError("There is no such button. Load the page anew.")

    tab.name.change(chosen, tab.name, tab.rows, **QUIET)
    tab.rows.click(press, [tab.name, own_jobs], [*desk.outputs, own_jobs, *refresh, tab.rows],
                   api_visibility="private", show_progress="hidden")  # fmt: skip


def rows_or_error(context: WebContext, name: Any) -> Markup:
    """The rows of a set, or what keeps them from being shown."""
    try:
        return show_rows(context, name)
    except (StudioError, OviError) as error:
        return tag("p", message_of(error), class_="ovi-bad")


def stamp_of_set(context: WebContext, name: Any) -> str:
    """Another text once the file of the set has changed."""
    try:
        status = set_path(context, name).stat()
    except (StudioError, OSError):
        return f"{name}: none"
    return f"{name}: {status.st_mtime_ns} {status.st_size}"
