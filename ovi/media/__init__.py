"""Clips on disk: pixels and samples in, an MP4 with its recipe out, and the recipe back again.

Importing this costs neither torch nor numpy, so that a recipe can be read in any process.
"""

from ovi.media.clip_writer import ClipWriter, ensure_writable, sidecar_path
from ovi.media.conversion import frames_to_uint8, waveform_to_int16
from ovi.media.recipe import read_recipe

__all__ = [
    "ClipWriter",
    "ensure_writable",
    "frames_to_uint8",
    "read_recipe",
    "sidecar_path",
    "waveform_to_int16",
]
