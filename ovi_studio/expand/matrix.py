"""Matrices: prompts x variables x texts x seeds x variants, as the rows of a new set.

    for each variant           first, so that a worker loads each model once
      for each prompt
        for each value of each variable
          for each text of the pattern, all of them or a number drawn
            for each seed

Rows are made one at a time; how many there are is counted without making them. Reading and writing
files is left to `actions/expanding.py`.
"""

import hashlib
import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from ovi_studio.expand.errors import ExpansionError
from ovi_studio.expand.grammar import WildcardSource, read_pattern
from ovi_studio.expand.pattern import Pattern, draw_text, text_at
from ovi_studio.expand.variables import fill_variables, names_in
from ovi_studio.prompt.prompt_set import TEXT_COLUMN

MAX_PATTERNS = 100_000
"""Prompts times values of variables: each is read before anything is written."""

MAX_DRAWN = 100_000
"""Texts drawn of one pattern: drawn ones are remembered, so that none comes twice."""

PATIENCE = 100
"""Repeats in a row after which a pattern is taken to have no other likely text."""


@dataclass(frozen=True, slots=True)
class SourcePrompt:
    """One prompt to expand."""

    text: str
    origin: str
    """Short, for the column `from`: set and row, `ideas:3`."""
    place: str
    """For messages: the file, line and row."""
    cells: Mapping[str, str] = field(default_factory=dict)
    """Everything its row says."""
    folder: Path | None = None
    """Where its file lies."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Matrix:
    """What each prompt is multiplied by."""

    variables: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Name to values; they win over the columns of a row."""
    num_drawn: int | None = None
    """Different texts drawn of each pattern; None: all of them."""
    draw_seed: int = 0
    seeds: Sequence[int] = ()
    """Empty: each row keeps its own."""
    variants: Sequence[str] = ()
    """Empty: each row keeps its own."""


@dataclass(frozen=True, slots=True)
class ExpandedRow:
    """One row of the new set."""

    text: str
    seed: int | None
    """None: the row keeps its own."""
    variant: str | None
    """None: the row keeps its own."""
    origin: str
    """Where it comes from, with the values of its variables."""
    prompt: SourcePrompt


@dataclass(frozen=True, slots=True)
class Block:
    """Rows that follow each other and differ in nothing but text and seed."""

    prompt: SourcePrompt
    variant: str | None
    """None: the row keeps its own."""
    num_rows: int


@dataclass(frozen=True, slots=True)
class _Filled:
    """A prompt with its variables filled in."""

    prompt: SourcePrompt
    origin: str
    pattern: Pattern


class Expansion:
    """The rows that prompts and a matrix come to."""

    def __init__(
        self, prompts: Sequence[SourcePrompt], matrix: Matrix, wildcards: WildcardSource
    ) -> None:
        """Reads all patterns. Raises ExpansionError that names the prompt."""
        self._matrix = matrix
        number = matrix.num_drawn
        if number is not None and not 1 <= number <= MAX_DRAWN:
            raise ExpansionError(f"{number} texts cannot be drawn: say 1 to {MAX_DRAWN}.")
        settings = [_settings_for(prompt, matrix.variables) for prompt in prompts]
        self._check(settings)
        self._filled = [
            _fill(prompt, setting, wildcards)
            for prompt, variables in zip(prompts, settings, strict=True)
            for setting in _products(variables)
        ]

    def _check(self, settings: Sequence[Mapping[str, Sequence[str]]]) -> None:
        number = sum(math.prod(map(len, variables.values())) for variables in settings)
        if number > MAX_PATTERNS:
            raise ExpansionError(
                f"The prompts with all values of their variables are {number}, more than "
                f"{MAX_PATTERNS}. Use fewer values."
            )
        for name in self._matrix.variables:
            if not any(name in variables for variables in settings):
                raise ExpansionError(
                    f"No prompt uses the variable {name}. Write {{{{ {name} }}}} where its value "
                    "belongs, or leave it out."
                )

    def blocks(self) -> Iterator[Block]:
        """The rows in order, those of one prompt, setting and variant together."""
        numbers = [
            max(1, len(self._matrix.seeds)) * self._num_texts(filled) for filled in self._filled
        ]
        for variant in self._matrix.variants or (None,):
            for filled, number in zip(self._filled, numbers, strict=True):
                yield Block(filled.prompt, variant, number)

    def __iter__(self) -> Iterator[ExpandedRow]:
        """The rows, made one at a time."""
        for variant in self._matrix.variants or (None,):
            for filled in self._filled:
                for text in self._texts(filled):
                    for seed in self._matrix.seeds or (None,):
                        yield ExpandedRow(text, seed, variant, filled.origin, filled.prompt)

    def _num_texts(self, filled: _Filled) -> int:
        if self._takes_all(filled):
            return filled.pattern.count
        return sum(1 for _ in self._texts(filled))

    def _texts(self, filled: _Filled) -> Iterator[str]:
        if self._takes_all(filled):
            return all_texts(filled.pattern)
        assert self._matrix.num_drawn is not None, "else it takes all"
        # The text before variables are filled in, so that all their values get the same draws.
        key = f"{self._matrix.draw_seed}\n{filled.prompt.text}"
        return draw_texts(filled.pattern, self._matrix.num_drawn, key)

    def _takes_all(self, filled: _Filled) -> bool:
        number = self._matrix.num_drawn
        return number is None or filled.pattern.count <= number


def _settings_for(
    prompt: SourcePrompt, variables: Mapping[str, Sequence[str]]
) -> dict[str, Sequence[str]]:
    """The variables that the prompt uses: others would only repeat it."""
    used = names_in(prompt.text)
    return {name: values for name, values in variables.items() if name in used}


def _products(variables: Mapping[str, Sequence[str]]) -> Iterator[dict[str, str]]:
    """Every choice of one value for each variable."""
    for values in itertools.product(*variables.values()):
        yield dict(zip(variables, values, strict=True))


def _fill(prompt: SourcePrompt, setting: Mapping[str, str], wildcards: WildcardSource) -> _Filled:
    cells = {
        name: cell for name, cell in prompt.cells.items() if cell.strip() and name != TEXT_COLUMN
    }
    try:
        text = fill_variables(prompt.text, {**cells, **setting})
        pattern = read_pattern(text, wildcards)
    except ExpansionError as error:
        raise ExpansionError(f"{prompt.place}: {error}") from error
    chosen = [f"{name}={value}" for name, value in setting.items()]
    return _Filled(prompt, " ".join([prompt.origin, *chosen]), pattern)


def all_texts(pattern: Pattern) -> Iterator[str]:
    """Every text of the pattern, in order, made one at a time."""
    return (text_at(pattern, index) for index in range(pattern.count))


def draw_texts(pattern: Pattern, number: int, key: str) -> Iterator[str]:
    """Up to `number` different texts, always the same for a key; fewer if the rest is unlikely.

    More for the same key begin with the same ones.
    """
    seen: set[str] = set()
    num_repeats = 0
    for attempt in itertools.count():
        if len(seen) == number or num_repeats == PATIENCE:
            return
        digest = hashlib.sha256(f"{attempt}\n{key}".encode(errors="surrogatepass")).digest()
        text = draw_text(pattern, Random(int.from_bytes(digest)))
        if text in seen:
            num_repeats += 1
            continue
        seen.add(text)
        num_repeats = 0
        yield text
