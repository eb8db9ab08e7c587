"""LoRA files as they are chosen: `FILE`, or `FILE:WEIGHT`."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

from ovi_studio.errors import UsageError

SEPARATOR = ";"
"""Between the files in one cell of a set."""


@dataclass(frozen=True, slots=True)
class LoraChoice:
    """One file and how strongly it works."""

    name: str
    """path, as written"""
    weight: float = 1.0


def read_loras(texts: Iterable[str]) -> tuple[LoraChoice, ...]:
    """The files that texts name. What follows the last colon is a weight where it is a number.

    Raises UsageError for a name or a weight that cannot be.
    """
    return tuple(_read_lora(text.strip()) for text in texts)


def read_lora_cell(cell: str) -> tuple[LoraChoice, ...]:
    """The files that one cell of a set names, parted by semicolons. Raises UsageError."""
    return read_loras(part for part in cell.split(SEPARATOR) if part.strip())


def _read_lora(text: str) -> LoraChoice:
    name, colon, last = text.rpartition(":")
    weight = _number(last) if colon else None
    if weight is None:
        name, weight = text, 1.0
    if not math.isfinite(weight):
        raise UsageError(f"{last} is no weight of a LoRA: use a number, as in {name}:0.8.")
    if not name:
        raise UsageError(f"{text!r} names no LoRA file: write FILE or FILE:WEIGHT.")
    return LoraChoice(name, weight)


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
