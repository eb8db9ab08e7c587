"""Stage `lora`: adapters beside a frozen transformer, by flow matching on a few clips.

The loss is that of stage `fusion`: picture and sound are moved the same share of the way to noise,
and the model predicts noise - clean. Some passes keep the first frame clean, and some clips lose
their caption, so that image to video and guidance go on working. Of a clip without sound only the
picture is learned; its sound is noise.

B batch, C channels, F latent frames, H W latent rows and columns, L audio latents, n tokens.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence
from torch.utils.checkpoint import checkpoint

from ovi.models.fusion.block import RunBlock
from ovi.models.fusion.model import FusionModel
from ovi.training.config import RunConfig, read_table
from ovi.training.draws import Draw
from ovi.training.errors import TrainingError
from ovi.training.lora.adapters import AdapterSet, Layers
from ovi.training.lora.encoding import EncodedClip
from ovi.training.losses import noised, velocity_loss
from ovi.training.stages.stage import Inputs, Losses, Stage, Weights


@dataclass(frozen=True, slots=True)
class LoraSettings:
    """The table `[settings]` of this stage."""

    rank: int = 16
    layers: str = "both"
    """`both`, `video`, `audio` or `cross`."""
    shift: float = 5.0
    """Above 1 more clips are trained at strong noise; 5 is what renders use."""
    clean_frame_share: float = 0.25
    """Of the passes in which the first frame is given."""
    text_dropout: float = 0.1
    """Of the clips that lose their caption."""
    keep_share: float = 0.5
    """Of the clips in a batch that are ones to keep, where a folder of such is given."""
    audio_weight: float = 1.0
    """Of the sound's loss against the picture's."""
    checkpoint_blocks: bool = True
    """Compute each block again for its gradient: a third more time, a small part of the memory."""

    def __post_init__(self) -> None:
        if self.rank < 1:
            raise TrainingError(f"A LoRA of rank {self.rank} learns nothing: use 1 or more.")
        if self.layers not in list(Layers):
            raise TrainingError(f"layers is {self.layers!r}; use one of {', '.join(Layers)}.")


class LoraStage(Stage):
    """Trains adapters; the transformer itself is neither changed nor saved."""

    reads: Tensor

    def __init__(
        self,
        config: RunConfig,
        fusion: FusionModel,
        clips: Sequence[EncodedClip],
        no_text: Tensor,
        kept: Sequence[EncodedClip] = (),
    ) -> None:
        """For a model on its device, and clips on the CPU; `kept` are of things it knows."""
        super().__init__()
        self.settings = read_table(LoraSettings, dict(config.settings), "[settings]")
        self.adapters = AdapterSet(fusion, Layers(self.settings.layers), self.settings.rank)
        self._base = [fusion]  # in a list, so that it is no part of what is trained and saved
        self._clips = (tuple(clips), tuple(kept))
        self._no_text = no_text
        if self.settings.checkpoint_blocks:
            fusion.run_block = checkpointed(fusion.run_block)
        # Channels that the model does not read are none of its business (`nano` has such).
        weight = _embedding(fusion).weight
        reads = weight.detach().float().abs().flatten(2).amax((0, 2)) > 0
        self.register_buffer("reads", reads, persistent=False)

    def prepare(self, draw: Draw, batch_size: int) -> int:
        """Nothing is prepared ahead."""
        del draw
        return batch_size

    @torch.no_grad()
    def inputs(self, prepared: int, draw: Draw) -> Inputs:
        """Clips of one size, and all that is random about them."""
        generator = draw.generator("cpu", "clips")
        chosen = self._choose(prepared, generator)
        settings, device = self.settings, self.device
        video = torch.stack([clip.video for clip in chosen]).to(device).float()
        audio = torch.stack([clip.audio for clip in chosen]).to(device).float()
        even, dropped = torch.rand(2, len(chosen), generator=generator)
        texts = [
            self._no_text if chance < settings.text_dropout else clip.text
            for clip, chance in zip(chosen, dropped.tolist(), strict=True)
        ]
        noise = draw.generator(device, "noise")
        return {
            "video": video,
            "audio": audio,
            "video_noise": torch.randn(video.shape, generator=noise, device=device),
            "audio_noise": torch.randn(audio.shape, generator=noise, device=device),
            "sigma": (settings.shift * even / (1 + (settings.shift - 1) * even)).to(device),
            "text": pad_sequence(texts, batch_first=True).to(device),
            "has_sound": torch.tensor([clip.has_sound for clip in chosen], device=device),
            "first_is_clean": float(torch.rand((), generator=generator))
            < settings.clean_frame_share,
        }

    def forward(self, inputs: Inputs) -> Losses:
        """The flow-matching losses of the inputs."""
        first_is_clean = bool(inputs["first_is_clean"])
        given = {name: value for name, value in inputs.items() if isinstance(value, Tensor)}
        sigma, video_noise, audio_noise = given["sigma"], given["video_noise"], given["audio_noise"]
        has_sound = given["has_sound"]
        video = noised(given["video"], video_noise, sigma)
        audio = noised(given["audio"], audio_noise, sigma)
        audio = torch.where(has_sound[:, None, None], audio, audio_noise)
        if first_is_clean:
            video = torch.cat([given["video"][:, :, :1], video[:, :, 1:]], dim=2)
        (fusion,) = self._base
        dtype = _embedding(fusion).weight.dtype
        timestep = (sigma * 1000).floor()  # the sampler's timesteps are whole numbers
        text = given["text"].to(dtype)
        made_video, made_audio = fusion(
            video.to(dtype),
            audio.to(dtype),
            timestep,
            text,
            text,
            first_frame_is_clean=first_is_clean,
        )
        scored = (slice(None), self.reads, slice(int(first_is_clean), None))
        video_loss = velocity_loss(
            made_video[scored], given["video"][scored], video_noise[scored]
        ).mean()
        audio_losses = velocity_loss(made_audio, given["audio"], audio_noise)
        audio_loss = (audio_losses * has_sound).sum() / has_sound.sum().clamp_min(1)
        loss = video_loss + self.settings.audio_weight * audio_loss
        return {"loss": loss, "video": video_loss, "audio": audio_loss}

    def write_samples(self, folder: Path, prefix: str) -> None:
        """None: `ovi render --lora` shows what the file does, with the whole engine."""

    def export(self) -> dict[str, Weights]:
        """The LoRA file."""
        return {"lora": self.adapters.tensors()}

    def _choose(self, count: int, generator: torch.Generator) -> list[EncodedClip]:
        """`count` clips of one size: the first decides, and kept ones may be among them."""
        clips, kept = self._clips
        share = self.settings.keep_share if kept else 0.0
        from_kept = (torch.rand(count, generator=generator) < share).tolist()
        chosen: list[EncodedClip] = []
        for is_kept in from_kept:
            pool: Sequence[EncodedClip] = kept if is_kept else clips
            if chosen:
                alike = [clip for clip in pool if clip.video.shape == chosen[0].video.shape]
                pool = alike or [chosen[0]]
            chosen.append(pool[int(torch.randint(len(pool), (), generator=generator))])
        return chosen


def _embedding(fusion: FusionModel) -> nn.Conv3d:
    """The layer that reads picture latents."""
    return cast("nn.Conv3d", fusion.video_model.patch_embedding)


def checkpointed(run_block: RunBlock) -> RunBlock:
    """Runs a block without keeping what its gradient needs; that is computed again then."""

    def run(*arguments: Any) -> tuple[Tensor, Tensor]:
        made: tuple[Tensor, Tensor] = checkpoint(run_block, *arguments, use_reentrant=False)
        return made

    return run
