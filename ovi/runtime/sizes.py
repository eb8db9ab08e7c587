"""The config of each model of a variant: the published one, with what a checkpoint folder changes.

`ovi/weights/sizes.py` says why and how a folder would.
"""

from dataclasses import dataclass, fields, is_dataclass, replace
from pathlib import Path
from typing import Any, TypeVar, cast

from ovi.errors import WeightsError
from ovi.models.audio_vae.config import MMAUDIO_16K, AudioVaeConfig
from ovi.models.fusion.config import OVI_11B, FusionConfig
from ovi.models.nano import NANO_CONFIGS
from ovi.models.text_encoder.config import UMT5_XXL, TextEncoderConfig
from ovi.models.video_vae.config import WAN22, VideoVaeConfig
from ovi.models.vocoder.config import BIGVGAN_16K, VocoderConfig
from ovi.spec.variants import Variant
from ovi.weights.sizes import SIZES_FILE, read_sizes
from ovi.weights.store import DEFAULT_CKPT_DIR

C = TypeVar("C")


@dataclass(frozen=True, slots=True)
class ModelConfigs:
    """The config of every model of one variant."""

    fusion: FusionConfig
    video_vae: VideoVaeConfig
    audio_vae: AudioVaeConfig
    vocoder: VocoderConfig
    text_encoder: TextEncoderConfig


PUBLISHED_CONFIGS = ModelConfigs(OVI_11B, WAN22, MMAUDIO_16K, BIGVGAN_16K, UMT5_XXL)
"""The models that all published variants share."""


def configs_of(variant: Variant, ckpt_dir: Path | None) -> ModelConfigs:
    """The sizes that the files of a variant are expected to have.

    Raises WeightsError when the folder's `ovi_config.json` cannot be applied.
    """
    if variant.is_embedded:
        return ModelConfigs(
            NANO_CONFIGS.fusion,
            NANO_CONFIGS.video_vae,
            NANO_CONFIGS.audio_vae,
            NANO_CONFIGS.vocoder,
            NANO_CONFIGS.text_encoder,
        )
    folder = DEFAULT_CKPT_DIR if ckpt_dir is None else ckpt_dir
    return _changed(PUBLISHED_CONFIGS, read_sizes(folder), str(folder / SIZES_FILE))


def _changed(config: C, changes: dict[str, Any], place: str) -> C:
    """`config` with some fields changed; `place` names the spot in the file for errors."""
    known = [field.name for field in fields(cast("Any", config))]
    unknown = [name for name in changes if name not in known]
    if unknown:
        raise WeightsError(
            f"{place} has no field {unknown[0]!r} to change. Known: {', '.join(known)}."
        )
    new = {
        name: _fitted(getattr(config, name), value, f"{place}: {name}")
        for name, value in changes.items()
    }
    try:
        return cast("C", replace(cast("Any", config), **new))
    except (ValueError, TypeError, ArithmeticError, AssertionError) as error:
        raise WeightsError(f"{place} describes no model: {error}") from error


def _fitted(old: Any, new: Any, place: str) -> Any:
    """A JSON value as the type of the field's present value. Raises WeightsError if it is none."""
    if is_dataclass(old) and isinstance(new, dict):
        return _changed(old, new, place)
    if isinstance(old, tuple) and isinstance(new, list):
        return tuple(_fitted(old[0], entry, place) if old else entry for entry in new)
    if isinstance(old, float) and isinstance(new, int) and not isinstance(new, bool):
        return float(new)
    if type(old) is type(new):
        return new
    raise WeightsError(f"{place} is {new!r}; it must be like {old!r}.")
