"""Tells cheaply that a prompt surely fits into the text encoder; counting is `prompt/tokens.py`."""

from ovi.spec.variants import Variant

_LETTERS = bytes([*range(0x41, 0x5B), *range(0x61, 0x7B)])
_ALL_BUT_CAPITALS = bytes([*range(0x41), *range(0x5B, 0x80)])
_LETTERS_ONLY = bytes(byte if byte in _LETTERS else 0x20 for byte in range(256))

_MOST_PER_WORD = tuple(
    1.05 * max(1.0, letters / (2.8 if letters < 32 else 2.5)) for letters in range(256)
)
"""More tokens than the estimate has for a word of so many letters, in any language."""

_MOST_PER_CAPITAL = 0.6
_MOST_BEYOND_ASCII = 3.2
"""An emoji's, the dearest character."""


def may_exceed(text: str, count: int, variant: Variant) -> bool:
    """False if `text` surely takes at most `count` tokens, counted or estimated."""
    if variant.is_embedded:  # its tokens are bytes
        return len(text) * (1 if text.isascii() else 4) >= count
    if len(text) * _MOST_BEYOND_ASCII < count:
        return False
    written = text.encode("ascii", "replace")
    words = written.translate(_LETTERS_ONLY).split()
    try:
        most = sum(map(_MOST_PER_WORD.__getitem__, map(len, words)))
    except IndexError:
        return True
    num_signs = len(written.translate(None, _LETTERS)) - written.count(b" ")
    most += 0 if text.isascii() else _MOST_BEYOND_ASCII * sum(map("\x7f".__lt__, text))
    num_capitals = len(written.translate(None, _ALL_BUT_CAPITALS))
    return most + num_signs + _MOST_PER_CAPITAL * num_capitals + 2 > count
