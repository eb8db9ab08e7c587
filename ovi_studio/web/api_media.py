"""The HTTP API's files: clips with byte ranges, their recipes, pictures of them, previews.

No address names a path: a job or a clip of the library is named, and its file is served only where
it lies in the project, or in the folder that the project's configuration sends clips to.
"""

import re
import threading
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from fastapi.responses import FileResponse, JSONResponse
from starlette.datastructures import Headers
from starlette.types import Message, Receive, Scope, Send

from ovi.errors import MediaError
from ovi.media import read_recipe
from ovi_studio.actions.clip_finding import MAX_RECIPE_BYTES, LibraryClip
from ovi_studio.actions.library import ClipLibrary
from ovi_studio.actions.previewing import latest_preview
from ovi_studio.actions.settings import load_settings
from ovi_studio.errors import StudioError
from ovi_studio.project.layout import ProjectLayout
from ovi_studio.render.job import JobStatus, RenderJob
from ovi_studio.web.api_answers import view_of
from ovi_studio.web.api_documents import answers
from ovi_studio.web.api_errors import ApiError, error_response
from ovi_studio.web.context import WebContext
from ovi_studio.web.looks import QueueLooks

_CLIP_NAME = re.compile(r"[^/\\\x00-\x1f]{1,255}")


class Part(StrEnum):
    """What belongs to a clip and can be fetched."""

    VIDEO = "video"
    RECIPE = "recipe"
    THUMBNAIL = "thumbnail"
    WAVEFORM = "waveform"
    PREVIEW = "preview"
    PREVIEW_SOUND = "preview_sound"


ClipPart = Annotated[
    Part,
    Query(
        description="The MP4; its recipe (JSON); a strip of frames (JPEG); the sound over time "
        "(PNG); while it is denoised, what it looks like (animated WebP) and sounds like (PNG)."
    ),
]
Download = Annotated[bool, Query(description="Let a browser save it instead of showing it.")]

_CONTENT = answers(400, 404, 409, 416) | {
    200: {
        "description": "The file.",
        "content": {
            kind: {} for kind in ("video/mp4", "application/json", "image/jpeg", "image/png",
                                  "image/webp")
        },
    },
    206: {"description": "The bytes asked for.", "content": {"video/mp4": {}}},
}  # fmt: skip


class ClipFile(FileResponse):
    """A file with byte ranges, whose refusals have the shape of all errors."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves it."""
        refusal: Response | None = None

        async def sending(message: Message) -> None:
            nonlocal refusal
            if message["type"] == "http.response.start" and message["status"] >= 400:
                refusal = _bad_range(message["status"], Headers(raw=message["headers"]))
                await refusal(scope, receive, send)
            elif refusal is None:
                await send(message)

        await super().__call__(scope, receive, sending)


def _bad_range(status: int, headers: Headers) -> Response:
    size = headers.get("content-range")
    if size is None:
        return error_response(
            status, "The header Range cannot be read: write bytes=FIRST-LAST, such as bytes=0-1023."
        )
    return error_response(
        status,
        f"The file ends before the range begins: it has {size.rpartition('/')[2]} bytes.",
        headers={"content-range": size},
    )


class MediaFiles:
    """The files of one project, as they may be served."""

    def __init__(self, context: WebContext) -> None:
        """Looks at nothing yet."""
        self._layout = context.layout
        self._library = ClipLibrary(context.layout)
        self._lock = threading.Lock()
        """the library serves one thread at a time"""

    def of_job(self, job: RenderJob, part: Part, *, is_download: bool) -> Response:
        """The file of a job. Raises ApiError where there is none (yet)."""
        if part in (Part.PREVIEW, Part.PREVIEW_SOUND):
            return self._preview(job.id, part)
        if job.status is not JobStatus.DONE:
            raise ApiError(
                409,
                f"The clip is not done, it is {job.status}. GET /v1/videos/video_{job.id} tells "
                "how far it is.",
                code="not_ready",
            )
        return self._of_file(job.task.output, part, is_download=is_download)

    def of_clip(self, name: str, part: Part, *, is_download: bool) -> Response:
        """The file of a clip of the library, by its file's name or its identity."""
        found = self._clip_named(name) if _CLIP_NAME.fullmatch(name) else None
        if found is None or part in (Part.PREVIEW, Part.PREVIEW_SOUND):
            raise ApiError(404, "There is no such clip in this project. `ovi clips list` has all.")
        return self._of_file(found.path, part, is_download=is_download)

    def trash(self, job: RenderJob) -> None:
        """Moves the clip of a job to the project's trash, if it is there and its own."""
        with self._lock:
            clips = [clip for clip in self._library.clips() if clip.path == job.task.output]
            if clips and self._is_ours(clips[0].path):
                self._library.trash(clips)

    def _of_file(self, path: Path, part: Part, *, is_download: bool) -> Response:
        if not path.is_file():
            raise ApiError(404, f"The file {path.name} is gone. Render the clip again.")
        if not self._is_ours(path):
            raise ApiError(
                404, f"{path.name} lies outside this project, and only its own files are served."
            )
        if part is Part.RECIPE:
            return self._recipe(path, is_download=is_download)
        if part is not Part.VIDEO:
            return FileResponse(self._picture(path, part))
        return ClipFile(
            path,
            media_type="video/mp4",
            filename=path.name,
            content_disposition_type="attachment" if is_download else "inline",
        )

    def _recipe(self, path: Path, *, is_download: bool) -> Response:
        try:
            recipe: dict[str, Any] = read_recipe(path, MAX_RECIPE_BYTES)
        except MediaError as error:
            raise ApiError(404, f"{path.name} holds no recipe that can be read.") from error
        answer = JSONResponse(recipe)
        if is_download:
            # The name comes from Starlette, which knows how to write any letters in a header.
            named = FileResponse(path, filename=f"{path.stem}.json")
            answer.headers["content-disposition"] = named.headers["content-disposition"]
        return answer

    def _picture(self, path: Path, part: Part) -> Path:
        with self._lock:
            clip = next((clip for clip in self._library.clips() if clip.path == path), None)
            if clip is None:
                raise ApiError(404, f"{path.name} is no clip of this project's library.")
            try:
                if part is Part.THUMBNAIL:
                    return self._library.thumbnails(clip)
                return self._library.waveform(clip)
            except MediaError as error:
                raise ApiError(404, f"{path.name} cannot be shown: {error}") from error

    def _preview(self, job_id: int, part: Part) -> Response:
        preview = latest_preview(self._layout, job_id)
        picture = None
        if preview is not None:
            picture = preview.picture if part is Part.PREVIEW else preview.sound
        if preview is None or picture is None:
            raise ApiError(404, "There is no preview of it now: it comes with the first steps.")
        try:
            # Read at once: the file is replaced while the clip is denoised.
            content = picture.read_bytes()
        except OSError as error:
            raise ApiError(404, "The preview is gone: the clip has just ended.") from error
        kind = "image/webp" if part is Part.PREVIEW else "image/png"
        headers = {"cache-control": "no-store", "x-ovi-preview-step": str(preview.step)}
        return Response(content, media_type=kind, headers=headers)

    def _clip_named(self, name: str) -> LibraryClip | None:
        with self._lock:
            clips = self._library.clips()
        return next((clip for clip in clips if name in (clip.path.name, clip.identity)), None)

    def _is_ours(self, path: Path) -> bool:
        """Whether the file that is really meant, links followed, lies where we may serve from."""
        try:
            real = path.resolve(strict=True)
        except OSError:
            return False
        return real.suffix == ".mp4" and any(
            real.is_relative_to(folder) for folder in _folders(self._layout)
        )


def _folders(layout: ProjectLayout) -> Sequence[Path]:
    folders = [layout.root.resolve()]
    try:
        configured = load_settings(layout.root).render.output
    except StudioError:
        configured = None
    if configured is not None:
        folders.append((layout.root / configured).resolve())
    return folders


def media_routes(files: MediaFiles, looks: QueueLooks) -> APIRouter:
    """The addresses of files."""
    router = APIRouter()

    @router.get("/videos/{video_id}/content", responses=_CONTENT, response_class=Response)
    def video_content(
        video_id: str, variant: ClipPart = Part.VIDEO, download: Download = False
    ) -> Response:
        """The finished clip, or what belongs to it. Understands the header Range."""
        job = view_of(looks.look(), video_id).job
        return files.of_job(job, variant, is_download=download)

    @router.get("/clips/{name}/content", responses=_CONTENT, response_class=Response)
    def clip_content(
        name: str, variant: ClipPart = Part.VIDEO, download: Download = False
    ) -> Response:
        """The same of any clip of the project's library, by its file's name or its identity."""
        return files.of_clip(name, variant, is_download=download)

    for address, answer in (
        ("/videos/{video_id}/content", video_content),
        ("/clips/{name}/content", clip_content),
    ):
        router.add_api_route(
            address, answer, methods=["HEAD"], response_class=Response, include_in_schema=False
        )
    return router
