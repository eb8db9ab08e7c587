"""Estimates how long a render still takes, from what was seen so far."""

from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic


@dataclass(slots=True)
class _Clip:
    """One clip being rendered."""

    started: float
    stage: str | None = None
    first_step: int = 0
    stage_started: float = 0.0


class TimeLeft:
    """Watches the clips of one command. Give it every change; ask it at any time.

    A stage goes on at its mean pace so far. All clips together take the mean of those that were
    rendered, shared by the lanes; before the first one is finished nobody knows.
    """

    def __init__(
        self, num_clips: int, num_lanes: int = 1, now: Callable[[], float] = monotonic
    ) -> None:
        self._now = now
        self._num_left = num_clips
        self._num_lanes = num_lanes
        self._clips: dict[int, _Clip] = {}
        self._durations: list[float] = []

    def start(self, clip: int) -> None:
        """A worker took the clip."""
        self._clips[clip] = _Clip(self._now())

    def advance(self, clip: int, stage: str, step: int) -> None:
        """The clip has finished `step` steps of a stage."""
        watched = self._clips.setdefault(clip, _Clip(self._now()))
        if watched.stage != stage:
            watched.stage, watched.first_step, watched.stage_started = stage, step, self._now()

    def end(self, clip: int, *, was_rendered: bool) -> float | None:
        """The clip needs no more time. Returns its seconds, or None when nobody saw it start."""
        self._num_left -= 1
        watched = self._clips.pop(clip, None)
        if watched is None:
            return None
        seconds = self._now() - watched.started
        if was_rendered:
            self._durations.append(seconds)
        return seconds

    def stage_seconds(self, clip: int, step: int, num_steps: int) -> float | None:
        """Seconds until the clip's present stage ends."""
        watched = self._clips.get(clip)
        if watched is None or step <= watched.first_step:
            return None
        pace = (self._now() - watched.stage_started) / (step - watched.first_step)
        return pace * (num_steps - step)

    def all_seconds(self) -> float | None:
        """Seconds until every clip is finished."""
        if not self._durations:
            return None
        mean = sum(self._durations) / len(self._durations)
        spent = sum(min(self._now() - clip.started, mean) for clip in self._clips.values())
        num_at_once = max(1, min(self._num_lanes, self._num_left))
        return max(0.0, mean * self._num_left - spent) / num_at_once
