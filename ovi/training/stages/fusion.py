"""Stage `fusion`: the twin transformer and its text encoder, by flow matching on cached latents.

Each clip is moved part of the way to noise, the same share for picture and sound, and the model
predicts the velocity noise - clean of both. The share is drawn evenly and then shifted, as the
sampler's schedule is. So that the trained model knows every situation of a render:
- in some steps the first latent frame stays clean and counts as free of noise (image to video);
- some clips lose their text, for both branches or for one, and read nothing or a usual negative
  prompt instead, which is what the negative pass of guidance reads;
- for some clips one branch sees only noise of the other, and only the first is scored, so that
  each can do without the other.

B batch, C channels, F latent frames, H W latent rows and columns, L audio latents, n tokens.
"""

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor

from ovi.denoise import denoise
from ovi.guidance import guided_velocity
from ovi.models.audio_vae.model import AudioVae, transpose_latents
from ovi.models.fusion.block import run_fusion_block
from ovi.models.fusion.config import FusionConfig
from ovi.models.fusion.model import FusionModel
from ovi.models.nano import NANO_CONFIGS
from ovi.models.text_encoder.keys import from_published, to_published
from ovi.models.text_encoder.model import TextEncoder
from ovi.models.text_encoder.position import bucket_grid
from ovi.models.text_encoder.tokenizer import PAD_ID
from ovi.models.video_vae.model import VideoVae
from ovi.noise import draw_noise
from ovi.solvers import solver_for
from ovi.spec.geometry import FrameSize
from ovi.spec.request import (
    AUDIO_NEGATIVE,
    VIDEO_NEGATIVE,
    Guidance,
    NoiseSource,
    default_sampling,
)
from ovi.spec.variants import variant_named
from ovi.training.config import RunConfig, read_table, resize
from ovi.training.draws import Draw
from ovi.training.errors import TrainingError
from ovi.training.latents import LatentSet, encode_world, token_rows
from ovi.training.losses import noised, velocity_loss
from ovi.training.pictures import write_frames, write_spectrograms
from ovi.training.stages.stage import Inputs, Losses, Stage, Weights
from ovi.training.starting_weights import start_fusion, start_text_encoder
from ovi.training.weight_files import read_weights
from ovi.training.world.caption import write_caption
from ovi.training.world.scene import Split, sample_scene
from ovi.training.world_source import WorldSource
from ovi.types import Latents, TextEmbeddings

NO_TEXT = ("", VIDEO_NEGATIVE, AUDIO_NEGATIVE)
"""What stands for a text that is left out: in four cases of six, nothing."""


@dataclass(frozen=True, slots=True)
class FusionSettings:
    """The table `[settings]` of this stage."""

    video_vae: str = ""
    """File with the weights of the trained video VAE."""
    audio_vae: str = ""
    """File with the weights of the trained audio VAE."""
    latents: str = ""
    """File of cached latents: read if it is there, else written; empty keeps them in memory."""
    num_clips: int = 100_000
    num_wordings: int = 3
    active_channels: int = 48
    """As in the video VAE's training: the velocity of the other channels is not learned, and they
    are not read."""
    encode_batch: int = 64
    text_tokens: int = 256
    """Tokens of a caption that are kept; at least those of the longest, </s> included."""
    face_share: float = 0.5
    shift: float = 3.0
    """Above 1 more clips are trained at strong noise."""
    clean_frame_share: float = 0.25
    """Of the steps in which the first frame is given."""
    text_dropout: float = 0.1
    """Of the clips that lose their text in both branches."""
    branch_text_dropout: float = 0.05
    """Of the clips that lose it in the picture's branch alone, and likewise in the sound's."""
    other_dropout: float = 0.02
    """Of the clips for which the sound is noise to the picture, and likewise the other way."""
    audio_weight: float = 1.0
    """Of the sound's loss against the picture's."""
    num_samples: int = 8
    """Prompts that are rendered for `samples/`."""


class FusionStage(Stage):
    """Trains a `FusionModel` and a `TextEncoder` together."""

    no_text: Tensor
    buckets: Tensor
    is_active: Tensor

    def __init__(self, config: RunConfig) -> None:
        super().__init__()
        self.settings = read_table(FusionSettings, dict(config.settings), "[settings]")
        sizes = config.sizes
        self.fusion = FusionModel(_fusion_sizes(sizes.get("fusion", {})))
        self.text_encoder = TextEncoder(
            resize(NANO_CONFIGS.text_encoder, sizes.get("text_encoder", {}), "[sizes.text_encoder]")
        )
        start_fusion(self.fusion)
        start_text_encoder(self.text_encoder)
        self.vae_sizes = (
            resize(NANO_CONFIGS.video_vae, sizes.get("video_vae", {}), "[sizes.video_vae]"),
            resize(NANO_CONFIGS.audio_vae, sizes.get("audio_vae", {}), "[sizes.audio_vae]"),
        )
        self.latents: LatentSet | None = None
        # In a list, so that they are no part of what is trained and saved.
        self._decoders: list[tuple[VideoVae, AudioVae]] = []
        text_len = self.text_encoder.config.text_len
        no_text = token_rows(list(NO_TEXT), text_len).long()
        self.register_buffer("no_text", no_text, persistent=False)
        buckets = bucket_grid(text_len, self.text_encoder.config)
        self.register_buffer("buckets", buckets, persistent=False)
        channels = torch.arange(self.fusion.config.video.in_channels)
        is_active = (channels < self.settings.active_channels).float().view(-1, 1, 1, 1)
        self.register_buffer("is_active", is_active, persistent=False)

    def prepare(self, draw: Draw, batch_size: int) -> int:
        """Nothing is prepared on the CPU; the clips are chosen from the cache."""
        del draw
        return batch_size

    @torch.no_grad()
    def inputs(self, prepared: int, draw: Draw) -> Inputs:
        """Clips of the cache, each with one of its wordings, and all that is random about them."""
        if self.latents is None:
            self.latents = self.load_latents()
        latents, settings, device = self.latents, self.settings, self.device
        generator = draw.generator(device, "clips")
        chance = partial(torch.rand, prepared, generator=generator, device=device)
        pick = partial(torch.randint, size=(prepared,), generator=generator, device=device)
        chosen, wording = pick(len(latents)), pick(latents.text.shape[1])
        stand_in = (pick(2 * len(NO_TEXT)) - len(NO_TEXT)).clamp_min(0)
        dropped, lost, even = chance(), chance(), chance()
        both, one = settings.text_dropout, settings.branch_text_dropout
        video, audio = latents.video[chosen].float(), latents.audio[chosen].float()
        noise = partial(torch.randn, generator=generator, device=device)
        is_clean = float(torch.rand((), generator=draw.generator("cpu", "clean frame")))
        return {
            "video": video,
            "audio": audio,
            "video_noise": noise(video.shape),
            "audio_noise": noise(audio.shape),
            "sigma": settings.shift * even / (1 + (settings.shift - 1) * even),
            "ids": latents.text[chosen, wording].long(),
            "stand_in": stand_in,
            "without_video_text": dropped < both + one,
            "without_audio_text": (dropped < both) | (dropped > 1 - one),
            "video_is_lost": lost < settings.other_dropout,
            "audio_is_lost": lost > 1 - settings.other_dropout,
            "first_is_clean": is_clean < settings.clean_frame_share,
        }

    def forward(self, inputs: Inputs) -> Losses:
        """The flow-matching losses of the inputs."""
        settings = self.settings
        first_is_clean = bool(inputs["first_is_clean"])
        given = {name: value for name, value in inputs.items() if isinstance(value, Tensor)}
        sigma, noise = given["sigma"], given["video_noise"]
        video = noised(given["video"], noise, sigma)
        audio = noised(given["audio"], given["audio_noise"], sigma)
        video_is_lost, audio_is_lost = given["video_is_lost"], given["audio_is_lost"]
        video = torch.where(video_is_lost[:, None, None, None, None], noise, video)
        audio = torch.where(audio_is_lost[:, None, None], given["audio_noise"], audio)
        if first_is_clean:
            video = torch.cat([given["video"][:, :, :1], video[:, :, 1:]], dim=2)
        video_text, audio_text = self.embed_texts(given)
        made_video, made_audio = self.fusion(
            video * self.is_active,
            audio,
            (sigma * 1000).floor(),  # the sampler's timesteps are whole numbers
            video_text,
            audio_text,
            first_frame_is_clean=first_is_clean,
        )
        scored = (slice(None), slice(settings.active_channels), slice(int(first_is_clean), None))
        video_errors = velocity_loss(made_video[scored], given["video"][scored], noise[scored])
        audio_errors = velocity_loss(made_audio, given["audio"], given["audio_noise"])
        video_loss = _mean_where(video_errors, ~video_is_lost)
        audio_loss = _mean_where(audio_errors, ~audio_is_lost)
        loss = video_loss + settings.audio_weight * audio_loss
        return {"loss": loss, "video": video_loss, "audio": audio_loss}

    def embed_texts(self, given: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
        """What each branch reads, (B, n, D): the clip's text, or what stands for none."""
        ids = given["ids"]
        rows = self.embed(torch.cat([ids, self.no_text[:, : ids.shape[1]]]))
        texts, kinds = rows[: len(ids)], rows[len(ids) :]
        chosen = given["stand_in"][:, None] == torch.arange(len(kinds), device=ids.device)
        stand_ins = (chosen.to(rows.dtype) @ kinds.flatten(1)).view_as(texts)
        without = (given["without_video_text"], given["without_audio_text"])
        video, audio = (torch.where(w[:, None, None], stand_ins, texts) for w in without)
        return video, audio

    def embed(self, ids: Tensor) -> Tensor:
        """Text rows (B, n, D) of token ids (B, n), zero after each text's end.

        The encoder's own forward computes its table of positions on the CPU every time, which
        would make the GPU wait in each step.
        """
        encoder = self.text_encoder
        buckets = self.buckets[: ids.shape[1], : ids.shape[1]]
        # A product with one-hot rows: looking rows up has a slow gradient on GPUs, for sorting.
        table = cast("Tensor", encoder.token_embedding.weight)
        x = (ids[..., None] == torch.arange(len(table), device=ids.device)).to(table.dtype) @ table
        for layer in encoder.layers:
            x = layer(x, buckets, ids == PAD_ID)
        rows: Tensor = encoder.final_norm(x)
        return rows * (ids != PAD_ID)[..., None]

    def load_latents(self) -> LatentSet:
        """The cached latents: from their file, or encoded now."""
        settings, device = self.settings, self.device
        path = Path(settings.latents) if settings.latents else None
        if path is not None and path.is_file():
            return LatentSet.load(path, device)
        video_vae, audio_vae = self.load_decoders()
        with torch.autocast(device.type, enabled=False):
            made = encode_world(
                video_vae,
                audio_vae,
                WorldSource(settings.face_share),
                num_clips=settings.num_clips,
                num_wordings=settings.num_wordings,
                text_len=settings.text_tokens,
                batch_size=settings.encode_batch,
            )
        if path is not None:
            made.save(path)
        return made

    def load_decoders(self) -> tuple[VideoVae, AudioVae]:
        """Both trained VAEs, on the stage's device. Raises TrainingError if they are not named."""
        if not self._decoders:
            paths = self.settings.video_vae, self.settings.audio_vae
            if not all(paths):
                raise TrainingError(
                    "Stage fusion needs video_vae and audio_vae in [settings]: the weight files "
                    "that the stages vae and audio-vae wrote."
                )
            video_vae, audio_vae = VideoVae(self.vae_sizes[0]), AudioVae(self.vae_sizes[1])
            read_weights(video_vae, Path(paths[0]))
            read_weights(audio_vae, Path(paths[1]))
            self._decoders = [(video_vae.to(self.device), audio_vae.to(self.device))]
        return self._decoders[0]

    def write_samples(self, folder: Path, prefix: str) -> None:
        """Clips of prompts that training never shows: frames in rows, spectrograms, the prompts."""
        if not self.settings.video_vae or not self.settings.audio_vae:
            return
        video_vae, audio_vae = self.load_decoders()
        prompts = held_out_prompts(self.settings.num_samples)
        with torch.compiler.set_stance("force_eager"):
            made = [self.sample(prompt, seed) for seed, prompt in enumerate(prompts)]
        pictures = torch.cat([latents.video for latents in made])
        sounds = torch.cat([latents.audio for latents in made])
        frames = video_vae.decode(pictures, latents_per_step=pictures.shape[2])
        write_frames(folder / f"{prefix}-frames.png", frames, [0, 5, 11, 17, 23, 29, 35, 44])
        mels = audio_vae.decode(transpose_latents(sounds))
        write_spectrograms(folder / f"{prefix}-mel.png", mels)
        (folder / "prompts.txt").write_text("\n".join(prompts) + "\n", "utf-8")

    def sample(self, prompt: str, seed: int) -> Latents:
        """The latents of one prompt, made as a render makes them, at the default settings."""
        sampling, guidance = default_sampling("nano"), Guidance()
        ids = token_rows([prompt, ""], self.text_encoder.config.text_len).long().to(self.device)
        positive, negative = (
            row[mask] for row, mask in zip(self.embed(ids), ids != PAD_ID, strict=True)
        )
        velocity = guided_velocity(
            self.fusion,
            TextEmbeddings(positive, negative, negative),
            video_scale=guidance.video_scale,
            audio_scale=guidance.audio_scale,
            skip_layer=None,
            dtype=torch.float32,
        )
        solver = solver_for(sampling.solver, sampling.num_steps, sampling.shift)
        size = FrameSize(128, 128)
        noise = draw_noise(variant_named("nano"), size, seed, NoiseSource.CPU, self.device)
        noise.video[:, self.settings.active_channels :] = 0  # the exported weights do not read it
        return denoise(velocity, solver, noise)

    def compile_parts(self) -> None:
        """Compiles a fusion block and a layer of the text encoder, once for all of their kind."""
        self.fusion.run_block = torch.compile(run_fusion_block)
        for layer in self.text_encoder.layers:
            layer.compile()

    def start_from(self, folder: Path) -> None:
        """See `Stage`."""
        read_weights(self.fusion, folder / "fusion.safetensors")
        convert = partial(from_published, config=self.text_encoder.config)
        read_weights(self.text_encoder, folder / "text_encoder.safetensors", convert)

    def export(self) -> dict[str, Weights]:
        """Both models, under the published names."""
        encoder, fusion = self.text_encoder, dict(self.fusion.state_dict())
        reads = fusion["video_model.patch_embedding.weight"].clone()
        reads[:, self.settings.active_channels :] = 0
        fusion["video_model.patch_embedding.weight"] = reads
        return {
            "fusion": fusion,
            "text_encoder": to_published(encoder.state_dict(), encoder.config),
        }


def held_out_prompts(count: int) -> list[str]:
    """Captions of scenes that training never shows, in wordings that it does."""
    scenes = [sample_scene(seed, split=Split.JUDGE) for seed in range(count)]
    return [write_caption(scene, seed=0) for scene in scenes]


def _fusion_sizes(changes: dict[str, Any]) -> FusionConfig:
    """Nano's sizes with `changes` in both branches."""
    nano = NANO_CONFIGS.fusion
    video, audio = (resize(b, changes, "[sizes.fusion]") for b in (nano.video, nano.audio))
    return FusionConfig(video, audio)


def _mean_where(values: Tensor, counts: Tensor) -> Tensor:
    """The mean of the values (B,) that count, or zero."""
    return (values * counts).sum() / counts.sum().clamp_min(1)
