"""Clips of the nano world as the stages take them: on their device, in the models' ranges.

B batch, T frames.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from ovi.training.world.batch import SceneBatch, pack_scenes
from ovi.training.world.caption import write_caption
from ovi.training.world.picture import render_frames
from ovi.training.world.scene import Scene, Split, sample_scene
from ovi.training.world.sound import render_waveforms
from ovi.training.world.sound_bank import SoundBank, load_sound_bank


@dataclass(slots=True, eq=False)
class WorldSource:
    """Draws scenes by number and renders them; the recorded sounds are loaded once a device."""

    face_share: float = 0.5
    _banks: dict[torch.device, SoundBank] = field(default_factory=dict)

    def scenes(self, seeds: Sequence[int]) -> SceneBatch:
        """Training scenes, packed: small tensors on the CPU."""
        return pack_scenes(self.scene_list(seeds), self._bank(torch.device("cpu")))

    def scene_list(self, seeds: Sequence[int]) -> list[Scene]:
        """Training scenes."""
        return [sample_scene(seed, face_share=self.face_share) for seed in seeds]

    def held_out_scenes(self, seeds: Sequence[int]) -> SceneBatch:
        """Scenes of kinds that training never shows, packed."""
        scenes = [sample_scene(seed, split=Split.JUDGE) for seed in seeds]
        return pack_scenes(scenes, self._bank(torch.device("cpu")))

    def captions(self, scene: Scene, seeds: Sequence[int]) -> list[str]:
        """Several wordings of one scene."""
        return [write_caption(scene, seed) for seed in seeds]

    @torch.no_grad()
    def frames(self, scenes: SceneBatch, device: torch.device) -> Tensor:
        """Frames (B, 3, T, H, W), float32, in [-1, 1]."""
        frames = render_frames(scenes.to(device))
        return frames.transpose(1, 2).float().div_(127.5).sub_(1)

    @torch.no_grad()
    def waveforms(self, scenes: SceneBatch, device: torch.device) -> Tensor:
        """Waveforms (B, samples), float32, in [-1, 1]."""
        return render_waveforms(scenes.to(device), self._bank(device))

    def _bank(self, device: torch.device) -> SoundBank:
        if device not in self._banks:
            self._banks[device] = load_sound_bank().to(device)
        return self._banks[device]
