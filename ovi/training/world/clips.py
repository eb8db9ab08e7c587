"""Whole clips of the nano world from their seeds: captions, frames and waveforms."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ovi.training.world.batch import pack_scenes
from ovi.training.world.caption import write_caption
from ovi.training.world.picture import render_frames
from ovi.training.world.scene import Scene, ShapeScene, Split, sample_scene
from ovi.training.world.sound import render_waveforms
from ovi.training.world.sound_bank import SoundBank
from ovi.training.world.wordings import Wordings


@dataclass(frozen=True, slots=True, eq=False)
class Clips:
    """B clips."""

    scenes: tuple[Scene, ...]
    captions: tuple[str, ...]
    frames: Tensor
    """uint8 (B, F, 3, H, W)"""
    waveforms: Tensor
    """float32 (B, S) in [-1, 1]"""


def draw_clips(
    seeds: Sequence[int],
    bank: SoundBank,
    device: torch.device | str = "cpu",
    *,
    split: Split = Split.TRAIN,
    face_share: float = 0.5,
    shape: str | None = None,
) -> Clips:
    """The clips of these seeds, on `device`; the bank must be there too.

    The judge's clips come with wordings that training never sees. A `shape` is put in the place of
    every object's own.
    """
    scenes = tuple(sample_scene(seed, split=split, face_share=face_share) for seed in seeds)
    if shape is not None:
        scenes = tuple(
            replace(scene, shape=shape) if isinstance(scene, ShapeScene) else scene
            for scene in scenes
        )
    wordings = Wordings.UNSEEN if split is Split.JUDGE else Wordings.SEEN
    batch = pack_scenes(scenes, bank).to(device)
    return Clips(
        scenes=scenes,
        captions=tuple(write_caption(scene, scene.seed, wordings=wordings) for scene in scenes),
        frames=render_frames(batch),
        waveforms=render_waveforms(batch, bank),
    )
