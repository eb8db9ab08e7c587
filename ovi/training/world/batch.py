"""Packs scenes into the few numbers that picture and sound are drawn from.

A packed batch is small (a few kB a clip), so that worker processes can prepare it and a GPU can
draw it.

Legend: B clips, F frames, K recorded sounds placed in a clip.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ovi.training.world.motion import Track, trace
from ovi.training.world.palette import BACKGROUNDS, COLOURS, HAIRS, HATS, SKINS
from ovi.training.world.scene import NEW_SHAPES, NUM_FRAMES, SHAPES, FaceScene, Scene, ShapeScene
from ovi.training.world.score import Score, score_face, score_shape
from ovi.training.world.sound_bank import SoundBank

KINDS = (*SHAPES, *NEW_SHAPES, "face")
MAX_PLACED = 6
"""K: a clip has at most five contacts, changes or words."""


@dataclass(frozen=True, slots=True, eq=False)
class SceneBatch:
    """B scenes as tensors; colours are float32 0..255."""

    kind: Tensor
    """(B,) index into KINDS; stays on the CPU"""
    background: Tensor
    """(B, 3)"""
    colour: Tensor
    """(B, 3) of the object; zeros for a face"""
    track: Tensor
    """(B, F, 5): x, y, radius, angle, visible"""
    has_mark: Tensor
    """(B,) 1 where a dot shows that a circle or ring spins"""
    face: Tensor
    """(B, 12): skin, hair and hat colour, has a hat, has long hair, centre"""
    mouth: Tensor
    """(B, F) opening, 0 to 1"""
    pitch: Tensor
    """(B, F + 1) Hz of the steady sound"""
    level: Tensor
    """(B, F + 1) its loudness, 0 to 1"""
    gate: Tensor
    """(B, 2) seconds between which it sounds"""
    timbre: Tensor
    """(B, 4): amplitude of its first three harmonics, and of noise"""
    noise_shift: Tensor
    """(B,) int64, samples by which the noise is rolled"""
    placed: Tensor
    """(B, K, 3) int64: offset in the bank, length, first sample in the clip; length 0: none"""

    def __len__(self) -> int:
        return self.kind.shape[0]

    @property
    def device(self) -> torch.device:
        """Where pictures and sounds are drawn."""
        return self.track.device

    def rows_of(self, kind: str) -> Tensor:
        """Indices of the clips that show a shape or "face", on the batch's device."""
        return (self.kind == KINDS.index(kind)).nonzero()[:, 0].to(self.device)

    def to(self, device: torch.device | str) -> "SceneBatch":
        """The same batch on another device."""
        moved = {
            field.name: getattr(self, field.name).to(device, non_blocking=True)
            for field in fields(self)
            if field.name != "kind"
        }
        return SceneBatch(kind=self.kind, **moved)


def pack_scenes(scenes: Sequence[Scene], bank: SoundBank) -> SceneBatch:
    """The batch of these scenes, on the CPU."""
    count = len(scenes)
    colour, background = np.zeros((count, 3)), np.zeros((count, 3))
    track, mouth = np.zeros((count, NUM_FRAMES, 5)), np.zeros((count, NUM_FRAMES))
    track[:, :, 2] = 1.0
    has_mark, face = np.zeros(count), np.zeros((count, 12))
    scores = []
    for row, scene in enumerate(scenes):
        background[row] = BACKGROUNDS[scene.background]
        if isinstance(scene, ShapeScene):
            course = trace(scene)
            colour[row] = COLOURS[scene.colour]
            track[row] = _columns(course)
            has_mark[row] = scene.motion == "spin"
            scores.append(score_shape(scene, course, bank))
        else:
            face[row] = _face_numbers(scene)
            score = score_face(scene, bank)
            mouth[row] = bank.mouth_opening(score.placed, scene.voice)
            scores.append(score)
    return SceneBatch(
        kind=torch.tensor([_kind_of(scene) for scene in scenes]),
        background=_float(background),
        colour=_float(colour),
        track=_float(track),
        has_mark=_float(has_mark),
        face=_float(face),
        mouth=_float(mouth),
        pitch=_float(np.stack([score.pitch for score in scores])),
        level=_float(np.stack([score.level for score in scores])),
        gate=_float(np.array([score.gate for score in scores])),
        timbre=_float(np.array([score.timbre for score in scores])),
        noise_shift=torch.tensor([score.noise_shift for score in scores]),
        placed=_placements(scores),
    )


def _kind_of(scene: Scene) -> int:
    return KINDS.index(scene.shape if isinstance(scene, ShapeScene) else "face")


def _columns(course: Track) -> NDArray[np.float64]:
    return np.stack([course.x, course.y, course.radius, course.angle, course.visible], axis=1)


def _face_numbers(scene: FaceScene) -> tuple[float, ...]:
    hat = (0, 0, 0) if scene.hat is None else HATS[scene.hat]
    flags = float(scene.hat is not None), float(scene.voice == "woman")
    return (*SKINS[scene.skin], *HAIRS[scene.hair], *hat, *flags, scene.x)


def _placements(scores: Sequence[Score]) -> Tensor:
    placed = np.zeros((len(scores), MAX_PLACED, 3), np.int64)
    for row, score in enumerate(scores):
        for column, sound in enumerate(score.placed):
            placed[row, column] = sound
    return torch.from_numpy(placed)


def _float(values: NDArray[np.float64]) -> Tensor:
    return torch.from_numpy(values).float()
