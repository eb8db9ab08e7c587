"""Text made safe for a terminal: what could move its cursor or hide is shown as a sign."""

import re

_UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
_BLANKS = re.compile(r"\s+")


def visible(text: str) -> str:
    """The text with each control character replaced by one sign; the length stays."""
    return _UNSAFE.sub(_sign, text) if _UNSAFE.search(text) else text


def one_line(text: str, max_characters: int) -> str:
    """The beginning of a text on one line, safe to show."""
    return visible(_BLANKS.sub(" ", text[: 2 * max_characters]).strip()[:max_characters])


def _sign(match: "re.Match[str]") -> str:
    code = ord(match[0])
    if code < 0x20:
        return chr(0x2400 + code)
    return "\u2421" if code == 0x7F else "\u00b7" if code < 0xA0 else "\ufffd"
