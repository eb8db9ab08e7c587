"""A pipeline of two processes: the clips it renders, and what it survives."""

from dataclasses import replace

import numpy as np
import pytest

from ovi.errors import Cancelled, RequestError
from ovi.parallel import ParallelPipeline
from ovi.parallel.layout import Layout
from ovi.pipeline import OviPipeline
from ovi.spec.request import Caching
from tests.engine.parallel.pipelines import load, load_pair, request_of


@pytest.fixture(scope="module")
def alone():
    """The clip of one process: latents' hash, sound, frames."""
    return rendered(load(1))


@pytest.fixture(scope="module")
def pair():
    """Two processes that share tokens in both passes, so that every exchange is used."""
    pipeline = load_pair(layout=Layout(2, 1))
    yield pipeline
    pipeline.close()


def rendered(pipeline):
    stream = pipeline.render(request_of())
    return stream.latents_sha256, stream.waveform, np.concatenate(list(stream.frames))


def assert_same_clip(actual, expected):
    """Up to rounding: a thirtieth of a step of the sound, pixels at the edge of two values."""
    np.testing.assert_allclose(actual[1], expected[1], rtol=1e-5, atol=1e-6)
    assert actual[2].shape == expected[2].shape
    difference = np.abs(actual[2].astype(int) - expected[2])
    assert difference.max() <= 1
    assert difference.mean() < 0.01


def test_one_gpu_gets_the_ordinary_pipeline():
    assert type(load(1)) is OviPipeline


def test_two_processes_render_the_clip_of_one(pair, alone):
    assert isinstance(pair, ParallelPipeline)
    assert_same_clip(rendered(pair), alone)


def test_a_cancelled_clip_leaves_the_ranks_ready_for_the_next(pair, alone):
    def cancel(progress):
        if (progress.stage, progress.step) == ("denoise", 1):
            raise Cancelled("Enough.")

    with pytest.raises(Cancelled, match="Enough"):
        pair.render(request_of(), on_progress=cancel)
    assert_same_clip(rendered(pair), alone)


def test_estimates_come_from_this_rank_as_from_one_process(pair, alone):
    told = {"pair": [], "one": []}
    for name, pipeline in (("pair", pair), ("one", load(1))):

        def on_estimate(index, num_steps, estimate, name=name):
            told[name].append((index, num_steps, estimate))

        stream = pipeline.render(request_of(), on_estimate=on_estimate)
        clip = stream.latents_sha256, stream.waveform, np.concatenate(list(stream.frames))
        assert_same_clip(clip, alone)
    for here, there in zip(told["pair"], told["one"], strict=True):
        assert here[:2] == there[:2]
        for part in ("video", "audio"):
            expected = getattr(there[2], part).numpy()
            np.testing.assert_allclose(getattr(here[2], part).numpy(), expected, atol=1e-3)


def test_caches_are_refused_and_the_ranks_stay_ready(pair, alone):
    request = request_of()
    cached = replace(request, sampling=replace(request.sampling, caching=Caching()))
    with pytest.raises(RequestError, match="one GPU for a clip"):
        pair.render(cached)
    assert_same_clip(rendered(pair), alone)


def test_frames_may_be_left_unread_once_the_iterator_is_closed(pair, alone):
    stream = pair.render(request_of())
    first = next(stream.frames)
    with pytest.raises(RuntimeError, match="not been read to the end"):
        pair.render(request_of())
    stream.frames.close()
    np.testing.assert_array_equal(first.shape[1:], alone[2].shape[1:])
    assert_same_clip(rendered(pair), alone)
