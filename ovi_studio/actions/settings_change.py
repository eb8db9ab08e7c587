"""What writing a clip's settings back into its row comes to, as values: cells before and after."""

from dataclasses import dataclass

from ovi_studio.project.sets import SetRow


@dataclass(frozen=True, slots=True)
class CellChange:
    """A cell of a row, before and after."""

    column: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class SettingsChange:
    """What writing a clip's settings back comes to."""

    row: SetRow
    cells: tuple[CellChange, ...]
    """empty: the row says all of it already"""
    new_columns: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    """what cannot be written into a row, one sentence each"""
