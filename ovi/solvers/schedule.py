"""Noise levels and timesteps of a run: plain numbers, no tensors.

A sample at noise level `sigma` is (1 - sigma) * clean + sigma * noise. Each solver walks its own
list of levels down to 0, and tells the model its own timesteps. The published checkpoints are
used with exactly these lists, oddities included; each oddity is named where it is made.
"""

import math
from ctypes import c_float
from dataclasses import dataclass
from itertools import pairwise

from ovi.errors import RequestError

TRAINED_TIMESTEPS = 1000
"""The model counts noise from 0 (clean) to this (pure noise)."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """The noise levels of one run and what the model is told at each."""

    sigmas: tuple[float, ...]
    """num_steps + 1 levels from about 1, strictly decreasing, the last 0; float32 values."""

    timesteps: tuple[int, ...] | tuple[float, ...]
    """num_steps values in [0, 1000]; ints go to the model as int64, floats as float32."""

    @property
    def num_steps(self) -> int:
        """Model evaluations, which is solver steps."""
        return len(self.timesteps)


def unipc_schedule(num_steps: int, shift: float) -> Schedule:
    """UniPC's levels: shifted once, from 0.999 before the shift (0.9998 at shift 5), not from 1.

    Raises RequestError if num_steps < 1, shift <= 0, or the levels coincide in float32.
    """
    _check_arguments(num_steps, shift)
    start = _float32(1 - 1 / TRAINED_TIMESTEPS)
    levels = _evenly_spaced(start, 0.0, num_steps + 1)[:-1]
    return _whole_timesteps([_shifted(level, shift) for level in levels], shift)


def dpmpp_schedule(num_steps: int, shift: float) -> Schedule:
    """DPM-Solver++'s levels: shifted once, from exactly 1.

    Raises RequestError if num_steps < 1, shift <= 0, or the levels coincide in float32.
    """
    _check_arguments(num_steps, shift)
    levels = _evenly_spaced(1.0, 0.0, num_steps + 1)[:-1]
    return _whole_timesteps([_shifted(level, shift) for level in levels], shift)


def euler_schedule(num_steps: int, shift: float) -> Schedule:
    """Euler's levels: from 1; both ends are shifted twice, so the lower is 0.0244 at shift 5.

    The first level is 1 up to float32 rounding, which can leave it a trace above or below.
    Raises RequestError if num_steps < 1, shift <= 0, or the levels coincide in float32.
    """
    _check_arguments(num_steps, shift)
    highest = TRAINED_TIMESTEPS * _shifted_float32(1.0, shift)
    lowest = TRAINED_TIMESTEPS * _shifted_float32(1 / TRAINED_TIMESTEPS, shift)
    levels = [t / TRAINED_TIMESTEPS for t in _evenly_spaced(highest, lowest, num_steps)]
    sigmas = _finish([_shifted(level, shift) for level in levels], shift)
    timesteps = tuple(_float32(TRAINED_TIMESTEPS * sigma) for sigma in sigmas[:-1])
    return Schedule(sigmas, timesteps)


def _check_arguments(num_steps: int, shift: float) -> None:
    if num_steps < 1:
        raise RequestError(f"num_steps is {num_steps}; a render needs at least 1 step (usual: 50).")
    if not 0 < shift < math.inf:
        raise RequestError(
            f"shift is {shift}; it must be above 0 and finite (usual: 5.0; 1.0 shifts nothing)."
        )


def _evenly_spaced(start: float, stop: float, count: int) -> list[float]:
    """`count` levels from start to stop, both included, rounded as the published lists are.

    The rounding decides which timestep truncation yields: at shift 1 and 20 steps the last
    timestep is 49, because its level falls just below 0.05.
    """
    if count == 1:
        return [start]
    step = (stop - start) / (count - 1)
    return [start + i * step for i in range(count)]


def _shifted(level: float, shift: float) -> float:
    """The level moved towards 1 for shift > 1, so that more steps are spent on strong noise.

    Source: timestep shifting for rectified flow, "Scaling Rectified Flow Transformers" (2024).
    """
    return shift * level / (1 + (shift - 1) * level)


def _shifted_float32(level: float, shift: float) -> float:
    """`_shifted` with every operation rounded to float32."""
    level = _float32(level)
    denominator = _float32(1 + _float32(_float32(shift - 1) * level))
    return _float32(_float32(_float32(shift) * level) / denominator)


def _whole_timesteps(levels: list[float], shift: float) -> Schedule:
    """Timesteps truncated to whole numbers, from the levels before these go to float32."""
    timesteps = tuple(int(level * TRAINED_TIMESTEPS) for level in levels)
    return Schedule(_finish(levels, shift), timesteps)


def _finish(levels: list[float], shift: float) -> tuple[float, ...]:
    """The levels as float32 values with the final 0; refuses levels that float32 cannot tell apart.

    Equal neighbours would divide by zero in the multistep solvers.
    """
    sigmas = (*(_float32(level) for level in levels), 0.0)
    if not all(upper > lower for upper, lower in pairwise(sigmas)):
        raise RequestError(
            f"With shift {shift:g} and {len(levels)} steps, neighbouring noise levels are equal in "
            f"float32; use a shift nearer to 1 (usual: 5.0) or fewer steps."
        )
    return sigmas


def _float32(value: float) -> float:
    """The float32 value nearest to `value`; infinite beyond its range."""
    return c_float(value).value
