"""How far a run is, and the learning rate that belongs there.

A run that is limited by time follows the clock, so that it has always finished its descent when
the time is up, on a fast machine and on a slow one. Only a run limited by steps alone can be
repeated bit for bit.
"""

import math
from dataclasses import dataclass

from ovi.training.config import OptimizerConfig


@dataclass(frozen=True, slots=True)
class Budget:
    """When a run ends: after a number of steps, after a number of seconds, or the earlier one."""

    num_steps: int | None
    seconds: float | None

    def progress(self, step: int, elapsed: float) -> float:
        """Share of the run that is over after `step` steps and `elapsed` seconds, 0 to 1."""
        by_steps = 0.0 if self.num_steps is None else step / max(self.num_steps, 1)
        by_time = 0.0 if self.seconds is None else elapsed / max(self.seconds, 1e-9)
        return min(max(by_steps, by_time), 1.0)


def learning_rate(config: OptimizerConfig, step: int, progress: float) -> float:
    """A linear rise over the warm-up, then half a cosine down to `final_share` at progress 1."""
    warmup = min(1.0, (step + 1) / max(config.warmup_steps, 1))
    fall = 0.5 * (1 + math.cos(math.pi * progress))
    return config.learning_rate * warmup * (config.final_share + (1 - config.final_share) * fall)
