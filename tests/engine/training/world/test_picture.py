"""Pictures: what the scene says is where it says, and smooth at its edges."""

from dataclasses import replace

import pytest
import torch

from ovi.training.world.batch import pack_scenes
from ovi.training.world.motion import trace
from ovi.training.world.palette import BACKGROUNDS, COLOURS
from ovi.training.world.picture import render_frames
from ovi.training.world.scene import SHAPES, FaceScene, ShapeScene, sample_scene
from ovi.training.world.sound_bank import load_sound_bank

STILL = ShapeScene(
    seed=1, shape="circle", colour="red", background="dark blue", motion="still", size="medium",
    x=60.0, y=58.0, begin=0.0, span=0.0, phase=0.0,
)  # fmt: skip
FACE = next(s for s in map(sample_scene, range(99)) if isinstance(s, FaceScene))


def _frames(*scenes: ShapeScene | FaceScene) -> torch.Tensor:
    return render_frames(pack_scenes(scenes, load_sound_bank())).int()


@pytest.mark.parametrize("shape", SHAPES)
def test_an_object_shows_its_colour_before_its_wall(shape: str) -> None:
    frames = _frames(replace(STILL, shape=shape))
    assert frames.shape == (1, 45, 3, 128, 128)
    inside_y = 58 - 15 if shape == "ring" else 58
    inside = frames[0, 0, :, inside_y, 60]
    wall = frames[0, 0, :, 58, 120]
    assert (inside - torch.tensor(COLOURS["red"])).abs().max() < 32
    assert (wall - torch.tensor(BACKGROUNDS["dark blue"])).abs().max() < 12
    assert torch.equal(frames[0, 0], frames[0, 44])


def test_shapes_differ_from_each_other() -> None:
    frames = _frames(*(replace(STILL, shape=shape) for shape in SHAPES))[:, 0]
    for one in range(5):
        for other in range(one):
            assert ((frames[one] - frames[other]).abs().amax(dim=0) > 60).sum() > 60


@pytest.mark.parametrize("shape", SHAPES)
def test_every_shape_is_seen_to_spin(shape: str) -> None:
    frames = _frames(replace(STILL, shape=shape, motion="spin", span=1.7))[0]
    assert ((frames[0] - frames[5]).abs().amax(dim=0) > 60).sum() > 20
    area = (frames[:, 0] > 100).sum(dim=(1, 2)).float()
    assert (area - area.mean()).abs().max() < 0.04 * area.mean()


def test_an_object_is_where_its_track_says() -> None:
    scene = replace(STILL, motion="slide right", begin=0.3, span=1.1)
    track = trace(scene)
    red = _frames(scene)[0, :, 0] > 150
    columns = torch.arange(128) + 0.5
    for index in (0, 12, 20, 44):
        centre = (red[index].sum(dim=0) * columns).sum() / red[index].sum()
        assert float(centre) == pytest.approx(float(track.x[index]), abs=0.5)


def test_edges_are_smooth() -> None:
    row = _frames(replace(STILL, x=60.3))[0, 0, 0, 58]
    between = ((row > 60) & (row < 180)).sum()
    assert 1 <= int(between) <= 4


def test_a_batch_draws_what_each_scene_alone_draws() -> None:
    scenes = [sample_scene(seed) for seed in range(6)]
    together = _frames(*scenes)
    for index, scene in enumerate(scenes):
        assert torch.equal(together[index], _frames(scene)[0])


def test_a_mouth_opens_while_it_speaks() -> None:
    dark_red = torch.tensor([84, 14, 26])[None, :, None, None]
    frames = _frames(FACE)[0]
    opening = ((frames - dark_red).abs().amax(dim=1) < 30).sum(dim=(1, 2))
    mouth = pack_scenes([FACE], load_sound_bank()).mouth[0]
    assert mouth[0] == 0
    assert mouth.max() > 0.6
    assert torch.corrcoef(torch.stack([opening.float(), mouth]))[0, 1] > 0.95
