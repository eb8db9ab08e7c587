"""Euler's method: one straight line a step, first order."""

from dataclasses import dataclass

from torch import Tensor

from ovi.solvers.schedule import Schedule
from ovi.solvers.solver import History


@dataclass(frozen=True, slots=True)
class Euler:
    """Follows the velocity in a straight line to the next noise level."""

    schedule: Schedule

    def step(
        self, index: int, velocity: Tensor, sample: Tensor, history: History
    ) -> tuple[Tensor, History]:
        """See `Solver.step`; the history stays as it is."""
        sigmas = self.schedule.sigmas
        return sample + (sigmas[index + 1] - sigmas[index]) * velocity, history
