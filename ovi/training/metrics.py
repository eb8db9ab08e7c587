"""The numbers of a run: a CSV file of all of them, and one line on the screen."""

import csv
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TextIO

import torch
from torch import Tensor


class RunningMeans:
    """Means of losses over some steps, kept on the device: reading one waits for the device."""

    def __init__(self) -> None:
        self._sums: dict[str, Tensor] = {}
        self._count = 0

    def add(self, values: Mapping[str, Tensor]) -> None:
        """Counts one step's losses."""
        for name, value in values.items():
            value = value.detach().float()
            self._sums[name] = self._sums[name] + value if name in self._sums else value.clone()
        self._count += 1

    def take(self) -> dict[str, float]:
        """The means since the last call."""
        if not self._count:
            return {}
        names = list(self._sums)
        means = (torch.stack([self._sums[name] for name in names]) / self._count).tolist()
        self._sums, self._count = {}, 0
        return dict(zip(names, means, strict=True))


class MetricsFile:
    """`metrics.csv` of a run folder; a resumed run first drops the rows after its step."""

    def __init__(self, path: Path, step: int) -> None:
        self.path = path
        self._rows: list[dict[str, str]] = []
        if path.is_file():
            with path.open(newline="", encoding="utf-8") as file:
                self._rows = [row for row in csv.DictReader(file) if int(row["step"]) <= step]
            if self._rows:
                self._write_all(list(self._rows[0]))

    def append(self, values: Mapping[str, float | int]) -> None:
        """One row; the first one ever written names the columns."""
        is_new = not self.path.is_file() or not self._rows
        row = {name: _number(value) for name, value in values.items()}
        self._rows.append(row)
        if is_new:
            self._write_all(list(row))
            return
        with self.path.open("a", newline="", encoding="utf-8") as file:
            csv.DictWriter(file, list(self._rows[0]), extrasaction="ignore").writerow(row)

    def _write_all(self, columns: list[str]) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, columns, extrasaction="ignore")
            writer.writeheader()
            writer.writerows(self._rows)


class ProgressLine:
    """One line that is written over on a terminal; elsewhere a line now and then."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self.stream = sys.stderr if stream is None else stream

    def show(self, progress: float, values: Mapping[str, float | int]) -> None:
        """Shows how far the run is, and its latest numbers."""
        text = " ".join(f"{name} {_number(value)}" for name, value in values.items())
        start, end = ("\r\x1b[K", "") if self.stream.isatty() else ("", "\n")
        self.stream.write(f"{start}{progress:4.0%} {text}{end}")
        self.stream.flush()


def _number(value: float | int) -> str:
    return str(value) if isinstance(value, int) else f"{value:.5g}"
