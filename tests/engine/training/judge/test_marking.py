"""The judge: right about true clips and blurred ones, wrong about nothing but what differs."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import torch

from ovi.training.judge.exam import draw_exam
from ovi.training.judge.marking import Marks, mark_clip
from ovi.training.judge.motions import name_motion
from ovi.training.judge.objects import see_object
from ovi.training.judge.sources import JudgedClip, true_clip
from ovi.training.judge.speech import Recogniser, load_recogniser, words_right
from ovi.training.world.batch import pack_scenes
from ovi.training.world.picture import render_frames
from ovi.training.world.scene import MOTIONS, NEW_SHAPES, SHAPES, FaceScene, Scene, ShapeScene
from ovi.training.world.sound import render_waveforms
from ovi.training.world.sound_bank import load_sound_bank

EXAM = draw_exam(24)
BOUNCE = ShapeScene(
    seed=1, shape="star", colour="orange", background="dark blue", motion="bounce", size="big",
    x=60.0, y=58.0, begin=0.4, span=0.6, phase=0.0,
)  # fmt: skip
FACE = FaceScene(
    seed=2, skin="pale", hair="brown", voice="woman", hat="green", background="grey",
    words=("garden", "pizza"), begin=0.3, x=64.0,
)  # fmt: skip
TIMES = {
    "bounce": (0.4, 0.6),
    "blink": (8 / 24, 8 / 24),
    "pulse": (0.0, 0.6),
    "spin": (0.0, 1.7),
    "orbit": (0.0, 1.8),
    "still": (0.0, 0.0),
}


@cache
def _recogniser() -> Recogniser:
    found = load_recogniser()
    assert found is not None, "the test extra installs pocketsphinx"
    return found


@cache
def _clip(scene: Scene) -> JudgedClip:
    bank = load_sound_bank()
    batch = pack_scenes([scene], bank)
    frames = render_frames(batch)[0].permute(0, 2, 3, 1).contiguous().numpy()
    return JudgedClip(frames, render_waveforms(batch, bank)[0].numpy())


def _marks(shown: Scene, asked: Scene) -> Marks:
    clip = _clip(shown)
    return mark_clip(clip.frames, clip.waveform, asked, _recogniser())


def _wrong(marks: Marks) -> set[str]:
    return {name for name, is_right in marks.right.items() if not is_right}


def _moving(motion: str) -> ShapeScene:
    begin, span = TIMES.get(motion, (0.3, 1.1))
    return replace(BOUNCE, motion=motion, begin=begin, span=span)


@pytest.mark.parametrize("question", EXAM, ids=lambda question: str(question.seed))
def test_true_clips_are_all_right(question) -> None:
    clip = true_clip(question)
    marks = mark_clip(clip.frames, clip.waveform, question.scene, _recogniser())
    assert not _wrong(marks)
    assert all(abs(offset) < 15 for offset in marks.offsets_ms)


@pytest.mark.parametrize("question", EXAM[::2], ids=lambda question: str(question.seed))
def test_blurred_and_noisy_clips_are_all_right(question) -> None:
    clip = true_clip(question)
    kernel = torch.exp(-(torch.arange(-5.0, 6.0) ** 2) / (2 * 1.8**2))
    kernel /= kernel.sum()
    pixels = torch.from_numpy(clip.frames).float().permute(0, 3, 1, 2).reshape(-1, 1, 128, 128)
    pixels = torch.nn.functional.pad(pixels, (5, 5, 5, 5), mode="replicate")
    pixels = torch.nn.functional.conv2d(pixels, kernel[None, None, None])
    pixels = torch.nn.functional.conv2d(pixels, kernel[None, None, :, None])
    pixels += 5.0 * torch.randn(pixels.shape, generator=torch.Generator().manual_seed(0))
    frames = pixels.reshape(-1, 3, 128, 128).permute(0, 2, 3, 1).clamp(0, 255).byte().numpy()
    noise = np.random.default_rng(0).normal(0.0, 1e-3, clip.waveform.shape)
    sound = (clip.waveform + noise).astype(np.float32)
    assert not _wrong(mark_clip(frames, sound, question.scene, _recogniser()))


@pytest.mark.parametrize("shape", [shape for shape in (*SHAPES, *NEW_SHAPES) if shape != "star"])
def test_another_shape_is_wrong(shape: str) -> None:
    assert _wrong(_marks(replace(BOUNCE, shape=shape), BOUNCE)) == {"shape"}


@pytest.mark.parametrize("size", ["small", "big"])
def test_a_new_shape_is_told_from_the_others(size: str) -> None:
    cross = replace(BOUNCE, shape="cross", size=size)
    assert not _wrong(_marks(cross, cross))
    assert _wrong(_marks(replace(cross, shape="star"), cross)) == {"shape"}


@pytest.mark.parametrize(
    ("attribute", "value"),
    [
        ("colour", "red"),
        ("colour", "yellow"),
        ("background", "black"),
        ("background", "light blue"),
    ],
)
def test_another_colour_is_wrong(attribute: str, value: str) -> None:
    assert _wrong(_marks(replace(BOUNCE, **{attribute: value}), BOUNCE)) == {attribute}


def test_another_size_is_wrong() -> None:
    assert _wrong(_marks(replace(BOUNCE, size="medium"), BOUNCE)) == {"size"}


@pytest.mark.parametrize("shown", MOTIONS)
def test_a_motion_is_right_only_where_it_was_asked_for(shown: str) -> None:
    seen = see_object(_clip(_moving(shown)).frames.astype(np.float32))
    assert seen is not None
    assert name_motion(seen) == shown
    other = MOTIONS[MOTIONS.index(shown) - 1]
    wrong = _wrong(_marks(_moving(shown), _moving(other)))
    assert "motion" in wrong
    assert not {"shape", "colour", "background", "size"} & wrong


@pytest.mark.parametrize(
    ("shown", "asked"),
    [
        ("bounce", "blink"),
        ("blink", "bounce"),
        ("rise", "fall"),
        ("fall", "rise"),
        ("still", "pulse"),
        ("orbit", "slide left"),
        ("slide left", "orbit"),
        ("pulse", "still"),
    ],
)
def test_the_sound_of_another_motion_is_wrong(shown: str, asked: str) -> None:
    clip, asked_scene = _clip(_moving(asked)), _moving(asked)
    marks = mark_clip(clip.frames, _clip(_moving(shown)).waveform, asked_scene, None)
    assert "kind of sound" in _wrong(marks)
    assert "motion" not in _wrong(marks)


@pytest.mark.parametrize("motion", ["bounce", "blink", "slide left", "rise"])
@pytest.mark.parametrize("late_ms", [-80, 80])
def test_a_shifted_sound_is_measured(motion: str, late_ms: int) -> None:
    scene = _moving(motion)
    clip = _clip(scene)
    sound = np.roll(clip.waveform, late_ms * 16)
    marks = mark_clip(clip.frames, sound, scene, None)
    assert np.median(marks.offsets_ms) == pytest.approx(late_ms, abs=8)
    assert "every event within a frame" in _wrong(marks)


@pytest.mark.parametrize("motion", ["rise", "pulse"])
def test_a_sound_that_does_not_follow_is_wrong(motion: str) -> None:
    scene = _moving(motion)
    clip = _clip(scene)
    backwards = np.ascontiguousarray(clip.waveform[::-1])
    if motion == "pulse":
        backwards = np.roll(clip.waveform, round(0.3 * 16000))
    assert "sound follows object" in _wrong(mark_clip(clip.frames, backwards, scene, None))


@pytest.mark.parametrize(
    ("attribute", "value"),
    [
        ("skin", "tan"),
        ("hair", "black"),
        ("hair", "blond"),
        ("hat", None),
        ("hat", "blue"),
        ("background", "dark green"),
    ],
)
def test_another_look_is_wrong(attribute: str, value: str | None) -> None:
    assert _wrong(_marks(replace(FACE, **{attribute: value}), FACE)) == {attribute}


def test_the_other_voice_is_wrong_and_brings_the_other_hair() -> None:
    assert _wrong(_marks(replace(FACE, voice="man"), FACE)) == {"voice", "hair"}


@pytest.mark.parametrize("words", [("pizza", "garden"), ("garden",), ("garden", "music")])
def test_other_words_are_wrong(words: tuple[str, ...]) -> None:
    marks = _marks(replace(FACE, words=words), FACE)
    assert _wrong(marks) == {"words"}
    assert marks.words_right == 1
    assert marks.heard_words == words


def test_a_mouth_that_moves_late_is_wrong() -> None:
    clip = _clip(FACE)
    late = np.roll(clip.frames, 4, axis=0)
    marks = mark_clip(late, clip.waveform, FACE, None)
    assert _wrong(marks) == {"mouth follows speech"}
    assert marks.measured["mouth behind speech (ms)"] == pytest.approx(4000 / 24)


def test_a_face_is_no_object_and_an_object_no_face() -> None:
    assert {"shape", "colour", "motion", "size"} <= _wrong(_marks(FACE, BOUNCE))
    assert {"face", "skin", "hair", "hat", "mouth follows speech"} <= _wrong(_marks(BOUNCE, FACE))


def test_noise_and_emptiness_are_wrong() -> None:
    draw = np.random.default_rng(0)
    noise = draw.integers(0, 256, (45, 128, 128, 3)).astype(np.uint8)
    hiss = draw.normal(0.0, 0.1, 30208).astype(np.float32)
    for scene in (BOUNCE, FACE):
        assert len(_wrong(mark_clip(noise, hiss, scene, _recogniser()))) >= 5
        empty = mark_clip(np.zeros_like(noise), np.zeros_like(hiss), scene, _recogniser())
        assert len(_wrong(empty)) >= 5


def test_without_a_recogniser_words_stay_unjudged() -> None:
    clip = _clip(FACE)
    marks = mark_clip(clip.frames, clip.waveform, FACE, None)
    assert "words" not in marks.right
    assert marks.words_said == 0


def test_words_are_counted_in_their_order() -> None:
    assert words_right(("a", "b", "c"), ("a", "c")) == 2
    assert words_right(("a", "b"), ("b", "a")) == 1
    assert words_right(("a",), ()) == 0
    assert words_right(("a", "b"), ("x", "a", "y", "b")) == 2
