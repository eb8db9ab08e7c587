"""The few functions that assistants may call over MCP: check, plan, order, look, cancel.

Each takes words and numbers and gives the same JSON as the HTTP API. None takes a path, and none
reaches more than the API does.
"""

from collections.abc import Callable
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from ovi_studio.actions.queue_control import QueueControl
from ovi_studio.actions.rendering import say_nothing
from ovi_studio.actions.settings import default_variant, load_settings
from ovi_studio.web.api_answers import choices_of, video_of, view_of
from ovi_studio.web.api_errors import ApiError, first_fault
from ovi_studio.web.api_models import PromptToCheck, VideoOrder
from ovi_studio.web.api_studio import check, plan_clip
from ovi_studio.web.context import WebContext
from ovi_studio.web.looks import QueueLooks
from ovi_studio.web.ordering import order_text

Tool = Callable[..., dict[str, Any]]

_Request = TypeVar("_Request", bound=BaseModel)


def add_tools(page: Any, context: WebContext) -> None:
    """Offers the tools, and of the page itself nothing."""
    from gradio.events import api

    for event in page.fns.values():
        event.api_visibility = "private"
    with page:
        for tool in tools_for(context):
            api(tool, api_name=tool.__name__, queue=False)


def tools_for(context: WebContext) -> list[Tool]:
    """The tools. Each raises StudioError, OviError or ApiError with a message for the assistant."""
    looks = QueueLooks(context.layout)
    control = QueueControl(context.layout, on_rescue=say_nothing, keep_queue=context.keep_queue)

    def check_prompt(prompt: str, model: str = "") -> dict[str, Any]:
        """Check a prompt for Ovi: what is wrong with it, and the prompt with safe fixes applied.

        Args:
            prompt: what is seen; spoken words between <S> and <E>; at the end "Audio: " and sounds.
            model: a variant, such as nano or 960x960_5s; empty for the project's own.
        """
        request = _checked(PromptToCheck, {"prompt": prompt, "model": model or None})
        return check(request, context).model_dump(mode="json")

    def plan(prompt: str, model: str = "", size: str = "", steps: int = 0) -> dict[str, Any]:
        """Tell what a clip would take: memory and seconds under every profile.

        Args:
            prompt: the prompt.
            model: a variant; empty for the project's own.
            size: width x height in pixels, such as 1280x704; empty for a square.
            steps: denoising steps; 0 for the usual number.
        """
        return plan_clip(_order(prompt, model, size, steps, None), context)

    def order_clip(
        prompt: str, model: str = "", size: str = "", steps: int = 0, seed: int = -1
    ) -> dict[str, Any]:
        """Order a clip with picture and sound. It is rendered in the background.

        Args:
            prompt: the prompt; check it first.
            model: a variant; empty for the project's own.
            size: width x height in pixels, such as 1280x704; empty for a square.
            steps: denoising steps; 0 for the usual number.
            seed: another number, another clip; -1 for the usual one.
        """
        order = _order(prompt, model, size, steps, None if seed < 0 else seed)
        said = choices_of(order, default_variant(load_settings(context.layout.root)))
        (job,) = order_text(context, order.prompt, said)
        return look_at(f"video_{job.id}")

    def look_at(video_id: str) -> dict[str, Any]:
        """Tell how far a clip is that was ordered.

        Args:
            video_id: its id, such as video_12.
        """
        look = looks.look()
        return video_of(view_of(look, video_id), look).model_dump(mode="json")

    def list_clips(limit: int = 20) -> dict[str, Any]:
        """List the latest clips of the queue.

        Args:
            limit: how many at most, 1 to 100.
        """
        look = looks.look()
        ids = sorted(look.views, reverse=True)[: max(1, min(limit, 100))]
        videos = [video_of(look.views[each], look).model_dump(mode="json") for each in ids]
        return {"data": videos}

    def cancel_clip(video_id: str) -> dict[str, Any]:
        """Stop a clip that waits or is being rendered.

        Args:
            video_id: its id, such as video_12.
        """
        job = view_of(looks.look(), video_id).job
        if not job.status.is_finished:
            control.cancel([str(job.id)])
        return look_at(video_id)

    return [check_prompt, plan, order_clip, look_at, list_clips, cancel_clip]


def _order(prompt: str, model: str, size: str, steps: int, seed: int | None) -> VideoOrder:
    """The order, checked as one that comes over HTTP. Raises ApiError."""
    fields = {
        "prompt": prompt,
        "model": model or None,
        "size": size or None,
        "steps": steps or None,
        "seed": seed,
    }
    return _checked(VideoOrder, fields)


def _checked(kind: type[_Request], fields: dict[str, Any]) -> _Request:
    try:
        return kind.model_validate(fields)
    except ValidationError as error:
        message, param = first_fault(error.errors())
        raise ApiError(400, message, param=param) from error
