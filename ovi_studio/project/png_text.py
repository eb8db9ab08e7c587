"""Reads the texts that image programs write into PNG files, without decoding a pixel."""

import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from ovi_studio.errors import UsageError
from ovi_studio.project.comfyui import FoundPrompt

MAX_CHUNK_BYTES = 64 << 20
"""Of one text, also when it is unpacked."""

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_TEXT_KINDS = (b"tEXt", b"zTXt", b"iTXt")


def read_png_texts(path: Path) -> dict[str, str]:
    """The texts that a PNG file carries, by keyword.

    Raises UsageError for what is no PNG; of a damaged one, what stands before the damage is read.
    """
    found: dict[str, str] = {}
    with path.open("rb") as stream:
        if stream.read(len(_SIGNATURE)) != _SIGNATURE:
            raise UsageError(f"{path} is not a PNG file, whatever its name says.")
        for kind, data in _chunks(stream):
            keyword, _, rest = data.partition(b"\0")
            text = _chunk_text(kind, rest)
            if text is not None:
                found.setdefault(keyword.decode("latin-1"), text)
    return found


def prompt_of_parameters(text: str) -> FoundPrompt:
    """The prompt in a text called `parameters`: the prompt, a line `Negative prompt: ...`, and a
    line `Steps: ..., Seed: ...`, the last two perhaps missing."""
    lines = text.strip().splitlines()
    settings = lines.pop() if lines and lines[-1].startswith("Steps:") else ""
    prompt, _, negative = "\n".join(lines).partition("Negative prompt:")
    fields = (part.partition(":") for part in settings.split(","))
    seed = next((value.strip() for name, _, value in fields if name.strip() == "Seed"), "")
    is_usable = seed.isascii() and seed.isdigit()
    return FoundPrompt(prompt.strip(), negative.strip(), seed if is_usable else "")


def _chunks(stream: BinaryIO) -> Iterator[tuple[bytes, bytes]]:
    """Kind and data of the text chunks, up to the file's end or to where it is cut off."""
    while len(head := stream.read(8)) == 8:
        length, kind = int.from_bytes(head[:4]), head[4:]
        if kind == b"IEND":
            return
        if kind in _TEXT_KINDS and length <= MAX_CHUNK_BYTES:
            yield kind, stream.read(length)
            stream.seek(4, 1)  # the checksum
        else:
            stream.seek(length + 4, 1)


def _chunk_text(kind: bytes, data: bytes) -> str | None:
    """What a chunk says after its keyword; None if it cannot be read."""
    try:
        if kind == b"tEXt":
            return data.decode("latin-1")
        if kind == b"zTXt":
            return _inflate(data[1:]).decode("latin-1")
        is_packed = data[:1] == b"\1"
        _language, _, rest = data[2:].partition(b"\0")
        _translated, _, text = rest.partition(b"\0")
        return (_inflate(text) if is_packed else text).decode()
    except (zlib.error, UnicodeDecodeError):
        return None


def _inflate(data: bytes) -> bytes:
    """The unpacked bytes, as far as they are not absurdly many."""
    return zlib.decompressobj().decompress(data, MAX_CHUNK_BYTES)
