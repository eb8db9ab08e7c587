"""Stage `audio-vae`: log-mel spectrograms to audio latents and back.

The loss is the mean absolute and the mean squared difference of the normalised spectrograms, and a
small divergence of the latents from standard noise. At export each latent channel is brought to
unit deviation by the two convolutions beside the latents.

B batch, M mel bands, T mel frames, L audio latents.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import cast

import torch
from torch import Tensor

from ovi.models.audio_vae.mel import log_mel
from ovi.models.audio_vae.model import AudioVae
from ovi.models.nano import NANO_CONFIGS
from ovi.training.config import RunConfig, read_table, resize
from ovi.training.draws import Draw
from ovi.training.losses import normal_divergence
from ovi.training.pictures import write_spectrograms
from ovi.training.stages.stage import Inputs, Losses, Stage, Weights
from ovi.training.weight_files import read_weights
from ovi.training.world.batch import SceneBatch
from ovi.training.world_source import WorldSource

SMALLEST_DEVIATION = 0.3
"""As in stage `vae`."""


@dataclass(frozen=True, slots=True)
class AudioVaeSettings:
    """The table `[settings]` of this stage."""

    divergence_weight: float = 2e-3
    square_weight: float = 0.5
    face_share: float = 0.65
    """Of the clips: speech is harder than tones."""
    statistics_clips: int = 512
    """Clips over which the latents' deviation is measured for the export."""


class AudioVaeStage(Stage):
    """Draws sounds of the nano world, and trains an `AudioVae` on them."""

    def __init__(self, config: RunConfig) -> None:
        super().__init__()
        self.settings = read_table(AudioVaeSettings, dict(config.settings), "[settings]")
        self.seed = config.seed
        sizes = config.sizes.get("audio_vae", {})
        self.vae = AudioVae(resize(NANO_CONFIGS.audio_vae, sizes, "[sizes.audio_vae]"))
        self.world = WorldSource(self.settings.face_share)

    def prepare(self, draw: Draw, batch_size: int) -> SceneBatch:
        """See `Stage`."""
        return self.world.scenes(draw.clip_seeds(batch_size))

    @torch.no_grad()
    def inputs(self, prepared: SceneBatch, draw: Draw) -> Inputs:
        """See `Stage`."""
        mel, config = self._mel(prepared), self.vae.config
        shape = (len(mel), config.latent_channels, mel.shape[-1] // config.frames_per_latent)
        generator = draw.generator(self.device, "latents")
        return {"mel": mel, "noise": torch.randn(shape, generator=generator, device=self.device)}

    def forward(self, inputs: Inputs) -> Losses:
        """See `Stage`."""
        mel, noise = cast("tuple[Tensor, Tensor]", (inputs["mel"], inputs["noise"]))
        vae, settings = self.vae, self.settings
        latents = vae.encode(mel)
        drawn = latents.mean + noise * (0.5 * latents.logvar).exp()
        made = vae.decode_normalised(drawn).float()
        wanted = (mel - vae.mel_mean) / vae.mel_std
        distance = (made - wanted).abs().mean()
        square = (made - wanted).square().mean()
        divergence = normal_divergence(latents.mean.float(), latents.logvar.float())
        loss = distance + settings.square_weight * square
        loss = loss + settings.divergence_weight * divergence
        return {"loss": loss, "distance": distance, "square": square, "divergence": divergence}

    def write_samples(self, folder: Path, prefix: str) -> None:
        """Held-out spectrograms, each above what became of it."""
        mel = self._mel(self.world.held_out_scenes(range(4)))
        made = self.vae.decode(self.vae.encode(mel).mean)
        both = torch.stack([mel[..., : made.shape[-1]], made], dim=1).flatten(0, 1)
        write_spectrograms(folder / f"{prefix}-mel.png", both)

    def start_from(self, folder: Path) -> None:
        """See `Stage`."""
        read_weights(self.vae, folder / "audio_vae.safetensors")

    def export(self) -> dict[str, Weights]:
        """The weights with every latent channel at unit deviation."""
        return {"audio_vae": scaled_weights(self.vae, self._deviation())}

    @torch.no_grad()
    def _deviation(self) -> Tensor:
        """Deviation (C,) of the latents' means over sounds of the world."""
        batch = min(64, self.settings.statistics_clips)
        means = [
            self.vae.encode(self._mel(self.prepare(Draw(self.seed, number), batch))).mean
            for number in range(self.settings.statistics_clips // batch)
        ]
        return torch.cat(means).float().std((0, 2)).cpu()

    @torch.no_grad()
    def _mel(self, scenes: SceneBatch) -> Tensor:
        """Spectrograms (B, M, T); T even, so that they divide into latents."""
        mel = log_mel(self.world.waveforms(scenes, self.device), self.vae.config)
        step = self.vae.config.frames_per_latent
        return mel[..., : mel.shape[-1] // step * step]


def scaled_weights(vae: AudioVae, deviation: Tensor) -> dict[str, Tensor]:
    """Weights of `vae` whose latents' means, now of `deviation` (C,), have deviation one."""
    deviation = deviation.clamp_min(SMALLEST_DEVIATION * float(deviation.square().mean().sqrt()))
    state = {name: tensor.detach().float().cpu() for name, tensor in vae.state_dict().items()}
    channels = len(deviation)
    out = state["encoder.output.conv.weight"].clone()
    out[:channels] /= deviation.view(-1, 1, 1)
    state["encoder.output.conv.weight"] = out
    state["decoder.input.weight"] = state["decoder.input.weight"] * deviation.view(1, -1, 1)
    return state
