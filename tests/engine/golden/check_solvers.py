"""Golden check of the schedules and solvers: levels exact, trajectories from recorded velocities.

Groups are named `n<steps>.shift<shift>`. Each is driven through `denoise` with the recorded
velocities, as picture and as sound at once, so the very loop of a render is what is compared.
"""

import re

import torch
from torch import Tensor

from ovi.denoise import denoise
from ovi.solvers import Solver, solver_for
from ovi.types import Latents
from tests.engine.golden.cases import Case, assert_golden


def check(case: Case) -> None:
    """Every group of one solver's case file."""
    groups = case.groups(".timesteps")
    assert groups, f"{case.file} holds no schedule"
    for group in groups:
        _check_group(case, group)


def _check_group(case: Case, group: str) -> None:
    where = f"{case.file} {group}"
    match = re.fullmatch(r"n(\d+)\.shift(\d+(?:\.\d+)?)", group)
    assert match, f"{where}: not a name such as n50.shift5"
    solver = solver_for(case.about["solver"], int(match[1]), float(match[2]))

    timesteps = torch.tensor(solver.schedule.timesteps)
    sigmas = torch.tensor(solver.schedule.sigmas, dtype=torch.float32)
    for name, ours in (("timesteps", timesteps), ("sigmas", sigmas)):
        expected = case.tensors[f"{group}.{name}"]
        assert ours.dtype == expected.dtype, f"{where} {name}: {ours.dtype}, not {expected.dtype}"
        assert torch.equal(ours, expected), f"{where} {name} differ: {ours} against {expected}"

    start, velocities = case.tensors["x0"], case.tensors[f"{group}.velocity"]
    expected = case.tensors[f"{group}.trajectory"]
    for modality, trajectory in _trajectories(solver, start, velocities).items():
        assert_golden(trajectory, expected, case.tolerance, f"{where} {modality} trajectory")

    # Velocities of a bfloat16 model must not cost more than their own rounding: the state stays
    # float32, unlike that of `trajectory_bf16`, which drifts.
    if case.bf16_vs_fp32 is not None:
        rounded = _trajectories(solver, start.bfloat16(), velocities.bfloat16())["video"]
        assert_golden(rounded, expected, 2 * case.bf16_vs_fp32, f"{where} bfloat16 trajectory")


def _trajectories(solver: Solver, start: Tensor, velocities: Tensor) -> dict[str, Tensor]:
    """All latents of a run, the start included, as picture and as sound."""
    steps = [Latents(start.float(), start.float())]
    recorded = iter(velocities)

    def velocity(_latents: Latents, _timestep: Tensor) -> tuple[Tensor, Tensor]:
        value = next(recorded)
        return value, value

    denoise(velocity, solver, steps[0], on_step=lambda _i, _n, latents: steps.append(latents))
    return {
        "video": torch.stack([latents.video for latents in steps]),
        "audio": torch.stack([latents.audio for latents in steps]),
    }
