"""The exam: which held-out scenes are asked for, in which words, with which seeds."""

from dataclasses import dataclass, replace

from ovi.training.world.caption import write_caption
from ovi.training.world.scene import MOTIONS, Scene, ShapeScene, Split, sample_scene
from ovi.training.world.wordings import Wordings

FACE_SHARE = 0.4
FIRST_SEED = 1_000_000
"""Scenes of the judge are drawn from here on."""


@dataclass(frozen=True, slots=True)
class Question:
    """One clip to make."""

    scene: Scene
    prompt: str
    seed: int
    """of the noise"""


def draw_exam(
    count: int, *, wordings: Wordings = Wordings.UNSEEN, shape: str | None = None
) -> tuple[Question, ...]:
    """`count` questions, always the same: faces and, in turn, every motion.

    Equal counts give equal exams; a longer exam begins with the shorter one's scenes of each kind.
    With a `shape` there are no faces, and every object has that shape.
    """
    faces = round(FACE_SHARE * count) if shape is None else 0
    scenes: list[Scene] = []
    seed = FIRST_SEED
    for index in range(count - faces):
        wanted = MOTIONS[index % len(MOTIONS)]
        while True:
            scene = sample_scene(seed, split=Split.JUDGE, face_share=0.0)
            seed += 1
            if isinstance(scene, ShapeScene) and scene.motion == wanted:
                break
        scenes.append(scene if shape is None else replace(scene, shape=shape))
    scenes += [
        sample_scene(FIRST_SEED + index, split=Split.JUDGE, face_share=1.0)
        for index in range(faces)
    ]
    return tuple(
        Question(scene, write_caption(scene, scene.seed, wordings=wordings), scene.seed)
        for scene in scenes
    )
