"""Stage `vae`: the video VAE, trained to give frames back.

The encoder's means are the latents, with fixed noise added while training, and a small penalty on
their square: a channel that carries nothing sinks into the noise, and the decoder learns to bear
latents that are slightly wrong, as those of the transformer will be. Frames are compared by
absolute difference, at coarser scales too, and by their edges.

At export the latents are brought to mean zero and unit deviation by the two 1x1x1 convolutions
beside them, so that the engine's fixed table of statistics holds for these weights as well.

B batch, T frames, C channels.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor

from ovi.models.nano import NANO_CONFIGS
from ovi.models.video_vae.model import VideoVae
from ovi.training.config import RunConfig, read_table, resize
from ovi.training.draws import Draw
from ovi.training.losses import coarse_loss, edge_loss
from ovi.training.pictures import write_frames
from ovi.training.stages.stage import Inputs, Losses, Stage, Weights
from ovi.training.weight_files import read_weights
from ovi.training.whole_clip import WholeClip
from ovi.training.world.batch import SceneBatch
from ovi.training.world_source import WorldSource

SMALLEST_DEVIATION = 0.3
"""A channel's deviation is taken for at least this share of the root mean square of all: one that
carries almost nothing is not blown up to the size of the others."""


@dataclass(frozen=True, slots=True)
class VaeSettings:
    """The table `[settings]` of this stage."""

    active_channels: int = 48
    """Latent channels that carry something; the others stay at zero. The transformer must see
    `active_channels` times its patch through its width, beside all else: far fewer numbers than
    the width is what it learns well."""
    num_frames: int = 17
    """Frames of a training window; 1 + 4n. Windows start at a random frame."""
    noise: float = 0.1
    """Deviation of the noise that is added to the latents."""
    size_weight: float = 3e-5
    """Of the latents' mean square, in units of the noise's."""
    edge_weight: float = 1.0
    coarse_weight: float = 0.5
    freeze_encoder: bool = False
    """Train the decoder alone: the latents stay what a trained transformer knows."""
    statistics_clips: int = 256
    """Clips over which the latents' statistics are measured for the export."""
    sample_clips: int = 6


class VaeStage(Stage):
    """Draws clips of the nano world, and trains a `VideoVae` on windows of them."""

    is_active: Tensor

    def __init__(self, config: RunConfig) -> None:
        super().__init__()
        self.settings = read_table(VaeSettings, dict(config.settings), "[settings]")
        self.seed = config.seed
        sizes = resize(
            NANO_CONFIGS.video_vae, config.sizes.get("video_vae", {}), "[sizes.video_vae]"
        )
        self.vae = VideoVae(sizes)
        active = self.settings.active_channels
        with torch.no_grad():
            moments = self.vae.encoder.moments
            assert moments.bias is not None
            moments.weight[active : sizes.latent_channels] = 0
            moments.bias[active : sizes.latent_channels] = 0
            self.vae.decoder.latents.weight[:, active:] = 0
        self.vae.encoder.requires_grad_(requires_grad=not self.settings.freeze_encoder)
        is_active = (torch.arange(sizes.latent_channels) < active).float()
        self.register_buffer("is_active", is_active.view(-1, 1, 1, 1), persistent=False)
        self.world = WorldSource()
        self._encode: Any = self.vae.encoder
        self._decode: Any = self.vae.decoder

    def prepare(self, draw: Draw, batch_size: int) -> SceneBatch:
        """See `Stage`."""
        return self.world.scenes(draw.clip_seeds(batch_size))

    @torch.no_grad()
    def inputs(self, prepared: SceneBatch, draw: Draw) -> Inputs:
        """See `Stage`."""
        frames = self._window(self.world.frames(prepared, self.device), draw)
        config = self.vae.config
        shape = (
            len(frames),
            config.latent_channels,
            1 + (frames.shape[2] - 1) // config.temporal_factor,
            frames.shape[3] // config.spatial_factor,
            frames.shape[4] // config.spatial_factor,
        )
        generator = draw.generator(self.device, "latents")
        return {
            "frames": frames,
            "noise": torch.randn(shape, generator=generator, device=self.device),
        }

    def forward(self, inputs: Inputs) -> Losses:
        """See `Stage`."""
        frames, noise = cast("tuple[Tensor, Tensor]", (inputs["frames"], inputs["noise"]))
        settings = self.settings
        # What is masked here has no gradient, and so stays as zero as it started.
        mean = self._encode(frames, WholeClip()) * self.is_active
        noise = settings.noise * self.is_active * noise
        made = self._decode(mean + noise, WholeClip()).float()
        pixels = (made - frames).abs().mean()
        edges, coarse = edge_loss(made, frames), coarse_loss(made, frames)
        size = (mean.float() / settings.noise).square().mean() / self.is_active.mean()
        loss = pixels + settings.edge_weight * edges + settings.coarse_weight * coarse
        loss = loss + settings.size_weight * size
        error = (made.detach().clamp(-1, 1) - frames).square().mean() / 4
        return {
            "loss": loss,
            "pixels": pixels,
            "edges": edges,
            "size": size,
            "psnr": -10 * error.log10(),
        }

    def compile_parts(self) -> None:
        """See `Stage`."""
        self._encode, self._decode = torch.compile(self._encode), torch.compile(self._decode)

    def write_samples(self, folder: Path, prefix: str) -> None:
        """Held-out clips above, what became of them below."""
        frames = self.world.frames(
            self.world.held_out_scenes(range(self.settings.sample_clips)), self.device
        )
        latents = self.vae.encode(frames, latents_per_step=frames.shape[2])
        made = self.vae.decode(latents, latents_per_step=latents.shape[2])
        rows = torch.stack([frames, made], dim=1).flatten(0, 1)
        write_frames(folder / f"{prefix}-frames.png", rows, [0, 5, 11, 17, 23, 29, 35, 44])

    def start_from(self, folder: Path) -> None:
        """See `Stage`."""
        read_weights(self.vae, folder / "video_vae.safetensors")

    def export(self) -> dict[str, Weights]:
        """The weights with their latents brought to the engine's statistics."""
        if self.settings.freeze_encoder:
            return {"video_vae": self.vae.state_dict()}
        mean, std = self._statistics()
        return {"video_vae": scaled_weights(self.vae, mean, std)}

    def _window(self, frames: Tensor, draw: Draw) -> Tensor:
        """`num_frames` frames from a random one on, the same for all clips of the batch."""
        wanted = self.settings.num_frames
        slack = frames.shape[2] - wanted
        start = 0
        if slack > 0:
            chosen = torch.randint(slack + 1, (), generator=draw.generator("cpu", "window"))
            start = int(chosen)
        return frames[:, :, start : start + wanted]

    @torch.no_grad()
    def _statistics(self) -> tuple[Tensor, Tensor]:
        """Mean and deviation (C,) of the encoder's raw output over clips of the world."""
        sums = torch.zeros(2, self.vae.config.latent_channels, dtype=torch.float64)
        count = 0
        batch = min(16, self.settings.statistics_clips)
        for number in range(self.settings.statistics_clips // batch):
            draw = Draw(self.seed, number)
            frames = self.world.frames(self.prepare(draw, batch), self.device)
            raw = self.vae.encoder(frames, WholeClip()).double().cpu()
            sums[0] += raw.sum((0, 2, 3, 4))
            sums[1] += raw.square().sum((0, 2, 3, 4))
            count += raw.numel() // raw.shape[1]
        mean = sums[0] / count
        return mean, (sums[1] / count - mean.square()).clamp_min(0).sqrt()


def scaled_weights(vae: VideoVae, mean: Tensor, std: Tensor) -> dict[str, Tensor]:
    """Weights of `vae` (C latent channels) whose latents have the statistics of its config.

    `mean` and `std` (C,) are those of the raw latents now. Decoding undoes what encoding does.
    """
    carrying = std[std > 1e-6]
    std = std.clamp_min(SMALLEST_DEVIATION * float(carrying.square().mean().sqrt()))
    table_mean = torch.tensor(vae.config.latent_mean, dtype=torch.float64)
    factor = torch.tensor(vae.config.latent_std, dtype=torch.float64) / std
    offset = table_mean - factor * mean
    state = {name: tensor.detach().double().cpu() for name, tensor in vae.state_dict().items()}
    out, into = "encoder.moments", "decoder.latents"
    channels = len(factor)
    state[f"{out}.weight"][:channels] *= factor.view(-1, 1, 1, 1, 1)
    state[f"{out}.bias"][:channels] = state[f"{out}.bias"][:channels] * factor + offset
    back = state[f"{into}.weight"] / factor.view(1, -1, 1, 1, 1)
    state[f"{into}.bias"] -= back.flatten(1) @ offset
    state[f"{into}.weight"] = back
    return {name: tensor.float() for name, tensor in state.items()}
