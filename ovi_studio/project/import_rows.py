"""What an import takes and what it leaves out: rows, as compact as a million of them must be."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import overload

from ovi_studio.prompt.prompt_set import IMAGE_COLUMN, TEXT_COLUMN

MAX_PROMPT_CHARACTERS = 100_000
"""A longer text is no prompt: the text encoder reads some 2,000 characters."""

TOO_LONG = f"longer than {MAX_PROMPT_CHARACTERS:,} characters"

MAX_REASONS = 40
"""Told apart; what a hostile file adds to them is told as one."""

TEXT_NAMES = ("text_prompt", "prompt", "text", "positive", "positive_prompt")
"""What other programs call the prompt, the likeliest first."""

IMAGE_NAMES = ("image_path", "image", "first_frame", "image_file", "img")
"""What other programs call the first frame, the likeliest first."""

OTHER_NAMES = {"negative_prompt": "video_negative", "noise_seed": "seed"}
"""What else other programs call differently."""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Something that was not taken, and why."""

    reason: str
    place: str
    """The first of them."""
    count: int


class Rows(Sequence[Mapping[str, str]]):
    """Rows of a set as column to text, held as tuples."""

    def __init__(self, columns: Sequence[str], rows: Sequence[tuple[str, ...]]) -> None:
        """A row may be shorter than the columns: the rest of it is empty."""
        self.columns = tuple(columns)
        self._rows = rows

    def __len__(self) -> int:
        return len(self._rows)

    @overload
    def __getitem__(self, index: int) -> Mapping[str, str]: ...
    @overload
    def __getitem__(self, index: slice) -> "Rows": ...
    def __getitem__(self, index: int | slice) -> "Mapping[str, str] | Rows":
        if isinstance(index, slice):
            return Rows(self.columns, self._rows[index])
        return self._cells(self._rows[index])

    def __iter__(self) -> Iterator[Mapping[str, str]]:
        return map(self._cells, self._rows)

    def _cells(self, row: tuple[str, ...]) -> dict[str, str]:
        return dict(zip(self.columns, row, strict=False))


@dataclass(frozen=True, slots=True)
class Imported:
    """What one file came to."""

    rows: Rows
    left_out: tuple[LeftOut, ...]
    what: str
    """What the file was taken for, such as `text, one prompt a line`."""


class Gathering:
    """Collects rows while a file is read."""

    def __init__(self) -> None:
        self._columns = {TEXT_COLUMN: 0}
        self._rows: list[tuple[str, ...]] = []
        self._left_out: dict[str, LeftOut] = {}
        self._seen: set[tuple[str, ...]] = set()

    def columns_are(self, names: Iterable[str]) -> None:
        """Fixes the order of the columns before any row is taken."""
        self._columns = {name: index for index, name in enumerate(names)}

    def take(self, place: str, cells: Mapping[str, str]) -> None:
        """Adds a row, unless it has no usable prompt or is one again."""
        text = cells.get(TEXT_COLUMN, "")
        if not text.strip():
            self.leave(place, "no prompt")
        elif len(text) > MAX_PROMPT_CHARACTERS:
            self.leave(place, TOO_LONG)
        elif not all(map(_is_writable, cells.values())):
            self.leave(place, "holds what is no character")
        else:
            self._add(place, cells)

    def leave(self, place: str, reason: str) -> None:
        """Notes something that is not taken."""
        if reason not in self._left_out and len(self._left_out) >= MAX_REASONS:
            reason = "for other reasons"
        before = self._left_out.get(reason)
        self._left_out[reason] = LeftOut(
            reason, before.place if before else place, before.count + 1 if before else 1
        )

    def imported(self, what: str) -> Imported:
        """All that was collected."""
        return Imported(
            Rows(tuple(self._columns), self._rows), tuple(self._left_out.values()), what
        )

    def _add(self, place: str, cells: Mapping[str, str]) -> None:
        for name in cells:
            if name not in self._columns:
                self._columns[name] = len(self._columns)
        row = tuple(cells.get(name, "") for name in self._columns)
        while len(row) > 1 and not row[-1]:
            row = row[:-1]
        if row in self._seen:
            self.leave(place, "the same as an earlier row")
        else:
            self._seen.add(row)
            self._rows.append(row)


def our_name(name: str) -> str:
    """Our name for a column or key of another program; its own if we have none."""
    plain = name.strip().lower()
    if plain in TEXT_NAMES:
        return TEXT_COLUMN
    if plain in IMAGE_NAMES:
        return IMAGE_COLUMN
    return OTHER_NAMES.get(plain, name.strip())


def _is_writable(text: str) -> bool:
    """False for lone surrogates, which no file can hold."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
