"""The solvers on flows whose solution is known."""

import math

import pytest
import torch
from torch import Tensor

from ovi.errors import RequestError
from ovi.solvers import SOLVERS, History, Solver, solver_for

every_solver = pytest.mark.parametrize("name", SOLVERS)
CLEAN_WIDTH = 0.5


def normal_velocity(sample: Tensor, sigma: float) -> Tensor:
    """E[noise - clean | sample], exactly, when clean is normal with standard deviation 0.5."""
    variance = CLEAN_WIDTH**2
    return sample * (sigma - (1 - sigma) * variance) / _variance_at(sigma)


def normal_solution(start: Tensor, sigma: float) -> Tensor:
    """Where that flow takes `start` from `sigma`: its width shrinks to that of clean."""
    return start * CLEAN_WIDTH / math.sqrt(_variance_at(sigma))


def _variance_at(sigma: float) -> float:
    return ((1 - sigma) * CLEAN_WIDTH) ** 2 + sigma**2


def solve(solver: Solver, start: Tensor, velocity) -> Tensor:
    sample, history = start, History()
    for index, sigma in enumerate(solver.schedule.sigmas[:-1]):
        sample, history = solver.step(index, velocity(sample, sigma), sample, history)
    return sample


def error_on_normal_flow(name: str, num_steps: int, shift: float) -> float:
    solver = solver_for(name, num_steps, shift)
    start = torch.tensor([1.7], dtype=torch.float64)
    expected = normal_solution(start, solver.schedule.sigmas[0])
    return float((solve(solver, start, normal_velocity) - expected).abs())


@pytest.mark.parametrize(("name", "order"), [("euler", 1), ("dpm++", 2), ("unipc", 2)])
def test_error_falls_with_the_order_of_the_solver(name, order):
    # Euler's schedule at shift 1 is the plain one but for its last level of 0.001.
    coarse, fine = (error_on_normal_flow(name, n, 1.0) for n in (64, 128))
    assert math.log2(coarse / fine) == pytest.approx(order, abs=0.3)


def test_the_corrector_makes_unipc_more_accurate_than_its_predictor():
    assert error_on_normal_flow("unipc", 128, 1.0) < 0.5 * error_on_normal_flow("dpm++", 128, 1.0)


@every_solver
@pytest.mark.parametrize("num_steps", [1, 2, 3, 10])
def test_a_straight_flow_is_solved_exactly(name, num_steps):
    """From one known clean sample the velocity is constant, so every order is exact."""
    solver = solver_for(name, num_steps, 5.0)
    clean, noise = torch.tensor([0.25, -2.0]), torch.tensor([1.5, 0.5])
    sigma = solver.schedule.sigmas[0]
    end = solve(solver, (1 - sigma) * clean + sigma * noise, lambda _x, _s: noise - clean)
    torch.testing.assert_close(end, clean, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    ("num_steps", "shift", "accuracy"),
    [(60, 20, 0.2), (300, 5, 1e-3), (1000, 3, 1e-4), (1000, 20, 1e-3)],
)
def test_repeated_whole_timesteps_do_not_disturb_unipc(num_steps, shift, accuracy):
    """Sizes at which looking the first step up by its timestep finds the second."""
    timesteps = solver_for("unipc", num_steps, shift).schedule.timesteps
    assert timesteps[0] == timesteps[1]
    assert error_on_normal_flow("unipc", num_steps, shift) < accuracy


@every_solver
def test_a_step_leaves_its_arguments_alone(name):
    solver = solver_for(name, 4, 5.0)
    sample, velocity = torch.ones(3), torch.full((3,), 0.5)
    _, history = solver.step(0, velocity, sample, History())
    second, _ = solver.step(1, velocity, sample, history)
    again, _ = solver.step(1, velocity, sample, history)
    assert torch.equal(second, again)
    assert torch.equal(sample, torch.ones(3))


@pytest.mark.parametrize(("name", "num_kept"), [("euler", 0), ("dpm++", 1), ("unipc", 3)])
def test_the_history_does_not_grow(name, num_kept):
    solver, history = solver_for(name, 10, 5.0), History()
    sample = torch.ones(2)
    for index in range(10):
        sample, history = solver.step(index, sample.tanh(), sample, history)
    assert len(history.clean) + (history.sample is not None) == num_kept


@every_solver
def test_the_state_stays_float32(name):
    sample, _ = solver_for(name, 3, 5.0).step(0, torch.ones(2), torch.ones(2), History())
    assert sample.dtype == torch.float32


@every_solver
def test_solvers_leave_the_global_random_numbers_alone(name):
    before = torch.random.get_rng_state()
    error_on_normal_flow(name, 5, 5.0)
    assert torch.equal(before, torch.random.get_rng_state())


@pytest.mark.parametrize(
    ("typed", "meant"), [("dpmpp", "dpm++"), ("UniPC", "unipc"), ("eulr", "euler")]
)
def test_an_unknown_solver_is_named_beside_the_known_ones(typed, meant):
    with pytest.raises(RequestError) as raised:
        solver_for(typed, 50, 5.0)
    message = str(raised.value)
    assert all(name in message for name in (repr(typed), *SOLVERS))
    assert f"Did you mean {meant!r}?" in message


def test_a_name_like_no_solver_gets_no_guess():
    with pytest.raises(RequestError, match=r"known: unipc, dpm\+\+, euler\.$"):
        solver_for("xyz", 50, 5.0)
