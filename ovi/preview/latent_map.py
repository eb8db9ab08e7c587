"""The map from latents to small pictures and to a mel spectrogram: linear, with a bias.

Every latent cell becomes a small block of pixels, from itself, its eight neighbours and the same
cell one latent frame before and after; every audio latent becomes its mel frames, from itself and
its neighbours in time. Latent frame 0, which a causal VAE makes of a single frame, has a map of its
own. `fitting.py` finds the numbers; a map that was never fitted shows shapes and motion in colours
that mean nothing.

Legend: C channels, F latent frames, H W latent rows and columns, L audio latents, P pixels a cell,
M mel bands, T mel frames, K features of a cell.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from ovi.errors import WeightsError

FORMAT = "2"
"""Of the file. A file that says something else is not read."""

WEIGHTS = ("video_vae", "audio_vae")
"""The weights that a map belongs to: with others it would show wrong colours."""

VIDEO_CELLS = 11
"""Cells that a block of pixels is made from: 3x3, and the same cell before and after."""

AUDIO_REACH = 3
"""Audio latents to either side that mel frames are made from, besides their own."""

LOUDNESS_RANGE = 2.5
"""Standard deviations of a mel band to either side of its mean that the picture shows."""

UNCALIBRATED_CONTRAST = 0.22
"""Standard deviation of each colour, of brightness 1."""


@dataclass(frozen=True, slots=True, eq=False)
class LatentMap:
    """A map, all of it on one device, float32."""

    video_weight: Tensor
    """(2, VIDEO_CELLS * C, 3 * P * P): for latent frame 0, and for the others; (2, C, ...) where a
    block is made from its own cell alone"""
    video_bias: Tensor
    """(2, 3 * P * P), brightness 0 to 1"""
    audio_weight: Tensor
    """((2 * AUDIO_REACH + 1) * C, T/L * M), or (C, ...); a mel frame's bands together"""
    audio_bias: Tensor
    """(T/L * M,), in standard deviations of each band"""
    pixels_per_latent: int
    """P, along one side"""
    mel_bands: int
    """M; of a map that was never fitted, the channels of the audio latents"""
    weights: Mapping[str, str] = field(default_factory=dict)
    """identities of the `WEIGHTS` that it was fitted to; empty: it was never fitted"""

    @property
    def is_calibrated(self) -> bool:
        """Colours and loudness are about those of the clip."""
        return bool(self.weights)

    def to(self, device: torch.device) -> "LatentMap":
        """The map on another device."""
        return LatentMap(
            self.video_weight.to(device),
            self.video_bias.to(device),
            self.audio_weight.to(device),
            self.audio_bias.to(device),
            self.pixels_per_latent,
            self.mel_bands,
            self.weights,
        )

    def frames_of(self, video: Tensor) -> Tensor:
        """Pictures (F, 3, P * H, P * W), 0 to 1, one a latent frame, of latents (C, F, H, W)."""
        channels, num_frames, height, width = video.shape
        reaches_out = self.video_weight.shape[1] > channels
        side = self.pixels_per_latent
        pictures = []
        for frame in range(num_frames):  # one at a time, since features are many times the latents
            cells = video_features(video, frame) if reaches_out else _lone_cells(video, frame)
            which = min(frame, 1)
            blocks = cells @ self.video_weight[which] + self.video_bias[which]
            blocks = blocks.view(height, width, 3, side, side).permute(2, 0, 3, 1, 4)
            pictures.append(blocks.reshape(3, height * side, width * side))
        drawn = torch.stack(pictures)
        if not self.is_calibrated:
            drawn = 0.5 + UNCALIBRATED_CONTRAST * _evened(drawn, (0, 2, 3))
        return drawn.clamp_(0, 1)

    def mel_of(self, audio: Tensor) -> Tensor:
        """Mel spectrogram (M, T), in standard deviations of each band, of latents (L, C)."""
        reaches_out = self.audio_weight.shape[0] > audio.shape[1]
        features = audio_features(audio) if reaches_out else audio
        frames = features @ self.audio_weight + self.audio_bias
        mel = frames.view(-1, self.mel_bands).T
        return mel if self.is_calibrated else _evened(mel, (1,))

    def save(self, path: Path) -> None:
        """Writes the map, whole or not at all. Raises WeightsError."""
        part = path.with_name(f".{path.name}.part")
        tensors = {
            "video.weight": self.video_weight,
            "video.bias": self.video_bias,
            "audio.weight": self.audio_weight,
            "audio.bias": self.audio_bias,
        }
        about = {
            "format": FORMAT,
            "pixels_per_latent": str(self.pixels_per_latent),
            "mel_bands": str(self.mel_bands),
            "weights": json.dumps(dict(self.weights), sort_keys=True),
        }
        try:
            part.write_bytes(
                save({k: v.half().cpu().contiguous() for k, v in tensors.items()}, about)
            )
            part.replace(path)
        except OSError as error:
            part.unlink(missing_ok=True)
            raise WeightsError(
                f"The preview's map cannot be written to {path}: {error}. Make the folder "
                "writable, or name another file with --output and put it there later."
            ) from error


def load_map(path: Path, weights: Mapping[str, str]) -> LatentMap | None:
    """The map in a file; None when there is none, or none for the weights of these identities."""
    try:
        with safe_open(path, framework="pt") as file:
            about = file.metadata() or {}
            said: dict[str, str] = json.loads(about["weights"])
            if about["format"] != FORMAT or said != {name: weights.get(name) for name in WEIGHTS}:
                return None
            parts = (f"{part}.{kind}" for part in ("video", "audio") for kind in ("weight", "bias"))
            tensors = [file.get_tensor(name).float() for name in parts]
            video_weight, video_bias, audio_weight, audio_bias = tensors
            return LatentMap(
                video_weight,
                video_bias,
                audio_weight,
                audio_bias,
                int(about["pixels_per_latent"]),
                int(about["mel_bands"]),
                said,
            )
    except (OSError, SafetensorError, KeyError, ValueError):
        return None


def uncalibrated_map(video: Tensor, audio: Tensor, pixels_per_latent: int) -> LatentMap:
    """A map that needs no fitting, made from a clip's own latents (C, F, H, W) and (L, C).

    Red, green and blue are the three mixtures of channels that differ most over the clip; of the
    sound it shows every channel of the latents as a band. What comes out is brought to an even
    contrast.
    """
    cells = video.flatten(1)
    varied = cells - cells.mean(1, keepdim=True)
    mixtures = torch.linalg.eigh((varied @ varied.T).cpu()).eigenvectors[:, -3:].flip(1)
    area, channels = pixels_per_latent**2, audio.shape[1]
    weight = mixtures.repeat_interleave(area, dim=1).expand(2, -1, -1)
    return LatentMap(
        video_weight=weight,
        video_bias=torch.zeros(2, 3 * area),
        audio_weight=torch.eye(channels),
        audio_bias=torch.zeros(channels),
        pixels_per_latent=pixels_per_latent,
        mel_bands=channels,
    ).to(video.device)


def video_features(video: Tensor, frame: int) -> Tensor:
    """What one frame's blocks are made from: (H * W, VIDEO_CELLS * C) of latents (C, F, H, W).

    Beyond an edge, the cell at the edge is taken.
    """
    _, num_frames, height, width = video.shape
    padded = F.pad(video[:, frame][None], (1, 1, 1, 1), mode="replicate")[0]
    around = [
        padded[:, row : row + height, column : column + width]
        for row in range(3)
        for column in range(3)
    ]
    before, after = video[:, max(frame - 1, 0)], video[:, min(frame + 1, num_frames - 1)]
    return torch.cat([*around, before, after]).flatten(1).T


def audio_features(audio: Tensor) -> Tensor:
    """What mel frames are made from: (L, (2 * AUDIO_REACH + 1) * C) of latents (L, C)."""
    padded = F.pad(audio.T[None], (AUDIO_REACH, AUDIO_REACH), mode="replicate")[0].T
    windows = padded.unfold(0, 2 * AUDIO_REACH + 1, 1)
    return windows.transpose(1, 2).flatten(1)


def _lone_cells(video: Tensor, frame: int) -> Tensor:
    return video[:, frame].flatten(1).T


def _evened(values: Tensor, dims: tuple[int, ...]) -> Tensor:
    """The values at mean 0 and deviation 1 over some dimensions."""
    deviation = values.std(dims, keepdim=True).clamp(min=1e-6)
    return (values - values.mean(dims, keepdim=True)) / deviation
