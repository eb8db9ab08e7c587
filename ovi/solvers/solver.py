"""What every solver offers, and what it remembers between steps.

Picture and sound share one solver and each keep a history of their own. A solver holds no state:
the history goes in and a new one comes out, so a run can be kept, resumed or branched.
"""

from dataclasses import dataclass
from typing import Protocol

from torch import Tensor

from ovi.solvers.schedule import Schedule


@dataclass(frozen=True, slots=True, eq=False)
class History:
    """What a multistep solver remembers; empty before the first step, and always for Euler."""

    clean: tuple[Tensor, ...] = ()
    """Clean predictions of earlier steps, newest first."""

    sample: Tensor | None = None
    """The sample from which the latest step set out (UniPC, which corrects that step later)."""


class Solver(Protocol):
    """Walks a sample from noise to clean along its schedule."""

    @property
    def schedule(self) -> Schedule:
        """The noise levels it walks, and the timesteps it wants the model to be told."""
        ...

    def step(
        self, index: int, velocity: Tensor, sample: Tensor, history: History
    ) -> tuple[Tensor, History]:
        """The sample at `sigmas[index + 1]`, and the history for the next step.

        `velocity` is the prediction noise - clean for `sample`, which stands at `sigmas[index]`;
        both float32 and of one shape. Steps go from index 0 upwards, the first with `History()`.
        """
        ...


def predict_clean(sample: Tensor, velocity: Tensor, sigma: float) -> Tensor:
    """The clean sample that `velocity` points to from `sample` at noise level `sigma`."""
    return sample - sigma * velocity
