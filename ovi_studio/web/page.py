"""The web page: one more face over the actions and the queue that the command line uses, too.

What a browser shows of the queue is read anew every second, so that several tabs, the terminal
studio and `ovi queue` agree. Of a visit the server keeps nothing: the draft of a prompt and the
numbers of its jobs stay in the browser.
"""

import hashlib
from dataclasses import dataclass
from typing import Any

import gradio as gr

from ovi.errors import OviError
from ovi_studio.actions.queue_watching import QueueSnapshot
from ovi_studio.errors import StudioError
from ovi_studio.web.context import WebContext
from ovi_studio.web.page_clips_tab import ClipsTab, build_clips, connect_clips
from ovi_studio.web.page_desk import loaded, outputs_to_load, own_set_choices
from ovi_studio.web.page_events import QUIET, tell, tells_errors
from ovi_studio.web.page_form import FormValues, start_values, values_of_draft
from ovi_studio.web.page_inputs import take_as_written
from ovi_studio.web.page_jobs import show_head
from ovi_studio.web.page_live import LivePage
from ovi_studio.web.page_markup import CLICKS, read_click
from ovi_studio.web.page_rewrite import RewriteTab, build_rewrite, set_choices, writer_choices
from ovi_studio.web.page_sets_tab import SetsTab, build_sets, connect_sets
from ovi_studio.web.page_theme import page_look
from ovi_studio.web.page_write import WriteTab, build_write, connect_write

__all__ = ["build_page", "page_look"]

TICK_SECONDS = 1.0
"""How often a browser asks for the queue."""

SLOW_TICK_SECONDS = 5.0
"""How often it asks for sets and clips."""

KINDS = ("running", "waiting", "done", "failed", "cancelled")


@dataclass
class _Parts:
    """The components that several parts of the page have to do with."""

    head: Any
    write: WriteTab
    sets: SetsTab
    rewrite: RewriteTab
    kinds: Any
    queue: Any
    clips: ClipsTab
    seen: Any
    """marks of what this browser has; hidden"""
    seen_slowly: Any

    @property
    def live(self) -> list[Any]:
        """What shows the queue."""
        return [self.head, self.write.stage, self.queue]


def build_page(context: WebContext) -> gr.Blocks:
    """The page of a project, to be mounted with `page_look()`."""
    page: gr.Blocks
    take_as_written()
    live = LivePage(context)
    name = context.working_folder.name
    folder = str(context.working_folder.resolve())
    key = hashlib.sha256(folder.encode("utf-8", "surrogateescape")).hexdigest()[:12]
    with gr.Blocks(
        title=f"Ovi Studio: {name}", analytics_enabled=False, fill_width=True,
        delete_cache=(3600, 24 * 3600),
    ) as page:  # fmt: skip
        # The keys are no secrets: they only tell projects apart that one browser looks at.
        draft = gr.BrowserState(None, storage_key=f"ovi-draft-{key}", secret=key)
        own_jobs = gr.BrowserState([], storage_key=f"ovi-jobs-{key}", secret=key)
        head = gr.HTML(show_head(name, QueueSnapshot()))
        with gr.Tabs(selected="write") as tabs:
            with gr.Tab("Write", id="write"):
                write = build_write(context, _start(context), draft, own_jobs, tabs)
            with gr.Tab("Sets", id="sets"):
                sets = build_sets()
            with gr.Tab("Rewrite", id="rewrite"):
                rewrite = build_rewrite(context)
            with gr.Tab("Queue", id="queue"):
                kinds = gr.CheckboxGroup(
                    list(KINDS), value=[], label="Show only", elem_id="ovi-kinds"
                )
                queue = gr.HTML(js_on_load=CLICKS, elem_id="ovi-queue")
            with gr.Tab("Clips", id="clips"):
                clips = build_clips()
        marks = (gr.Textbox("", visible="hidden"), gr.Textbox("", visible="hidden"))
        parts = _Parts(head, write, sets, rewrite, kinds, queue, clips, *marks)
        _connect(live, parts, page)
        _refresh(live, parts, page, tabs)
    return page


def _connect(live: LivePage, parts: _Parts, page: gr.Blocks) -> None:
    """What buttons do that change the queue, and what follows on the page."""
    context, write, desk = live.context, parts.write, parts.write.desk

    def refreshed(own: list[int]) -> tuple[Any, ...]:
        return live.queue_parts(own, ())

    @tells_errors
    def press(event: gr.EventData, own: object, kinds: list[str]) -> list[Any]:
        said, job = live.press(read_click(event))
        tell(said)
        opened = [gr.skip()] * len(desk.outputs) if job is None else desk.open_job(job)
        return [*live.queue_parts(own, kinds), *opened]

    connect_write(page, context, write, parts.live, refreshed)
    desk.connect()
    connect_sets(context, parts.sets, desk, write.own_jobs, parts.live, refreshed)
    connect_clips(live.library, parts.clips, desk)
    for part in (write.stage, parts.queue):
        part.click(press, [write.own_jobs, parts.kinds], [*parts.live, *desk.outputs],
                   api_visibility="private", show_progress="hidden")  # fmt: skip


def _refresh(live: LivePage, parts: _Parts, page: gr.Blocks, tabs: Any) -> None:
    """What a page shows when it is loaded, and how it stays up to date."""
    context, write, clips = live.context, parts.write, parts.clips
    ticked = [write.own_jobs, parts.kinds, parts.seen]
    slowly = [parts.sets.name, *clips.wanted, parts.seen_slowly]
    slow_outputs = [parts.sets.rows, clips.gallery, parts.seen_slowly]

    @tells_errors
    def restore(kept: object) -> list[Any]:
        picture = kept.get("picture") if isinstance(kept, dict) else ""
        values = values_of_draft(kept, context)
        return loaded(context, values, picture if isinstance(picture, str) else "")

    def choose(name: object, other: object, writer: object, own: object) -> tuple[Any, ...]:
        return (
            set_choices(context, name), set_choices(context, other),
            writer_choices(context, writer), own_set_choices(context, own),
        )  # fmt: skip

    chosen = [parts.sets.name, parts.rewrite.sets, parts.rewrite.writer, write.desk.set_name]
    page.load(restore, write.draft, outputs_to_load(write.fields), **QUIET)
    page.load(choose, chosen, chosen, **QUIET)
    tick = (live.tick, ticked, [*parts.live, parts.seen])
    slow_tick = (live.slow_tick, slowly, slow_outputs)
    page.load(*tick, **QUIET)
    gr.Timer(TICK_SECONDS).tick(*tick, **QUIET)
    parts.kinds.change(*tick, **QUIET)
    gr.Timer(SLOW_TICK_SECONDS).tick(*slow_tick, **QUIET)
    tabs.select(*slow_tick, **QUIET)
    tabs.select(choose, chosen, chosen, **QUIET)


def _start(context: WebContext) -> FormValues:
    """The fields of a new page; the usual ones where the configuration is broken, which the page
    then tells.
    """
    try:
        return start_values(context)
    except (StudioError, OviError):
        return FormValues()
