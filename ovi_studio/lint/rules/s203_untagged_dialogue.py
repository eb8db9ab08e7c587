"""Rule untagged-dialogue."""

import re
from collections.abc import Iterator

from ovi_studio.lint.diagnostic import Applicability, Edit, Finding, Fix
from ovi_studio.lint.speaking_verbs import SPEAKING_VERBS
from ovi_studio.lint.subject import Subject
from ovi_studio.prompt.model import Span

_QUOTE = re.compile(r"[\"“”„‟]|&(?:amp;){0,2}(?:quot|ldquo|rdquo|#0?34|#x22);?", re.IGNORECASE)
_LAST_WORD = re.compile(r"([A-Za-z]+)\W*\Z")
_FIRST_WORDS = re.compile(r"\W*([A-Za-z]+)(?:\W+([A-Za-z]+))?")
_SHOWN = frozenset(
    ("reading", "reads", "read", "labeled", "labelled", "titled", "named", "called", "sign", "word")
)
"""Words before a quotation that is written somewhere instead of spoken."""


def check(subject: Subject) -> Iterator[Finding]:
    """Quoted speech that is not between `<S>` and `<E>`.

    What it does
        Reports a quotation in the scene where a verb of speaking stands directly before or behind
        it. Text on signs ("a sign reading ...") is left alone.

    Why it matters
        Only tagged words are meant to be spoken. Quoted ones may be spoken, mumbled, written into
        the picture, or dropped.

    Example
        A man says <S>yes<E> and a pale face replies "hello". Audio: Two voices.

    Use instead
        A man says <S>yes<E> and a pale face replies <S>hello<E>. Audio: Two voices.

    Fix safety
        Unsafe: the quotation marks become `<S>` and `<E>`; perhaps the words should not be
        spoken.
    """
    text = subject.text
    for scene in subject.prompt.scene:
        quotes = [Span(scene.start + m.start(), scene.start + m.end())
                  for m in _QUOTE.finditer(scene.of(text))]  # fmt: skip
        for opening, closing in zip(quotes[::2], quotes[1::2], strict=False):
            words = text[opening.end : closing.start]
            before = text[max(scene.start, opening.start - 60) : opening.start]
            after = text[closing.end : min(scene.end, closing.end + 40)]
            if words.strip() and _is_spoken(before, after):
                edits = (Edit(opening, "<S>"), Edit(closing, "<E>"))
                yield Finding(
                    "These words are quoted and not tagged: put them between <S> and <E> if they "
                    "are spoken.",
                    Span(opening.start, closing.end),
                    Fix("Write <S> and <E> for the quotation marks", edits, Applicability.UNSAFE),
                )


def _is_spoken(before: str, after: str) -> bool:
    """True if the words around a quotation announce it as speech."""
    last = _LAST_WORD.search(before)
    word = last[1].lower() if last else ""
    if word in _SHOWN:
        return False
    if word in SPEAKING_VERBS:
        return True
    first = _FIRST_WORDS.match(after)
    return first is not None and any(
        follower and follower.lower() in SPEAKING_VERBS for follower in first.groups()
    )
