"""Progress of one clip as server-sent events, for as long as somebody listens.

Each event has the video as its data, in the shape of `GET /v1/videos/{video_id}`: `progress` when
something changed, at last `completed`, `failed` or `cancelled`, and then the stream ends. `deleted`
ends it when somebody removes the job.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

from fastapi import APIRouter
from fastapi.responses import StreamingResponse
from starlette.concurrency import run_in_threadpool

from ovi_studio.errors import QueueError
from ovi_studio.web.api_answers import job_number, video_of, view_of
from ovi_studio.web.api_documents import answers
from ovi_studio.web.api_errors import ApiError
from ovi_studio.web.api_models import Video
from ovi_studio.web.context import WebContext
from ovi_studio.web.looks import FRESH_SECONDS, QueueLooks

POLL_SECONDS = 0.5

QUIET_POLLS = 30
"""So many polls without news, a comment is sent, so that nobody in between closes the line."""


@dataclass(slots=True)
class OpenStreams:
    """Counts those who listen, and tells them when the server ends."""

    most: int
    is_ending: Callable[[], bool] = lambda: False
    num_open: int = field(default=0)


async def video_events(
    video_id: str, looks: QueueLooks, streams: OpenStreams
) -> AsyncIterator[str]:
    """The events of a clip, written out. Ends with the clip, the job or the server."""
    streams.num_open += 1
    try:
        last: Video | None = None
        quiet = number = 0
        while not streams.is_ending():
            try:
                look = await run_in_threadpool(looks.look, max_age=FRESH_SECONDS)
            except QueueError as error:
                yield _event("error", number, f'{{"message": {json.dumps(str(error))}}}')
                return
            view = look.views.get(job_number(video_id))
            if view is None:
                yield _event("deleted", number, f'{{"id": {json.dumps(video_id)}}}')
                return
            video = video_of(view, look)
            is_over = view.job.status.is_finished
            if video != last:
                number, quiet, last = number + 1, 0, video
                name = video.status if is_over else "progress"
                yield _event(name, number, video.model_dump_json())
            else:
                quiet += 1
                if quiet % QUIET_POLLS == 0:
                    yield ": nothing new\n\n"
            if is_over:
                return
            await asyncio.sleep(POLL_SECONDS)
    finally:
        streams.num_open -= 1


def _event(name: str, number: int, data: str) -> str:
    return f"event: {name}\nid: {number}\ndata: {data}\n\n"


def event_routes(context: WebContext, looks: QueueLooks, streams: OpenStreams) -> APIRouter:
    """The address of events."""
    router = APIRouter()

    @router.get(
        "/videos/{video_id}/events",
        responses=answers(404, 429)
        | {200: {"description": "Events until the end.", "content": {"text/event-stream": {}}}},
        response_class=StreamingResponse,
    )
    async def events(video_id: str) -> StreamingResponse:
        """Progress as server-sent events, until the clip is done, failed or cancelled."""
        view_of(await run_in_threadpool(looks.look), video_id)
        if streams.num_open >= context.limits.event_streams:
            raise ApiError(
                429,
                f"{context.limits.event_streams} clients watch already. Instead, ask now and then: "
                f"GET /v1/videos/{video_id}.",
                code="too_many_watch",
            )
        return StreamingResponse(
            video_events(video_id, looks, streams),
            media_type="text/event-stream",
            headers={"cache-control": "no-store", "x-accel-buffering": "no"},
        )

    return router
