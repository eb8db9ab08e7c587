"""Jobs as the page shows them: the stage beside the form, the list of the queue, the head."""

from collections.abc import Sequence

from ovi.spec.variants import VARIANTS
from ovi_studio.actions.previewing import Preview, latest_preview
from ovi_studio.actions.queue_watching import JobView, QueueSnapshot
from ovi_studio.project.layout import ProjectLayout
from ovi_studio.render.job import JobStatus, RenderJob
from ovi_studio.report.durations import duration_text
from ovi_studio.report.queue_watch import clip_name, pace_text, stage_text, state_word
from ovi_studio.web.page_links import job_download, job_link, version_of
from ovi_studio.web.page_markup import Markup, button, counted, film, join, tag

MAX_JOBS = 60
"""Jobs that the list shows of each kind; the others are counted."""

_KINDS = {
    JobStatus.PENDING: "waiting", JobStatus.RUNNING: "running", JobStatus.CANCELLING: "running",
    JobStatus.DONE: "done", JobStatus.FAILED: "failed", JobStatus.CANCELLED: "cancelled",
}  # fmt: skip

LOGO = Markup(
    '<svg viewBox="0 0 32 32" aria-hidden="true"><path d="M16 2c6 0 11 9 11 16a11 11 0 0 1-22 '
    '0C5 11 10 2 16 2z" fill="var(--primary-500)"/><path d="M10 18v2m4-6v10m4-7v4m4-5v6" '
    'stroke="#12151c" stroke-width="2" stroke-linecap="round"/></svg>'
)


def show_head(project: str, snapshot: QueueSnapshot) -> Markup:
    """The name, the project, and how the queue stands."""
    num_running = snapshot.count(JobStatus.RUNNING, JobStatus.CANCELLING)
    num_waiting = snapshot.count(JobStatus.PENDING)
    num_failed = snapshot.count(JobStatus.FAILED)
    pills = []
    if snapshot.paused_since is not None:
        pills.append(_pill("paused", "bad"))
    if num_running:
        pills.append(_pill(f"{num_running} rendering", "busy"))
    if num_waiting:
        pills.append(_pill(f"{num_waiting} waiting"))
    if num_failed:
        pills.append(_pill(f"{num_failed} failed", "bad"))
    if snapshot.seconds_left is not None:
        pills.append(_pill(f"{duration_text(snapshot.seconds_left)} left"))
    if not pills:
        pills.append(_pill("nothing to do"))
    return tag(
        "div", LOGO, tag("b", "Ovi Studio"), tag("span", project, class_="project"),
        tag("div", *pills, class_="status", role="status"), class_="ovi-head",
    )  # fmt: skip


def stage_job(snapshot: QueueSnapshot, own: Sequence[int]) -> JobView | None:
    """The job that the stage shows: of this browser's own the first at work, else their latest;
    of a browser without any, whatever is at work, else the latest clip.
    """
    views = {view.job.id: view for view in snapshot.jobs}
    mine = [views[job_id] for job_id in own if job_id in views]
    for candidates in (mine, list(views.values())):
        at_work = [view for view in candidates if view.job.status.is_with_worker]
        if at_work:
            return at_work[0]
        if candidates is mine and mine:
            return _next_or_latest(mine)
    done = [view for view in views.values() if view.job.status is JobStatus.DONE]
    return max(done, key=lambda view: view.job.finished or "", default=None)


def show_stage(view: JobView | None, layout: ProjectLayout, *, is_paused: bool) -> Markup:
    """The picture of a job: its preview while it is made, then the clip to play."""
    if view is None:
        empty = tag("div", "Your clip appears here.", class_="empty")
        return tag("div", tag("div", empty, class_="screen"), class_="ovi-stage")
    job = view.job
    preview = latest_preview(layout, job.id) if job.status.is_with_worker else None
    return tag(
        "div", tag("div", _screen(job, preview, is_paused=is_paused), class_="screen"),
        None if job.status is JobStatus.DONE else _way(view),
        tag("div", tag("strong", f"Job {job.id}, {clip_name(job)}"), " ",
            tag("small", _progress(view, preview)), class_="ovi-caption"),
        _error(job), tag("div", *_actions(job, is_in_list=False), class_="ovi-actions"),
        class_="ovi-stage", data_job=job.id, data_status=job.status,
    )  # fmt: skip


def show_queue(snapshot: QueueSnapshot, layout: ProjectLayout, kinds: Sequence[str]) -> Markup:
    """The jobs of some kinds: those at work, then those that wait, then the latest ends."""
    head = _queue_head(snapshot)
    by_kind: dict[str, list[JobView]] = {"running": [], "waiting": [], "done": [], "failed": [],
                                         "cancelled": []}  # fmt: skip
    for view in snapshot.jobs:
        by_kind[_KINDS[view.job.status]].append(view)
    for ended in ("done", "failed", "cancelled"):
        by_kind[ended].sort(key=lambda view: view.job.finished or "", reverse=True)
    parts: list[Markup] = [head]
    for kind, views in by_kind.items():
        if not views or (kinds and kind not in kinds):
            continue
        last = len(views) - 1
        cards = [
            _card(view, layout, is_first=place == 0, is_last=place == last)
            for place, view in enumerate(views[:MAX_JOBS])
        ]
        more = len(views) - len(cards)
        if more > 0:
            cards.append(tag("p", f"and {more} more: ovi queue list", class_="ovi-sub"))
        parts.append(tag("h3", f"{kind.capitalize()} ({len(views)})"))
        parts.append(tag("div", *cards, class_="ovi-jobs"))
    if len(parts) == 1:
        parts.append(tag("p", "No such jobs.", class_="ovi-empty"))
    return join(parts)


def _pill(text: str, kind: str = "") -> Markup:
    return tag("span", text, class_=f"ovi-pill {kind}".strip())


def _next_or_latest(mine: Sequence[JobView]) -> JobView:
    waiting = [view for view in mine if view.job.status is JobStatus.PENDING]
    return waiting[0] if waiting else max(mine, key=lambda view: view.job.finished or "")


def _screen(job: RenderJob, preview: Preview | None, *, is_paused: bool) -> Markup:
    if job.status is JobStatus.DONE:
        return tag("video", src=job_link(job.id, version=version_of(job)), controls=True,
                   preload="auto", playsinline=True, aria_label="the clip")  # fmt: skip
    if preview is not None:
        picture = tag("img", src=job_link(job.id, "preview", version=preview.written),
                      alt="preview of the clip")  # fmt: skip
        sound = None
        if preview.sound is not None:
            link = job_link(job.id, "preview_sound", version=preview.written)
            sound = tag("img", src=link, alt="preview of its sound", class_="sound")
        return join([picture, sound])
    words = {
        JobStatus.PENDING: "Waits for its turn.", JobStatus.RUNNING: "Getting ready.",
        JobStatus.CANCELLING: "Being stopped.", JobStatus.FAILED: "It failed.",
        JobStatus.CANCELLED: "Cancelled.",
    }[job.status]  # fmt: skip
    if is_paused and job.status is JobStatus.PENDING:
        words = "Waits: the queue is paused."
    return tag("div", words, class_="empty")


def _way(view: JobView) -> Markup:
    job = view.job
    kind = {JobStatus.DONE: "done", JobStatus.FAILED: "failed"}.get(job.status, "")
    return tag(
        "div", tag("i", style=f"width:{100 * view.share:.1f}%"), class_=f"ovi-way {kind}".strip(),
        role="progressbar", aria_valuemin=0, aria_valuemax=100,
        aria_valuenow=round(100 * view.share),
    )  # fmt: skip


def _progress(view: JobView, preview: Preview | None = None) -> str:
    job = view.job
    variant = VARIANTS.get(job.task.request.variant)
    if job.status is JobStatus.DONE:
        took = "" if job.seconds is None else f", made in {duration_text(job.seconds)}"
        length = "" if variant is None else f", {variant.video_seconds:.1f} s"
        return f"{job.task.request.variant}, {job.task.request.size}{length}{took}"
    if not job.status.is_with_worker:
        return state_word(job.status)
    parts = [state_word(job.status) if job.status is JobStatus.CANCELLING else stage_text(job)]
    if view.seconds_per_step is not None:
        parts.append(pace_text(view.seconds_per_step))
    if view.seconds_left is not None:
        parts.append(f"{duration_text(view.seconds_left)} left")
    if preview is not None and preview.note is not None:
        parts.append(preview.note)
    return ", ".join(parts)


def _error(job: RenderJob) -> Markup | None:
    if job.status is JobStatus.FAILED and job.error:
        return tag("div", job.error, class_="error")
    notes = [tag("div", warning, class_="ovi-note") for warning in job.warnings]
    return join(notes) if notes else None


def _card(view: JobView, layout: ProjectLayout, *, is_first: bool, is_last: bool) -> Markup:
    job = view.job
    kind = _KINDS[job.status]
    preview = latest_preview(layout, job.id) if job.status.is_with_worker else None
    picture = None
    if preview is not None:
        link = job_link(job.id, "preview", version=preview.written)
        picture = tag("img", src=link, alt="preview")
    elif job.status is JobStatus.DONE:
        size = job.task.request.size
        link = job_link(job.id, "thumbnail", version=version_of(job))
        picture = film(link, (size.height, size.width))
    request = job.task.request
    return tag(
        "div",
        tag("div", tag("strong", f"{job.id}"), tag("span", clip_name(job)),
            tag("span", f"{request.variant}, {request.size}", class_="ovi-sub"),
            tag("span", state_word(job.status), class_=f"ovi-state {kind}"), class_="top"),
        tag("div", picture, tag("div", tag("div", request.text, class_="text"),
            _way(view) if kind == "running" else None,
            tag("div", _progress(view, preview), class_="ovi-sub") if kind in ("running", "done")
            else None,
            _error(job),
            tag("div", *_actions(job, is_in_list=True, is_first=is_first, is_last=is_last),
                class_="ovi-actions")), class_="body"),
        class_=f"ovi-job {kind}", data_job=job.id, data_status=job.status,
    )  # fmt: skip


def _actions(
    job: RenderJob, *, is_in_list: bool, is_first: bool = False, is_last: bool = False
) -> list[Markup]:
    """The buttons that make sense for a job as it stands."""
    if job.status is JobStatus.PENDING:
        move = [
            button("↑ first", "move-first", job=job.id, is_off=is_first, kind="quiet"),
            button("↑", "move-up", job=job.id, is_off=is_first, kind="quiet"),
            button("↓", "move-down", job=job.id, is_off=is_last, kind="quiet"),
        ] if is_in_list else []  # fmt: skip
        return [*move, button("Cancel", "cancel", job=job.id, kind="quiet danger")]
    if job.status is JobStatus.RUNNING:
        ask = f"Stop job {job.id}? What it has done so far is lost."
        return [button("Cancel", "cancel", job=job.id, ask=ask, kind="quiet danger")]
    if job.status is JobStatus.DONE:
        return [
            _download("MP4", job_download(job.id)),
            _download("Recipe", job_download(job.id, "recipe")),
            button("Use these settings", "use-job", job=job.id, kind="quiet"),
        ]
    if job.status is JobStatus.CANCELLING:
        return []
    return [
        button("Try again", "retry", job=job.id, kind="quiet"),
        button("Use these settings", "use-job", job=job.id, kind="quiet"),
    ]


def _download(label: str, address: str) -> Markup:
    return tag("a", f"↓ {label}", href=address, download=True, class_="ovi-button quiet")


def _queue_head(snapshot: QueueSnapshot) -> Markup:
    pause = (
        button("Go on", "resume", kind="main")
        if snapshot.paused_since is not None or snapshot.is_stalled
        else button("Pause", "pause")
    )
    words = []
    if snapshot.is_stalled:
        words.append("Nobody works at the queue: go on.")
    if snapshot.paused_since is not None:
        words.append("Paused: what is at work is finished, and nothing else taken.")
    if snapshot.clips_per_hour is not None:
        words.append(f"{snapshot.clips_per_hour:.0f} clips an hour.")
    ended = snapshot.count(JobStatus.DONE, JobStatus.FAILED, JobStatus.CANCELLED)
    clear = button(
        f"Forget {ended} that ended", "clear", is_off=not ended, kind="danger",
        ask=f"Forget {counted(ended, 'job')} that ended? The clips stay.",
    )  # fmt: skip
    stop = button(
        "Cancel all", "cancel-all", kind="danger",
        is_off=not snapshot.count(JobStatus.PENDING, JobStatus.RUNNING),
        ask="Cancel every job that waits or is at work?",
    )  # fmt: skip
    line = tag("span", " ".join(words), class_="ovi-sub")
    return tag("div", line, tag("div", pause, stop, clear, class_="ovi-actions"), class_="ovi-line")
