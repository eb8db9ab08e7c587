"""Reads the comment of an MP4 file straight from its boxes.

Neither ffmpeg nor a package is asked, so that finished clips can be recognised on a machine that
only writes prompts, and a thousand of them without a thousand processes.

An MP4 file is a sequence of boxes: a length of 4 bytes that counts the whole box, a name of 4
bytes, then data or further boxes. Source: ISO/IEC 14496-12, section 4.2; the `ilst` list is
Apple's.
"""

import os
import struct
from pathlib import Path
from typing import BinaryIO

_COMMENT = (b"moov", b"udta", b"meta", b"ilst", b"\xa9cmt", b"data")
"""Names of the boxes that hold each other around the comment, outermost first."""

_PREAMBLE = {b"meta": 4, b"data": 8}
"""Bytes of version, flags, type and language at the head of some boxes."""


def read_comment(path: Path, max_bytes: int | None = None) -> str | None:
    """The comment, or None when the file has none, one above `max_bytes`, or is no MP4.

    Raises OSError as `open` does.
    """
    with path.open("rb") as file:
        start, end = 0, os.fstat(file.fileno()).st_size
        for name in _COMMENT:
            box = _find_box(file, name, start, end)
            if box is None:
                return None
            start, end = box[0] + _PREAMBLE.get(name, 0), box[1]
        if max_bytes is not None and end - start > max_bytes:
            return None
        file.seek(start)
        return file.read(max(0, end - start)).decode("utf-8", "replace")


def _find_box(file: BinaryIO, name: bytes, start: int, end: int) -> tuple[int, int] | None:
    """Where the contents of the first box of that name between two offsets start and end."""
    while start + 8 <= end:
        file.seek(start)
        head = file.read(16)
        length, found = struct.unpack_from(">I4s", head)
        head_length = 8
        if length == 1 and len(head) == 16:  # a longer length follows the name
            length, head_length = struct.unpack_from(">Q", head, 8)[0], 16
        elif length == 0:  # as long as the file
            length = end - start
        if length < head_length or start + length > end:
            return None
        if found == name:
            return start + head_length, start + length
        start += length
    return None
