"""How events of the page are answered: quietly, and with notices that are text and never HTML."""

import functools
import html
from collections.abc import Callable, Mapping
from typing import Any, ParamSpec, TypeVar

import gradio as gr

from ovi.errors import OviError
from ovi_studio.errors import StudioError

_Arguments = ParamSpec("_Arguments")
_Result = TypeVar("_Result")

MAX_CHARACTERS = 600

QUIET: Mapping[str, Any] = {
    "queue": False, "show_progress": "hidden", "api_visibility": "private",
}  # fmt: skip
"""For events that are answered at once and show no spinner. They cannot `tell` or `warn`: Gradio
shows notices of events in its queue only, but for errors."""


def tells_errors(function: Callable[_Arguments, _Result]) -> Callable[_Arguments, _Result]:
    """The function of an event, with errors meant for the user shown as a notice."""

    @functools.wraps(function)
    def told(*arguments: _Arguments.args, **named: _Arguments.kwargs) -> _Result:
        try:
            return function(*arguments, **named)
        except (StudioError, OviError) as error:
            notice = html.escape(message_of(error))
            raise gr.Error(notice, title="", print_exception=False) from error

    return told


def tell(message: str | None) -> None:
    """Shows a sentence for a moment."""
    if message:
        gr.Info(html.escape(_short(message)), title="", duration=6)


def warn(error: Exception) -> None:
    """Shows an error meant for the user, where something is to follow from it."""
    gr.Warning(html.escape(message_of(error)), title="", duration=10)


def message_of(error: Exception) -> str:
    """An error as the page tells it: no more than fits."""
    return _short(str(error))


def _short(text: str) -> str:
    return text if len(text) <= MAX_CHARACTERS else f"{text[: MAX_CHARACTERS - 1]}…"
