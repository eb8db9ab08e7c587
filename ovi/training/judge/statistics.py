"""Sums marks up: shares with confidence intervals, and medians."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from ovi.training.judge.marking import Marks

NORMAL_95 = 1.959964
"""Standard deviations that hold 95 % of a normal distribution."""


@dataclass(frozen=True, slots=True)
class Share:
    """How many of how many were right, with Wilson's 95 % interval."""

    right: int
    count: int

    @property
    def value(self) -> float:
        """Between 0 and 1; 0 of 0 is 0."""
        return self.right / self.count if self.count else 0.0

    @property
    def interval(self) -> tuple[float, float]:
        """Source: E. B. Wilson, Probable inference, 1927."""
        if not self.count:
            return 0.0, 1.0
        spread = NORMAL_95**2 / self.count
        middle = (self.value + spread / 2.0) / (1.0 + spread)
        variance = self.value * (1.0 - self.value) / self.count + spread / (4.0 * self.count)
        reach = NORMAL_95 * math.sqrt(variance) / (1.0 + spread)
        return max(middle - reach, 0.0), min(middle + reach, 1.0)


@dataclass(frozen=True, slots=True)
class Summary:
    """What a set of clips achieved."""

    clips: int
    shares: dict[str, Share]
    medians: dict[str, float]

    def as_json(self) -> dict[str, object]:
        """Plain JSON values."""
        return {
            "clips": self.clips,
            "shares": {
                name: {
                    "right": share.right,
                    "count": share.count,
                    "share": round(share.value, 4),
                    "low": round(share.interval[0], 4),
                    "high": round(share.interval[1], 4),
                }
                for name, share in self.shares.items()
            },
            "medians": {name: round(value, 4) for name, value in self.medians.items()},
        }


def summarise(marks: Sequence[Marks]) -> Summary:
    """The shares of all attributes, and the medians of all measured quantities."""
    shares: dict[str, Share] = {}
    for kind in ("object", "face"):
        of_kind = [mark for mark in marks if mark.kind == kind]
        names = dict.fromkeys(name for mark in of_kind for name in mark.right)
        for name in names:
            judged = [mark.right[name] for mark in of_kind if name in mark.right]
            shares[f"{kind}: {name}"] = Share(sum(judged), len(judged))
    for motion in sorted({mark.motion for mark in marks if mark.motion}):
        judged = [mark.right["motion"] for mark in marks if mark.motion == motion]
        shares[f"motion {motion}"] = Share(sum(judged), len(judged))
    looks = [
        all(mark.right[name] for name in ("shape", "colour", "background"))
        for mark in marks
        if mark.kind == "object"
    ]
    if looks:
        shares["object: shape, colour and background together"] = Share(sum(looks), len(looks))
    offsets = [offset for mark in marks for offset in mark.offsets_ms]
    events = sum(mark.num_events for mark in marks)
    if events:
        shares["events with a sound within 250 ms"] = Share(len(offsets), events)
        near = sum(abs(offset) <= 1000.0 / 24.0 for offset in offsets)
        shares["events with a sound within one frame"] = Share(near, events)
    said = sum(mark.words_said for mark in marks)
    if said:
        shares["face: single words"] = Share(sum(mark.words_right for mark in marks), said)
    return Summary(len(marks), shares, _medians(marks, offsets))


def _medians(marks: Iterable[Marks], offsets: Sequence[float]) -> dict[str, float]:
    values: dict[str, list[float]] = {}
    for mark in marks:
        for name, value in mark.measured.items():
            values.setdefault(name, []).append(value)
    if offsets:
        values["sound behind event (ms)"] = list(offsets)
        values["sound and event apart (ms)"] = [abs(offset) for offset in offsets]
    return {name: float(np.median(found)) for name, found in values.items()}
