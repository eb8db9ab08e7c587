"""Noise levels and timesteps: the published oddities, and the arguments that give none."""

import math
from itertools import pairwise

import pytest

from ovi.errors import RequestError
from ovi.solvers.schedule import dpmpp_schedule, euler_schedule, unipc_schedule

SCHEDULES = {"unipc": unipc_schedule, "dpm++": dpmpp_schedule, "euler": euler_schedule}
every_schedule = pytest.mark.parametrize("build", SCHEDULES.values(), ids=SCHEDULES.keys())


@every_schedule
@pytest.mark.parametrize(
    ("num_steps", "shift"), [(1, 5), (2, 5), (60, 20), (300, 5), (1000, 5), (1000, 20), (50, 0.3)]
)
def test_levels_fall_strictly_to_zero(build, num_steps, shift):
    schedule = build(num_steps, shift)
    assert schedule.num_steps == len(schedule.timesteps) == len(schedule.sigmas) - 1 == num_steps
    assert all(upper > lower for upper, lower in pairwise(schedule.sigmas))
    assert schedule.sigmas[-1] == 0
    assert all(upper >= lower for upper, lower in pairwise(schedule.timesteps))


def test_unipc_starts_below_one_with_whole_timesteps():
    schedule = unipc_schedule(50, 5.0)
    assert schedule.sigmas[0] == pytest.approx(0.9998, abs=1e-6)
    assert schedule.timesteps[0] == 999
    assert all(isinstance(t, int) for t in schedule.timesteps)


def test_dpmpp_starts_at_one_and_truncates_as_published():
    assert dpmpp_schedule(50, 5.0).sigmas[0] == 1.0
    assert dpmpp_schedule(50, 5.0).timesteps[0] == 1000
    assert dpmpp_schedule(20, 1.0).timesteps[-1] == 49


def test_euler_shifts_its_lower_end_twice():
    schedule = euler_schedule(2, 5.0)
    assert schedule.sigmas == pytest.approx((1.0, 0.024414, 0.0), abs=1e-6)
    assert schedule.timesteps == pytest.approx((1000.0, 24.414), abs=1e-3)
    assert all(isinstance(t, float) for t in schedule.timesteps)
    assert euler_schedule(50, 5.0).sigmas[-2] == schedule.sigmas[-2]


def test_euler_shifts_its_upper_end_in_float32():
    """Recorded from diffusers' FlowMatchEulerDiscreteScheduler."""
    schedule = euler_schedule(299, 0.28)
    assert schedule.sigmas[:2] == (1.0000004768371582, 0.9881215691566467)
    assert schedule.timesteps[:2] == (1000.00048828125, 988.12158203125)


def test_shift_one_spaces_levels_evenly():
    assert dpmpp_schedule(4, 1.0).sigmas == (1.0, 0.75, 0.5, 0.25, 0.0)


@every_schedule
@pytest.mark.parametrize("shift", [0, -1.0, math.nan, math.inf])
def test_a_shift_without_schedule_is_refused(build, shift):
    with pytest.raises(RequestError, match=r"shift is .* above 0"):
        build(50, shift)


@every_schedule
@pytest.mark.parametrize("num_steps", [0, -3])
def test_no_steps_are_refused(build, num_steps):
    with pytest.raises(RequestError, match="at least 1 step"):
        build(num_steps, 5.0)


@every_schedule
@pytest.mark.parametrize("shift", [1e9, 1e60])
def test_a_shift_that_makes_levels_coincide_is_refused(build, shift):
    with pytest.raises(RequestError, match="equal in float32"):
        build(50, shift)
