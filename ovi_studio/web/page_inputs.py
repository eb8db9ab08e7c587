"""Lets what a browser sends reach the page as it was written, to be checked there in our words.

What Gradio says of a number out of range names no field, and fills the log. Nor does it know the
choices that a page has from a server before this one, such as the sets in a page left open. A
picture it would open and convert, whatever it is, before we have looked at it.
"""

from typing import Any

import gradio as gr


def take_as_written() -> None:
    """Replaces Gradio's checks of such fields in the whole process, whose one page is ours.

    Single components cannot be told apart, for Gradio makes them anew when they change.
    """
    for kind in (gr.Number, gr.Slider, gr.Dropdown, gr.CheckboxGroup):
        kind.preprocess = _as_written  # type: ignore[method-assign, assignment]
    gr.Image.preprocess = _path_of  # type: ignore[method-assign, assignment]


def _as_written(_: Any, content: Any) -> Any:
    return content


def _path_of(_: Any, upload: Any) -> str | None:
    """Of a picture its file, which lies in the folder of uploads: `close_gradio` sees to it."""
    return None if upload is None else upload.path
