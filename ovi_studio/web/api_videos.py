"""The HTTP API's videos: ordering, looking, listing, cancelling, trying again, deleting."""

import base64
import binascii
from dataclasses import replace
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from pydantic import ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException

from ovi_studio.actions.queue_control import QueueControl
from ovi_studio.actions.rendering import say_nothing
from ovi_studio.actions.settings import default_variant, load_settings
from ovi_studio.render.job import JobStatus
from ovi_studio.web.api_answers import choices_of, job_number, no_video, video_of, view_of
from ovi_studio.web.api_documents import answers, video_body
from ovi_studio.web.api_errors import ApiError, first_fault
from ovi_studio.web.api_media import MediaFiles
from ovi_studio.web.api_models import Video, VideoDeleted, VideoForm, VideoList, VideoOrder
from ovi_studio.web.context import WebContext
from ovi_studio.web.looks import QueueLooks
from ovi_studio.web.ordering import order_text
from ovi_studio.web.uploads import keep_picture

MAX_FIELDS = 40

Order = Literal["asc", "desc"]


def video_routes(context: WebContext, looks: QueueLooks, files: MediaFiles) -> APIRouter:
    """The addresses of videos."""
    router = APIRouter()
    control = QueueControl(context.layout, on_rescue=say_nothing, keep_queue=context.keep_queue)

    @router.post(
        "/videos",
        openapi_extra=video_body(),
        responses=answers(400, 415, 429, 501, 507),
        response_model=Video,
    )
    async def create_video(request: Request) -> Video:
        """Order a clip. The same order twice is one clip: its id comes back, unless `force`."""
        order, picture = await _read_order(request, context)
        return await run_in_threadpool(_enqueue, order, picture, context, looks)

    @router.get("/videos", responses=answers(400, 404))
    def list_videos(
        limit: Annotated[int, Query(ge=1, le=100)] = 20,
        after: Annotated[
            str | None, Query(max_length=40, description="The last id of the page before.")
        ] = None,
        order: Annotated[Order, Query(description="By time of ordering.")] = "desc",
    ) -> VideoList:
        """List clips of the queue, wherever they were ordered; the latest first."""
        look = looks.look()
        ids = sorted(look.views, reverse=order == "desc")
        if after is not None:
            last = job_number(after)
            if last not in look.views:
                raise no_video(after)
            ids = ids[ids.index(last) + 1 :]
        page = [video_of(look.views[job_id], look) for job_id in ids[:limit]]
        return VideoList(
            data=page,
            first_id=page[0].id if page else None,
            last_id=page[-1].id if page else None,
            has_more=len(ids) > limit,
        )

    @router.get("/videos/{video_id}", responses=answers(404))
    def get_video(video_id: str) -> Video:
        """How far a clip is."""
        look = looks.look()
        return video_of(view_of(look, video_id), look)

    @router.post("/videos/{video_id}/cancel", responses=answers(404, 409))
    def cancel_video(video_id: str) -> Video:
        """Stop a clip: at once while it waits, else when its worker sees it."""
        job = view_of(looks.look(), video_id).job
        if job.status.is_finished:
            raise ApiError(
                409, f"The clip has ended, it is {job.status}. There is nothing to cancel."
            )
        control.cancel([str(job.id)])
        look = looks.look()
        return video_of(view_of(look, video_id), look)

    @router.post("/videos/{video_id}/retry", responses=answers(404, 409))
    def retry_video(video_id: str) -> Video:
        """Let a clip that failed or was cancelled wait again."""
        job = view_of(looks.look(), video_id).job
        again, _ = control.retry([str(job.id)])
        if not again:
            raise ApiError(
                409,
                f"The clip is {job.status}, or ordered anew meanwhile: only what failed or was "
                "cancelled can be tried again.",
            )
        look = looks.look()
        return video_of(view_of(look, video_id), look)

    @router.delete("/videos/{video_id}", responses=answers(404, 409))
    def delete_video(video_id: str) -> VideoDeleted:
        """Forget a clip that has ended, and move its file to the project's trash."""
        job = view_of(looks.look(), video_id).job
        if not job.status.is_finished:
            raise ApiError(409, f"The clip is {job.status}. Cancel it first.", code="not_ended")
        if job.status is JobStatus.DONE:
            files.trash(job)
        control.clear([job])
        return VideoDeleted(id=video_id)

    return router


def _enqueue(
    order: VideoOrder | VideoForm, picture: bytes | None, context: WebContext, looks: QueueLooks
) -> Video:
    said = choices_of(order, default_variant(load_settings(context.layout.root)))
    if picture is not None:
        said = replace(said, image=str(keep_picture(context, picture)))
    jobs = order_text(context, order.prompt, said, is_forced=order.force)
    look = looks.look()
    return video_of(look.views[jobs[0].id], look)


async def _read_order(
    request: Request, context: WebContext
) -> tuple[VideoOrder | VideoForm, bytes | None]:
    """What the request orders, and the first frame that came with it. Raises ApiError."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "application/json":
        return _read_json(await request.body())
    if kind == "multipart/form-data":
        return await _read_form(request, context)
    raise ApiError(
        415, f"Content-Type {kind[:60]!r} is not read here: send application/json or "
        "multipart/form-data."
    )  # fmt: skip


def _read_json(body: bytes) -> tuple[VideoOrder, bytes | None]:
    try:
        order = VideoOrder.model_validate_json(body, strict=True)
    except ValidationError as error:
        raise _refusal(error) from error
    if order.input_reference is None:
        return order, None
    encoded = order.input_reference.image_url.partition(",")[2]
    try:
        return order, base64.b64decode(encoded, validate=True)
    except binascii.Error as error:
        raise ApiError(
            400, "The picture's base64 is damaged.", param="input_reference.image_url"
        ) from error


async def _read_form(request: Request, context: WebContext) -> tuple[VideoForm, bytes | None]:
    try:
        form = await request.form(
            max_files=1, max_fields=MAX_FIELDS, max_part_size=context.limits.text_bytes
        )
    except (MultiPartException, HTTPException) as error:
        detail = getattr(error, "message", None) or getattr(error, "detail", "it is damaged")
        raise ApiError(400, f"The form cannot be read: {detail}") from error
    try:
        fields, picture = await _fields_of(form, context)
    finally:
        await form.close()
    try:
        return VideoForm.model_validate(fields), picture
    except ValidationError as error:
        raise _refusal(error) from error


async def _fields_of(form: FormData, context: WebContext) -> tuple[dict[str, Any], bytes | None]:
    """The fields as they would be in JSON, and the content of the file."""
    fields: dict[str, Any] = {}
    picture = None
    for name, value in form.multi_items():
        if name in fields or (picture is not None and name == "input_reference"):
            raise ApiError(400, f"{name[:60]} is given twice.", param=name[:60])
        if not isinstance(value, UploadFile):
            fields[name] = value
        elif name != "input_reference":
            raise ApiError(
                400, f"{name[:60]} is no file; only input_reference is.", param=name[:60]
            )
        elif (value.size or 0) > context.limits.picture_bytes:
            most = context.limits.picture_bytes / 1e6
            raise ApiError(413, f"The picture is too large: {most:.0f} MB at most.", param=name)
        else:
            picture = await value.read()
    reference = fields.pop("input_reference", None)
    if reference is not None:
        raise ApiError(
            400, "input_reference is a file in a form; send it with a file name.",
            param="input_reference",
        )  # fmt: skip
    return fields, picture


def _refusal(error: ValidationError) -> ApiError:
    message, param = first_fault(error.errors())
    return ApiError(400, message, param=param)
