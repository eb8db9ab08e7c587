"""Finds a `LatentMap` by least squares, clip after clip, without keeping any.

Only the sums that the normal equations need are kept, in float64, so memory does not grow with the
number of clips. A little is added to their diagonal (ridge), which decides where the clips leave
a direction of the latents open.

Legend: C channels, F latent frames, H W latent rows and columns, L audio latents, P pixels a cell,
M mel bands, T mel frames, K features, Y targets of one sample.
"""

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

from ovi.preview.latent_map import LatentMap, audio_features, video_features
from ovi.spec.geometry import PIXELS_PER_LATENT
from ovi.spec.variants import FRAMES_PER_VIDEO_LATENT

RIDGE = 1e-3
"""Added to the mean square of every feature."""


class LeastSquares:
    """Sums over samples, and the affine map that they lead to."""

    def __init__(self) -> None:
        self._products: Tensor | None = None
        self._cross: Tensor | None = None
        self._num_samples = 0

    def add(self, features: Tensor, targets: Tensor) -> None:
        """Takes samples into account: features (n, K) and what they should give, (n, Y)."""
        features = F.pad(features.double(), (0, 1), value=1.0)  # the bias
        products, cross = features.T @ features, features.T @ targets.double()
        self._products = products if self._products is None else self._products + products
        self._cross = cross if self._cross is None else self._cross + cross
        self._num_samples += len(features)

    def solve(self) -> tuple[Tensor, Tensor]:
        """Weight (K, Y) and bias (Y,), float32; at least one sample must have been added."""
        assert self._products is not None, "no sample was added"
        assert self._cross is not None
        ridge = torch.full_like(self._products[0], RIDGE * self._num_samples)
        ridge[-1] = 0.0  # the bias is free
        solution = torch.linalg.solve(self._products + torch.diag(ridge), self._cross)
        return solution[:-1].float(), solution[-1].float()


class MapFit:
    """A map in the making: `add` clips, then `solve`."""

    def __init__(self, pixels_per_latent: int) -> None:
        """`pixels_per_latent` P is 1, 2, 4, 8 or 16: the side of the block that a cell becomes."""
        self._side = pixels_per_latent
        self._mel_bands = 0
        self._first, self._others, self._audio = LeastSquares(), LeastSquares(), LeastSquares()

    def add_video(self, latents: Tensor, frames: Tensor) -> None:
        """Latents (C, F, H, W) look like `frames` (3, 1 + 4(F-1), 16H, 16W), 0 to 1."""
        wanted = shrink_frames(frames, self._side)
        for index, picture in enumerate(wanted):
            part = self._others if index else self._first
            part.add(video_features(latents, index), self._blocks(picture))

    def add_audio(self, latents: Tensor, mel: Tensor) -> None:
        """Latents (L, C) sound like `mel` (M, T), T/L whole, each band at mean 0, deviation 1."""
        self._mel_bands = len(mel)
        self._audio.add(audio_features(latents), mel.T.reshape(len(latents), -1))

    def solve(self, weights: Mapping[str, str]) -> LatentMap:
        """The map that fits all clips best; `weights` are the identities of the VAEs'."""
        video = zip(self._first.solve(), self._others.solve(), strict=True)
        video_weight, video_bias = (torch.stack(pair) for pair in video)
        audio_weight, audio_bias = self._audio.solve()
        return LatentMap(
            video_weight,
            video_bias,
            audio_weight,
            audio_bias,
            self._side,
            self._mel_bands,
            weights,
        )

    def _blocks(self, picture: Tensor) -> Tensor:
        """A picture (3, P * H, P * W) cell by cell: (H * W, 3 * P * P)."""
        side = self._side
        cells = picture.unfold(1, side, side).unfold(2, side, side)  # (3, H, W, P, P)
        return cells.permute(1, 2, 0, 3, 4).flatten(2).flatten(0, 1)


def shrink_frames(frames: Tensor, pixels_per_latent: int) -> Tensor:
    """What a preview of frames (3, 1 + 4(F-1), 16H, 16W) should be: (F, 3, P * H, P * W).

    Each picture is the mean of the frames that its latent frame covers, each pixel the mean of
    those that it covers.
    """
    step = FRAMES_PER_VIDEO_LATENT
    first, others = frames[:, :1], frames[:, 1:].unflatten(1, (-1, step)).mean(2)
    pictures = torch.cat([first, others], dim=1).transpose(0, 1)
    return F.avg_pool2d(pictures, PIXELS_PER_LATENT // pixels_per_latent)
