"""Tells whether spoken lines are English, as far as a writer without a model has to know."""

import re
from collections.abc import Sequence

from ovi_studio.prompt.model import Prompt

_LANGUAGES = (
    "spanish italian french german portuguese dutch polish russian ukrainian turkish greek arabic "
    "hebrew hindi bengali urdu chinese mandarin cantonese japanese korean thai vietnamese swedish "
    "norwegian danish finnish czech hungarian romanian latin swahili catalan"
)
_NAMED = re.compile(rf"\b(?:{'|'.join(_LANGUAGES.split())})\b", re.IGNORECASE)

_FOREIGN_TEXT = (
    "non sono il lo gli che di della mira este esta los las una por para con como cuando donde que "
    "der das und ich nicht ist ein eine wir sie mit auf je ne pas les des est dans pour avec vous "
    "nous qui o uma nao voce het een niet ik jij wij"
)
_FOREIGN = frozenset(_FOREIGN_TEXT.split())
_WORD = re.compile(r"[^\W\d_]+")


def foreign_reason(prompt: Prompt, lines: Sequence[str]) -> str:
    """Why lines do not seem to be English; "" if they do."""
    for line in lines:
        words = [word.lower() for word in _WORD.findall(line)]
        if any(not character.isascii() and character.isalpha() for character in line):
            return "a line has letters that English does not use"
        if sum(word in _FOREIGN for word in words) >= max(2, len(words) // 4):
            return "a line does not read like English"
    outside = prompt.scene_text + " " + " ".join(caption.text for caption in prompt.captions)
    if lines and (named := _NAMED.search(outside)):
        return f"the prompt says that {named[0]} is spoken"
    return ""
