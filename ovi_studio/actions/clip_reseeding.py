"""Renders a clip again with another seed and everything else as its recipe says."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

from ovi.spec.identity import clip_identity
from ovi.spec.request import MAX_SEED
from ovi_studio.actions.clip_finding import LibraryClip
from ovi_studio.actions.rendering import check_installation, enqueue_tasks
from ovi_studio.actions.reproducing import plan_reproduction
from ovi_studio.errors import UsageError
from ovi_studio.project.layout import ProjectLayout
from ovi_studio.render.choices import Choices
from ovi_studio.render.job import RenderJob, RenderTask
from ovi_studio.render.keeper import start_keeper
from ovi_studio.render.naming import clip_name


def next_seed(clip: LibraryClip, clips: Iterable[LibraryClip]) -> int:
    """The lowest seed above all that the clip's row was rendered with."""
    row = (clip.set_name, clip.row_id)
    seeds = [one.seed for one in clips if (one.set_name, one.row_id) == row]
    return min(MAX_SEED, max((seed for seed in seeds if seed is not None), default=-1) + 1)


def plan_reseeding(
    clip: Path, seed: int, layout: ProjectLayout, *, accepts_differences: bool = False
) -> RenderTask:
    """What to render: the clip's request with another seed, into the clip's folder.

    Other weights or another first frame than then are an error, unless `accepts_differences`.
    Raises UsageError for a clip without a recipe or with the same seed, RequestError for a seed
    that cannot be, and WeightsError or UsageError when what the clip was made from has changed.
    """
    task = plan_reproduction(
        clip, layout.root, said=Choices(), accepts_differences=accepts_differences
    ).task
    request = task.request
    if seed == request.sampling.seed:
        raise UsageError(f"{clip.name} has the seed {seed} already; name another.")
    request = replace(
        request,
        sampling=replace(request.sampling, seed=seed),
        picture=None if request.picture is None else replace(request.picture, seed=seed),
    )
    identity = clip_identity(request, task.weights)
    return replace(
        task,
        request=request,
        identity=identity,
        output=clip.resolve().parent / clip_name(task.source, seed, identity),
        is_forced=False,
    )


def reseed_clip(
    clip: Path,
    seed: int,
    layout: ProjectLayout,
    *,
    accepts_differences: bool = False,
    keep_queue: Callable[[Path], object] = start_keeper,
) -> RenderJob:
    """Puts the clip with another seed into the queue, where it is rendered in the background.

    Returns its job. Raises as `plan_reseeding` and `enqueue_tasks`.
    """
    check_installation()
    task = plan_reseeding(clip, seed, layout, accepts_differences=accepts_differences)
    (job,) = enqueue_tasks([task], layout, keep_queue=keep_queue)
    return job
