"""The values that stages of a render hand to each other.

Shapes: B batch, C channels, F latent frames, H W latent rows and columns, L audio latents,
n text tokens, D text width. Comparing two values that hold tensors compares identity.
"""

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True, slots=True, eq=False)
class Latents:
    """Picture and sound of one clip in latent space."""

    video: Tensor
    """(B, C, F, H, W)."""

    audio: Tensor
    """(B, L, C): length before channels."""


@dataclass(frozen=True, slots=True, eq=False)
class TextEmbeddings:
    """What the fusion model reads: one prompt and the two negatives, each (n, D), unpadded."""

    positive: Tensor
    """The prompt, for both modalities."""

    video_negative: Tensor
    """What the picture should not show."""

    audio_negative: Tensor
    """What the sound should not hold."""


@dataclass(frozen=True, slots=True, eq=False)
class Clip:
    """A finished clip, as it goes to the encoder."""

    frames: Tensor
    """(frames, height, width, 3) uint8, RGB."""

    waveform: Tensor
    """(samples,) float32, mono, in [-1, 1]."""

    fps: int
    """Frames a second."""

    sample_rate: int
    """Samples a second, Hz."""
