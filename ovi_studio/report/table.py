"""Tables of plain text."""

import math
from collections.abc import Sequence

from ovi.spec.geometry import FrameSize, fit_size
from ovi.spec.variants import AudioForm, Variant
from ovi_studio.render.job import RenderJob
from ovi_studio.report.paths import short_path

_CAPTIONS = {
    AudioForm.TAGGED: "<AUDCAP>caption<ENDAUDCAP>",
    AudioForm.PREFIXED: "Audio: caption",
}


def table_text(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Columns as wide as their widest cell, two blanks between them, the last one ragged."""
    lines = [tuple(header), *map(tuple, rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(header))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


def variants_table(variants: Sequence[Variant]) -> str:
    """What each variant makes when only a prompt is given."""
    rows = [
        (
            variant.name,
            str(variant.num_frames),
            f"{variant.video_seconds:.2f}",
            str(_square_size(variant)),
            _CAPTIONS[variant.audio_form],
            "ships with this program" if variant.is_embedded else "published",
        )
        for variant in variants
    ]
    return table_text(("variant", "frames", "seconds", "size", "audio caption", "weights"), rows)


def variant_data(variant: Variant) -> dict[str, object]:
    """A variant as plain JSON values; `size` is that of a square, height and width in pixels."""
    size = _square_size(variant)
    return {
        "name": variant.name,
        "num_frames": variant.num_frames,
        "duration_seconds": round(variant.video_seconds, 3),
        "size": {"height": size.height, "width": size.width},
        "audio_caption": _CAPTIONS[variant.audio_form],
        "is_embedded": variant.is_embedded,
    }


def _square_size(variant: Variant) -> FrameSize:
    side = math.isqrt(variant.target_area)
    return fit_size(side, side, variant.target_area)


def jobs_table(jobs: Sequence[RenderJob]) -> str:
    """The jobs of a queue."""
    header = ("job", "status", "set", "row", "seed", "variant", "progress", "clip or error")
    return table_text(header, [_job_cells(job) for job in jobs])


def job_data(job: RenderJob) -> dict[str, object]:
    """A job as plain JSON values. Times are UTC, ISO 8601."""
    task = job.task
    return {
        "id": job.id,
        "status": job.status,
        "set": task.source.set_name,
        "row": task.source.row_id,
        "identity": task.identity,
        "output": str(task.output),
        "request": task.request.to_dict(),
        "placement": task.placement.to_dict(),
        "profile": task.profile,
        "fell_back_from": task.fell_back_from,
        "attempts": job.attempts,
        "stage": job.stage,
        "step": job.step,
        "num_steps": job.num_steps,
        "worker": job.worker,
        "error": job.error,
        "traceback": job.traceback,
        "log_tail": job.log_tail,
        "warnings": list(job.warnings),
        "created": job.created,
        "started": job.started,
        "finished": job.finished,
    }


def _job_cells(job: RenderJob) -> tuple[str, ...]:
    request = job.task.request
    progress = f"{job.stage} {job.step}/{job.num_steps}" if job.status.is_with_worker else ""
    error = (job.error or "").partition("\n")[0]
    return (
        str(job.id),
        job.status,
        job.task.source.set_name,
        job.task.source.row_id,
        str(request.sampling.seed),
        request.variant,
        progress if job.stage else "",
        error or short_path(job.task.output),
    )
