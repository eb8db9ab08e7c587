r"""Reads patterns: alternatives, weights, choices of several, wildcards and escapes.

    {red|blue|}              one of them; the last one is nothing
    {3::red|blue}            red three times as often
    {2$$red|blue|green}      two of them, joined by ", "
    {1-2$$ and $$a|b|c}      one or two of them, joined by " and "
    __weather__              one line of the file weather.txt, see `expand/wildcards.py`
    \{ \} \| \_ \$ \: \# \\  the character itself; a backslash before anything else stays

All of it can stand inside the others. Everything else is text, tags such as `<S>` included.
"""

import re
from collections.abc import Sequence
from typing import Protocol

from ovi_studio.expand.errors import ExpansionError
from ovi_studio.expand.pattern import Option, Pattern, Text, choice_of, sequence_of

MAX_NESTING = 50
"""Braces and wildcards inside each other while reading, which is recursive."""

DEFAULT_SEPARATOR = ", "

_ESCAPABLE = r"\{}|_$:#"
_ESCAPE = re.compile(rf"\\([{re.escape(_ESCAPABLE)}])")
_PLAIN = re.compile(r"[^\\{}|_$]+")
_WILDCARD = re.compile(r"__(?![_\s])([^\n\\{}|$]{0,99}?[^\n\\{}|$_\s])__")
_NUMBER_CHOSEN = re.compile(r"([0-9]{1,6})?(-)?([0-9]{1,6})?\$\$")
_SEPARATOR = re.compile(r"((?:\\.|[^\\{}|$]|\$(?!\$))*)\$\$", re.DOTALL)
_WEIGHT = re.compile(r"\s*([0-9]{1,9}(?:\.[0-9]{1,9})?|\.[0-9]{1,9})::")


class WildcardSource(Protocol):
    """Where the entries of wildcards come from."""

    def options(self, name: str, nesting: int) -> Sequence[Option]:
        """The entries of the wildcard, read at that depth. Raises ExpansionError."""


def read_pattern(text: str, wildcards: WildcardSource, nesting: int = 0) -> Pattern:
    """The pattern that `text` writes. Raises ExpansionError that says where the trouble is."""
    return _Reading(text, wildcards, nesting).pattern()


def read_entry(text: str, wildcards: WildcardSource, nesting: int) -> Option:
    """One option written alone, as wildcard files have them: a weight, if any, and a pattern."""
    return _Reading(text, wildcards, nesting).entry()


class _Reading:
    """One walk over a pattern's text, from left to right."""

    def __init__(self, text: str, wildcards: WildcardSource, nesting: int) -> None:
        self.text = text
        self.wildcards = wildcards
        self.nesting = nesting
        self.position = 0

    def pattern(self) -> Pattern:
        read = self._read_sequence(is_inside=False)
        if self.position < len(self.text):
            raise self._error("closes nothing", self.position, r"Open it, or write \} for a brace.")
        return read

    def entry(self) -> Option:
        weight = self._read_weight()
        return Option(self.pattern(), weight)

    def _read_sequence(self, *, is_inside: bool) -> Pattern:
        """All up to the end, or to the `|` or `}` that ends an option, which is left unread."""
        parts: list[Pattern] = []
        words: list[str] = []
        while self.position < len(self.text):
            character = self.text[self.position]
            if character == "}" or (character == "|" and is_inside):
                break
            if plain := _PLAIN.match(self.text, self.position):
                words.append(plain[0])
                self.position = plain.end()
            elif character == "{":
                _move_words(words, parts)
                parts.append(self._read_choice())
            elif wildcard := _WILDCARD.match(self.text, self.position):
                _move_words(words, parts)
                parts.append(self._read_wildcard(wildcard))
            elif escaped := _ESCAPE.match(self.text, self.position):
                words.append(escaped[1])
                self.position = escaped.end()
            else:
                self._refuse_foreign_variable()
                words.append(character)
                self.position += 1
        _move_words(words, parts)
        return sequence_of(tuple(parts)) if parts else Text("")

    def _read_choice(self) -> Pattern:
        start = self.position
        self._go_deeper(start)
        self.position += 1
        lowest, highest, separator = self._read_number_chosen()
        options = tuple(self._read_lone_wildcard() or self._read_options())
        if self.position == len(self.text):
            raise self._error("is never closed", start, r"Close it, or write \{ for a brace.")
        self.position += 1
        self.nesting -= 1
        return choice_of(options, lowest, len(options) if highest is None else highest, separator)

    def _read_lone_wildcard(self) -> Sequence[Option]:
        """The entries of a wildcard that is all the braces hold: {2$$__x__} draws from those."""
        wildcard = _WILDCARD.match(self.text, self.position)
        if wildcard is None or not self.text.startswith("}", wildcard.end()):
            return ()
        self.position = wildcard.end()
        return self.wildcards.options(wildcard[1], self.nesting)

    def _read_options(self) -> Sequence[Option]:
        options = [self._read_option()]
        while self.text.startswith("|", self.position):
            self.position += 1
            options.append(self._read_option())
        return options

    def _read_option(self) -> Option:
        weight = self._read_weight()
        return Option(self._read_sequence(is_inside=True), weight)

    def _read_weight(self) -> float:
        written = _WEIGHT.match(self.text, self.position)
        if written is None:
            return 1.0
        if float(written[1]) == 0:
            raise self._error(
                "starts an option that is never drawn", self.position, "Leave it out."
            )
        self.position = written.end()
        return float(written[1])

    def _read_number_chosen(self) -> tuple[int, int | None, str]:
        """Lowest, highest (None: all of them) and what stands between them."""
        start = self.position
        number = _NUMBER_CHOSEN.match(self.text, start)
        if number is None or number.end() == start + 2:
            return 1, 1, ""
        self.position = number.end()
        lowest = 1 if number[1] is None else int(number[1])
        highest = None if number[3] is None else int(number[3])
        if number[2] is None:
            highest = lowest
        if highest is not None and highest < lowest:
            raise self._error("names no range", start, "Put the smaller number first.")
        separator = _SEPARATOR.match(self.text, self.position)
        if separator is None:
            return lowest, highest, DEFAULT_SEPARATOR
        self.position = separator.end()
        return lowest, highest, _ESCAPE.sub(r"\1", separator[1])

    def _read_wildcard(self, wildcard: re.Match[str]) -> Pattern:
        self._go_deeper(self.position)
        options = self.wildcards.options(wildcard[1], self.nesting)
        self.nesting -= 1
        self.position = wildcard.end()
        return choice_of(tuple(options))

    def _go_deeper(self, start: int) -> None:
        self.nesting += 1
        if self.nesting > MAX_NESTING:
            raise self._error(f"is nested more than {MAX_NESTING} deep", start, "Nest it less.")

    def _refuse_foreign_variable(self) -> None:
        if self.text.startswith("${", self.position):
            raise self._error(
                "begins a variable as other programs write it",
                self.position,
                r"Write {{ name }} and give the name a column or --var; write \$ for a dollar.",
            )

    def _error(self, trouble: str, position: int, remedy: str) -> ExpansionError:
        shown = self.text[position : position + 24].partition("\n")[0]
        dots = "…" if position + len(shown) < len(self.text) else ""
        return ExpansionError(f'"{shown}{dots}" at character {position + 1} {trouble}. {remedy}')


def _move_words(words: list[str], parts: list[Pattern]) -> None:
    """Makes the words gathered so far a part."""
    if words:
        parts.append(Text("".join(words)))
        words.clear()
