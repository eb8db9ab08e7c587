"""Caches leave out the passes they are told to, never others, and change nothing when off."""

from dataclasses import replace

import pytest
import torch

from ovi.caching import FIRST_STEPS, LAST_STEPS, CachedVelocity
from ovi.denoise import denoise
from ovi.errors import RequestError
from ovi.guidance import GuidedVelocity
from ovi.solvers import solver_for
from ovi.spec.geometry import FrameSize
from ovi.spec.identity import clip_identity
from ovi.spec.request import Caching, ClipRequest, Sampling
from ovi.types import Latents
from tests.engine.parallel.pipelines import load, request_of

STEPS = 20
NOISE = Latents(
    torch.randn(1, 4, 3, 2, 2, generator=torch.Generator().manual_seed(0)),
    torch.randn(1, 5, 3, generator=torch.Generator().manual_seed(1)),
)


class Pass:
    """A pass that notes its steps; its answer moves smoothly with time, or all at once."""

    def __init__(self, seed, sudden_at=None):
        draw = torch.Generator().manual_seed(seed)
        self.video = torch.randn(NOISE.video.shape, generator=draw)
        self.audio = torch.randn(NOISE.audio.shape, generator=draw)
        self.sudden_at = sudden_at
        self.timesteps = []

    def __call__(self, latents, timestep):
        self.timesteps.append(float(timestep))
        share = float(timestep) / 1000
        sound = -1.0 if self.sudden_at is not None and share < self.sudden_at else 1.0
        return (
            self.video + 0.2 * share * latents.video,
            sound * self.audio + 0.2 * share * latents.audio,
        )


def guided(**options):
    return GuidedVelocity(Pass(2, **options), Pass(3, **options), 4.0, 3.0)


def steps_of(one, solver):
    """At which steps a pass was run."""
    where = {float(value): index for index, value in enumerate(solver.schedule.timesteps)}
    return [where[value] for value in one.timesteps]


def run(caching, passes=None):
    """The clip, and the steps at which the positive and the negative pass were run."""
    passes = passes or guided()
    solver = solver_for("euler", STEPS, 5.0)
    velocity = passes if caching is None else CachedVelocity(passes, caching, STEPS)
    clip = denoise(velocity, solver, NOISE)
    return clip, steps_of(passes.positive, solver), steps_of(passes.negative, solver)


def distance(one, other):
    return float((one.video - other.video).norm() / other.video.norm())


def test_caches_that_are_off_run_everything_and_give_the_same_bits():
    exact, positive, negative = run(None)
    assert positive == negative == list(range(STEPS))
    clip, positive, negative = run(Caching())
    assert positive == negative == list(range(STEPS))
    assert torch.equal(clip.video, exact.video)
    assert torch.equal(clip.audio, exact.audio)


def test_the_guidance_cache_runs_the_negative_pass_every_so_many_steps_late_in_the_run():
    exact, _, _ = run(None)
    clip, positive, negative = run(Caching(guidance_from=0.5, guidance_every=4))
    assert positive == list(range(STEPS)), "the positive pass always"
    assert negative == [*range(10), 13, 17, STEPS - 1]
    assert 0 < distance(clip, exact) < 0.02


def test_the_guidance_cache_is_exact_where_the_difference_does_not_move():
    class Fixed(Pass):
        def __call__(self, latents, timestep):
            super().__call__(latents, timestep)
            return self.video, self.audio

    passes = GuidedVelocity(Fixed(2), Fixed(3), 4.0, 3.0)
    exact, _, _ = run(None, passes)
    passes = GuidedVelocity(Fixed(2), Fixed(3), 4.0, 3.0)
    clip, _, negative = run(Caching(guidance_from=0, guidance_every=STEPS), passes)
    assert negative == [*range(FIRST_STEPS), STEPS - 1]
    torch.testing.assert_close(clip.video, exact.video, rtol=0, atol=1e-5)
    torch.testing.assert_close(clip.audio, exact.audio, rtol=0, atol=1e-5)


def test_the_last_difference_stands_in_for_the_negative_pass():
    """Answers that are plain numbers, so that every guided one can be told: picture, sound."""

    def passes(factor):
        asked = []

        def answer(latents, _):
            asked.append(1)
            value = factor * (latents.video.mean() + 1) ** 2
            return value.expand(1), (-value).expand(1)

        return answer

    caching = Caching(guidance_from=0, guidance_every=3)
    velocity = CachedVelocity(GuidedVelocity(passes(2.0), passes(0.5), 4.0, 3.0), caching, STEPS)
    gap = None
    for index in range(STEPS):
        video, audio = velocity(Latents(torch.tensor([float(index)]), NOISE.audio), torch.ones(1))
        square = (index + 1.0) ** 2
        runs_negative = index < FIRST_STEPS or index == STEPS - 1 or (index - 2) % 3 == 0
        gap = 1.5 * square if runs_negative else gap
        assert float(video) == pytest.approx(2 * square + 3 * gap), index
        assert float(audio) == pytest.approx(-2 * square - 2 * gap), index


def test_a_higher_threshold_runs_less_and_drifts_more():
    exact, _, _ = run(None)
    runs, drifts = [], []
    for threshold in (0.02, 0.1, 0.5):
        clip, positive, negative = run(Caching(step_threshold=threshold))
        runs.append(len(positive) + len(negative))
        drifts.append(distance(clip, exact))
        for steps in (positive, negative):
            assert steps[:FIRST_STEPS] == list(range(FIRST_STEPS))
            assert steps[-LAST_STEPS:] == list(range(STEPS - LAST_STEPS, STEPS))
    assert 2 * STEPS > runs[0] > runs[1] >= runs[2]
    assert drifts == sorted(drifts)
    assert drifts[0] < 0.02


def test_each_pass_decides_for_itself():
    passes = replace(guided(), negative=Pass(3))
    jumpy = Pass(2)
    jumpy.video = 0.05 * jumpy.video  # small answers that move a lot with the latents

    passes = replace(passes, positive=jumpy)
    _, positive, negative = run(Caching(step_threshold=0.02), passes)
    assert len(positive) > len(negative)


def test_sound_alone_can_ask_for_a_run():
    """The picture's answer hardly moves; the sound's is what decides."""
    still = Pass(3)
    still.video *= 1000
    still.audio *= 0.05
    moved = Pass(3)
    moved.video *= 1000
    moved.audio *= 1000
    counts = []
    for one in (still, moved):
        passes = GuidedVelocity(one, Pass(3), 1.0, 1.0)
        _, positive, _ = run(Caching(step_threshold=0.01), passes)
        counts.append(len(positive))
    assert counts[0] > counts[1]


def test_caches_are_part_of_a_clips_identity_and_their_absence_is_not():
    weights = {"fusion": "sha256:1"}
    plain = ClipRequest(text="a cat", variant="nano", size=FrameSize(64, 64))
    cached = replace(plain, sampling=Sampling(caching=Caching(step_threshold=0.1)))
    other = replace(plain, sampling=Sampling(caching=Caching(step_threshold=0.2)))
    assert len({clip_identity(request, weights) for request in (plain, cached, other)}) == 3
    known = "eb930fb3"
    assert clip_identity(plain, weights).startswith(known), "clips of earlier versions keep theirs"


def test_a_request_with_caches_survives_its_recipe_and_old_recipes_are_read():
    request = ClipRequest(
        text="a cat",
        variant="nano",
        size=FrameSize(64, 64),
        sampling=Sampling(caching=Caching(0.5, 3, 0.05)),
    )
    assert ClipRequest.from_dict(request.to_dict()) == request
    old = replace(request, sampling=Sampling()).to_dict()
    del old["sampling"]["caching"]
    assert ClipRequest.from_dict(old).sampling == Sampling()


@pytest.mark.parametrize(
    "values",
    [
        {"guidance_from": 1.5},
        {"guidance_every": 0},
        {"step_threshold": 1.0},
        {"step_threshold": -1},
    ],
)
def test_impossible_caches_are_refused(values):
    with pytest.raises(RequestError):
        Caching(**values)


def test_nano_with_caches_makes_nearly_the_same_clip_from_fewer_passes():
    pipeline, passes = load(1), []
    forward = pipeline.models.fusion.forward

    def counted(*args, **kwargs):
        passes.append(1)
        return forward(*args, **kwargs)

    pipeline.models.fusion.forward = counted
    request = request_of(steps=6)
    exact = pipeline.render(request)
    caching = Caching(guidance_from=0.5, guidance_every=3)
    again = replace(request, sampling=replace(request.sampling, caching=caching))
    counts = [len(passes)]
    clip = pipeline.render(again)
    counts.append(len(passes) - counts[0])
    assert counts == [12, 10]
    assert clip.latents_sha256 != exact.latents_sha256
