"""The loop: the right values reach the velocity, the solver and the caller, in the right order."""

import pytest
import torch

from ovi.denoise import denoise
from ovi.errors import Cancelled, NumericalError
from ovi.solvers import SOLVERS, solver_for
from ovi.types import Latents

every_solver = pytest.mark.parametrize("name", SOLVERS)
VIDEO_SHAPE, AUDIO_SHAPE = (1, 3, 4, 2, 2), (1, 7, 5)


def noise(seed: int = 0, batch: int = 1) -> Latents:
    generator = torch.Generator().manual_seed(seed)
    return Latents(
        torch.randn((batch, *VIDEO_SHAPE[1:]), generator=generator),
        torch.randn((batch, *AUDIO_SHAPE[1:]), generator=generator),
    )


def towards(clean: Latents, start: Latents, sigma: float):
    """The constant velocity of the straight paths from `start`, at `sigma`, to `clean`."""
    return lambda _latents, _timestep: (
        (start.video - clean.video) / sigma,
        (start.audio - clean.audio) / sigma,
    )


@every_solver
def test_a_known_velocity_leads_to_its_clean_latents(name):
    solver, start, clean = solver_for(name, 6, 5.0), noise(1), noise(2)
    end = denoise(towards(clean, start, solver.schedule.sigmas[0]), solver, start)
    torch.testing.assert_close(end.video, clean.video, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(end.audio, clean.audio, rtol=1e-4, atol=1e-4)


@every_solver
def test_picture_and_sound_keep_separate_histories(name):
    """Each modality comes out as it would beside any other."""
    solver, start = solver_for(name, 6, 5.0), noise()
    alone = denoise(lambda x, _: (x.video.tanh(), x.audio.sin()), solver, start)
    other = denoise(lambda x, _: (x.video.cos(), x.audio.sin()), solver, start)
    assert torch.equal(alone.audio, other.audio)
    assert not torch.equal(alone.video, other.video)


@pytest.mark.parametrize(
    ("name", "dtype"),
    [("unipc", torch.int64), ("dpm++", torch.int64), ("euler", torch.float32)],
)
def test_the_velocity_is_told_the_solvers_timesteps(name, dtype):
    solver, told = solver_for(name, 4, 5.0), []

    def velocity(latents, timestep):
        told.append(timestep)
        return latents.video, latents.audio

    denoise(velocity, solver, noise(batch=2))
    assert [t.tolist() for t in told] == [[v, v] for v in solver.schedule.timesteps]
    assert {t.dtype for t in told} == {dtype}


def test_the_state_is_float32_whatever_goes_in():
    start = Latents(noise().video.bfloat16(), noise().audio.bfloat16())
    seen = []

    def velocity(latents, _timestep):
        seen.append((latents.video.dtype, latents.audio.dtype))
        return latents.video.bfloat16(), latents.audio.bfloat16()

    end = denoise(velocity, solver_for("unipc", 3, 5.0), start)
    assert set(seen) == {(torch.float32, torch.float32)}
    assert end.video.dtype == end.audio.dtype == torch.float32


@every_solver
@pytest.mark.parametrize("num_frames_batch", [1, 2])
def test_the_first_frame_is_in_place_in_every_step_and_at_the_end(name, num_frames_batch):
    first_frame = torch.full((num_frames_batch, 3, 1, 2, 2), 7.0)
    start = noise(batch=2)
    untouched = start.video.clone()
    seen = []

    def velocity(latents, _timestep):
        seen.append(latents.video)
        return latents.video.tanh(), latents.audio

    after_steps = []
    end = denoise(
        velocity,
        solver_for(name, 4, 5.0),
        start,
        first_frame=first_frame,
        on_step=lambda _i, _n, latents: after_steps.append(latents.video),
    )
    for video in (*seen, *after_steps, end.video):
        assert (video[:, :, 0] == 7.0).all()
        assert not (video[:, :, 1:] == 7.0).any()
    assert torch.equal(start.video, untouched)


@every_solver
def test_other_frames_move_as_they_would_without_a_first_frame(name):
    """A velocity that treats each value alone shows that pinning changes frame 0 and no other."""

    def velocity(latents, _timestep):
        return latents.video.tanh(), latents.audio.tanh()

    solver, start = solver_for(name, 5, 5.0), noise()
    free = denoise(velocity, solver, start)
    pinned = denoise(velocity, solver, start, first_frame=torch.zeros(1, 3, 1, 2, 2))
    assert torch.equal(free.video[:, :, 1:], pinned.video[:, :, 1:])
    assert torch.equal(free.audio, pinned.audio)


def test_on_step_follows_every_step_with_its_latents():
    reports = []
    end = denoise(
        lambda x, _: (x.video, x.audio),
        solver_for("euler", 3, 5.0),
        noise(),
        on_step=lambda *report: reports.append(report),
    )
    assert [(index, num_steps) for index, num_steps, _ in reports] == [(0, 3), (1, 3), (2, 3)]
    assert torch.equal(reports[-1][2].video, end.video)


def test_on_step_stops_the_loop_by_raising():
    num_calls = 0

    def velocity(latents, _timestep):
        nonlocal num_calls
        num_calls += 1
        return latents.video, latents.audio

    def stop_after_two(index, _num_steps, _latents):
        if index == 1:
            raise Cancelled("stopped")

    with pytest.raises(Cancelled):
        denoise(velocity, solver_for("unipc", 10, 5.0), noise(), on_step=stop_after_two)
    assert num_calls == 2


@pytest.mark.parametrize(
    ("broken", "named"), [("video", "video"), ("audio", "audio"), ("both", "video and audio")]
)
@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_values_that_are_not_finite_name_modality_and_step(broken, named, value):
    step = 0

    def velocity(latents, _timestep):
        nonlocal step
        step += 1
        video, audio = latents.video.clone(), latents.audio.clone()
        if step == 3:
            if broken in ("video", "both"):
                video[0, 0, 1, 0, 0] = value
            if broken in ("audio", "both"):
                audio[0, 0, 0] = value
        return video, audio

    with pytest.raises(NumericalError, match=f"The {named} latents .* after step 3 of 5"):
        denoise(velocity, solver_for("unipc", 5, 5.0), noise())
