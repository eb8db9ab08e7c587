"""Planning and rendering: what `ovi render` does, for every screen."""

import importlib.util
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ovi.media import ensure_writable
from ovi.spec.machine import Machine
from ovi_studio.actions.settings import choices_of_settings, load_settings
from ovi_studio.errors import MissingExtraError, QueueError, UsageError
from ovi_studio.project.layout import ProjectLayout
from ovi_studio.project.published_config import read_published_config
from ovi_studio.render.choices import Choices, choices_of_config
from ovi_studio.render.events import ClipEnded, RenderEvent
from ovi_studio.render.finished_clips import find_finished
from ovi_studio.render.follow import follower_for
from ovi_studio.render.free_space import ensure_space
from ovi_studio.render.job import JobStatus, RenderJob, RenderTask
from ovi_studio.render.keeper import start_keeper
from ovi_studio.render.launch import WORKER_COMMAND
from ovi_studio.render.plan import Planner
from ovi_studio.render.planned import RenderPlan
from ovi_studio.render.queue import RenderQueue
from ovi_studio.render.rescue import open_queue
from ovi_studio.render.sources import read_prompts
from ovi_studio.rewrite.row_choice import chosen_rows


@dataclass(frozen=True, slots=True)
class RenderOrder:
    """What the user asks to be rendered."""

    sources: Sequence[str]
    """prompts, sets and rows of sets by name, and paths of CSV or TSV files"""
    said: Choices
    config: Path | None = None
    """a published `inference_fusion.yaml`, below everything that is said"""
    rows: Sequence[str] = ()
    """of each set only these: ids, and ranges of numbers such as 3-7; empty: all"""


def plan_render(
    order: RenderOrder,
    working_folder: Path,
    *,
    needs_weights: bool = True,
    on_weight_bytes: Callable[[int, int], None] | None = None,
    machine: Machine | None = None,
) -> RenderPlan:
    """What an order comes to. Renders nothing, writes nothing.

    Without `needs_weights` missing weight files are a note, so that a plan can be looked at.
    `machine` is the one to plan for; None: this one.
    Raises UsageError, RequestError or PromptFileError for an order that cannot be carried out.
    """
    sources, config = list(order.sources), choices_of_settings(load_settings(working_folder))
    if order.config is not None:
        published = read_published_config(working_folder / order.config)
        config = choices_of_config(published).over(config)
        if not sources and published.text_prompt:
            sources = [published.text_prompt]
    if not sources:
        raise UsageError("There is nothing to render: name a prompt, a set, or a CSV or TSV file.")
    prompts = read_prompts(
        sources, working_folder, lambda rows, place: chosen_rows(rows, order.rows, place)
    )
    if order.rows and not prompts.columns:
        raise UsageError("Rows are those of a set: name one, or leave out --rows.")
    planner = Planner(
        order.said,
        config,
        working_folder=working_folder,
        needs_weights=needs_weights,
        on_weight_bytes=on_weight_bytes,
        machine=machine,
    )
    return planner.plan(prompts)


def check_installation() -> None:
    """Raises MissingExtraError when the packages that render are not installed."""
    missing = [name for name in ("torch", "numpy") if importlib.util.find_spec(name) is None]
    if missing:
        raise MissingExtraError(
            f"Rendering needs {' and '.join(missing)}, not installed here: "
            'pip install "ovi-studio[engine]".'
        )


def say_nothing(_: str) -> None:
    """For those who need not hear that a damaged queue was replaced."""


def render_tasks(
    tasks: Sequence[RenderTask],
    layout: ProjectLayout,
    *,
    on_event: Callable[[RenderEvent], None],
    on_others_waiting: Callable[[int], None] = lambda _: None,
    on_rescue: Callable[[str], None] = say_nothing,
    stop_requests: Callable[[], int] = lambda: 0,
    cluster: str | None = None,
    worker_command: Sequence[str] = WORKER_COMMAND,
) -> list[RenderJob]:
    """Puts tasks into the project's queue and follows them to their end.

    Returns the jobs as they ended, in the order of the tasks. `on_others_waiting` gets the number
    of jobs that come before, `on_rescue` what became of a damaged queue. `stop_requests` says how
    often the user asked to stop. `cluster` is the address of a Ray cluster to render on. Raises
    QueueError, WorkerError, MissingExtraError, and MediaError when clips cannot be written.
    """
    _ensure_all_writable(tasks)
    with open_queue(layout, on_rescue) as queue:
        job_ids, to_render = _enter(queue, tasks, on_event)
        num_others = queue.count_unfinished_before(min(to_render, default=0))
        if num_others:
            on_others_waiting(num_others)
        follower_for(
            queue,
            to_render,
            cluster=cluster,
            on_event=on_event,
            stop_requests=stop_requests,
            worker_command=worker_command,
        ).run()
        return _in_order(queue, job_ids)


def enqueue_tasks(
    tasks: Sequence[RenderTask],
    layout: ProjectLayout,
    *,
    on_rescue: Callable[[str], None] = say_nothing,
    keep_queue: Callable[[Path], object] = start_keeper,
) -> list[RenderJob]:
    """Puts tasks into the project's queue, sees to it that they are rendered, and returns at once.

    Returns the tasks' jobs. Raises as `render_tasks`.
    """
    _ensure_all_writable(tasks)
    with open_queue(layout, on_rescue) as queue:
        job_ids, to_render = _enter(queue, tasks, lambda _: None)
        if to_render:
            keep_queue(queue.path)
        return _in_order(queue, job_ids)


def resume_queue(
    layout: ProjectLayout,
    *,
    is_failed_only: bool,
    on_taken_up: Callable[[int], None] = lambda _: None,
    on_rescue: Callable[[str], None] = say_nothing,
) -> list[int]:
    """The jobs to go on with, all of them waiting or at work; the queue is not paused any more.

    Those are all unfinished ones and those that a stopped command left, or only those that failed
    and were not rendered since. `on_taken_up` gets how many of them had ended and wait again.
    Raises QueueError.
    """
    if not layout.state.queue_path.is_file():
        return []
    with open_queue(layout, on_rescue) as queue:
        queue.recover_lost()
        queue.unpause()
        if is_failed_only:
            ids = _failed_ids(queue.jobs())
            taken_up = going_on = queue.requeue(ids, "to be tried again")
        else:
            taken_up = queue.requeue(queue.stopped_ids(), "resumed")
            going_on = queue.unfinished_ids()
        if taken_up:
            on_taken_up(len(taken_up))
        return going_on


def follow_jobs(
    job_ids: Sequence[int],
    layout: ProjectLayout,
    *,
    on_event: Callable[[RenderEvent], None],
    stop_requests: Callable[[], int] = lambda: 0,
    gpus: int | None = None,
    cluster: str | None = None,
    worker_command: Sequence[str] = WORKER_COMMAND,
) -> list[RenderJob]:
    """Follows jobs of the queue to their end; `gpus` wins over what they were planned with.

    Raises as `render_tasks`.
    """
    with RenderQueue(layout.state.queue_path) as queue:
        follower_for(
            queue,
            job_ids,
            gpus=gpus,
            cluster=cluster,
            on_event=on_event,
            stop_requests=stop_requests,
            worker_command=worker_command,
        ).run()
        return _in_order(queue, job_ids)


def keep_jobs(
    job_ids: Sequence[int],
    layout: ProjectLayout,
    *,
    gpus: int | None = None,
    cluster: str | None = None,
) -> list[RenderJob]:
    """Sees to it that the jobs are rendered, and returns them at once. Raises WorkerError."""
    with RenderQueue(layout.state.queue_path) as queue:
        start_keeper(queue.path, gpus=gpus, cluster=cluster)
        return _in_order(queue, job_ids)


def failed_tasks(tasks: Sequence[RenderTask], layout: ProjectLayout) -> list[RenderTask]:
    """Those whose row failed with that seed when it was last tried, be it with other settings."""
    if not layout.state.queue_path.is_file():
        return []
    with open_queue(layout, say_nothing) as queue:
        jobs = queue.jobs(_failed_ids(queue.jobs()))
        failed = {_row_of(job.task) for job in jobs}
        return [task for task in tasks if _row_of(task) in failed]


def _failed_ids(jobs: Sequence[RenderJob]) -> list[int]:
    """Failed jobs of rows that nobody has tried again since, given all jobs, oldest first."""
    latest = {_row_of(job.task): job for job in jobs}
    return [job.id for job in latest.values() if job.status is JobStatus.FAILED]


def _row_of(task: RenderTask) -> tuple[str, str, int]:
    return task.source.set_name, task.source.row_id, task.request.sampling.seed


def _ensure_all_writable(tasks: Sequence[RenderTask]) -> None:
    for task in {task.output.parent: task for task in tasks}.values():
        ensure_writable(task.output)
        ensure_space(task.output, task.request)


def _enter(
    queue: RenderQueue, tasks: Sequence[RenderTask], on_event: Callable[[RenderEvent], None]
) -> tuple[list[int], list[int]]:
    """The tasks' jobs, and those of them that are to be rendered; the others are told about."""
    queue.recover_lost()
    job_ids = [added.job_id for added in queue.add(tasks)]
    to_render = []
    for job in queue.jobs(job_ids):
        found = _find_done(queue, job)
        if found is None:
            to_render.append(job.id)
        else:
            on_event(ClipEnded(queue.job(job.id), None, found))
    return job_ids, to_render


def _in_order(queue: RenderQueue, job_ids: Sequence[int]) -> list[RenderJob]:
    jobs = {job.id: job for job in queue.jobs(job_ids)}
    return [jobs[job_id] for job_id in job_ids if job_id in jobs]  # others were cleared meanwhile


def _find_done(queue: RenderQueue, job: RenderJob) -> str | None:
    """Why the job needs no rendering, if so. Ends it then, so that no worker is started for it."""
    if job.status is JobStatus.DONE:
        return "rendered before"
    if job.status is not JobStatus.PENDING:
        return None
    try:
        found = find_finished(queue, job)
    except (QueueError, OSError):
        return None  # the worker meets it again, and it becomes the job's own error
    return found if found is not None and queue.settle(job.id, found) else None
