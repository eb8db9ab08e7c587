"""Which map a variant's previews are drawn with, and where it lies.

One for all published variants, which share both VAEs, beside their weights in the checkpoint
folder; that of `nano` ships with this package. It is no weight file: no clip depends on it, so
no clip's identity does.
"""

from collections.abc import Mapping
from pathlib import Path

from ovi.preview.latent_map import LatentMap, load_map
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


def calibrated_map(
    variant: Variant, ckpt_dir: Path | None, weights: Mapping[str, str]
) -> LatentMap | None:
    """The map that was fitted to the weights of these identities; None: nobody has done that."""
    return load_map(map_path(variant, ckpt_dir), weights)
