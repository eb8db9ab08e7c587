"""Clips as latents and captions as embeddings, made once and kept as files.

N clips, C channels, F latent frames, H W latent rows and columns, L audio latents, n tokens,
D text width.
"""

import hashlib
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from ovi.models.audio_vae.mel import log_mel
from ovi.models.audio_vae.model import AudioVae, transpose_latents
from ovi.models.text_encoder.encode import embed_separately
from ovi.models.text_encoder.model import TextEncoder
from ovi.models.text_encoder.tokenizer import ByteTokenizer, Tokenizer, load_tokenizer
from ovi.models.video_vae.model import VideoVae
from ovi.runtime.components import Components, load_components
from ovi.runtime.sizes import configs_of
from ovi.spec.geometry import FrameSize
from ovi.spec.placement import Offload, Placement
from ovi.spec.request import Precision
from ovi.spec.variants import Variant
from ovi.training.lora.captions import CaptionedClip
from ovi.training.lora.clip_reading import read_clip
from ovi.weights.store import locate_files

NO_TEXT = ""
"""What a clip reads that has lost its caption: as the negative pass of guidance does by default."""

PROGRESS_EVERY_SECONDS = 10.0

ENCODERS = ("video_vae", "audio_vae", "text_encoder")


@dataclass(frozen=True, slots=True, eq=False)
class EncodedClip:
    """What the transformer learns from one clip."""

    video: Tensor
    """(C, F, H, W), normalised"""
    audio: Tensor
    """(L, C); zeros without sound"""
    has_sound: bool
    text: Tensor
    """(n, D)"""


@dataclass(frozen=True, slots=True)
class ClipToEncode:
    """A clip, and the size that it is brought to."""

    clip: CaptionedClip
    size: FrameSize


@dataclass(frozen=True, slots=True)
class Encoders:
    """Which models encode, and where."""

    variant: Variant
    precision: Precision
    ckpt_dir: Path | None
    device: torch.device


def encode_clips(
    clips: Sequence[ClipToEncode], encoders: Encoders, cache: Path
) -> tuple[list[EncodedClip], Tensor]:
    """The clips, and the embedding (n, D) of no text, on the CPU.

    What `cache` does not hold yet is encoded and put there. Raises WeightsError for missing models
    and TrainingError for clips that cannot be read.
    """
    known = _stamps(encoders)
    clip_files = [cache / f"clip-{_key(_clip_inputs(c), known)}.safetensors" for c in clips]
    texts = list(dict.fromkeys([*(c.clip.caption for c in clips), NO_TEXT]))
    text_files = {text: cache / f"text-{_key([text], known)}.safetensors" for text in texts}
    missing = [
        (clip, path) for clip, path in zip(clips, clip_files, strict=True) if not path.is_file()
    ]
    unread = {text: path for text, path in text_files.items() if not path.is_file()}
    if missing or unread:
        cache.mkdir(parents=True, exist_ok=True)
        names = [*(ENCODERS[:2] if missing else ()), *(ENCODERS[2:] if unread else ())]
        placement = Placement(device=str(encoders.device), offload=Offload.MODEL)
        components = load_components(
            names,
            encoders.variant,
            encoders.precision,
            placement,
            encoders.device,
            encoders.ckpt_dir,
        )
        reported = time.monotonic()
        with torch.inference_mode():
            _encode_texts(unread, components, encoders)
            for index, (clip, path) in enumerate(missing):
                _encode_clip(clip, path, components, encoders)
                if time.monotonic() - reported > PROGRESS_EVERY_SECONDS:
                    reported = time.monotonic()
                    sys.stderr.write(f"Encoded {index + 1} of {len(missing)} clips.\n")
    embeddings = {text: load_file(path)["text"] for text, path in text_files.items()}
    encoded = []
    for clip, path in zip(clips, clip_files, strict=True):
        tensors = load_file(path)
        audio = tensors.get("audio")
        silence = torch.zeros(encoders.variant.num_audio_latents, _audio_channels(encoders))
        encoded.append(
            EncodedClip(
                tensors["video"],
                silence if audio is None else audio,
                audio is not None,
                embeddings[clip.clip.caption],
            )
        )
    return encoded, embeddings[NO_TEXT]


def _encode_clip(
    clip: ClipToEncode, path: Path, components: Components, encoders: Encoders
) -> None:
    """Writes one clip's latents."""
    pixels, waveform = read_clip(clip.clip.path, clip.size, encoders.variant)
    video_vae = cast("VideoVae", components.modules["video_vae"])
    with components.on_device(video_vae.encoder):
        video = video_vae.encode(pixels.to(encoders.device))[0]
    tensors = {"video": video.half().cpu().contiguous()}
    if waveform is not None:
        audio_vae = cast("AudioVae", components.modules["audio_vae"])
        with components.on_device(audio_vae):
            mel = log_mel(waveform.to(encoders.device), audio_vae.config)
            audio = transpose_latents(audio_vae.encode(mel).mean)[0]
        tensors["audio"] = audio.half().cpu().contiguous()
    _save(path, tensors)


def _encode_texts(unread: dict[str, Path], components: Components, encoders: Encoders) -> None:
    """Writes the embedding of each text."""
    if not unread:
        return
    tokenizer = _tokenizer(encoders)
    encoder = cast("TextEncoder", components.modules["text_encoder"])
    batches = [tokenizer.encode([text]) for text in unread]
    with components.on_device(encoder):
        rows = embed_separately(encoder, batches, encoders.device)
    for path, row in zip(unread.values(), rows, strict=True):
        _save(path, {"text": row.cpu().contiguous()})


def _tokenizer(encoders: Encoders) -> Tokenizer:
    variant = encoders.variant
    files = locate_files(variant, encoders.precision, encoders.ckpt_dir)
    text_len = configs_of(variant, encoders.ckpt_dir).text_encoder.text_len
    if files is None or variant.is_embedded:
        return ByteTokenizer(text_len)
    return load_tokenizer(files["tokenizer"], text_len)


def _audio_channels(encoders: Encoders) -> int:
    return configs_of(encoders.variant, encoders.ckpt_dir).fusion.audio.in_channels


def _save(path: Path, tensors: dict[str, Tensor]) -> None:
    """A whole file or none, so that a killed run leaves nothing half written."""
    partial = path.with_suffix(".partial")
    save_file(tensors, partial)
    partial.replace(path)


def _clip_inputs(clip: ClipToEncode) -> list[str]:
    with clip.clip.path.open("rb") as file:
        return [hashlib.file_digest(file, "sha256").hexdigest(), str(clip.size)]


def _stamps(encoders: Encoders) -> list[str]:
    """What tells the encoders' files from others: hashing 13 GB would take longer than encoding."""
    files = locate_files(encoders.variant, encoders.precision, encoders.ckpt_dir)
    if files is None:
        return [encoders.variant.name, "random"]
    stats = [(files[name].name, files[name].stat()) for name in ENCODERS]
    return [encoders.variant.name, *(f"{n} {s.st_size} {s.st_mtime_ns}" for n, s in stats)]


def _key(inputs: Sequence[str], known: Sequence[str]) -> str:
    return hashlib.sha256(json.dumps([*inputs, *known]).encode()).hexdigest()[:24]
