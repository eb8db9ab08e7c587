"""Rule unspeakable."""

import re
from collections.abc import Iterator

from ovi_studio.lint.diagnostic import Applicability, Edit, Finding, Fix
from ovi_studio.lint.edits import deletion
from ovi_studio.lint.number_words import number_words
from ovi_studio.lint.subject import Subject
from ovi_studio.prompt.model import Span

_UNSPEAKABLE = re.compile(
    r"(?P<address>\b(?:https?://|www\.)\S{1,200}|\b[\w.+-]{1,64}@[\w-]{1,64}\.[a-z]{2,6}\b"
    r"|\b\w{2,40}\.(?:com|org|net|io|tv)\b)"
    r"|(?P<number>[$€£#]?\d(?:[\d.,:/]{0,40}\d)?%?)"
    r"|(?P<capitals>\b[A-Z]{2,}(?:['’ -]{1,2}[A-Z]{2,})+\b|\b[A-Z]{5,}\b)"
    r"|(?P<emoji>[\u2190-\u21ff\u2300-\u27bf\u2b00-\u2bff\ufe0f\U0001f000-\U0001faff]+)"
    r"|(?P<symbol>&\w{1,10};|[#*_~^=+<>|\\/@%&$€£{}]+)"
)

_SPOKEN_SYMBOLS = {"&": "and", "+": "plus", "=": "equals", "@": "at", "%": "percent"}
_SILENT_SYMBOLS = frozenset("#*_~^<>|\\{}")

_ADVICE = {
    "address": "is an address: no voice reads it out well. Say it in words, or leave it out.",
    "number": "is in digits: write it as it is spoken.",
    "capitals": "is in capitals and may be spelled out letter by letter: write small letters.",
    "emoji": "cannot be spoken: describe the mood in the scene instead.",
    "symbol": "is no word: write what is spoken.",
}


def check(subject: Subject) -> Iterator[Finding]:
    """Digits, capitals, emoji, symbols and addresses inside speech.

    What it does
        Reports what a voice cannot simply read out: digits, words or runs of words in capitals,
        emoji, symbols, web and mail addresses.

    Why it matters
        The model learned from transcripts in plain words. "42" may come out as "four two", capitals
        as single letters, a symbol as a noise.

    Example
        A pale face looks at us and says <S>number 7<E>. Audio: A clear woman's voice.

    Use instead
        A pale face looks at us and says <S>number seven<E>. Audio: A clear woman's voice.

    Fix safety
        Unsafe: English number words up to 9999, small letters for capitals, "and" for "&";
        emoji and silent symbols go. How a number is spoken is a guess, and the words change.
    """
    for line in subject.lines:
        for match in _UNSPEAKABLE.finditer(line.words):
            span = Span(line.span.start + match.start(), line.span.start + match.end())
            kind = match.lastgroup
            assert kind is not None
            yield Finding(
                f"{match[0]} {_ADVICE[kind]}", span, _fix(subject.text, span, kind, line.words)
            )


def _fix(text: str, span: Span, kind: str, words: str) -> Fix | None:
    written = span.of(text)
    if kind == "number" and written.isascii() and written.isdigit() and words.isascii():
        return _instead(span, number_words(int(written))) if len(written) <= 4 else None
    if kind == "capitals":
        return _instead(span, _in_small_letters(text, span))
    if kind == "emoji" or (kind == "symbol" and _SILENT_SYMBOLS.issuperset(written)):
        return Fix("Take it out", (deletion(text, span),), Applicability.UNSAFE)
    if kind == "symbol" and written in _SPOKEN_SYMBOLS:
        return _instead(span, _apart(text, span, _SPOKEN_SYMBOLS[written]))
    return None


def _instead(span: Span, words: str) -> Fix:
    return Fix(f'Write "{words.strip()}"', (Edit(span, words),), Applicability.UNSAFE)


def _apart(text: str, span: Span, word: str) -> str:
    """The word, with blanks where a letter stands next to it."""
    before = " " if text[span.start - 1].isalnum() else ""
    after = " " if text[span.end : span.end + 1].isalnum() else ""
    return f"{before}{word}{after}"


def _in_small_letters(text: str, span: Span) -> str:
    """Small letters, the first one large where a sentence begins."""
    small = span.of(text).lower()
    before = text[: span.start].rstrip()
    return small.capitalize() if before[-1:] in {".", "!", "?", ">", ""} else small
