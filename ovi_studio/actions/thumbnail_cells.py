"""Frames of a thumbnail strip, fitted side by side into a box of pixels."""

from dataclasses import dataclass
from pathlib import Path

from ovi.errors import MediaError
from ovi_studio.actions.clip_pictures import STRIP_FRAMES


@dataclass(frozen=True, slots=True)
class StripFrames:
    """A picture that fills its box."""

    width: int
    height: int
    pixels: bytes
    """RGB, row by row"""


def read_strip(strip: Path, width: int, height: int) -> StripFrames:
    """As many frames of a strip as fit side by side, the last one cut off; spread over the clip.

    A frame that is wider than the box is cut at both sides. Raises MediaError for a damaged strip.
    """
    from PIL import Image

    try:
        with Image.open(strip) as opened:
            picture = opened.convert("RGB")
    except (OSError, ValueError, Image.DecompressionBombError) as error:
        raise MediaError(f"{strip} is damaged; remove it, and it is made again.") from error
    frame_width = max(1, picture.width // STRIP_FRAMES)
    wide = max(1, round(frame_width * height / picture.height))
    num_shown = min(STRIP_FRAMES, -(-width // wide))
    box = Image.new("RGB", (width, height))
    for place in range(num_shown):
        number = place * STRIP_FRAMES // num_shown if num_shown > 1 else STRIP_FRAMES // 3
        left = number * frame_width
        frame = picture.crop((left, 0, left + frame_width, picture.height))
        small = frame.resize((wide, height), Image.Resampling.BOX)
        box.paste(small, (place * wide if num_shown > 1 else (width - wide) // 2, 0))
    return StripFrames(width, height, box.tobytes())
