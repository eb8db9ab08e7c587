"""The web page: one more face over the actions and the queue that the command line uses, too.

What a browser shows of the queue is read anew every second, so that several tabs, the terminal
studio and `ovi queue` agree. Of a visit the server keeps nothing: the draft of a prompt and the
numbers of its jobs stay in the browser.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import gradio as gr

from ovi.errors import OviError
from ovi_studio.actions.queue_watching import QueueSnapshot
from ovi_studio.errors import StudioError
from ovi_studio.web.context import WebContext
from ovi_studio.web.looks import QueueLooks
from ovi_studio.web.page_clips import SharedLibrary
from ovi_studio.web.page_clips_tab import ClipsTab, build_clips, connect_clips, gallery_or_error
from ovi_studio.web.page_desk import Desk, show_place
from ovi_studio.web.page_drawing import build_drawing
from ovi_studio.web.page_fields import folded
from ovi_studio.web.page_form import FormValues, start_values, values_of_draft
from ovi_studio.web.page_jobs import show_head, show_queue, show_stage, stage_job
from ovi_studio.web.page_markup import CLICKS, Markup, read_click, tag
from ovi_studio.web.page_queue import QueueButtons
from ovi_studio.web.page_rewrite import build_rewrite, set_choices
from ovi_studio.web.page_sets_tab import (
    SetsTab,
    build_sets,
    connect_sets,
    rows_or_error,
    stamp_of_set,
)
from ovi_studio.web.page_telling import message_of, tell, tells_errors
from ovi_studio.web.page_theme import page_style
from ovi_studio.web.page_write import (
    QUIET,
    WriteTab,
    build_write,
    connect_write,
    loaded,
    outputs_to_load,
    picture_name,
    picture_shown,
    read_own,
)

__all__ = ["build_page", "page_style"]

TICK_SECONDS = 1.0
"""How often a browser asks for the queue."""

SLOW_TICK_SECONDS = 5.0
"""How often it asks for sets and clips."""

LOOK_SECONDS = 0.5
"""All browsers share a look at the queue that is no older."""

KINDS = ("running", "waiting", "done", "failed", "cancelled")


@dataclass
class _Page:
    """All parts of the page."""

    context: WebContext
    look: Callable[..., QueueSnapshot]
    library: SharedLibrary
    head: Any = None
    tabs: Any = None
    write: WriteTab | None = None
    desk: Desk | None = None
    sets: SetsTab | None = None
    kinds: Any = None
    queue: Any = None
    clips: ClipsTab | None = None


def build_page(context: WebContext) -> gr.Blocks:
    """The page of a project, to be mounted with `page_style()`."""
    looks = QueueLooks(context.layout)

    def look(*, max_age: float = LOOK_SECONDS) -> QueueSnapshot:
        return looks.look(max_age=max_age).snapshot

    parts = _Page(context, look, SharedLibrary(context))
    start = _start(context)
    folder = str(context.working_folder.resolve())
    key = hashlib.sha256(folder.encode("utf-8", "surrogateescape")).hexdigest()[:12]
    with gr.Blocks(
        title=f"Ovi Studio – {context.working_folder.name}", analytics_enabled=False,
        fill_width=True, delete_cache=(3600, 24 * 3600),
    ) as page:  # fmt: skip
        # Both keys are no secrets: the browser of whoever may see the page holds them anyway.
        draft = gr.BrowserState(None, storage_key=f"ovi-draft-{key}", secret=key)
        own_jobs = gr.BrowserState([], storage_key=f"ovi-jobs-{key}", secret=key)
        parts.head = gr.HTML(show_head(context.working_folder.name, QueueSnapshot()))
        with gr.Tabs(selected="write") as parts.tabs:
            with gr.Tab("Write", id="write"):
                parts.write = build_write(context, start, draft, own_jobs)
                parts.desk = parts.write.desk
            with gr.Tab("Sets", id="sets") as sets_tab:
                parts.sets = build_sets()
            with gr.Tab("Rewrite", id="rewrite") as rewrite_tab:
                rewrite_sets, connection, fill = build_rewrite(context)
            with gr.Tab("Queue", id="queue"):
                parts.kinds = gr.CheckboxGroup(
                    list(KINDS), value=[], show_label=False, elem_id="ovi-kinds"
                )
                parts.queue = gr.HTML(js_on_load=CLICKS, elem_id="ovi-queue")
            with gr.Tab("Clips", id="clips") as clips_tab:
                parts.clips = build_clips()
    return page
