"""Stage `vocoder`: log-mel spectrograms to sound.

The loss compares magnitudes over several resolutions, and mel spectrograms. With trained weights
of the audio VAE (`audio_vae` in `[settings]`), part of the spectrograms pass through it first: that
is what the vocoder will be given.

B batch, M mel bands, T mel frames.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import cast

import torch
from torch import Tensor

from ovi.models.audio_vae.mel import log_mel, mel_basis
from ovi.models.audio_vae.model import AudioVae
from ovi.models.nano import NANO_CONFIGS
from ovi.models.vocoder.model import Vocoder
from ovi.training.config import RunConfig, read_table, resize
from ovi.training.draws import Draw
from ovi.training.losses import mel_loss, spectral_loss
from ovi.training.pictures import write_sound, write_spectrograms
from ovi.training.stages.stage import Inputs, Losses, Stage, Weights
from ovi.training.weight_files import read_weights
from ovi.training.world.batch import SceneBatch
from ovi.training.world_source import WorldSource


@dataclass(frozen=True, slots=True)
class VocoderSettings:
    """The table `[settings]` of this stage."""

    audio_vae: str = ""
    """File with the weights of a trained audio VAE, or empty for none."""
    window: int = 32
    """Mel frames of a training window."""
    through_vae_share: float = 0.5
    """Of the clips whose spectrogram passes through the audio VAE."""
    latent_noise: float = 0.1
    """Deviation of the noise that their latents get."""
    mel_weight: float = 4.0
    face_share: float = 0.65


class VocoderStage(Stage):
    """Draws sounds of the nano world, and trains a `Vocoder` on windows of them."""

    mel_basis: Tensor

    def __init__(self, config: RunConfig) -> None:
        super().__init__()
        self.settings = read_table(VocoderSettings, dict(config.settings), "[settings]")
        sizes = config.sizes
        self.vocoder = Vocoder(
            resize(NANO_CONFIGS.vocoder, sizes.get("vocoder", {}), "[sizes.vocoder]")
        )
        self.audio_config = resize(
            NANO_CONFIGS.audio_vae, sizes.get("audio_vae", {}), "[sizes.audio_vae]"
        )
        self.audio_vae: AudioVae | None = None
        if self.settings.audio_vae:
            self.audio_vae = AudioVae(self.audio_config).requires_grad_(requires_grad=False)
            read_weights(self.audio_vae, Path(self.settings.audio_vae))
        self.register_buffer("mel_basis", mel_basis(self.audio_config), persistent=False)
        self.world = WorldSource(self.settings.face_share)

    def prepare(self, draw: Draw, batch_size: int) -> SceneBatch:
        """See `Stage`."""
        return self.world.scenes(draw.clip_seeds(batch_size))

    @torch.no_grad()
    def inputs(self, prepared: SceneBatch, draw: Draw) -> Inputs:
        """See `Stage`."""
        waveforms = self.world.waveforms(prepared, self.device)
        mel = self._given(log_mel(waveforms, self.audio_config), draw)
        mel, wanted = self._windows(mel, waveforms, draw)
        return {"mel": mel, "wanted": wanted}

    def forward(self, inputs: Inputs) -> Losses:
        """See `Stage`."""
        mel, wanted = cast("tuple[Tensor, Tensor]", (inputs["mel"], inputs["wanted"]))
        made = self.vocoder(mel)[:, 0].float()
        with torch.autocast(self.device.type, enabled=False):
            spectral = spectral_loss(made, wanted)
            mels = mel_loss(made, wanted, self.mel_basis)
        loss = spectral + self.settings.mel_weight * mels
        return {"loss": loss, "spectral": spectral, "mel": mels}

    def write_samples(self, folder: Path, prefix: str) -> None:
        """Held-out sounds: the recording, and what the vocoder makes of its spectrogram."""
        waveforms = self.world.waveforms(self.world.held_out_scenes(range(4)), self.device)
        mel = log_mel(waveforms, self.audio_config)
        made = self.vocoder(mel)[:, 0].float()
        write_sound(folder / f"{prefix}-true.wav", waveforms.flatten())
        write_sound(folder / f"{prefix}-made.wav", made.flatten())
        again = log_mel(made, self.audio_config)
        write_spectrograms(
            folder / f"{prefix}-mel.png", torch.stack([mel, again], dim=1).flatten(0, 1)
        )

    def start_from(self, folder: Path) -> None:
        """See `Stage`."""
        read_weights(self.vocoder, folder / "vocoder.safetensors")

    def export(self) -> dict[str, Weights]:
        """The weights as they are."""
        return {"vocoder": self.vocoder.state_dict()}

    def _given(self, mel: Tensor, draw: Draw) -> Tensor:
        """The spectrograms (B, M, T) that the vocoder is given; some have been through the VAE."""
        if self.audio_vae is None:
            return mel
        generator = draw.generator(self.device, "mel")
        latents = self.audio_vae.encode(mel).mean
        noise = torch.randn(latents.shape, generator=generator, device=self.device)
        made = self.audio_vae.decode(latents + self.settings.latent_noise * noise)
        chosen = torch.rand(len(mel), generator=generator, device=self.device)
        through = chosen < self.settings.through_vae_share
        return torch.where(through[:, None, None], made, mel[..., : made.shape[-1]])

    def _windows(self, mel: Tensor, waveforms: Tensor, draw: Draw) -> tuple[Tensor, Tensor]:
        """Mel frames (B, M, window) from a random one on, a different one each, and the sound."""
        window, hop = self.settings.window, self.audio_config.hop_length
        generator = draw.generator(self.device, "window")
        slack = mel.shape[-1] - window
        starts = torch.randint(slack + 1, (len(mel),), generator=generator, device=self.device)
        frames = starts[:, None] + torch.arange(window, device=self.device)
        samples = starts[:, None] * hop + torch.arange(window * hop, device=self.device)
        chosen = mel.gather(2, frames[:, None].expand(-1, mel.shape[1], -1))
        return chosen, waveforms.gather(1, samples)
