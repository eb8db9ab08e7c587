"""How much fits into a clip: word counts by the length of the clip.

Source: the 65 published example prompts, 5 and 10 seconds long. For shorter clips, which means
`nano`, nothing is published: it was trained on one line of 1 to 3 words in short prompts.
"""

from typing import NamedTuple

from ovi.spec.variants import Variant

NEARLY_FULL = 450
"""Tokens above which the text encoder's 512 are almost used up."""


class Limits(NamedTuple):
    """What prompts for one length of clip look like. All are counts; the last allowed is given."""

    speech_info: int
    """Spoken words of a prompt above which it gets tight."""
    speech_warning: int
    speech_error: int
    """No published prompt has more."""
    line: int
    """Words of one spoken line; no published line has more."""
    num_lines: int
    """Spoken lines of a prompt."""
    prompt_from: int
    """Words of a prompt, tags not counted."""
    prompt_to: int
    caption_from: int
    """Words of an audio caption."""
    caption_to: int


_SHORT = Limits(3, 4, 6, 6, 2, 5, 60, 2, 20)
_FIVE_SECONDS = Limits(12, 14, 19, 19, 3, 48, 180, 4, 41)
_TEN_SECONDS = Limits(36, 40, 52, 33, 4, 48, 180, 4, 41)


def limits_of(variant: Variant) -> Limits:
    """The limits for clips of a variant's length."""
    if variant.video_seconds < 3:
        return _SHORT
    return _FIVE_SECONDS if variant.video_seconds < 7.5 else _TEN_SECONDS


def count_words(text: str) -> int:
    """Words of a text. Of scripts written without blanks, two characters count as a word."""
    words = len(text.split())
    if text.isascii():
        return words
    unspaced = sum("\u2e80" <= character <= "\u9fff" for character in text)
    return words + unspaced // 2
