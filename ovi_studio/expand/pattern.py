"""Patterns as values: a text with choices in it, how many texts it stands for, and each of them.

    Pattern = Text | Sequence | Choice       "a {red|blue} fox"  is  Sequence(Text, Choice, Text)

A pattern knows how many texts it stands for without making them: `text_at` gives any one of them
by its number, `draw_text` a random one. Reading patterns is `expand/grammar.py`.
"""

from dataclasses import dataclass
from functools import lru_cache
from math import factorial, fsum
from random import Random

from ovi_studio.expand.errors import ExpansionError

MAX_LENGTH = 100_000
"""Characters and choices of the longest text: more is a mistake, or wildcards that swell."""

MAX_DEPTH = 100
"""Patterns inside patterns: walking them is recursive."""

MAX_WORK = 200_000
"""Options times the square of how many are chosen at once: what finding one text by its number
costs."""


@dataclass(frozen=True, slots=True)
class Text:
    """Words that stand as they are."""

    text: str

    @property
    def count(self) -> int:
        """How many texts it stands for."""
        return 1

    @property
    def longest(self) -> int:
        """Characters and choices of its longest text."""
        return 1 + len(self.text)

    @property
    def depth(self) -> int:
        """Patterns inside patterns."""
        return 0


@dataclass(frozen=True, slots=True)
class Sequence:
    """Patterns one after another. Make one with `sequence_of`."""

    parts: tuple["Pattern", ...]
    count: int
    longest: int
    depth: int


@dataclass(frozen=True, slots=True)
class Option:
    """One of the patterns to choose from."""

    pattern: "Pattern"
    weight: float = 1.0
    """Above 0: how often it is drawn, against the weights of the others."""


@dataclass(frozen=True, slots=True)
class Choice:
    """`lowest` to `highest` of the options, each at most once, in any order, with `separator`
    between them. Make one with `choice_of`."""

    options: tuple[Option, ...]
    lowest: int
    highest: int
    separator: str
    count: int
    longest: int
    depth: int


Pattern = Text | Sequence | Choice


def sequence_of(parts: tuple[Pattern, ...]) -> Pattern:
    """The parts one after another. Raises ExpansionError beyond the limits."""
    if len(parts) == 1:
        return parts[0]
    count = 1
    for part in parts:
        count *= part.count
    longest = 1 + sum(part.longest for part in parts)
    depth = 1 + max((part.depth for part in parts), default=0)
    _check_limits(longest, depth)
    return Sequence(parts, count, longest, depth)


def choice_of(
    options: tuple[Option, ...], lowest: int = 1, highest: int = 1, separator: str = ""
) -> Choice:
    """A choice of `lowest` to `highest` options, or as many as there are.

    Raises ExpansionError beyond the limits.
    """
    lowest, highest = min(lowest, len(options)), min(highest, len(options))
    if highest > 1 and len(options) * highest**2 > MAX_WORK:
        raise ExpansionError(
            f"Choosing up to {highest} of {len(options)} at once is too much to count. "
            "Choose fewer at once, as in {1-3$$...}."
        )
    sizes = sorted((option.pattern.longest for option in options), reverse=True)
    longest = 1 + sum(sizes[:highest]) + len(separator) * highest
    depth = 1 + max(option.pattern.depth for option in options)
    _check_limits(longest, depth)
    counts = tuple(option.pattern.count for option in options)
    selections = _selections(counts, highest)
    count = sum(factorial(k) * selections[k] for k in range(lowest, highest + 1))
    return Choice(options, lowest, highest, separator, count, longest, depth)


def _check_limits(longest: int, depth: int) -> None:
    if longest > MAX_LENGTH:
        raise ExpansionError(
            f"One text could become longer than {MAX_LENGTH} characters. "
            "Do wildcards hold each other several times?"
        )
    if depth > MAX_DEPTH:
        raise ExpansionError(
            f"Alternatives and wildcards are nested more than {MAX_DEPTH} deep. Nest them less."
        )


def text_at(pattern: Pattern, index: int) -> str:
    """The text with that number, 0 to `pattern.count` - 1; what stands last varies fastest."""
    assert 0 <= index < pattern.count, "the caller keeps to the count"
    match pattern:
        case Text():
            return pattern.text
        case Sequence():
            written = []
            for part in reversed(pattern.parts):
                index, own = divmod(index, part.count)
                written.append(text_at(part, own))
            return "".join(reversed(written))
        case Choice():
            return _choice_at(pattern, index)


def _choice_at(choice: Choice, index: int) -> str:
    counts = tuple(option.pattern.count for option in choice.options)
    num_chosen = choice.lowest
    while index >= (ways := factorial(num_chosen) * _selections(counts, num_chosen)[num_chosen]):
        index -= ways
        num_chosen += 1
    left = list(choice.options)
    written = []
    for num_left in range(num_chosen, 0, -1):
        # Whichever option comes next, the others follow in any order of any selection of them.
        counts = tuple(option.pattern.count for option in left)
        selections = _selections(counts, num_left - 1)
        for position, option in enumerate(left):
            after = factorial(num_left - 1) * _selections_without(selections, counts[position])
            if index < option.pattern.count * after:
                break
            index -= option.pattern.count * after
        own, index = divmod(index, after)
        written.append(text_at(option.pattern, own))
        del left[position]
    return choice.separator.join(written)


@lru_cache(maxsize=1024)
def _selections(counts: tuple[int, ...], highest: int) -> tuple[int, ...]:
    """In how many ways 0 to `highest` of the options can be selected, order aside.

    These are the elementary symmetric polynomials of the options' counts.
    """
    ways = [1] + [0] * highest
    for count in counts:
        for k in range(highest, 0, -1):
            ways[k] += count * ways[k - 1]
    return tuple(ways)


def _selections_without(selections: tuple[int, ...], count: int) -> int:
    """The last of `selections` when one option of that count is taken away."""
    ways = 1
    for k in range(1, len(selections)):
        ways = selections[k] - count * ways
    return ways


def draw_text(pattern: Pattern, random: Random) -> str:
    """A random text: each choice by the weights of its options.

    Only `random.random` is used, whose numbers are the same in every version of Python.
    """
    match pattern:
        case Text():
            return pattern.text
        case Sequence():
            return "".join(draw_text(part, random) for part in pattern.parts)
        case Choice():
            num_chosen = pattern.lowest
            if pattern.highest > pattern.lowest:
                num_chosen += int(random.random() * (pattern.highest - pattern.lowest + 1))
            left = list(pattern.options)
            written = []
            for _ in range(num_chosen):
                position = _draw_position(left, random)
                written.append(draw_text(left.pop(position).pattern, random))
            return pattern.separator.join(written)


def _draw_position(options: list[Option], random: Random) -> int:
    """Which of the options is drawn."""
    point = random.random() * fsum(option.weight for option in options)
    for position, option in enumerate(options):
        point -= option.weight
        if point < 0:
            return position
    return len(options) - 1
