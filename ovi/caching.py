"""Caches of a guided velocity: model passes that are left out, each at a price.

- **Guidance cache.** Late in a run the difference between positive and negative pass hardly moves:
  from some step on, the negative pass is run only every so many steps, and the last difference
  stands in for it in between.
- **Step cache.** While a pass would answer nearly what it answered before, that answer is kept. How
  nearly is estimated from how much answers moved for each move of the latents, the last time
  both were seen; picture and sound are looked at apart, and the one that moves more decides. Each
  pass has a state of its own. Source of the idea: EasyCache and TeaCache, 2025, with an estimate of
  our own.

Both change pixels, so `Caching` is part of a request. They wrap what `guided_velocity` returns and
know nothing of models; one `CachedVelocity` serves one clip, its steps in order.
"""

from dataclasses import dataclass

from torch import Tensor

from ovi.guidance import GuidedVelocity, Velocity, guide
from ovi.spec.request import Caching
from ovi.types import Latents

FIRST_STEPS = 3
"""Always computed: the clip takes shape there, and two answers are needed for an estimate."""

LAST_STEPS = 1
"""Always computed: nobody corrects them."""

Pair = tuple[Tensor, Tensor]
"""Of the picture (B, C, F, H, W), and of the sound (B, L, C)."""


class CachedVelocity:
    """A `Velocity` in float32 for the steps of one clip, in order from the first."""

    def __init__(self, guided: GuidedVelocity, caching: Caching, num_steps: int) -> None:
        self._guided = guided
        self._caching = caching
        self._num_steps = num_steps
        self._index = 0
        self._positive = _KeptPass(guided.positive, caching.step_threshold)
        self._negative = _KeptPass(guided.negative, caching.step_threshold)
        self._gap: Pair | None = None
        """positive less negative answer, when the negative pass was last asked"""
        self._gap_index = 0

    def __call__(self, latents: Latents, timestep: Tensor) -> Pair:
        """Guided velocities of the next step."""
        index, self._index = self._index, self._index + 1
        assert index < self._num_steps, "one CachedVelocity serves one clip"
        must_run = index < FIRST_STEPS or index >= self._num_steps - LAST_STEPS
        positive = self._positive.answer(latents, timestep, must_run=must_run)
        scales = self._guided.video_scale, self._guided.audio_scale
        if self._gap is not None and self._keeps_gap(index, must_run=must_run):
            return (
                _pushed(positive[0], self._gap[0], scales[0]),
                _pushed(positive[1], self._gap[1], scales[1]),
            )
        negative = self._negative.answer(latents, timestep, must_run=must_run)
        self._gap = positive[0] - negative[0], positive[1] - negative[1]
        self._gap_index = index
        return (
            guide(positive[0], negative[0], scales[0]),
            guide(positive[1], negative[1], scales[1]),
        )

    def _keeps_gap(self, index: int, *, must_run: bool) -> bool:
        is_late = index >= self._caching.guidance_from * self._num_steps
        return is_late and not must_run and index - self._gap_index < self._caching.guidance_every


@dataclass(frozen=True, slots=True, eq=False)
class _Answer:
    """What a pass was asked and what it said."""

    asked: Pair
    said: Pair


class _KeptPass:
    """One pass and its last two answers."""

    def __init__(self, velocity: Velocity, threshold: float) -> None:
        self._velocity = velocity
        self._threshold = threshold
        self._last: _Answer | None = None
        self._before: _Answer | None = None

    def answer(self, latents: Latents, timestep: Tensor, *, must_run: bool) -> Pair:
        """The pass's answer, or the last one when it would be nearly the same."""
        asked = latents.video, latents.audio
        if not must_run and self._last is not None and self._is_near(asked, self._last):
            return self._last.said
        said = self._velocity(latents, timestep)
        if self._threshold > 0:
            self._before, self._last = self._last, _Answer(asked, said)
        return said

    def _is_near(self, asked: Pair, last: _Answer) -> bool:
        """Whether the answer should have moved by less than the threshold of its own size."""
        before = self._before
        if before is None:
            return False
        moves = [
            _distance(last.said[part], before.said[part])
            / _distance(last.asked[part], before.asked[part])
            * _distance(asked[part], last.asked[part])
            / last.said[part].norm()
            for part in (0, 1)
        ]
        return all(float(move) < self._threshold for move in moves)  # not so if one is no number


def _distance(one: Tensor, other: Tensor) -> Tensor:
    distance: Tensor = (one - other).norm()
    return distance


def _pushed(positive: Tensor, gap: Tensor, scale: float) -> Tensor:
    """`guide` with the difference between the passes given: positive + (scale - 1) * gap."""
    return positive.float() + (scale - 1) * gap
