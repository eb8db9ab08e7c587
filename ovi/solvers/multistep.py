"""The exponential step that DPM-Solver++ and UniPC share.

Both integrate in lambda = ln((1 - sigma) / sigma), in which the flow's linear part is solved
exactly. If the clean prediction held still on the way from sigma to sigma', the sample would
arrive at

    r * sample + (1 - r) * clean,    r = sigma' / sigma

so a higher order only has to move `clean` towards its mean over the step. In this form nothing
is infinite at sigma 1 or 0.

Source: DPM-Solver++ (Lu et al. 2022), the second-order multistep solver with data prediction,
rewritten for the straight paths of a flow-matching model.
"""

import math

from torch import Tensor


def log_odds(sigma: float) -> float:
    """lambda at noise level `sigma` in [0, 1]; -inf at pure noise, inf at clean."""
    if sigma == 0:
        return math.inf
    if sigma == 1:
        return -math.inf
    return math.log1p(-sigma) - math.log(sigma)


def travel(sample: Tensor, clean: Tensor, sigma: float, next_sigma: float) -> Tensor:
    """The sample at `next_sigma`, if the clean prediction is `clean` all the way from `sigma`."""
    ratio = next_sigma / sigma
    return ratio * sample + (1 - ratio) * clean


def predict(
    sigmas: tuple[float, ...],
    index: int,
    sample: Tensor,
    clean: Tensor,
    earlier_clean: tuple[Tensor, ...],
) -> Tensor:
    """The sample at `sigmas[index + 1]`, of second order wherever that is possible.

    `clean` is the prediction at `index`, `earlier_clean` those before it, newest first.
    """
    if predictor_order(index, len(sigmas) - 1) == 2:
        before, here, after = (log_odds(sigma) for sigma in sigmas[index - 1 : index + 2])
        # Half the step, in units of the last one: the line through the two predictions, read in
        # the middle of this step. A last step that came from sigma 1 is infinitely long: slope 0.
        reach = 0.5 * (after - here) / (here - before)
        clean = clean + reach * (clean - earlier_clean[0])
    return travel(sample, clean, sigmas[index], sigmas[index + 1])


def predictor_order(index: int, num_steps: int) -> int:
    """1 on the first step, which knows no earlier prediction, and on the last; else 2.

    The last step ends at lambda = inf, where a slope in lambda means nothing.
    """
    return 1 if index in (0, num_steps - 1) else 2
