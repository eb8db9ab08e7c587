"""Guidance: two model passes, one velocity.

The positive pass reads the prompt; the negative pass reads what picture and sound should avoid,
and may leave out one block, which makes it worse on purpose (skip-layer guidance). The result
moves away from the negative by a scale of its own for picture and for sound.

Hook points: `GuidedVelocity.positive` and `.negative` are callables from (latents, timestep) to
raw velocities. A cache wraps one of them, and so knows whose results it keeps:

    replace(guided, negative=cached(guided.negative))

Shapes: B batch, C channels, F latent frames, H W latent rows and columns, L audio latents,
n text tokens, D text width.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from ovi.types import Latents, TextEmbeddings

Velocity = Callable[[Latents, Tensor], tuple[Tensor, Tensor]]
"""(latents, timestep (B,)) -> (video velocity (B, C, F, H, W), audio velocity (B, L, C))."""


class FusionForward(Protocol):
    """A call of the fusion model, or of anything that stands in for it."""

    def __call__(
        self,
        video: Tensor,
        audio: Tensor,
        timestep: Tensor,
        video_text: Tensor,
        audio_text: Tensor,
        *,
        first_frame_is_clean: bool = False,
        skip_layer: int | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Velocities (B, C, F, H, W) and (B, L, C) for latents of these shapes.

        `timestep` is (B,), in [0, 1000]; the texts are (B, n, D), n may differ between them.
        """
        ...


@dataclass(frozen=True, slots=True, eq=False)
class ModelPass:
    """The model with its text and options bound: a `Velocity` in float32."""

    model: FusionForward

    video_text: Tensor
    """(n, D), for the picture."""

    audio_text: Tensor
    """(n, D), for the sound."""

    dtype: torch.dtype
    """The model's own dtype; latents and texts are cast to it."""

    first_frame_is_clean: bool = False
    """Latent frame 0 is a given picture, which the model reads as free of noise."""

    skip_layer: int | None = None
    """The block left out; which values skip nothing is the model's to say."""

    def __call__(self, latents: Latents, timestep: Tensor) -> tuple[Tensor, Tensor]:
        """Raw velocities, float32."""
        batch = latents.video.shape[0]
        video, audio = self.model(
            latents.video.to(self.dtype),
            latents.audio.to(self.dtype),
            timestep,
            self.video_text.to(self.dtype).expand(batch, -1, -1),
            self.audio_text.to(self.dtype).expand(batch, -1, -1),
            first_frame_is_clean=self.first_frame_is_clean,
            skip_layer=self.skip_layer,
        )
        return video.float(), audio.float()


@dataclass(frozen=True, slots=True, eq=False)
class GuidedVelocity:
    """Both passes and their scales: a `Velocity` in float32.

    Both passes run whatever the scales are, so that a scale costs the same at every value.
    """

    positive: Velocity
    negative: Velocity

    video_scale: float
    """0 gives the negative, 1 the positive, more goes beyond it (usual: 4.0)."""

    audio_scale: float
    """As `video_scale`, for the sound (usual: 3.0)."""

    def __call__(self, latents: Latents, timestep: Tensor) -> tuple[Tensor, Tensor]:
        """Guided velocities, float32."""
        positive_video, positive_audio = self.positive(latents, timestep)
        negative_video, negative_audio = self.negative(latents, timestep)
        return (
            guide(positive_video, negative_video, self.video_scale),
            guide(positive_audio, negative_audio, self.audio_scale),
        )


def guided_velocity(
    model: FusionForward,
    text: TextEmbeddings,
    *,
    video_scale: float,
    audio_scale: float,
    skip_layer: int | None,
    dtype: torch.dtype,
    first_frame_is_clean: bool = False,
) -> GuidedVelocity:
    """The guided velocity of `model` (which computes in `dtype`) for one prompt.

    In the positive pass both modalities read the prompt and no layer is skipped; in the negative
    pass each modality reads its own negative and `skip_layer` is left out.
    """
    return GuidedVelocity(
        positive=ModelPass(model, text.positive, text.positive, dtype, first_frame_is_clean),
        negative=ModelPass(
            model, text.video_negative, text.audio_negative, dtype, first_frame_is_clean, skip_layer
        ),
        video_scale=video_scale,
        audio_scale=audio_scale,
    )


def guide(positive: Tensor, negative: Tensor, scale: float) -> Tensor:
    """negative + scale * (positive - negative), float32.

    Float32 because the difference is small beside its terms and `scale` enlarges their rounding.
    """
    negative = negative.float()
    return negative + scale * (positive.float() - negative)
