"""The video VAE: frames to normalised latents and back, a few frames at a time.

A clip is worked through from its first frame to its last. The causal layers remember what they
need of earlier frames in a `CausalHistory`, so the result is that of the whole clip at once while
memory does not grow with its length.

The published model runs in float32 on weights that were rounded to bfloat16. This one runs in the
dtype of its parameters; the statistics of norms and latents are float32 in any case.

B batch, C channels, T frames, F latent frames, H W rows and columns.
"""

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from ovi.models.video_vae.config import VideoVaeConfig
from ovi.models.video_vae.decoder import Decoder
from ovi.models.video_vae.encoder import Encoder
from ovi.models.video_vae.history import CausalHistory


class VideoVae(nn.Module):
    """Encoder and decoder, and the scale of the latents between them.

    `latents_per_step`, wherever it is given, is the number of latent frames that are worked on at
    a time: more of them take more memory and may take less time. The result does not depend on it.
    """

    def __init__(self, config: VideoVaeConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder = Encoder(config)
        self.decoder = Decoder(config)

    def encode(self, frames: Tensor, *, latents_per_step: int = 1) -> Tensor:
        """Normalised latents (B, C, F, H/16, W/16), float32, of frames (B, 3, T, H, W) in [-1, 1].

        The first latent frame covers one frame and each later one four; frames that do not fill a
        latent frame at the end are dropped, as in the published model. Raises ValueError when H or
        W does not divide by 16 or there is no frame.
        """
        factor = self.config.spatial_factor
        if frames.shape[2] < 1 or frames.shape[3] % factor or frames.shape[4] % factor:
            raise ValueError(
                f"Frames of shape {tuple(frames.shape)} cannot be encoded: at least one frame is "
                f"needed, and rows and columns that divide by {factor}."
            )
        pieces = self._split_frames(frames.to(self._dtype), latents_per_step)
        history = CausalHistory()
        return self.normalize(torch.cat([self.encoder(p, history) for p in pieces], dim=2))

    def decode(self, latents: Tensor, *, latents_per_step: int = 1, clamp: bool = True) -> Tensor:
        """Frames (B, 3, 1 + 4(F-1), 16H, 16W), float32, of normalised latents (B, C, F, H, W).

        With `clamp` they are brought into [-1, 1].
        """
        stream = self.decode_stream(latents, latents_per_step=latents_per_step, clamp=clamp)
        return torch.cat(list(stream), dim=2)

    def decode_stream(
        self, latents: Tensor, *, latents_per_step: int = 1, clamp: bool = True
    ) -> Iterator[Tensor]:
        """The frames that `decode` gives, in pieces along time: first 1 frame, then 4 at a time.

        With n `latents_per_step`, first 1 + 4(n-1) frames and then 4n. Nothing is computed before
        it is asked for.
        """
        history = CausalHistory()
        for piece in self.denormalize(latents).split(latents_per_step, dim=2):
            frames = self.decoder(piece.to(self._dtype), history).float()
            yield frames.clamp(-1, 1) if clamp else frames

    def normalize(self, latents: Tensor) -> Tensor:
        """Raw latents (B, C, F, H, W) to zero mean and unit deviation per channel, float32."""
        mean, inverse_std = self._latent_scale(latents.device)
        return (latents.float() - mean) * inverse_std

    def denormalize(self, latents: Tensor) -> Tensor:
        """The inverse of `normalize`."""
        mean, inverse_std = self._latent_scale(latents.device)
        return latents.float() / inverse_std + mean

    def _latent_scale(self, device: torch.device) -> tuple[Tensor, Tensor]:
        # Made when needed: a buffer would be rounded when the model is cast to bfloat16.
        mean = torch.tensor(self.config.latent_mean, dtype=torch.float32, device=device)
        std = torch.tensor(self.config.latent_std, dtype=torch.float32, device=device)
        return mean.view(-1, 1, 1, 1), (1 / std).view(-1, 1, 1, 1)

    def _split_frames(self, frames: Tensor, latents_per_step: int) -> tuple[Tensor, ...]:
        """Pieces of 1 + 4(n-1) frames, then 4n; what does not fill a latent frame is left out."""
        step = self.config.temporal_factor
        num_latents = 1 + (frames.shape[2] - 1) // step
        starts = [
            1 + step * (n - 1) for n in range(latents_per_step, num_latents, latents_per_step)
        ]
        kept = frames[:, :, : 1 + step * (num_latents - 1)]
        return kept.tensor_split(starts, dim=2)

    @property
    def _dtype(self) -> torch.dtype:
        return self.decoder.output.weight.dtype
