"""Cleans one answer of a model: hostile or clumsy text becomes words, or a reason to refuse it."""

import re
import unicodedata
from typing import NamedTuple

from ovi_studio.prompt.marks import find_marks
from ovi_studio.prompt.model import SPEECH_END, SPEECH_START, SegmentKind
from ovi_studio.rewrite.secret_keys import HIDDEN

MAX_CHARACTERS = 4000
"""No part of a prompt is longer; what is, is refused unread."""

_STRAIGHT = str.maketrans(
    {"“": '"', "”": '"', "„": '"', "‟": '"', "«": '"', "»": '"', "‘": "'", "’": "'", "‚": "'",
     "‛": "'", "`": "'", "´": "'"}
)  # fmt: skip
_LABEL = re.compile(
    r"\A(?:(?:line|segment|speech|caption|text|answer)\s*\d*\s*[:.)-]|\d{1,3}\s*[.):]|[-*•])\s+",
    re.IGNORECASE,
)
_MARKUP = re.compile(r"\*\*(.+?)\*\*|__(.+?)__|\*(\S.*?)\*")
_HAS_LETTER = re.compile(r"[^\W_]")
_BROKEN = re.compile("[\ud800-\udfff\ufffd]")
"""Halves of a character, as JSON can spell them, and what stands for broken bytes."""


class Cleaned(NamedTuple):
    """What is left of an answer."""

    words: str
    problem: str = ""
    """Why it cannot be used, to be told to whoever wrote it; "" if it can."""


def clean_answer(answer: str, kind: SegmentKind) -> Cleaned:
    """The words of an answer for a slot: one line, no marks, no control characters, plain quotes.

    What wraps the whole answer (tags, quotation marks, a number) is taken off; a tag anywhere else
    makes the answer useless, for nobody knows what was meant.
    """
    if len(answer) > MAX_CHARACTERS:
        return Cleaned("", f"it is {len(answer):,} characters long")
    if HIDDEN in answer:
        return Cleaned("", "it held a key")
    if _BROKEN.search(answer):
        return Cleaned("", "it holds a broken character")
    words = _one_line(answer).translate(_STRAIGHT)
    words = _unwrapped(words, kind)
    if not _HAS_LETTER.search(words):
        return Cleaned("", "it is empty")
    if "<" in words or ">" in words or find_marks(words):
        return Cleaned("", "it holds a tag or something like one; give words only")
    if '"' in words:
        words = _without_quotes(words, kind)
    return Cleaned(words)


def _one_line(text: str) -> str:
    """The text in one line, without what cannot be seen: controls, formats."""
    spaced = "".join(" " if character in "\n\r\t\v\f\u2028\u2029\x85" else character
                     for character in text)  # fmt: skip
    seen = (c for c in spaced if unicodedata.category(c) not in ("Cc", "Cf", "Co", "Cn"))
    return " ".join("".join(seen).split())


def _unwrapped(words: str, kind: SegmentKind) -> str:
    while True:
        before = words
        if words.startswith(SPEECH_START) and words.endswith(SPEECH_END):
            words = words.removeprefix(SPEECH_START).removesuffix(SPEECH_END).strip()
        if len(words) > 1 and words[0] == words[-1] and words[0] in "\"'":
            words = words[1:-1].strip()
        words = _LABEL.sub("", words)
        words = _MARKUP.sub(lambda match: match[1] or match[2] or match[3], words)
        if kind is SegmentKind.CAPTION:
            words = re.sub(r"\A(?:audio|sound)s?\s*:\s*", "", words, flags=re.IGNORECASE)
        if words == before:
            return words


def _without_quotes(words: str, kind: SegmentKind) -> str:
    """Quotation marks inside speech are not heard, and in a scene they look like speech."""
    if kind is SegmentKind.CAPTION:
        return words.replace('"', "'")
    return " ".join(words.replace('"', "").split())
