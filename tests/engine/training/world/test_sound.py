"""Sounds: at the time of what is seen, and of the pitch and words the scene names."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from ovi.training.world.batch import pack_scenes
from ovi.training.world.motion import trace
from ovi.training.world.scene import (
    NUM_SAMPLES,
    SAMPLE_RATE,
    FaceScene,
    ShapeScene,
    sample_scene,
)
from ovi.training.world.sound import render_waveforms
from ovi.training.world.sound_bank import load_sound_bank
from ovi.training.world.vocabulary import VOCABULARY, WORD_GAP_SECONDS

STILL = ShapeScene(
    seed=1, shape="circle", colour="red", background="dark blue", motion="still", size="medium",
    x=60.0, y=58.0, begin=0.0, span=0.0, phase=0.0,
)  # fmt: skip


def _waveform(scene: ShapeScene | FaceScene) -> np.ndarray:
    bank = load_sound_bank()
    return render_waveforms(pack_scenes([scene], bank), bank)[0].numpy()


def _pitch(sound: np.ndarray) -> float:
    spectrum = np.abs(np.fft.rfft(sound * np.hanning(len(sound))))
    return float(np.argmax(spectrum) * SAMPLE_RATE / len(sound))


def test_stillness_and_spinning_are_silent() -> None:
    assert not _waveform(STILL).any()
    assert not _waveform(replace(STILL, motion="spin", span=1.7)).any()


@pytest.mark.parametrize(
    ("motion", "begin", "span"), [("bounce", 0.31, 0.6), ("blink", 8 / 24, 9 / 24)]
)
def test_a_sound_starts_at_every_event(motion: str, begin: float, span: float) -> None:
    scene = replace(STILL, motion=motion, begin=begin, span=span)
    sound = np.abs(_waveform(scene))
    for event in trace(scene).events:
        at = round(event * SAMPLE_RATE)
        assert sound[at - 160 : at].max() < 0.05
        assert sound[at : at + 160].max() > 0.2


def test_bigger_objects_land_with_lower_thuds() -> None:
    pitches = []
    for size in ("small", "medium", "big"):
        scene = replace(STILL, motion="bounce", begin=0.3, span=0.6, size=size)
        pitches.append(_pitch(_waveform(scene)[4800 + 400 : 4800 + 3400]))
    assert pitches[0] > pitches[1] + 30 > pitches[2] + 60


def test_a_tone_follows_the_height() -> None:
    rise = _waveform(replace(STILL, motion="rise", begin=0.2, span=1.2))
    fall = _waveform(replace(STILL, motion="fall", begin=0.2, span=1.2))
    assert not rise[: round(0.19 * SAMPLE_RATE)].any()
    assert not rise[round(1.42 * SAMPLE_RATE) :].any()
    early, late = slice(3520, 4800), slice(20800, 22000)
    assert _pitch(rise[early]) == pytest.approx(230, abs=25)
    assert _pitch(rise[late]) == pytest.approx(830, abs=50)
    assert _pitch(fall[early]) > 3 * _pitch(fall[late])


def test_a_hum_swells_with_the_object() -> None:
    scene = replace(STILL, motion="pulse", span=0.6)
    sound, radius = _waveform(scene), trace(scene).radius
    loudness = [np.sqrt(np.mean(sound[i * 667 : i * 667 + 667] ** 2)) for i in range(45)]
    assert np.corrcoef(loudness, radius)[0, 1] > 0.9


def test_words_follow_each_other_in_the_scenes_voice() -> None:
    scene = next(
        s for s in map(sample_scene, range(200)) if isinstance(s, FaceScene) and len(s.words) == 2
    )
    bank = load_sound_bank()
    sound = torch.from_numpy(_waveform(scene))
    first = round(scene.begin * SAMPLE_RATE)
    for word in scene.words:
        offset, length = bank.spans[f"{scene.voice}:{word}"]
        assert torch.equal(sound[first : first + length], bank.samples[offset : offset + length])
        first += length + round(WORD_GAP_SECONDS * SAMPLE_RATE)


def test_every_waveform_is_loud_but_never_clipped() -> None:
    bank = load_sound_bank()
    sounds = render_waveforms(pack_scenes([sample_scene(seed) for seed in range(60)], bank), bank)
    assert sounds.shape == (60, NUM_SAMPLES)
    loudest = sounds.abs().amax(dim=1)
    assert float(loudest.max()) < 1.0
    assert all(value == 0 or value > 0.2 for value in loudest.tolist())


def test_the_bank_holds_every_word_in_both_voices_no_longer_than_told() -> None:
    spans = load_sound_bank().spans
    for word, seconds in VOCABULARY.items():
        longest = max(spans[f"{voice}:{word}"][1] for voice in ("woman", "man"))
        assert seconds - 0.011 <= longest / SAMPLE_RATE <= seconds
    assert len(VOCABULARY) >= 30
