"""Guidance: what each pass is given, and how the two become one velocity."""

from dataclasses import replace

import pytest
import torch

from ovi.guidance import guide, guided_velocity
from ovi.types import Latents, TextEmbeddings

TEXT = TextEmbeddings(
    positive=torch.full((3, 4), 1.0),
    video_negative=torch.full((2, 4), 10.0),
    audio_negative=torch.full((5, 4), 100.0),
)
LATENTS = Latents(torch.zeros(2, 3, 2, 4, 4), torch.zeros(2, 6, 5))
TIMESTEP = torch.tensor([999, 999])


class TextEcho:
    """Stands in for the model: its velocities are its texts' first numbers."""

    def __init__(self):
        self.calls = []

    def __call__(self, video, audio, timestep, video_text, audio_text, **options):
        texts = video_text.shape, audio_text.shape
        dtypes = {video.dtype, audio.dtype, video_text.dtype, audio_text.dtype}
        self.calls.append({"timestep": timestep, "texts": texts, "dtypes": dtypes, **options})
        return (
            torch.full_like(video, video_text[0, 0, 0].item()),
            torch.full_like(audio, audio_text[0, 0, 0].item()),
        )


def build(model, **changes):
    options = {"video_scale": 4.0, "audio_scale": 3.0, "skip_layer": 11, "dtype": torch.float32}
    return guided_velocity(model, TEXT, **(options | changes))


def test_each_modality_leaves_its_own_negative_by_its_own_scale():
    video, audio = build(TextEcho())(LATENTS, TIMESTEP)
    assert video.shape == LATENTS.video.shape
    assert audio.shape == LATENTS.audio.shape
    assert video.unique().tolist() == [10 + 4 * (1 - 10)]
    assert audio.unique().tolist() == [100 + 3 * (1 - 100)]


@pytest.mark.parametrize(("scale", "expected"), [(0.0, (10.0, 100.0)), (1.0, (1.0, 1.0))])
def test_scale_zero_gives_the_negative_and_one_the_positive(scale, expected):
    model = TextEcho()
    video, audio = build(model, video_scale=scale, audio_scale=scale)(LATENTS, TIMESTEP)
    assert (video.unique().item(), audio.unique().item()) == expected
    assert len(model.calls) == 2


def test_only_the_negative_pass_skips_a_layer():
    model = TextEcho()
    build(model, first_frame_is_clean=True)(LATENTS, TIMESTEP)
    positive, negative = model.calls
    assert positive["skip_layer"] is None
    assert negative["skip_layer"] == 11
    assert positive["first_frame_is_clean"] is negative["first_frame_is_clean"] is True
    assert positive["texts"] == ((2, 3, 4), (2, 3, 4))
    assert negative["texts"] == ((2, 2, 4), (2, 5, 4))


def test_the_model_gets_its_own_dtype_and_the_timestep_untouched():
    model = TextEcho()
    video, audio = build(model, dtype=torch.bfloat16)(LATENTS, TIMESTEP)
    for call in model.calls:
        assert call["dtypes"] == {torch.bfloat16}
        assert call["timestep"] is TIMESTEP
    assert video.dtype == audio.dtype == torch.float32


def test_each_pass_alone_gives_float32():
    for one_pass in (build(TextEcho(), dtype=torch.bfloat16).positive, build(TextEcho()).negative):
        assert {velocity.dtype for velocity in one_pass(LATENTS, TIMESTEP)} == {torch.float32}


def test_guidance_is_computed_in_float32():
    positive = torch.tensor([1.0078125], dtype=torch.bfloat16)
    negative = torch.tensor([1.0], dtype=torch.bfloat16)
    guided = guide(positive, negative, 1.1)
    assert guided.dtype == torch.float32
    assert guided.item() == pytest.approx(1 + 1.1 * 0.0078125, rel=1e-6)


def test_a_pass_can_be_wrapped_from_outside():
    model = TextEcho()
    guided = build(model)
    kept = guided.negative(LATENTS, TIMESTEP)
    cached = replace(guided, negative=lambda _latents, _timestep: kept)
    expected = guided(LATENTS, TIMESTEP)
    model.calls.clear()
    for ours, theirs in zip(cached(LATENTS, TIMESTEP), expected, strict=True):
        assert torch.equal(ours, theirs)
    assert len(model.calls) == 1
