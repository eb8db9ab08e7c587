"""Whether a clip will fit on its disk: asked before hours are spent on it."""

import shutil
from pathlib import Path

from ovi.errors import MediaError
from ovi.spec.request import ClipRequest
from ovi.spec.variants import variant_named

BITS_PER_PIXEL = 0.25
"""Of what the encoder makes of filmed scenes at its quality, generously; noise takes 4."""

BYTES_PER_SECOND_OF_SOUND = 16_000
"""96 kbit/s, and the same samples raw while the clip is being made."""


def clip_bytes(request: ClipRequest) -> int:
    """About how many bytes on the disk a clip takes."""
    variant = variant_named(request.variant)
    pixels = request.size.area * variant.num_frames
    sound = variant.video_seconds * BYTES_PER_SECOND_OF_SOUND
    return int(pixels * BITS_PER_PIXEL / 8 + sound)


def ensure_space(output: Path, request: ClipRequest) -> None:
    """Raises MediaError when the disk of a clip, whose folder exists, has no room for it."""
    try:
        free = shutil.disk_usage(output.parent).free
    except OSError:
        return  # what the system does not say is found out by writing
    needed = clip_bytes(request)
    if free < needed:
        raise MediaError(
            f"There is no space for {output.name}: its disk has {free / 1e6:.1f} MB left, and it "
            f"needs about {needed / 1e6:.1f} MB. Make room (`ovi gc` helps), or choose another "
            "folder with --output."
        )
