"""Turns jobs of the queue into the videos of the HTTP API, and the API's orders into choices."""

import re
from datetime import datetime

from ovi.spec.geometry import FrameSize
from ovi.spec.variants import VARIANTS, Variant, variant_named
from ovi_studio.actions.queue_watching import JobView
from ovi_studio.render.choices import Choices
from ovi_studio.render.job import JobStatus, RenderJob
from ovi_studio.web.api_errors import ApiError
from ovi_studio.web.api_models import ClipSettings, Video, VideoError
from ovi_studio.web.looks import Look

_VIDEO_ID = re.compile(r"video_([1-9][0-9]{0,14})")

_STATUSES = {
    JobStatus.PENDING: "queued",
    JobStatus.RUNNING: "in_progress",
    JobStatus.CANCELLING: "in_progress",
    JobStatus.DONE: "completed",
    JobStatus.FAILED: "failed",
    JobStatus.CANCELLED: "cancelled",
}


def job_number(video_id: str) -> int:
    """The number of the job that a video's id names. Raises ApiError for what is no id."""
    match = _VIDEO_ID.fullmatch(video_id)
    if match is None:
        raise no_video(video_id)
    return int(match[1])


def no_video(video_id: str) -> ApiError:
    """The error that says there is no such video."""
    shown = video_id if len(video_id) <= 40 else f"{video_id[:39]}…"
    return ApiError(
        404, f"There is no video {shown!r} in this queue. GET /v1/videos lists all.", param="id"
    )


def view_of(look: Look, video_id: str) -> JobView:
    """The job that a video's id names. Raises ApiError when there is none."""
    view = look.views.get(job_number(video_id))
    if view is None:
        raise no_video(video_id)
    return view


def video_of(view: JobView, look: Look) -> Video:
    """A job as the API shows it."""
    job = view.job
    request = job.task.request
    size = request.size
    return Video.model_construct(
        id=f"video_{job.id}",
        model=request.variant,
        status=_STATUSES[job.status],
        progress=100 if job.status is JobStatus.DONE else min(99, int(100 * view.share)),
        created_at=_unix_time(job.created) or 0,
        completed_at=_unix_time(job.finished) if job.status.is_finished else None,
        seconds=f"{variant_named(request.variant).video_seconds:.3f}".rstrip("0").rstrip("."),
        size=f"{size.width}x{size.height}",
        prompt=request.text,
        error=_error_of(job),
        height=size.height,
        width=size.width,
        mode=request.mode,
        seed=request.sampling.seed,
        steps=request.sampling.num_steps,
        solver=request.sampling.solver,
        shift=request.sampling.shift,
        video_guidance=request.guidance.video_scale,
        audio_guidance=request.guidance.audio_scale,
        slg_layer=request.guidance.skip_layer,
        video_negative=request.guidance.video_negative,
        audio_negative=request.guidance.audio_negative,
        profile=job.task.profile,
        fell_back_from=job.task.fell_back_from,
        set=job.task.source.set_name,
        row=job.task.source.row_id,
        file=job.task.output.name,
        stage=job.stage if job.status.is_with_worker else None,
        step=job.step,
        num_steps=job.num_steps,
        seconds_left=None if view.seconds_left is None else round(view.seconds_left, 1),
        place=look.places.get(job.id),
        is_cancelling=job.status is JobStatus.CANCELLING,
        warnings=list(job.warnings),
    )


def choices_of(settings: ClipSettings, default: Variant) -> Choices:
    """What an order says, `default` being the variant where it names none.

    Raises ApiError for fields that contradict each other.
    """
    return Choices(
        variant=_variant_for(settings, default),
        mode=settings.mode,
        size=_size_of(settings),
        seed=settings.seed,
        num_steps=settings.steps,
        solver=settings.solver,
        shift=settings.shift,
        video_guidance=settings.video_guidance,
        audio_guidance=settings.audio_guidance,
        slg_layer=settings.slg_layer,
        video_negative=settings.video_negative,
        audio_negative=settings.audio_negative,
        profile=settings.profile,
    )


def _variant_for(settings: ClipSettings, default: Variant) -> str | None:
    """The model that is named, or one that makes clips of the length asked for."""
    if settings.seconds is None:
        return settings.model
    asked = float(settings.seconds)
    if settings.model is not None:
        candidates = [variant_named(settings.model)]
    else:
        candidates = [default, *VARIANTS.values()]
    for variant in candidates:
        if abs(variant.video_seconds - asked) <= 0.5:
            return variant.name
    lengths = ", ".join(f"{each.name}: {each.video_seconds:.2f}" for each in VARIANTS.values())
    raise ApiError(
        400,
        f"No clip of {settings.seconds} seconds is made{_by(settings)}: each model makes one "
        f"length ({lengths}). Leave out seconds, or choose the model by it.",
        param="seconds",
    )


def _by(settings: ClipSettings) -> str:
    return "" if settings.model is None else f" by {settings.model}"


def _size_of(settings: ClipSettings) -> FrameSize | None:
    has_sides = settings.height is not None or settings.width is not None
    if settings.size is not None and has_sides:
        raise ApiError(400, "Give either size or height and width, not both.", param="size")
    if settings.size is not None:
        width, _, height = settings.size.partition("x")
        return FrameSize(int(height), int(width))
    if not has_sides:
        return None
    if settings.height is None or settings.width is None:
        raise ApiError(400, "Give both height and width, or neither.", param="height")
    return FrameSize(settings.height, settings.width)


def _error_of(job: RenderJob) -> VideoError | None:
    if job.status is not JobStatus.FAILED:
        return None
    return VideoError(code="render_failed", message=job.error or "Nobody knows why it failed.")


def _unix_time(text: str | None) -> int | None:
    return None if text is None else int(datetime.fromisoformat(text).timestamp())
