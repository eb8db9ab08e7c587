"""Names of clips: `<set>-<row>-s<seed>-<8 hex of the identity>.mp4`, safe on every system."""

import re
import unicodedata

from ovi_studio.render.job import ClipSource

MAX_PART_BYTES = 80
"""UTF-8 bytes of the set's name and of the row's; file systems allow 255 for the whole name."""

IDENTITY_DIGITS = 8

UNKNOWN_IDENTITY = "?" * IDENTITY_DIGITS
"""Stands in a plan for an identity that needs weight files which are not there."""


def clip_name(source: ClipSource, seed: int, identity: str | None) -> str:
    """The file name of a clip. Equal names mean equal clips, but for one chance in 4 billion."""
    digits = UNKNOWN_IDENTITY if identity is None else identity[:IDENTITY_DIGITS]
    return f"{_safe_part(source.set_name)}-{_safe_part(source.row_id)}-s{seed}-{digits}.mp4"


def _safe_part(text: str) -> str:
    """The text with everything but letters, digits, `_` and `-` replaced, and not too long.

    Letters of all scripts stay. Dots go, because Windows reads `con.x` as the device `con`.
    """
    composed = unicodedata.normalize("NFC", text)
    safe = re.sub(r"[^\w-]+", "-", composed).strip("-")
    return safe.encode()[:MAX_PART_BYTES].decode(errors="ignore") or "x"
