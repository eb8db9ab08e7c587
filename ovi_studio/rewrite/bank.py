"""Reads the line bank of the offline writer and fills its lines with the words of a theme."""

import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from ovi_studio.errors import UsageError
from ovi_studio.rewrite.theme import Theme, Thing

SECTIONS = (
    "heads", "tails", "short", "any", "open", "reply", "pair", "two", "doing", "saying",
)  # fmt: skip
_CARRIES = re.compile(r"\{[xXvVyYgGtT]\}")
_MARK = re.compile(r"\{(\w*)\}")
_CHOICE = re.compile(r"\[([^\[\]]*)\]")
_LITERAL_IT = re.compile(r"\b[Ii]ts?\b")

_AGREEING = {
    "is": ("is", "are"), "was": ("was", "were"), "has": ("has", "have"), "does": ("does", "do"),
    "s": ("s", ""), "it": ("it", "they"), "It": ("It", "They"), "them": ("it", "them"),
    "its": ("its", "their"),
}  # fmt: skip
_WORDS = ("x", "X", "v", "V", "y", "Y", "g", "G", "t", "T")


@dataclass(frozen=True, slots=True)
class Bank:
    """The lines, by what they are for."""

    general: Mapping[str, tuple[str, ...]]
    """Section to lines."""
    topics: tuple[tuple[frozenset[str], Mapping[str, tuple[str, ...]]], ...]
    """Words that call a topic, and its sections."""

    def topic_of(self, thing: Thing) -> Mapping[str, tuple[str, ...]]:
        """The lines written for a thing; none if nobody thought of it."""
        for words, sections in self.topics:
            if thing.words[-1:] and thing.words[-1] in words:
                return sections
        return {}


@lru_cache(maxsize=4)
def read_bank(path: Path) -> Bank:
    """The bank in a YAML file. Raises UsageError that names the file and what is wrong in it."""
    import yaml  # only the offline writer needs it

    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise UsageError(f"The line bank {path} cannot be read: {error}") from error
    if not isinstance(document, dict):
        raise UsageError(f"The line bank {path} has to hold sections: {', '.join(SECTIONS)}.")
    topics = document.pop("topics", {})
    general = _sections(path, document)
    if not any(general.get(name) for name in ("short", "any")):
        raise UsageError(f"The line bank {path} needs lines in the sections short and any.")
    if not isinstance(topics, dict):
        raise UsageError(f"The line bank {path}: topics has to hold one table for each topic.")
    read = []
    for name, table in topics.items():
        if not isinstance(table, dict) or not isinstance(table.get("words"), list):
            raise UsageError(f"The line bank {path}: topic {name} needs a list of words.")
        words = frozenset(str(word).lower() for word in table["words"])
        rest = {key: value for key, value in table.items() if key != "words"}
        read.append((words, _sections(path, rest)))
    return Bank(general, tuple(read))


def _sections(path: Path, document: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for name, text in document.items():
        if name not in SECTIONS or not isinstance(text, str):
            raise UsageError(
                f"The line bank {path}: {name!r} is no section of lines. Known: "
                f"{', '.join(SECTIONS)}; each is a text with one line a line."
            )
        lines = tuple(line.strip() for line in text.splitlines() if line.strip())
        for line in lines:
            _check(path, name, line)
        found[name] = lines
    return found


def _check(path: Path, section: str, line: str) -> None:
    for mark in _MARK.findall(line):
        if mark not in _AGREEING and mark not in _WORDS:
            raise UsageError(f"The line bank {path}: {{{mark}}} in {line!r} means nothing.")
    parts = line.split(" // ")
    if len(parts) != (2 if section == "pair" else 1):
        raise UsageError(f"The line bank {path}: {line!r} has to be two lines apart by //.")
    if section not in ("heads", "tails") and not all(map(_CARRIES.search, parts)):
        raise UsageError(f"The line bank {path}: {line!r} does not carry a word of the theme.")


def draw_line(line: str, draw: random.Random) -> str:
    """A line with one of each choice."""
    return _CHOICE.sub(lambda match: draw.choice(match[1].split("|")), line)


def fill_line(line: str, theme: Theme, things: Sequence[Thing], doing: str) -> str | None:
    """A line without choices, filled; None if the theme lacks what it wants."""
    thing = things[0]
    values = {
        "x": thing.text,
        "v": thing.text.removeprefix("the "),
        "y": things[1].text if len(things) > 1 else "",
        "g": doing,
        "t": theme.saying,
    }
    if thing.is_plural and _LITERAL_IT.search(line):
        return None  # such a line means one thing

    def fill(match: re.Match[str]) -> str:
        name = match[1]
        if name in _AGREEING:
            return _AGREEING[name][thing.is_plural]
        return values[name.lower()] if name.islower() else _sentence(values[name.lower()])

    if any(not values[name.lower()] for name in _MARK.findall(line) if name in _WORDS):
        return None
    return _third_person(_sentences(_MARK.sub(fill, line)))


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def _sentences(text: str) -> str:
    """Each sentence begins with a capital, and no stop stands twice."""
    text = re.sub(r"([.!?])\.(?=\s|\Z)", r"\1", " ".join(text.split()))
    return re.sub(r"(\A|[.!?]\s+)([a-z])", lambda match: match[1] + match[2].upper(), text)


def _third_person(text: str) -> str:
    """`trys` is `tries`, `watchs` is `watches`."""
    text = re.sub(r"\b(\w+(?:sh|ch|ss|x))s\b", r"\1es", text)
    return re.sub(r"\b(\w+[^aeiou\W])ys\b", r"\1ies", text)
