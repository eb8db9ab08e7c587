"""A clip's live preview as text and as plain JSON values."""

from typing import Any

from ovi_studio.actions.previewing import Preview
from ovi_studio.render.job import JobStatus, RenderJob
from ovi_studio.report.paths import short_path


def preview_text(preview: Preview) -> str:
    """Where the preview is and what it shows."""
    lines = [
        f"Job {preview.job_id} after step {preview.step} of {preview.num_steps}, {preview.variant}",
        f"picture  {short_path(preview.picture)}  ({preview.height}x{preview.width}, "
        f"{preview.num_frames} frames, {preview.fps:g} a second)",
    ]
    if preview.sound is not None:
        lines.append(f"sound    {short_path(preview.sound)}")
    return "\n".join(lines)


def preview_document(preview: Preview) -> dict[str, Any]:
    """The preview as plain JSON values."""
    return {
        "schema": 1,
        "job": preview.job_id,
        "variant": preview.variant,
        "step": preview.step,
        "num_steps": preview.num_steps,
        "is_calibrated": preview.is_calibrated,
        "note": preview.note,
        "written": preview.written,
        "picture": str(preview.picture),
        "sound": None if preview.sound is None else str(preview.sound),
        "fps": preview.fps,
        "num_frames": preview.num_frames,
        "height": preview.height,
        "width": preview.width,
    }


def no_preview_text(job: RenderJob) -> str:
    """Why there is nothing to see of a job, and what to do instead."""
    if job.status is JobStatus.DONE:
        return f"Job {job.id} is done: its clip is {short_path(job.task.output)}."
    if job.status is JobStatus.PENDING:
        return f"Job {job.id} waits; there is a preview from its first denoising step on."
    if job.status.is_with_worker:
        return (
            f"Job {job.id} has no preview now: there is one from the first denoising step on, "
            "unless the setting preview.seconds is 0 or a cluster renders it."
        )
    return f"Job {job.id} is {job.status} and has no preview any more."
