"""Clips of the nano world as latents and token ids, made once and kept on the device.

The transformer sees each clip many times, and encoding one costs more than a training step on it.

N clips, C channels, F latent frames, H W latent rows and columns, L audio latents, W wordings.
"""

import sys
import time
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from ovi.models.audio_vae.mel import log_mel
from ovi.models.audio_vae.model import AudioVae, transpose_latents
from ovi.models.text_encoder.tokenizer import ByteTokenizer
from ovi.models.video_vae.model import VideoVae
from ovi.training.whole_clip import WholeClip
from ovi.training.world_source import WorldSource

PROGRESS_EVERY_SECONDS = 10.0


@dataclass(frozen=True, slots=True, eq=False)
class LatentSet:
    """What the transformer is trained on."""

    video: Tensor
    """(N, C, F, H, W) float16, normalised."""
    audio: Tensor
    """(N, L, C) float16."""
    text: Tensor
    """(N, W, tokens) int16, 0 after the end."""

    def __len__(self) -> int:
        return len(self.video)

    def to(self, device: torch.device) -> "LatentSet":
        """The same on another device."""
        return LatentSet(*(getattr(self, field.name).to(device) for field in fields(self)))

    def save(self, path: Path) -> None:
        """Writes a safetensors file."""
        save_file({f.name: getattr(self, f.name).cpu().contiguous() for f in fields(self)}, path)

    @classmethod
    def load(cls, path: Path, device: torch.device) -> "LatentSet":
        """Reads what `save` wrote."""
        return cls(**load_file(path, str(device)))


@torch.no_grad()
def encode_world(
    video_vae: VideoVae,
    audio_vae: AudioVae,
    world: WorldSource,
    *,
    num_clips: int,
    num_wordings: int,
    text_len: int,
    batch_size: int,
    first_seed: int = 0,
) -> LatentSet:
    """Latents of `num_clips` training clips from `first_seed` on, on the models' device."""
    device = next(video_vae.parameters()).device
    started = reported = time.monotonic()
    video: Tensor | None = None
    audio: Tensor | None = None
    text = torch.empty(num_clips, num_wordings, text_len, dtype=torch.int16)
    for start in range(0, num_clips, batch_size):
        stop = min(start + batch_size, num_clips)
        seeds = range(first_seed + start, first_seed + stop)
        packed = world.scenes(seeds)
        with torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda"):
            raw = video_vae.encoder(world.frames(packed, device), WholeClip())
        pictures = video_vae.normalize(raw)
        mel = log_mel(world.waveforms(packed, device), audio_vae.config)
        sounds = transpose_latents(audio_vae.encode(mel).mean)
        if video is None or audio is None:
            video = torch.empty(num_clips, *pictures.shape[1:], dtype=torch.float16, device=device)
            audio = torch.empty(num_clips, *sounds.shape[1:], dtype=torch.float16, device=device)
        video[start:stop], audio[start:stop] = pictures, sounds
        captions = [
            caption
            for scene, seed in zip(world.scene_list(seeds), seeds, strict=True)
            for caption in world.captions(
                scene, range(num_wordings * seed, num_wordings * (seed + 1))
            )
        ]
        text[start:stop] = token_rows(captions, text_len).view(-1, num_wordings, text_len)
        if time.monotonic() - reported > PROGRESS_EVERY_SECONDS:
            reported = time.monotonic()
            sys.stderr.write(f"{stop} of {num_clips} clips, {reported - started:.0f} s\n")
    assert video is not None
    assert audio is not None
    return LatentSet(video, audio, text.to(device))


def token_rows(texts: list[str], text_len: int) -> Tensor:
    """Token ids (B, text_len) int16, as `ByteTokenizer` gives for texts that need no cleaning.

    Cleaning takes longer than all else here; captions of the world are plain ASCII on one line.
    """
    empty = ByteTokenizer(1).encode([""]).ids  # </s> alone
    rows = np.zeros((len(texts), text_len), np.int16)
    for row, text in zip(rows, texts, strict=True):
        ids = np.frombuffer(text.encode()[: text_len - 1], np.uint8)
        row[: len(ids)] = ids.astype(np.int16) + BYTE_OFFSET
        row[len(ids)] = int(empty[0, 0])
    return torch.from_numpy(rows)


BYTE_OFFSET = 3
"""Between a byte and its token id."""
