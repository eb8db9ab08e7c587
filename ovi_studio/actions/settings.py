"""The configuration as the commands use it: loaded, and turned into what rendering takes."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

from ovi.spec.variants import Variant, variant_named
from ovi.weights.manifest import SHARED_COMPONENTS
from ovi_studio.project.config import StudioConfig, load_config
from ovi_studio.project.layout import find_layout

if TYPE_CHECKING:
    from ovi_studio.render.choices import Choices


def load_settings(working_folder: Path, *, variant: str | None = None) -> StudioConfig:
    """The configuration that holds in a folder, `variant` being what the command line names.

    Raises UsageError that names the file or variable and the key.
    """
    return load_config(working_folder, os.environ, {"render.variant": variant})


def default_variant(config: StudioConfig) -> Variant:
    """The variant of prompts that name none."""
    return variant_named(config.variant_name)


def known_variant(name: str | None) -> Variant | None:
    """The variant of that name; None for None. Raises RequestError."""
    return None if name is None else variant_named(name)


def choices_of_settings(config: StudioConfig) -> "Choices":
    """What the configuration says about a render, to be laid under everything else that is said."""
    from ovi_studio.render.choices import Choices  # brings YAML, which checking does without

    render = config.render
    return Choices(
        variant=render.variant,
        mode=render.mode,
        size=render.size,
        seed=render.seed,
        repeats=render.repeats,
        num_steps=render.steps,
        solver=render.solver,
        shift=render.shift,
        video_guidance=render.video_guidance,
        audio_guidance=render.audio_guidance,
        slg_layer=render.slg_layer,
        video_negative=render.video_negative,
        audio_negative=render.audio_negative,
        output=render.output,
        device=render.device,
        profile=render.profile,
        precision=render.precision,
        text_precision=render.text_precision,
        vae_precision=render.vae_precision,
        tile_side=render.vae_tiling,
        offload=render.offload,
        resident_blocks=render.resident_blocks,
        host_memory=render.host_memory,
        attention=render.attention,
        noise=render.noise,
        ckpt_dir=render.ckpt_dir,
        picture_model=render.picture_model,
    )


def tokenizer_path(config: StudioConfig, working_folder: Path) -> Path:
    """Where the published tokenizer's file lies, if it is there."""
    folder = config.render.ckpt_dir or find_layout(working_folder).checkpoint_folder
    tokenizer = next(part.path for part in SHARED_COMPONENTS if part.name == "tokenizer")
    return folder / tokenizer / "tokenizer.json"
