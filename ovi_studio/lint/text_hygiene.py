"""Characters that have a plainer twin, as several rules see them."""

import re

STRAIGHT_QUOTES = {
    ord(curly): straight
    for straight, curlies in (('"', "“”„‟"), ("'", "‘’‚‛"))
    for curly in curlies
}
"""Curly quotation marks and apostrophes, as code points, and the straight ones."""

CURLY_QUOTES = frozenset(map(chr, STRAIGHT_QUOTES))

_UNSEEN = re.compile(r"[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\xad\u200b-\u200f\u2060-\u206f\ufeff]")


def plain(text: str) -> str:
    """The text with straight quotation marks, single blanks, and nothing that cannot be seen."""
    return re.sub(r"\s+", " ", _UNSEEN.sub("", text.translate(STRAIGHT_QUOTES)))
