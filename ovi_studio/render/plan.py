"""Plans a render: prompts and choices in, complete requests with their output paths out.

Everything that can be known before the models are loaded is found out here, for every row, so that
a mistake costs seconds and not hours. A row that cannot be rendered does not stop the others.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from ovi.errors import OviError, WeightsError
from ovi.spec.geometry import FrameSize, fit_size, fit_size_to_image, picture_size
from ovi.spec.machine import Machine, read_machine
from ovi.spec.request import (
    ClipRequest,
    ImageFile,
    LoraFile,
    Mode,
    PictureRequest,
    Precision,
    Sampling,
)
from ovi.spec.variants import Variant, variant_named
from ovi_studio.errors import StudioError, UsageError
from ovi_studio.project.layout import find_layout
from ovi_studio.prompt.format import format_for, picture_prompt
from ovi_studio.render.choices import Choices, choices_of_row, columns_without_effect
from ovi_studio.render.fitting import (
    Setup,
    gigabytes,
    is_auto,
    limits_of,
    next_down,
    resolve_auto,
    set_up,
)
from ovi_studio.render.gpus import GpuUse, share_gpus
from ovi_studio.render.input_files import InputFiles, ckpt_dir_for
from ovi_studio.render.planned import (
    PlannedClip,
    Rejection,
    RenderPlan,
    describe_rejections,
)
from ovi_studio.render.settings import (
    device_kind,
    guidance_for,
    idle_skip_layer,
    mode_for,
    noise_for,
    placement_for,
    precision_for,
    repeats_for,
    sampling_for,
    seeds_for,
    tiling_for,
)
from ovi_studio.render.sources import Prompts, PromptSource

DEFAULT_VARIANT = "nano"

_OF_ONE_ROW = ("seed", "seeds", "repeats", "image", "video_negative", "audio_negative", "loras")
"""Choices that neither memory nor placement depend on."""


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
        machine: Machine | None = None,
    ) -> None:
        """`said` wins over a row's own choices, and these over `config`.

        Without `needs_weights` missing weight files are a note, for a plan to look at. While weight
        files are read, `on_weight_bytes` gets (bytes done, bytes in all). `machine` is the one to
        plan for; None: this one.
        """
        self._said = said
        self._config = config
        self._working_folder = working_folder
        self._needs_weights = needs_weights
        self._files = InputFiles(on_weight_bytes)
        self._notes: dict[str, None] = {}
        self._machine = machine
        self._accelerator: str | None = None
        self._known_setups: dict[object, tuple[Setup, Setup | None]] = {}
        self._auto: dict[Variant, str] = {}
        """what `auto` is for each variant, so that all clips of a set agree"""

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
        chosen = self._said.over(self._config)
        shared = share_gpus(chosen, len(clips), self.machine)
        placed = tuple(self._on_gpus(clip, shared) for clip in clips.values())
        for clip in placed:
            self._note(self._warning(clip))
        return RenderPlan(placed, tuple(rejections), tuple(self._notes))

    @property
    def machine(self) -> Machine:
        """The machine that is planned for."""
        if self._machine is None:
            self._machine = read_machine()
        return self._machine

    def _check_settings(self) -> None:
        """Raises what is wrong with the settings themselves, so that no row is blamed for it."""
        chosen = self._said.over(self._config)
        variant = variant_named(chosen.variant or DEFAULT_VARIANT)
        sampling_for(chosen, variant)
        guidance_for(chosen, variant)
        repeats_for(chosen)
        precision_for(chosen)
        tiling_for(chosen)
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
        seeds = seeds_for(chosen, variant)
        guidance = guidance_for(chosen, variant)
        self._note(idle_skip_layer(guidance, variant))
        asked_size, size, first_frame = self._sizes(prompt, row, chosen, variant, mode)
        ckpt_dir = None if variant.is_embedded else ckpt_dir_for(chosen, self._working_folder)
        chosen = self._with_profile(self._on_accelerator(chosen), variant, ckpt_dir)
        setup, fallback = self._setups(chosen, variant, size, mode, ckpt_dir)
        base = ClipRequest(
            text=format_for(prompt.text, variant.audio_form),
            variant=variant.name,
            size=size,
            first_frame=first_frame,
            loras=self._loras(prompt, row, chosen),
            sampling=sampling_for(chosen, variant),
            guidance=guidance,
            precision=setup.precision,
            vae_tiling=setup.vae_tiling,
            noise=noise_for(chosen),
        )
        weights = self._weights(variant, setup.precision, ckpt_dir)
        fallback_weights = self._fallback_weights(variant, fallback, ckpt_dir)
        picture, picture_source = None, None
        if mode is Mode.T2I2V:
            model = self._files.picture_model(chosen.picture_model, self._working_folder)
            picture = PictureRequest(picture_prompt(prompt.text), asked_size, base.sampling.seed)
            picture_source = model.source
            drawn = {"picture_model": model.identity}
            weights = None if weights is None else {**weights, **drawn}
            fallback_weights = fallback_weights and {**fallback_weights, **drawn}
        clips = [
            PlannedClip(
                request=_with_seed(base, picture, seed),
                choices=chosen,
                setup=setup,
                fallback=fallback,
                fallback_weights=fallback_weights,
                asked_size=asked_size,
                ckpt_dir=ckpt_dir,
                picture_source=picture_source,
                weights=weights,
                source=prompt.source,
                place=prompt.place,
                folder=self._output_folder(chosen),
            )
            for seed in seeds
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

    def _on_accelerator(self, chosen: Choices) -> Choices:
        """The choices with what device `auto` is here, so that it is looked for once a command."""
        if self._accelerator is None:
            self._accelerator = device_kind(Choices())
        return replace(chosen, accelerator=chosen.accelerator or self._accelerator)

    def _setups(
        self,
        chosen: Choices,
        variant: Variant,
        size: FrameSize,
        mode: Mode,
        ckpt_dir: Path | None,
    ) -> tuple[Setup, Setup | None]:
        """The clip's setup, and what to try when memory runs out: once for rows that are alike."""
        key = replace(chosen, **dict.fromkeys(_OF_ONE_ROW)), variant.name, size, mode, ckpt_dir
        if key not in self._known_setups:
            limits = limits_of(self.machine, chosen)
            setup = set_up(chosen, variant, size, mode, limits, ckpt_dir)
            self._known_setups[key] = setup, next_down(setup, chosen, mode, limits, ckpt_dir)
        return self._known_setups[key]

    def _with_profile(self, chosen: Choices, variant: Variant, ckpt_dir: Path | None) -> Choices:
        """The choices with the profile that `auto` stands for, the same for all of a variant."""
        if not is_auto(chosen):
            return chosen
        undecided = replace(chosen, profile=None)
        limits = limits_of(self.machine, undecided)
        if limits.kind == "cuda" and limits.device_bytes is None:
            self._note(
                "How much memory the GPU has is not known, so profile auto changes nothing. Name "
                "the profile that is made for your card."
            )
            return undecided
        if variant not in self._auto:
            self._auto[variant] = resolve_auto(undecided, variant, limits, ckpt_dir)
        name = self._auto[variant]
        self._note(f"Profile {name} for {variant.name}: the first that fits this machine.")
        return replace(chosen, profile=name)

    def _on_gpus(self, clip: PlannedClip, shared: GpuUse) -> PlannedClip:
        """The clip on its share of the GPUs that the command may use."""
        if shared.gpus is None:
            return clip
        if shared.per_clip > 1 and clip.request.sampling.caching is not None:
            raise UsageError(
                "Caches work with one GPU for a clip only: leave out --guidance-cache and "
                "--step-cache, or give each clip a GPU with --split rows."
            )
        setup = clip.setup.spread(shared.per_clip, limits_of(self.machine, clip.choices))
        if setup.vae_tiling != clip.request.vae_tiling:
            self._note(
                f"Tiles are not used where {shared.per_clip} GPUs share a clip: each decodes a "
                "strip of its frames."
            )
        request = replace(clip.request, vae_tiling=setup.vae_tiling)
        return replace(clip, request=request, setup=setup, gpus=shared.gpus)

    def _warning(self, clip: PlannedClip) -> str | None:
        """What to say of a clip that will run out of memory, before anything is loaded."""
        setup, shape = clip.setup, clip.setup.shape
        limits = limits_of(self.machine, clip.choices)
        if setup.shortage is None:
            free = limits.free_bytes
            if free is None or free >= setup.memory.device_bytes:
                return None
            return (
                f"Other programs use the GPU: {gigabytes(free)} are free, and {shape.variant.name} "
                f"at {shape.size} takes {gigabytes(setup.memory.device_bytes)}. Unless they are "
                "renders of this queue, end them first."
            )
        what = f"{shape.variant.name} at {shape.size} does not fit: {setup.shortage.sentence}."
        try:
            undecided = replace(clip.choices, profile=None)
            name = resolve_auto(undecided, shape.variant, limits, clip.ckpt_dir)
        except UsageError:
            return f"{what} No profile fits; `ovi plan` shows what each would take."
        return f"{what} --profile {name} does."

    def _fallback_weights(
        self, variant: Variant, fallback: Setup | None, ckpt_dir: Path | None
    ) -> Mapping[str, str] | None:
        """What the fallback would be rendered with; None without its files."""
        if fallback is None:
            return None
        try:
            return self._files.weights(variant, fallback.precision, ckpt_dir)
        except WeightsError:
            return None

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
        """Where a first frame is looked for."""
        return self._folders(prompt, self._said.image is None and row.image is not None)

    def _loras(self, prompt: PromptSource, row: Choices, chosen: Choices) -> tuple[LoraFile, ...]:
        """The chosen LoRA files, found and known by their content."""
        folders = self._folders(prompt, self._said.loras is None and row.loras is not None)
        return tuple(self._files.lora(choice, folders) for choice in chosen.loras or ())

    def _folders(self, prompt: PromptSource, is_named_by_row: bool) -> Sequence[Path]:
        """Where a file is looked for: what a row names, beside the row's own file first."""
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


def _with_seed(base: ClipRequest, picture: PictureRequest | None, seed: int) -> ClipRequest:
    """The request with another seed, for the clip and for the picture drawn for it."""
    sampling: Sampling = replace(base.sampling, seed=seed)
    drawn = None if picture is None else replace(picture, seed=seed)
    return replace(base, sampling=sampling, picture=drawn)
