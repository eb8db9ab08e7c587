"""UniPC: DPM-Solver++'s prediction, corrected one step later without another model evaluation."""

from dataclasses import dataclass
from math import expm1

from torch import Tensor

from ovi.solvers.multistep import log_odds, predict, predictor_order, travel
from ovi.solvers.schedule import Schedule
from ovi.solvers.solver import History, predict_clean


@dataclass(frozen=True, slots=True)
class UniPC:
    """Predictor of second order, corrector that raises the order of the step before by one.

    Its predictor of second order is the multistep solver's, so only the corrector lives here.
    Source: Zhao et al. 2023, "UniPC", with data prediction and B(h) = e^h - 1 ("bh2").
    """

    schedule: Schedule

    def step(
        self, index: int, velocity: Tensor, sample: Tensor, history: History
    ) -> tuple[Tensor, History]:
        """See `Solver.step`; the history keeps two clean predictions and the corrected sample.

        The clean prediction belongs to the sample the model saw, before its correction.
        """
        sigmas = self.schedule.sigmas
        clean = predict_clean(sample, velocity, sigmas[index])
        if index > 0:
            sample = self._correct(index, clean, history)
        next_sample = predict(sigmas, index, sample, clean, history.clean)
        return next_sample, History(clean=(clean, *history.clean[:1]), sample=sample)

    def _correct(self, index: int, clean: Tensor, history: History) -> Tensor:
        """The step to `sigmas[index]` taken again, now knowing the prediction at its end.

        With as many earlier predictions as the first attempt used.
        """
        sigmas = self.schedule.sigmas
        departed, departure_clean = history.sample, history.clean[0]
        assert departed is not None, "UniPC needs the history that its last step returned"
        gain = clean - departure_clean
        if predictor_order(index - 1, self.schedule.num_steps) == 1:
            mean_clean = departure_clean + 0.5 * gain
        else:
            before, departure, arrival = (log_odds(s) for s in sigmas[index - 2 : index + 1])
            h = arrival - departure
            node = (before - departure) / h
            old_weight, new_weight = _corrector_weights(h, node)
            slope = (history.clean[1] - departure_clean) / node
            mean_clean = departure_clean + old_weight * slope + new_weight * gain
        return travel(departed, mean_clean, sigmas[index - 1], sigmas[index])


def _corrector_weights(h: float, node: float) -> tuple[float, float]:
    """Weights of the slope at `node` (in steps, negative) and at the arrival, for a step of h > 0.

    They make the mean of the clean prediction over the step exact for lines and parabolas in
    lambda: the solution of  old + new = b1,  node * old + new = b2,  where b1 and b2 are the
    normalised first and second moments of e^lambda over the step.
    """
    z = -h
    growth = expm1(z)
    first = growth / z - 1
    second = first / z - 0.5
    b1, b2 = first / growth, 2 * second / growth
    old = (b1 - b2) / (1 - node)
    return old, b1 - old
