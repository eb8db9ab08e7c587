"""What is written into the form of a new render, and the order that comes of it."""

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Self

from ovi_studio.actions.rendering import RenderOrder
from ovi_studio.errors import UsageError
from ovi_studio.render.option_line import choices_of_line


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderForm:
    """The fields, as text. An empty one says nothing: the row, or else the settings decide."""

    source: str = ""
    """path of a set, or a prompt"""
    rows: str = ""
    """such as 2,5-8; empty: all"""
    seeds: str = ""
    """such as 3,5-8 or random:4"""
    variant: str = ""
    profile: str = ""
    steps: str = ""
    size: str = ""
    output: str = ""
    options: str = ""
    """everything else, as on the command line"""
    is_forced: bool = False
    """render anew what was rendered before"""

    def to_order(self, row_ids: tuple[str, ...] = ()) -> RenderOrder:
        """The order. `row_ids` are rows that were picked by hand; they win over the field.

        Raises UsageError or RequestError for a field that cannot be read.
        """
        if not self.source.strip():
            raise UsageError("There is nothing to render: name a set, or write a prompt.")
        said = choices_of_line(
            self.options,
            seeds=self.seeds.strip() or None,
            variant=self.variant or None,
            profile=self.profile or None,
            num_steps=_whole_number("Steps", self.steps),
            size=self.size.strip() or None,
            output=Path(self.output.strip()) if self.output.strip() else None,
        )
        words = tuple(word.strip() for word in self.rows.split(",") if word.strip())
        return RenderOrder((self.source.strip(),), said, rows=row_ids or words)

    def to_memory(self) -> dict[str, Any]:
        """What is kept for the next time: all but what is to be rendered."""
        return {name: value for name, value in asdict(self).items() if name in _KEPT}

    @classmethod
    def from_memory(cls, kept: Mapping[str, Any]) -> Self:
        """The form with what was kept; what is of another kind is as if it were not there."""
        known = {field.name: kept.get(field.name) for field in fields(cls) if field.name in _KEPT}
        texts: dict[str, Any] = {name: v for name, v in known.items() if isinstance(v, str)}
        return cls(**texts)


_KEPT = ("variant", "profile", "steps", "size", "output", "options")


def source_of(path: Path, root: Path) -> str:
    """A set as it is written into the form: relative to the project, if it lies in it."""
    try:
        return os.path.relpath(path, root) if path.is_relative_to(root) else str(path)
    except ValueError:
        return str(path)


def _whole_number(name: str, text: str) -> int | None:
    if not text.strip():
        return None
    if not text.strip().isdecimal():
        raise UsageError(f"{name} {text.strip()!r} is not a whole number.")
    return int(text)
