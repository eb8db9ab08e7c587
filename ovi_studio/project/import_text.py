"""Takes prompts from plain text: one a line, or one a paragraph."""

from collections.abc import Iterator
from enum import StrEnum
from itertools import chain
from pathlib import Path

from ovi_studio.errors import UsageError
from ovi_studio.project.delimited import detect_format
from ovi_studio.project.import_rows import MAX_PROMPT_CHARACTERS, TOO_LONG, Gathering, Imported
from ovi_studio.prompt.prompt_set import TEXT_COLUMN

HEAD_BYTES = 1 << 16


class Split(StrEnum):
    """What separates the prompts of a text."""

    AUTO = "auto"
    """paragraphs, if most of them have several lines; else lines"""
    LINES = "lines"
    PARAGRAPHS = "paragraphs"
    """empty lines separate; the lines between them are joined"""


def import_text(path: Path, split: Split) -> Imported:
    """The prompts of a text file. Lines that begin with `#` are left out.

    Raises UsageError for bytes that are no text.
    """
    gathering = Gathering()
    try:
        if split is Split.AUTO:
            split = _guess(path)
        prompts = _prompt_lines if split is Split.LINES else _paragraphs
        for number, text in prompts(path, gathering):
            if text is None:
                gathering.leave(f"line {number}", TOO_LONG)
            else:
                gathering.take(f"line {number}", {TEXT_COLUMN: text})
    except UnicodeDecodeError as error:
        raise UsageError(f"{path} is not UTF-8 text; save it as UTF-8.") from error
    return gathering.imported(f"text, one prompt a {split.removesuffix('s')}")


def _guess(path: Path) -> Split:
    """Paragraphs are meant where most stretches between empty lines have several lines."""
    num_stretches = num_long = length = 0
    for _, line in _lines(path):
        if line == "":
            num_stretches += length > 0
            num_long += length > 1
            length = 0
        elif line is None or not line.startswith("#"):
            length += 1
    num_stretches += length > 0
    num_long += length > 1
    return Split.PARAGRAPHS if num_stretches > 1 and 2 * num_long > num_stretches else Split.LINES


def _prompt_lines(path: Path, gathering: Gathering) -> Iterator[tuple[int, str | None]]:
    """Number and text of each line that has one; None for one longer than any prompt."""
    for number, line in _lines(path):
        if line is not None and line.startswith("#"):
            gathering.leave(f"line {number}", "a comment")
        elif line != "":
            yield number, line


def _paragraphs(path: Path, gathering: Gathering) -> Iterator[tuple[int, str | None]]:
    """First line and text of each paragraph; None for one longer than any prompt."""
    pieces: list[str] = []
    start = size = 0
    for number, line in chain(_lines(path), [(0, "")]):
        if line == "":
            if size:
                yield start, " ".join(pieces) if size <= MAX_PROMPT_CHARACTERS else None
            pieces, size = [], 0
        elif line is not None and line.startswith("#"):
            gathering.leave(f"line {number}", "a comment")
        else:
            start = start if size else number
            size += MAX_PROMPT_CHARACTERS + 1 if line is None else len(line) + 1
            if line is not None and size <= MAX_PROMPT_CHARACTERS:
                pieces.append(line)


def _lines(path: Path) -> Iterator[tuple[int, str | None]]:
    """Number and stripped text of each line; None for one longer than any prompt."""
    with path.open("rb") as raw:
        head = raw.read(HEAD_BYTES)
        form = detect_format(head, raw.seek(0, 2))
    encoding = "utf-8-sig" if form.encoding == "utf-8" else form.encoding
    with path.open(encoding=encoding, errors="strict") as stream:
        if form.encoding != "utf-8" and form.bom:
            stream.read(1)
        number = 0
        while line := stream.readline(MAX_PROMPT_CHARACTERS):
            number += 1
            is_whole = line.endswith("\n") or len(line) < MAX_PROMPT_CHARACTERS
            while not is_whole:
                rest = stream.readline(MAX_PROMPT_CHARACTERS)
                is_whole = rest.endswith("\n") or len(rest) < MAX_PROMPT_CHARACTERS
                line = ""
            yield number, line.strip() if line else None
