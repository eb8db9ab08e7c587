"""The fields of the write tab: every setting of the published page, and those of the studio."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import gradio as gr

from ovi.spec.profiles import AUTO, PROFILES
from ovi.spec.request import SOLVERS
from ovi.spec.variants import VARIANTS
from ovi_studio.web.context import WebContext
from ovi_studio.web.page_form import FIELD_NAMES, NO_PROFILE, PUBLISHED_SIZES, FormValues
from ovi_studio.web.page_inputs import taken_as_file, taken_as_written
from ovi_studio.web.page_markup import CLICKS

RANDOM_SEED = "() => String(Math.floor(Math.random() * 2147483648))"

PLACEHOLDER = (
    "A woman at a rainy window turns to us and says <S>You are late again.<E>\n"
    "Audio: Soft rain, a low and tired voice."
)


@dataclass
class Fields:
    """The components of the form. `named` has those of `FormValues` by name."""

    named: dict[str, Any] = field(default_factory=dict)
    picture: Any = None
    """what the browser shows of the first frame"""
    picture_name: Any = None
    """the first frame's clean copy, relative to the project; hidden"""
    is_drawn: Any = None
    """the first frame is drawn from the prompt when the clip is rendered"""
    variant_before: Any = None
    """the variant whose usual steps the fields hold; hidden"""
    check: Any = None
    size: Any = None
    plan: Any = None
    render: Any = None
    random_seed: Any = None
    size_preset: Any = None
    fit_to_picture: list[Any] = field(default_factory=list)

    @property
    def written(self) -> list[Any]:
        """The components of `FormValues`, in its order."""
        return [self.named[name] for name in FIELD_NAMES]

    @property
    def deciding(self) -> list[Any]:
        """Everything that decides a clip: first frame, whether it is drawn, and the fields."""
        return [self.picture_name, self.is_drawn, *self.written]


def build_prompt(fields: Fields, start: FormValues) -> None:
    """The prompt, what is found in it, and the button that renders."""
    fields.named["prompt"] = gr.Textbox(
        start.prompt, label="Prompt", lines=5, max_lines=20, placeholder=PLACEHOLDER,
        elem_id="ovi-prompt", autofocus=False,
    )  # fmt: skip
    fields.check = gr.HTML(js_on_load=CLICKS, elem_id="ovi-check")
    fields.render = gr.Button("Render", variant="primary", elem_id="ovi-render")


def build_first_frame(fields: Fields, context: WebContext) -> None:
    """The first frame by upload. Drawing one is `page_drawing.py`."""
    fields.picture = gr.Image(
        label="First frame (leave empty for text to video)", type="filepath", format="png",
        sources=["upload", "clipboard"], height=240, elem_id="ovi-picture",
    )  # fmt: skip
    taken_as_file(fields.picture)
    fields.picture_name = gr.Textbox("", visible="hidden", elem_id="ovi-picture-name")
    fields.is_drawn = gr.Checkbox(
        False, label="Draw the first frame from the prompt when the clip is rendered (t2i2v)",
        visible=context.can_draw_first_frames,
    )  # fmt: skip


def build_negatives(fields: Fields, start: FormValues) -> None:
    """What the clip is led away from."""
    fields.named["video_negative"] = gr.Textbox(
        start.video_negative, label="Video negative prompt", lines=2,
        placeholder="jitter, bad hands, blur, distortion",
    )  # fmt: skip
    fields.named["audio_negative"] = gr.Textbox(
        start.audio_negative, label="Audio negative prompt", lines=2,
        placeholder="robotic, muffled, echo, distorted",
    )  # fmt: skip


def build_clip(fields: Fields, start: FormValues) -> None:
    """Variant, profile, size, seed and number of clips, with what they come to."""
    with gr.Row():
        fields.named["variant"] = gr.Dropdown(
            [(_variant_label(name), name) for name in VARIANTS], value=start.variant,
            label="Variant", elem_id="ovi-variant", filterable=False,
        )  # fmt: skip
        fields.named["profile"] = gr.Dropdown(
            [("as it is set", NO_PROFILE), ("auto: the first that fits", AUTO), *PROFILES],
            value=start.profile, label="Profile", elem_id="ovi-profile", filterable=False,
        )  # fmt: skip
    fields.plan = gr.HTML(elem_id="ovi-plan")
    with gr.Row():
        fields.named["height"] = gr.Number(
            start.height, label="Height", precision=0, minimum=32, step=32, min_width=90
        )
        fields.named["width"] = gr.Number(
            start.width, label="Width", precision=0, minimum=32, step=32, min_width=90
        )
        fields.size_preset = gr.Dropdown(
            list(PUBLISHED_SIZES), value=None, label="Usual sizes", min_width=120, filterable=False
        )
    fields.size = gr.HTML(elem_id="ovi-size")
    with gr.Row():
        # Text: a browser's numbers end at 2**53, seeds do not.
        fields.named["seed"] = gr.Textbox(
            str(start.seed), label="Seed", max_lines=1, min_width=110, elem_id="ovi-seed",
        )  # fmt: skip
        fields.named["repeats"] = gr.Number(
            start.repeats, label="Clips", precision=0, minimum=1, min_width=80,
        )  # fmt: skip
        fields.random_seed = gr.Button(
            "Random seed", min_width=110, size="md", elem_id="ovi-random"
        )
    for name in ("variant", "profile", "height", "width", "repeats"):
        taken_as_written(fields.named[name])
    fields.variant_before = gr.Textbox(start.variant, visible="hidden")


def build_sampling(fields: Fields, start: FormValues) -> None:
    """Solver, steps, shift, guidance: the ranges are those of the published page."""
    named = fields.named
    with gr.Row():
        named["solver"] = gr.Dropdown(
            list(SOLVERS), value=start.solver, label="Solver", min_width=110, filterable=False
        )
        named["num_steps"] = gr.Number(
            start.num_steps, label="Steps", precision=0, minimum=1, min_width=90
        )
        named["slg_layer"] = gr.Number(
            start.slg_layer, label="SLG layer (0: none)", precision=0, minimum=-1,
            maximum=1000, min_width=90,
        )  # fmt: skip
    named["shift"] = gr.Slider(0.1, 20, start.shift, step=0.1, label="Shift")
    named["video_guidance"] = gr.Slider(
        0, 10, start.video_guidance, step=0.1, label="Video guidance scale"
    )
    named["audio_guidance"] = gr.Slider(
        0, 10, start.audio_guidance, step=0.1, label="Audio guidance scale"
    )
    for name in ("solver", "num_steps", "slg_layer", "shift", "video_guidance", "audio_guidance"):
        taken_as_written(named[name])


@contextmanager
def folded(title: str, *, is_open: bool = False) -> Iterator[None]:
    """A part of the form that can be folded away."""
    with gr.Accordion(title, open=is_open):
        yield


def _variant_label(name: str) -> str:
    variant = VARIANTS[name]
    return f"{name} ({variant.video_seconds:.1f} s)"
