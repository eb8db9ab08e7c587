"""What differs between two texts, word by word: the words that go, and those that come."""

import difflib
import re
from typing import NamedTuple

MAX_WORDS = 500
"""Longer texts are compared whole: the time grows with the square."""

_PIECE = re.compile(r"\s+|[^\s]+")


class Piece(NamedTuple):
    """A stretch of one of two texts."""

    text: str
    is_changed: bool
    """True if the other text does not have it."""


def diff_words(old: str, new: str) -> tuple[list[Piece], list[Piece]]:
    """Both texts in pieces, what differs marked; joined, the pieces are the texts again."""
    before, after = _PIECE.findall(old), _PIECE.findall(new)
    if max(len(before), len(after)) > 2 * MAX_WORDS:
        is_changed = old != new
        return [Piece(old, is_changed)], [Piece(new, is_changed)]
    left: list[Piece] = []
    right: list[Piece] = []
    matcher = difflib.SequenceMatcher(None, before, after, autojunk=False)
    for tag, a, b, c, d in matcher.get_opcodes():
        if a < b:
            left.append(Piece("".join(before[a:b]), tag != "equal"))
        if c < d:
            right.append(Piece("".join(after[c:d]), tag != "equal"))
    return left, right
