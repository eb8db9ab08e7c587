r"""Reads what the command line writes about matrices and blanks.

1-4,7               seeds: 1, 2, 3, 4 and 7
theme=noir,opera    a variable with two values; `\,` is a comma inside a value
place=a quiet bar   a blank
"""

import re
from collections.abc import Iterable, Sequence

from ovi_studio.errors import UsageError

MAX_SEEDS = 100_000

_SEEDS = re.compile(r"\s*([0-9]{1,18})(?:\s*-\s*([0-9]{1,18}))?\s*")
_COMMA = re.compile(r"(?<!\\),")


def read_seeds(written: str) -> tuple[int, ...]:
    """The seeds, in the order written, each once. Raises UsageError."""
    seeds: dict[int, None] = {}
    for part in written.split(","):
        match = _SEEDS.fullmatch(part)
        if match is None:
            raise UsageError(f"{part.strip()!r} names no seeds. Write 5, 1-4 or 1-4,7.")
        first, last = int(match[1]), int(match[2] or match[1])
        if last < first:
            raise UsageError(f"{part.strip()!r} names no seeds: put the smaller number first.")
        if last - first >= MAX_SEEDS:
            raise UsageError(f"{part.strip()!r} are more than {MAX_SEEDS} seeds. Use fewer.")
        seeds.update(dict.fromkeys(range(first, last + 1)))
    return tuple(seeds)


def read_variables(written: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Name to values, each once; a name given several times gathers its values.

    Raises UsageError.
    """
    variables: dict[str, dict[str, None]] = {}
    for assignment in written:
        name, value = _read_assignment(assignment, "--var")
        values = [part.strip().replace(r"\,", ",") for part in _COMMA.split(value)]
        variables.setdefault(name, {}).update(dict.fromkeys(values))
    return {name: tuple(values) for name, values in variables.items()}


def read_values(written: Sequence[str]) -> dict[str, str]:
    """Name to value. Raises UsageError, also for a name given twice."""
    values: dict[str, str] = {}
    for assignment in written:
        name, value = _read_assignment(assignment, "--set")
        if name in values:
            raise UsageError(f"--set {name} is given twice. Leave one out.")
        values[name] = value
    return values


def _read_assignment(written: str, option: str) -> tuple[str, str]:
    name, equals, value = written.partition("=")
    name = name.strip()
    if not equals or not name.isidentifier():
        raise UsageError(f"{option} {written!r} gives no name a value. Write {option} name=value.")
    return name, value
