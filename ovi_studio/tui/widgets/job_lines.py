"""One job of the queue as one line of the screen: which columns have room, and what they hold."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style

from ovi_studio.actions.queue_watching import JobView
from ovi_studio.render.job import JobStatus, RenderJob
from ovi_studio.report.durations import duration_text
from ovi_studio.report.queue_watch import bar_text, pace_text, stage_text, state_word

SIGNS: Mapping[JobStatus, str] = {
    JobStatus.PENDING: "·",
    JobStatus.RUNNING: "▶",
    JobStatus.CANCELLING: "■",
    JobStatus.DONE: "✓",
    JobStatus.FAILED: "✗",
    JobStatus.CANCELLED: "–",
}
"""A state in one sign, so that it is told without colours, too."""

WIDE = 96
"""Columns from which the pace of a job and its seed have places of their own."""


@dataclass(frozen=True, slots=True)
class LineStyles:
    """How the parts of a line look."""

    plain: Style
    muted: Style
    bar: Style
    track: Style
    states: Mapping[JobStatus, Style]


@dataclass(frozen=True, slots=True)
class Columns:
    """Widths of the parts of a line, in columns of the screen."""

    number: int
    name: int
    stage: int
    bar: int
    pace: int
    left: int

    @classmethod
    def within(cls, width: int, most_digits: int) -> "Columns":
        """The columns of a line of that width."""
        number = max(3, most_digits)
        stage, bar, pace, left = 16, 10, 12, 8
        if width >= WIDE:
            stage, bar = 17, 16
        if width < 84:
            pace, left = 0, 7
        if width < 72:
            bar = 6
        fixed = 2 + number + 1 + 12 + 1 + stage + 1 + bar + 6 + (pace + 1 if pace else 0) + left
        return cls(number, max(10, min(40, width - fixed)), stage, bar, pace, left)

    @property
    def rest(self) -> int:
        """What stands behind the name, together."""
        return self.stage + 1 + self.bar + 6 + (self.pace + 1 if self.pace else 0) + self.left


def head_text(columns: Columns) -> str:
    """The titles of the columns."""
    pace = f" {'pace':<{columns.pace}}" if columns.pace else ""
    return (
        f"  {'job':>{columns.number}} {'state':<11} {'clip':<{columns.name}} "
        f"{'stage':<{columns.stage}} {'':<{columns.bar}}      {pace}{'left':>{columns.left}}"
    )


def job_segments(
    view: JobView, columns: Columns, styles: LineStyles, *, is_marked: bool
) -> list[Segment]:
    """The line of a job, without the cursor."""
    job = view.job
    state = styles.states[job.status]
    mark = "▌" if is_marked else " "
    start = [
        Segment(f"{mark} ", styles.bar),
        Segment(f"{job.id:>{columns.number}} ", styles.muted),
        Segment(f"{SIGNS[job.status]} {state_word(job.status):<9} ", state),
        Segment(f"{fit(clip_text(job, columns.name), columns.name)} ", styles.plain),
    ]
    if not job.status.is_with_worker:
        return [*start, Segment(fit(_end_text(job), columns.rest), _end_style(job, styles))]
    full = bar_text(view.share, columns.bar)
    pace = pace_text(view.seconds_per_step) if view.seconds_per_step is not None else ""
    left = duration_text(view.seconds_left) if view.seconds_left is not None else ""
    return [
        *start,
        Segment(f"{fit(stage_text(job), columns.stage)} ", styles.plain),
        Segment(full, styles.bar + styles.track),
        Segment(f" {view.share:4.0%} ", styles.plain),
        *([Segment(f"{fit(pace, columns.pace)} ", styles.muted)] if columns.pace else []),
        Segment(f"{left:>{columns.left}}", styles.plain),
    ]


def clip_text(job: RenderJob, width: int) -> str:
    """Which clip: set, row and seed, the set's name cut where there is no room."""
    source = job.task.source
    end = f" {clean(source.row_id)} s{job.task.request.sampling.seed}"
    name = clean(source.set_name)
    room = max(3, width - cell_len(end))
    if cell_len(name) > room:
        name = set_cell_size(name, room - 1) + "…"
    return name + end


def fit(text: str, width: int) -> str:
    """The text in exactly so many columns, cut with an ellipsis."""
    if cell_len(text) > width:
        return set_cell_size(text, max(0, width - 1)) + "…" if width else ""
    return set_cell_size(text, width)


def clean(text: str) -> str:
    """The text in one line, without signs that a terminal would obey."""
    return "".join(c if c.isprintable() else " " for c in text)


def _end_text(job: RenderJob) -> str:
    """What is worth knowing of a job that waits or has ended."""
    if job.status is JobStatus.DONE:
        took = "" if job.seconds is None else f"{duration_text(job.seconds)}  "
        return clean(f"{took}{Path(job.task.output).name}")
    if job.status is JobStatus.FAILED:
        return clean((job.error or "").partition("\n")[0])
    if job.status is JobStatus.PENDING and job.attempts:
        return f"attempt {job.attempts + 1}"
    request = job.task.request
    return f"{request.variant}, {request.sampling.num_steps} steps" if not job.finished else ""


def _end_style(job: RenderJob, styles: LineStyles) -> Style:
    return styles.states[job.status] if job.status is JobStatus.FAILED else styles.muted
