"""DPM-Solver++ (2M): second order from the predictions of this step and the last."""

from dataclasses import dataclass

from torch import Tensor

from ovi.solvers.multistep import predict
from ovi.solvers.schedule import Schedule
from ovi.solvers.solver import History, predict_clean


@dataclass(frozen=True, slots=True)
class DPMPlusPlus:
    """Predicts from a line through the last two clean predictions.

    Source: Lu et al. 2022, "DPM-Solver++", the multistep solver of second order, midpoint form.
    """

    schedule: Schedule

    def step(
        self, index: int, velocity: Tensor, sample: Tensor, history: History
    ) -> tuple[Tensor, History]:
        """See `Solver.step`; the history keeps one clean prediction."""
        sigmas = self.schedule.sigmas
        clean = predict_clean(sample, velocity, sigmas[index])
        return predict(sigmas, index, sample, clean, history.clean), History(clean=(clean,))
