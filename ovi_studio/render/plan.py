"""Plans a render: prompts and choices in, complete requests with their output paths out.

Everything that can be known before the models are loaded is found out here, for every row, so that
a mistake costs seconds and not hours. A row that cannot be rendered does not stop the others.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ovi.errors import OviError, WeightsError
from ovi.spec.geometry import FrameSize, fit_size, fit_size_to_image, picture_size
from ovi.spec.identity import clip_identity
from ovi.spec.placement import Placement
from ovi.spec.request import ClipRequest, ImageFile, Mode, PictureRequest, Precision, Sampling
from ovi.spec.variants import Variant, variant_named
from ovi_studio.errors import StudioError, UsageError
from ovi_studio.project.layout import find_layout
from ovi_studio.prompt.format import format_for, picture_prompt
from ovi_studio.render.choices import Choices, choices_of_row, columns_without_effect
from ovi_studio.render.input_files import InputFiles, ckpt_dir_for
from ovi_studio.render.job import ClipSource, RenderTask
from ovi_studio.render.naming import clip_name
from ovi_studio.render.settings import (
    guidance_for,
    idle_skip_layer,
    mode_for,
    noise_for,
    placement_for,
    precision_for,
    repeats_for,
    sampling_for,
)
from ovi_studio.render.sources import Prompts, PromptSource

DEFAULT_VARIANT = "nano"


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedClip:
    """One clip to render."""

    request: ClipRequest
    placement: Placement
    asked_size: FrameSize
    """what the real size was fitted from: the size asked for, or the first frame's"""
    ckpt_dir: Path | None
    picture_source: str | None
    weights: Mapping[str, str] | None
    """None: files are missing, and the plan is for looking at only"""
    source: ClipSource
    place: str
    """where the prompt was written, for messages"""
    folder: Path
    """where the clip goes"""

    @property
    def variant(self) -> Variant:
        """The variant it is rendered with."""
        return variant_named(self.request.variant)

    @property
    def identity(self) -> str | None:
        """Hash of request and weights. None while weights are missing."""
        return None if self.weights is None else clip_identity(self.request, self.weights)

    @property
    def output(self) -> Path:
        """Absolute path of the MP4."""
        return self.folder / clip_name(self.source, self.request.sampling.seed, self.identity)

    def to_task(self, *, is_forced: bool) -> RenderTask:
        """The task for the queue."""
        assert self.weights is not None
        return RenderTask(
            identity=clip_identity(self.request, self.weights),
            request=self.request,
            placement=self.placement,
            weights=self.weights,
            ckpt_dir=self.ckpt_dir,
            picture_source=self.picture_source,
            source=self.source,
            output=self.output,
            is_forced=is_forced,
        )


@dataclass(frozen=True, slots=True)
class Rejection:
    """A row that cannot be rendered."""

    source: ClipSource
    place: str
    message: str


@dataclass(frozen=True, slots=True)
class RenderPlan:
    """What a command will render."""

    clips: tuple[PlannedClip, ...]
    rejections: tuple[Rejection, ...]
    notes: tuple[str, ...]
    """what the user should know before it starts, one sentence each"""


class Planner:
    """Plans the prompts of one command."""

    def __init__(
        self,
        said: Choices,
        config: Choices,
        *,
        working_folder: Path,
        needs_weights: bool = True,
        on_weight_bytes: Callable[[int, int], None] | None = None,
    ) -> None:
        """`said` wins over a row's own choices, and these over `config`.

        Without `needs_weights` missing weight files are a note, for a plan to look at. While weight
        files are read, `on_weight_bytes` gets (bytes done, bytes in all).
        """
        self._said = said
        self._config = config
        self._working_folder = working_folder
        self._needs_weights = needs_weights
        self._files = InputFiles(on_weight_bytes)
        self._notes: dict[str, None] = {}

    def plan(self, prompts: Prompts) -> RenderPlan:
        """The plan for all prompts. Equal clips are planned once.

        Raises UsageError when not one row can be rendered, RequestError for settings that no row
        can have.
        """
        self._check_settings()
        for path, columns in prompts.columns.items():
            idle = columns_without_effect(columns)
            if idle:
                self._note(f"{path.name} has columns that decide nothing: {', '.join(idle)}.")
        clips: dict[object, PlannedClip] = {}
        rejections: list[Rejection] = []
        for prompt in prompts.prompts:
            try:
                planned = self._plan_prompt(prompt)
            except (StudioError, OviError) as error:
                rejections.append(Rejection(prompt.source, prompt.place, str(error)))
                continue
            for clip in planned:
                twin = clips.setdefault(clip.identity or clip.output, clip)
                if twin is not clip:
                    self._note(f"{clip.place} is the same clip as {twin.place}: rendered once.")
        if not clips:
            raise UsageError(describe_rejections(rejections))
        return RenderPlan(tuple(clips.values()), tuple(rejections), tuple(self._notes))

    def _check_settings(self) -> None:
        """Raises what is wrong with the settings themselves, so that no row is blamed for it."""
        chosen = self._said.over(self._config)
        variant = variant_named(chosen.variant or DEFAULT_VARIANT)
        sampling_for(chosen, variant)
        guidance_for(chosen, variant)
        repeats_for(chosen)
        precision_for(chosen)
        noise_for(chosen)
        placement_for(chosen, mode_for(chosen))

    def _plan_prompt(self, prompt: PromptSource) -> list[PlannedClip]:
        """The clips of one prompt, one for each seed."""
        if prompt.fault is not None:
            raise UsageError(prompt.fault)
        if not prompt.text.strip():
            raise UsageError("the prompt is empty. Write what should be seen and heard.")
        row = choices_of_row(prompt.cells)
        chosen = self._said.over(row).over(self._config)
        variant, mode = self._variant_for(chosen), mode_for(chosen)
        repeats, precision = repeats_for(chosen), precision_for(chosen)
        guidance = guidance_for(chosen, variant)
        self._note(idle_skip_layer(guidance, variant))
        asked_size, size, first_frame = self._sizes(prompt, row, chosen, variant, mode)
        base = ClipRequest(
            text=format_for(prompt.text, variant.audio_form),
            variant=variant.name,
            size=size,
            first_frame=first_frame,
            sampling=sampling_for(chosen, variant),
            guidance=guidance,
            precision=precision,
            noise=noise_for(chosen),
        )
        placement = placement_for(chosen, mode)
        ckpt_dir = None if variant.is_embedded else ckpt_dir_for(chosen, self._working_folder)
        weights = self._weights(variant, precision, ckpt_dir)
        picture, picture_source = None, None
        if mode is Mode.T2I2V:
            model = self._files.picture_model(chosen.picture_model, self._working_folder)
            picture = PictureRequest(picture_prompt(prompt.text), asked_size, base.sampling.seed)
            picture_source = model.source
            weights = None if weights is None else {**weights, "picture_model": model.identity}
        clips = [
            PlannedClip(
                request=_with_seed(base, picture, base.sampling.seed + repeat),
                placement=placement,
                asked_size=asked_size,
                ckpt_dir=ckpt_dir,
                picture_source=picture_source,
                weights=weights,
                source=prompt.source,
                place=prompt.place,
                folder=self._output_folder(chosen),
            )
            for repeat in range(repeats)
        ]
        for clip in clips:
            if clip.output.is_dir():
                raise UsageError(
                    f"{clip.output} is a folder, so no clip can have that name. Move it away."
                )
        return clips

    def _variant_for(self, chosen: Choices) -> Variant:
        if chosen.variant is None:
            self._note(
                f"Variant {DEFAULT_VARIANT}, the small one that ships with this program; choose "
                "another with --variant."
            )
        return variant_named(chosen.variant or DEFAULT_VARIANT)

    def _sizes(
        self, prompt: PromptSource, row: Choices, chosen: Choices, variant: Variant, mode: Mode
    ) -> tuple[FrameSize, FrameSize, ImageFile | None]:
        """The size that decides, the size that comes out, and the first frame in mode i2v."""
        area = variant.target_area
        if mode is Mode.I2V:
            if chosen.image is None:
                raise UsageError(
                    "mode i2v needs a first frame: fill the column image_path, or give --image."
                )
            first_frame, decides = self._files.first_frame(
                chosen.image, self._image_folders(prompt, row)
            )
            return decides, fit_size_to_image(decides.height, decides.width, area), first_frame
        if chosen.image is not None:
            self._note(f"In mode {mode} a first frame that is named has no effect.")
        side = math.isqrt(area)
        asked = chosen.size or FrameSize(side, side)
        if mode is Mode.T2V:
            return asked, fit_size(asked.height, asked.width, area), None
        drawn = picture_size(asked.height, asked.width, area)
        return drawn, fit_size_to_image(drawn.height, drawn.width, area), None

    def _image_folders(self, prompt: PromptSource, row: Choices) -> Sequence[Path]:
        """Where a first frame is looked for: what a row names, beside its file first."""
        is_named_by_row = self._said.image is None and row.image is not None
        if is_named_by_row and prompt.folder is not None:
            return prompt.folder, self._working_folder
        return (self._working_folder,)

    def _output_folder(self, chosen: Choices) -> Path:
        if chosen.output is None:
            return find_layout(self._working_folder).output_folder
        return (self._working_folder / chosen.output).resolve()

    def _weights(
        self, variant: Variant, precision: Precision, ckpt_dir: Path | None
    ) -> Mapping[str, str] | None:
        try:
            return self._files.weights(variant, precision, ckpt_dir)
        except WeightsError as error:
            if self._needs_weights:
                raise
            self._note(f"Rendering would stop here: {error}")
            return None

    def _note(self, sentence: str | None) -> None:
        """Keeps a sentence for the user, once."""
        if sentence is not None:
            self._notes[sentence] = None


def describe_rejections(rejections: Sequence[Rejection]) -> str:
    """All rejections as text: each message once, with the place of the first and the number."""
    places: dict[str, list[str]] = {}
    for rejection in rejections:
        places.setdefault(rejection.message, []).append(rejection.place)
    return "\n".join(
        f"{where[0]}{f' and {len(where) - 1} more' if len(where) > 1 else ''}: {message}"
        for message, where in places.items()
    )


def _with_seed(base: ClipRequest, picture: PictureRequest | None, seed: int) -> ClipRequest:
    """The request with another seed, for the clip and for the picture drawn for it."""
    sampling: Sampling = replace(base.sampling, seed=seed)
    drawn = None if picture is None else replace(picture, seed=seed)
    return replace(base, sampling=sampling, picture=drawn)
