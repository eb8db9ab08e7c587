"""Standard input and output as UTF-8, whatever the system thinks."""

import sys
from collections.abc import Iterable


def read_input() -> str:
    """All of standard input, without the newline that ends it."""
    return sys.stdin.buffer.read().decode("utf-8-sig", "replace").removesuffix("\n")


def write_line(text: str) -> None:
    """Writes a result and a newline; what is no character comes out as an escape, as in JSON."""
    write_pieces([f"{text}\n".encode("utf-8", "backslashreplace")])


def write_pieces(pieces: Iterable[str | bytes]) -> None:
    """Writes the pieces of a file. Undecodable bytes of its source come out as they were."""
    sys.stdout.flush()
    for piece in pieces:
        data = piece if isinstance(piece, bytes) else _encoded(piece)
        sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()


def _encoded(text: str) -> bytes:
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return text.encode("utf-8", "replace")
