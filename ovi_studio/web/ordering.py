"""Plans and enqueues what a browser or a program asks for, within the limits of the server."""

from collections.abc import Sequence

from ovi_studio.actions.ordering import (
    enqueue_plan,
    plan_prompts,
    prompt_as_text,
    prompts_of_set,
)
from ovi_studio.errors import UsageError
from ovi_studio.render.choices import Choices
from ovi_studio.render.job import RenderJob
from ovi_studio.render.planned import RenderPlan
from ovi_studio.render.sources import Prompts
from ovi_studio.web.context import WebContext


def plan_text(context: WebContext, text: str, said: Choices) -> RenderPlan:
    """What a prompt comes to; missing weight files are a note. Raises StudioError, OviError."""
    return _plan(context, prompt_as_text(_checked(context, text)), said, needs_weights=False)


def plan_row(context: WebContext, set_name: str, row_id: str) -> RenderPlan:
    """The same for a row of a set of the project."""
    prompts = prompts_of_set(set_name, context.layout, [row_id])
    return _plan(context, prompts, Choices(), needs_weights=False)


def order_text(
    context: WebContext, text: str, said: Choices, *, is_forced: bool = False
) -> list[RenderJob]:
    """Enqueues a prompt. Returns its jobs, one for each seed. Raises StudioError, OviError."""
    prompts = prompt_as_text(_checked(context, text))
    return _order(context, prompts, said, is_forced=is_forced)


def order_rows(
    context: WebContext,
    set_name: str,
    row_ids: Sequence[str] | None,
    said: Choices,
    *,
    is_forced: bool = False,
) -> list[RenderJob]:
    """Enqueues rows of a set of the project, all of them for None. Raises StudioError, OviError."""
    prompts = prompts_of_set(set_name, context.layout, row_ids)
    return _order(context, prompts, said, is_forced=is_forced, max_clips=None)


def _order(
    context: WebContext,
    prompts: Prompts,
    said: Choices,
    *,
    is_forced: bool,
    max_clips: int | None = 0,
) -> list[RenderJob]:
    most = context.limits.clips_per_request if max_clips == 0 else max_clips
    plan = _plan(context, prompts, said, needs_weights=True)
    if most is not None and len(plan.clips) > most:
        raise UsageError(
            f"One request makes {most} clips at most, and this one asks for {len(plan.clips)}. "
            "Ask for fewer, or several times."
        )
    return enqueue_plan(
        plan,
        context.layout,
        max_unfinished=context.limits.waiting_jobs,
        is_forced=is_forced,
        keep_queue=context.keep_queue,
    )


def _plan(
    context: WebContext, prompts: Prompts, said: Choices, *, needs_weights: bool
) -> RenderPlan:
    limits = context.limits
    if said.num_steps is not None and said.num_steps > limits.steps:
        raise UsageError(f"{said.num_steps} steps are too many here: {limits.steps} at most.")
    if said.repeats is not None and said.repeats > limits.waiting_jobs:
        raise UsageError(f"{said.repeats} clips of one prompt are more than the queue takes.")
    if said.size is not None and max(said.size.height, said.size.width) > limits.side_pixels:
        raise UsageError(
            f"A size of {said.size} is too large: {limits.side_pixels} pixels a side at most."
        )
    return plan_prompts(
        prompts, said, context.layout, usual=context.defaults, needs_weights=needs_weights
    )


def _checked(context: WebContext, text: str) -> str:
    most = context.limits.prompt_characters
    if len(text) > most:
        raise UsageError(f"The prompt has {len(text)} characters: {most} at most. Shorten it.")
    return text
