"""Which map a variant's previews are drawn with, and where it lies.

One for all published variants, which share both VAEs, beside their weights in the checkpoint
folder; that of `nano` ships with this package. It is no weight file: no clip depends on it, so
no clip's identity does.
"""

from collections.abc import Mapping
from pathlib import Path

from ovi.preview.latent_map import LatentMap, load_map, uncalibrated_map
from ovi.runtime.sizes import configs_of
from ovi.spec.variants import Variant
from ovi.weights.manifest import NANO_DIR
from ovi.weights.store import DEFAULT_CKPT_DIR

MAP_FILE = "preview.safetensors"

NANO_PIXELS = 8
"""Pixels of a latent cell's side: 64x64 for a clip of 128x128."""

PUBLISHED_PIXELS = 4
"""As `NANO_PIXELS`: 176x320 for a clip of 704x1280."""


def pixels_per_latent(variant: Variant) -> int:
    """The side of the block of pixels that a latent cell becomes."""
    return NANO_PIXELS if variant.is_embedded else PUBLISHED_PIXELS


def map_path(variant: Variant, ckpt_dir: Path | None) -> Path:
    """Where the map of a variant lies, or would."""
    folder = NANO_DIR if variant.is_embedded else ckpt_dir or DEFAULT_CKPT_DIR
    return folder / MAP_FILE


def map_for(variant: Variant, ckpt_dir: Path | None, weights: Mapping[str, str]) -> LatentMap:
    """The calibrated map for weights of these identities; without one, an uncalibrated one."""
    found = load_map(map_path(variant, ckpt_dir), weights)
    if found is not None:
        return found
    configs = configs_of(variant, ckpt_dir)
    return uncalibrated_map(
        configs.video_vae.latent_channels,
        configs.audio_vae.latent_channels,
        pixels_per_latent(variant),
    )
