"""The loop from noise to clean latents: velocity, solver step, and again.

It knows nothing of models, prompts or devices: any `Velocity` will do, so recorded or invented
velocities run through the same lines as the model's. Whether gradients are kept is the caller's
choice (a render runs it under `torch.inference_mode()`).

Shapes: B batch, C channels, F latent frames, H W latent rows and columns, L audio latents.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from ovi.errors import NumericalError
from ovi.guidance import Velocity
from ovi.solvers import History, Solver
from ovi.solvers.solver import predict_clean
from ovi.types import Latents

OnStep = Callable[[int, int, Latents], None]
"""(index of the step just taken, from 0; number of steps; latents after it). Raises to stop."""

OnEstimate = Callable[[int, int, Latents], None]
"""(index of the step just taken, from 0; number of steps; clean latents that the model expected at
its start, float32). To be read only."""


def denoise(
    velocity: Velocity,
    solver: Solver,
    latents: Latents,
    *,
    first_frame: Tensor | None = None,
    on_step: OnStep | None = None,
    on_estimate: OnEstimate | None = None,
) -> Latents:
    """The clean latents that the noise in `latents` turns into on the solver's schedule, float32.

    `first_frame` (B or 1, C, 1, H, W) takes the place of latent frame 0 before every step and in
    the result. Picture and sound go through the same solver, each with a history of its own.
    `on_estimate` is called before `on_step`. Raises NumericalError, naming the step, if the latents
    stop being finite, and whatever `on_step` or `on_estimate` raises.
    """
    num_steps = solver.schedule.num_steps
    video = _pin_first_frame(latents.video.float(), first_frame)
    audio = latents.audio.float()
    video_history = audio_history = History()
    finite_steps = []
    for index, value in enumerate(solver.schedule.timesteps):
        timestep = _timestep(value, video)
        before = Latents(video, audio)
        velocities = velocity(before, timestep)
        video_velocity, audio_velocity = (part.float() for part in velocities)
        video, video_history = solver.step(index, video_velocity, video, video_history)
        audio, audio_history = solver.step(index, audio_velocity, audio, audio_history)
        video = _pin_first_frame(video, first_frame)
        finite_steps.append(torch.stack([video.isfinite().all(), audio.isfinite().all()]))
        if on_estimate is not None:
            sigma = solver.schedule.sigmas[index]
            clean = predict_clean(before.video, video_velocity, sigma)
            expected = Latents(
                _pin_first_frame(clean, first_frame),
                predict_clean(before.audio, audio_velocity, sigma),
            )
            on_estimate(index, num_steps, expected)
        if on_step is not None:
            on_step(index, num_steps, Latents(video, audio))
    _check_finite(finite_steps)
    return Latents(video, audio)


def _pin_first_frame(video: Tensor, first_frame: Tensor | None) -> Tensor:
    """`video` with the given latent frame as its frame 0."""
    if first_frame is None:
        return video
    pinned = first_frame.to(video).expand_as(video[:, :, :1])
    return torch.cat([pinned, video[:, :, 1:]], dim=2)


def _timestep(value: float, video: Tensor) -> Tensor:
    """The timestep for every clip of the batch, (B,); whole timesteps as int64, others float32."""
    dtype = torch.int64 if isinstance(value, int) else torch.float32
    return torch.full((video.shape[0],), value, dtype=dtype, device=video.device)


def _check_finite(finite_steps: Sequence[Tensor]) -> None:
    """Raises NumericalError for the first step with a False in its (video, audio) pair.

    The pairs are computed on the device and read only here, in one transfer: reading one in each
    step would make the host wait for the device each time, and values that are not finite stay so
    until the end.
    """
    for index, finite in enumerate(torch.stack(list(finite_steps)).tolist()):
        broken = [name for name, ok in zip(("video", "audio"), finite, strict=True) if not ok]
        if broken:
            raise NumericalError(
                f"The {' and '.join(broken)} latents are not finite after step {index + 1} of "
                f"{len(finite_steps)}. Check the weights, or try precision bfloat16 or float32 and "
                f"lower guidance scales."
            )
