"""Plans and enqueues prompts that arrive as text, for screens whose users are elsewhere.

Like `rendering.py`, but a text is always a prompt and never the name of a file, and the queue takes
only so many. `ovi render` and `ovi render --detach` are the same on the command line.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

from ovi_studio.actions.rendering import check_installation, enqueue_tasks, say_nothing
from ovi_studio.actions.settings import choices_of_settings, load_settings
from ovi_studio.errors import QueueError, UsageError
from ovi_studio.project.layout import ProjectLayout
from ovi_studio.project.sets import find_sets, no_set, set_folder, set_name
from ovi_studio.render.choices import Choices
from ovi_studio.render.job import ClipSource, RenderJob
from ovi_studio.render.keeper import start_keeper
from ovi_studio.render.plan import Planner
from ovi_studio.render.planned import RenderPlan
from ovi_studio.render.queue import RenderQueue
from ovi_studio.render.sources import BARE_SET, Prompts, PromptSource, read_prompts


class QueueFullError(QueueError):
    """So many clips are unfinished that no more are taken in."""


def prompt_as_text(text: str) -> Prompts:
    """A text as the one prompt of an order, whatever it looks like. Raises UsageError if empty."""
    if not text.strip():
        raise UsageError("The prompt is empty. Write what should be seen and heard.")
    shown = " ".join(text.split())
    place = f'prompt "{shown if len(shown) <= 40 else f"{shown[:39]}…"}"'
    return Prompts((PromptSource(text, ClipSource(BARE_SET, "1"), place),), {})


def prompts_of_set(name: str, layout: ProjectLayout, row_ids: Sequence[str] | None) -> Prompts:
    """Rows of a set of the project, by the set's name; all rows for None.

    Only sets inside the project's folder of sets are found. Raises UsageError for a set or row that
    does not exist, PromptFileError for a set that cannot be read.
    """
    folder = set_folder(layout)
    paths = {set_name(path, layout): path for path in find_sets(folder) if _is_inside(path, folder)}
    if name not in paths:
        raise no_set(name, layout.root)
    found = read_prompts([str(paths[name])], layout.root)
    if row_ids is None:
        return found
    by_id = {prompt.source.row_id: prompt for prompt in found.prompts}
    missing = [row_id for row_id in row_ids if row_id not in by_id]
    if missing:
        raise UsageError(f"The set {name} has no row {missing[0]!r}. `ovi show {name}` lists them.")
    return Prompts(tuple(by_id[row_id] for row_id in dict.fromkeys(row_ids)), found.columns)


def plan_prompts(
    prompts: Prompts,
    said: Choices,
    layout: ProjectLayout,
    *,
    usual: Choices | None = None,
    needs_weights: bool = True,
) -> RenderPlan:
    """What the prompts come to. Renders nothing, writes nothing.

    `usual` lies between what is said and the configuration. Raises as `plan_render`.
    """
    settings = choices_of_settings(load_settings(layout.root))
    config = settings if usual is None else usual.over(settings)
    planner = Planner(said, config, working_folder=layout.root, needs_weights=needs_weights)
    return planner.plan(prompts)


def enqueue_plan(
    plan: RenderPlan,
    layout: ProjectLayout,
    *,
    max_unfinished: int,
    is_forced: bool = False,
    on_rescue: Callable[[str], None] = say_nothing,
    keep_queue: Callable[[Path], object] = start_keeper,
) -> list[RenderJob]:
    """Puts the clips of a plan into the queue and sees to it that they are rendered.

    Returns their jobs. Raises QueueFullError when more than `max_unfinished` would wait or be at
    work, and otherwise as `enqueue_tasks`.
    """
    check_installation()
    num_unfinished = _count_unfinished(layout)
    if num_unfinished + len(plan.clips) > max_unfinished:
        raise QueueFullError(
            f"{num_unfinished} clips wait in the queue or are at work, and {max_unfinished} are "
            "taken in at most. Wait until some are done, or cancel some."
        )
    tasks = [clip.to_task(is_forced=is_forced) for clip in plan.clips]
    return enqueue_tasks(tasks, layout, on_rescue=on_rescue, keep_queue=keep_queue)


def _count_unfinished(layout: ProjectLayout) -> int:
    if not layout.state.queue_path.is_file():
        return 0
    with RenderQueue(layout.state.queue_path) as queue:
        return len(queue.unfinished_ids())


def _is_inside(path: Path, folder: Path) -> bool:
    """False for a link that leads out of the folder."""
    return path.resolve().is_relative_to(folder.resolve())
