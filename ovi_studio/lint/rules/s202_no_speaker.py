"""Rule no-speaker."""

import re
from collections.abc import Iterator

from ovi_studio.lint.diagnostic import Finding
from ovi_studio.lint.speaking_verbs import SPEAKING_VERBS
from ovi_studio.lint.subject import Subject
from ovi_studio.prompt.model import CAPTION_PREFIX

_SPEAKERS = (
    "he she him her his they them their it its i we who man woman men women boy girl child "
    "children kid person people guy lady gentleman narrator host singer speaker reporter anchor "
    "presenter actor actress teacher doctor robot voice character player friend mother father "
    "couple crowd band face figure"
)
_PEOPLE = frozenset(_SPEAKERS.split())
_ENGLISH = frozenset({"the", "a", "an", "and", "of", "with", "in", "on", "is"})
_WORD = re.compile(r"[A-Za-z]+")
_FAR = 200
"""Characters before a speech in which its speaker should be named."""

_NEAR = 40
"""Characters behind it in which the speaker may be named: "..., he says"."""


def check(subject: Subject) -> Iterator[Finding]:
    """Speech that nobody is said to speak.

    What it does
        Reports speech in an English prompt with no verb of speaking and nobody who could speak
        in the words around it. In all published examples both stand before `<S>`.

    Why it matters
        The model decides by the words before the speech whose lips move and which voice is heard.

    Example
        A small kitchen in the morning light. <S>hello yellow<E> Audio: A woman's voice.

    Use instead
        A small kitchen in the morning light. A woman says, <S>hello yellow<E> Audio: A woman's
        voice.

    Fix safety
        There is no fix: only you know who speaks.
    """
    text = subject.text
    previous_end = 0
    is_english: bool | None = None
    for line in subject.lines:
        start, end = line.tags.start, line.tags.end
        before = text[max(previous_end, start - _FAR) : start]
        previous_end = end
        if _names_speaker(before) or before.rstrip().endswith(":"):
            continue
        after = text[end : end + _NEAR].partition("<")[0].partition(CAPTION_PREFIX)[0]
        if _names_speaker(after):
            continue
        if is_english is None:
            is_english = _is_english(subject)
        if not is_english:
            return
        yield Finding(
            "Nobody is said to speak here: name the speaker and how it is said before <S>.",
            line.span,
        )


def _names_speaker(words: str) -> bool:
    found = _WORD.findall(words.lower())
    return not (SPEAKING_VERBS.isdisjoint(found) and _PEOPLE.isdisjoint(found))


def _is_english(subject: Subject) -> bool:
    """True if the scene has some of the commonest English words; verbs are known in no other
    language."""
    return not _ENGLISH.isdisjoint(subject.prompt.scene_text.lower().split())
