"""Stands in for the video VAE's `CausalHistory` where a whole clip is worked through at once.

Nothing has to be remembered then, and a function without memory can be compiled.

T frames.
"""

import torch.nn.functional as F
from torch import Tensor, nn

from ovi.models.video_vae.history import CausalHistory


class WholeClip(CausalHistory):
    """There is no earlier piece, and none follows."""

    def extend(self, layer: nn.Module, x: Tensor, length: int, *, pad: bool = True) -> Tensor:
        """`x` (B, T, H, W, C) behind `length` frames of zeros, or as it is without `pad`."""
        del layer
        return F.pad(x, (0, 0, 0, 0, 0, 0, length, 0)) if pad else x
