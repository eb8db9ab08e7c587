"""Scenes: decided by their seed, within the frame and the clip, and split without overlap."""

from collections import Counter

import numpy as np
import pytest

from ovi.training.world.motion import trace
from ovi.training.world.palette import BACKGROUNDS, COLOURS, HAIRS, SKINS
from ovi.training.world.scene import (
    CLIP_SECONDS,
    LAST_WORD_ENDS,
    MOTIONS,
    NUM_FRAMES,
    SHAPES,
    SIDE,
    FaceScene,
    Scene,
    ShapeScene,
    Split,
    is_held_out,
    sample_scene,
    speech_seconds,
)
from ovi.training.world.vocabulary import VOCABULARY


def _combination(scene: Scene) -> tuple[object, ...]:
    if isinstance(scene, ShapeScene):
        return scene.shape, scene.colour, scene.motion
    return scene.skin, scene.hair, scene.voice, scene.hat, scene.words


@pytest.fixture(scope="module")
def scenes() -> list[Scene]:
    return [sample_scene(seed) for seed in range(3000)]


@pytest.fixture(scope="module")
def judged() -> list[Scene]:
    return [sample_scene(seed, split=Split.JUDGE) for seed in range(3000)]


def test_a_seed_decides_its_scene() -> None:
    assert sample_scene(7) == sample_scene(7)
    assert len({str(sample_scene(seed)) for seed in range(200)}) == 200


def test_every_value_of_every_attribute_occurs_on_both_sides(
    scenes: list[Scene], judged: list[Scene]
) -> None:
    for side in (scenes, judged):
        shapes = [scene for scene in side if isinstance(scene, ShapeScene)]
        faces = [scene for scene in side if isinstance(scene, FaceScene)]
        assert {scene.shape for scene in shapes} == set(SHAPES)
        assert {scene.colour for scene in shapes} == set(COLOURS)
        assert {scene.background for scene in shapes} == set(BACKGROUNDS)
        assert {scene.motion for scene in shapes} == set(MOTIONS)
        assert {scene.skin for scene in faces} == set(SKINS)
        assert {scene.hair for scene in faces} == set(HAIRS)
        assert {word for scene in faces for word in scene.words} == set(VOCABULARY)
        assert {len(scene.words) for scene in faces} == {1, 2, 3}


def test_no_combination_is_both_learned_and_judged(
    scenes: list[Scene], judged: list[Scene]
) -> None:
    learned = {_combination(scene) for scene in scenes}
    assert not learned & {_combination(scene) for scene in judged}
    assert not any(map(is_held_out, scenes))
    assert all(map(is_held_out, judged))


def test_motions_come_equally_often_to_the_judge(judged: list[Scene]) -> None:
    counts = Counter(scene.motion for scene in judged if isinstance(scene, ShapeScene))
    assert min(counts.values()) > 0.7 * max(counts.values())


def test_objects_stay_within_the_frame_and_move_unless_still(scenes: list[Scene]) -> None:
    for scene in scenes:
        if isinstance(scene, ShapeScene):
            track = trace(scene)
            for centre in (track.x, track.y):
                assert np.all(centre - 0.8 * track.radius > 0)
                assert np.all(centre + 0.8 * track.radius < SIDE)
            columns = (track.x, track.y, track.radius, track.angle, track.visible)
            moves = any(np.ptp(column) > 0.5 for column in columns)
            assert moves == (scene.motion != "still")


def test_a_bounce_is_lowest_at_its_events() -> None:
    scene = next(s for s in map(sample_scene, range(500)) if _motion(s) == "bounce")
    assert isinstance(scene, ShapeScene)
    track = trace(scene)
    assert len(track.events) >= 2
    for event in track.events:
        nearest = round(event * 24)
        around = track.y[max(nearest - 6, 0) : nearest + 7]
        assert track.y[min(nearest, NUM_FRAMES - 1)] > around.max() - 8
        assert event < CLIP_SECONDS


def test_a_blink_changes_at_its_events_and_begins_lit() -> None:
    scene = next(s for s in map(sample_scene, range(500)) if _motion(s) == "blink")
    assert isinstance(scene, ShapeScene)
    track = trace(scene)
    changes = np.flatnonzero(np.diff(track.visible)) + 1
    assert track.visible[0] == 1
    assert changes / 24 == pytest.approx(np.array(track.events))


def _motion(scene: Scene) -> str:
    return scene.motion if isinstance(scene, ShapeScene) else ""


def test_speech_ends_within_the_clip(scenes: list[Scene]) -> None:
    for scene in scenes:
        if isinstance(scene, FaceScene):
            assert scene.begin > 0
            assert scene.begin + speech_seconds(scene.words) <= LAST_WORD_ENDS + 1e-9
            assert len(set(scene.words)) == len(scene.words)
