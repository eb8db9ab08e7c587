"""Flow-matching solvers: a velocity in, the next sample out. Chosen by name."""

from collections.abc import Callable
from difflib import get_close_matches

from ovi.errors import RequestError
from ovi.solvers.dpmpp import DPMPlusPlus
from ovi.solvers.euler import Euler
from ovi.solvers.schedule import dpmpp_schedule, euler_schedule, unipc_schedule
from ovi.solvers.solver import History, Solver
from ovi.solvers.unipc import UniPC
from ovi.spec.request import SOLVERS

__all__ = ["SOLVERS", "History", "Solver", "solver_for"]

_BUILDERS: dict[str, Callable[[int, float], Solver]] = {
    "unipc": lambda num_steps, shift: UniPC(unipc_schedule(num_steps, shift)),
    "dpm++": lambda num_steps, shift: DPMPlusPlus(dpmpp_schedule(num_steps, shift)),
    "euler": lambda num_steps, shift: Euler(euler_schedule(num_steps, shift)),
}


def solver_for(name: str, num_steps: int, shift: float) -> Solver:
    """The solver called `name`, with the schedule of num_steps >= 1 steps and shift > 0.

    Raises RequestError for an unknown name, or a schedule that cannot be made.
    """
    if name not in _BUILDERS:
        close = get_close_matches(name.lower(), SOLVERS, n=1, cutoff=0.5)
        suggestion = f" Did you mean {close[0]!r}?" if close else ""
        raise RequestError(f"Unknown solver {name!r}; known: {', '.join(SOLVERS)}.{suggestion}")
    return _BUILDERS[name](num_steps, shift)
