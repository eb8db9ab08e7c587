"""What the page shows of queue, sets and clips at this moment, and what buttons of jobs do.

The browser asks again and again; what has not changed since it asked last is not sent again.
"""

import hashlib
from collections.abc import Sequence
from typing import Any

import gradio as gr

from ovi.errors import OviError
from ovi_studio.actions.queue_watching import QueueSnapshot
from ovi_studio.errors import StudioError, UsageError
from ovi_studio.render.job import RenderJob
from ovi_studio.web.context import WebContext
from ovi_studio.web.looks import QueueLooks
from ovi_studio.web.page_clips import SharedLibrary
from ovi_studio.web.page_clips_tab import gallery_or_error
from ovi_studio.web.page_events import message_of
from ovi_studio.web.page_jobs import show_head, show_queue, show_stage, stage_job
from ovi_studio.web.page_markup import Markup, tag
from ovi_studio.web.page_own_jobs import read_own
from ovi_studio.web.page_queue import QueueButtons
from ovi_studio.web.page_sets_tab import rows_or_error, stamp_of_set

LOOK_SECONDS = 0.5
"""All browsers share a look at the queue that is no older."""


class LivePage:
    """The moving parts of the page of one project, for all browsers."""

    def __init__(self, context: WebContext) -> None:
        self.context = context
        self.library = SharedLibrary(context)
        self._looks = QueueLooks(context.layout)
        self._buttons = QueueButtons(context)

    def queue_parts(
        self, own: object, kinds: Sequence[str], *, max_age: float = 0.0
    ) -> tuple[Markup, Markup, Markup]:
        """Head, stage and queue. Never raises: what is wrong is shown in their place."""
        layout, name = self.context.layout, self.context.working_folder.name
        try:
            snapshot = self._looks.look(max_age=max_age).snapshot
            stage = show_stage(
                stage_job(snapshot, read_own(own)), layout,
                is_paused=snapshot.paused_since is not None,
            )  # fmt: skip
            return show_head(name, snapshot), stage, show_queue(snapshot, layout, kinds)
        except (StudioError, OviError) as error:
            bad = tag("p", message_of(error), class_="ovi-bad")
            return show_head(name, QueueSnapshot()), bad, bad

    def tick(self, own: object, kinds: Sequence[str], seen: str) -> tuple[Any, ...]:
        """Head, stage, queue, and the mark of what was sent; all skipped where nothing changed."""
        parts = self.queue_parts(own, kinds, max_age=LOOK_SECONDS)
        mark = _mark_of(*parts)
        return _skipped(4) if mark == seen else (*parts, mark)

    def slow_tick(
        self, set_name: object, words: str, starred: bool, page: str, chosen: str, seen: str
    ) -> tuple[Any, ...]:
        """Rows, gallery, and the mark of what was sent."""
        gallery = gallery_or_error(self.library, words, starred, page, chosen)
        marks = f"{stamp_of_set(self.context, set_name)}|{_mark_of(gallery)}"
        if marks == seen:
            return _skipped(3)
        same_rows = marks.partition("|")[0] == seen.partition("|")[0]
        rows = gr.skip() if same_rows else rows_or_error(self.context, set_name)
        return rows, gallery, marks

    def press(self, pressed: dict[str, str]) -> tuple[str | None, RenderJob | None]:
        """Does what a button of the queue or the stage says: what to tell, and a job to open.

        Raises StudioError.
        """
        act, job = pressed.get("act", ""), pressed.get("job", "")
        if act == "use-job":
            return None, self._buttons.job(job)
        if not self._buttons.knows(act):
            raise UsageError("There is no such button. Load the page anew.")
        return self._buttons.press(act, job), None


def _skipped(number: int) -> tuple[Any, ...]:
    return tuple(gr.skip() for _ in range(number))


def _mark_of(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode("utf-8", "replace")).hexdigest()[:16]
