"""Draws a first frame on the page, with its own prompt, seed and size, before there is a clip."""

from typing import Any

import gradio as gr

from ovi_studio.actions.drawing import DrawingOrder, can_draw, draw_first_frame
from ovi_studio.web.context import WebContext
from ovi_studio.web.page_events import QUIET, tells_errors
from ovi_studio.web.page_fields import RANDOM_SEED, Fields
from ovi_studio.web.page_first_frame import picture_name, picture_shown
from ovi_studio.web.uploads import keep_picture

MISSING = (
    "Drawing a first frame needs the extra `image`, which is not installed here: "
    'pip install "ovi-studio[image]".'
)


def build_drawing(context: WebContext, fields: Fields) -> None:
    """The image generator's fields and its button; what it draws becomes the first frame."""
    if not context.can_draw_first_frames:
        return
    with gr.Accordion("Draw a first frame with FLUX.1-Krea", open=False):
        if not can_draw():
            gr.Textbox(MISSING, show_label=False, interactive=False)
            return
        prompt = gr.Textbox(label="Image prompt", lines=3, elem_id="ovi-image-prompt")
        with gr.Row():
            seed = gr.Number(100, label="Image seed", precision=0, minimum=0, min_width=90)
            height = gr.Number(1024, label="Image height", precision=0, minimum=128, min_width=90)
            width = gr.Number(1024, label="Image width", precision=0, minimum=128, min_width=90)
        with gr.Row():
            other = gr.Button("Random seed", min_width=100)
            draw = gr.Button("Draw", variant="primary", min_width=100, elem_id="ovi-draw")

        @tells_errors
        def drawn(text: str, seed: float, height: float, width: float) -> tuple[str, Any]:
            order = DrawingOrder(
                prompt=text, seed=int(seed or 0), height=int(height or 0), width=int(width or 0)
            )
            data = draw_first_frame(order, context.layout, context.defaults)
            name = picture_name(context, keep_picture(context, data))
            return name, picture_shown(context, name)

        busy = draw.click(
            lambda: gr.update(value="Drawing …", interactive=False), None, draw, **QUIET
        )
        inputs, outputs = [prompt, seed, height, width], [fields.picture_name, fields.picture]
        done = busy.then(drawn, inputs, outputs, api_visibility="private", concurrency_limit=1,
                         show_progress="hidden")  # fmt: skip
        done.then(lambda: gr.update(value="Draw", interactive=True), None, draw, **QUIET)
        other.click(None, None, seed, js=RANDOM_SEED, api_visibility="private")
