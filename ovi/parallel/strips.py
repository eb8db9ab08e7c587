"""Decoding the picture on several ranks: one strip of every frame each, exactly.

The coarse part of the decoder, which has attention over the whole frame and is 1 % of the work,
runs everywhere. After it each rank keeps a strip of rows (or columns, if these are more). A
convolution of the picture sees one row beyond its strip on either side, so before each one the
ranks hand their border rows to their neighbours. Nothing is computed twice and nothing is blended.

B batch, T frames, H W rows and columns, C channels (last inside the decoder), as in the video VAE.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor

from ovi.errors import PlacementError
from ovi.models.video_vae.decoder import Decoder
from ovi.models.video_vae.layers import CausalConv3d, FrameConv
from ovi.models.video_vae.model import VideoVae
from ovi.parallel.group import RankGroup
from ovi.parallel.layout import shares

ROWS, COLUMNS = 2, 3
"""Axes of activations (B, T, H, W, C)."""


@dataclass(frozen=True, slots=True, eq=False)
class Strips:
    """How a frame is divided among the ranks."""

    group: RankGroup
    axis: int
    """ROWS or COLUMNS"""
    sizes: tuple[int, ...]
    """of the ranks' strips, in latents"""

    @classmethod
    def of(cls, group: RankGroup, latents: Tensor) -> "Strips":
        """Equal strips along the longer side of latents (B, C, F, H, W).

        Raises PlacementError when there are more ranks than rows.
        """
        height, width = latents.shape[-2:]
        axis, length = (ROWS, height) if height >= width else (COLUMNS, width)
        num_ranks = group.layout.num_ranks
        if num_ranks > length:
            raise PlacementError(
                f"A picture of {length} latent rows cannot be decoded by {num_ranks} GPUs: "
                f"use at most {length}."
            )
        return cls(group, axis, shares(length, num_ranks))

    def cut(self, x: Tensor) -> Tensor:
        """This rank's strip of a whole frame at the latents' own resolution."""
        strip: Tensor = x.split(self.sizes, dim=self.axis)[self.group.rank]
        return strip

    def with_borders(self, x: Tensor) -> Tensor:
        """`x` with one more row on either side: the neighbours', or zeros at the picture's edge."""
        rank, last = self.group.rank, self.group.layout.num_ranks - 1
        length = x.shape[self.axis]
        before, after = x.narrow(self.axis, 0, 1), x.narrow(self.axis, length - 1, 1)
        nothing = x.new_empty(0)
        parts, wanted = [nothing] * (last + 1), [[0]] * (last + 1)
        if rank > 0:
            parts[rank - 1], wanted[rank - 1] = before, list(before.shape)
        if rank < last:
            parts[rank + 1], wanted[rank + 1] = after, list(after.shape)
        received = self.group.send(parts, wanted)
        edge = torch.zeros_like(before)
        return torch.cat(
            [
                received[rank - 1] if rank > 0 else edge,
                x,
                received[rank + 1] if rank < last else edge,
            ],
            dim=self.axis,
        )

    def collect(self, frames: Tensor, factor: int) -> Tensor | None:
        """On rank 0 the whole frames of all strips (B, 3, T, h, w); None elsewhere.

        `factor` is how many pixels a latent spans.
        """
        axis = self.axis + 1  # colours come second there, and no channels last
        shape = list(frames.shape)
        parts = [frames, *[frames.new_empty(0)] * (len(self.sizes) - 1)]
        wanted = [[0] for _ in self.sizes]
        if self.group.rank == 0:
            wanted = [[*shape[:axis], n * factor, *shape[axis + 1 :]] for n in self.sizes]
        received = self.group.send(parts, wanted)
        return torch.cat(received, dim=axis) if self.group.rank == 0 else None


def decode_in_strips(
    vae: VideoVae, group: RankGroup, latents: Tensor, goes_on: Callable[[], bool]
) -> Iterator[Tensor | None]:
    """The frames of `decode_stream`, (1, 3, n, H, W) at a time, on rank 0; None on other ranks.

    Before each piece every rank is asked whether to go on, and all must answer alike.
    """
    strips = Strips.of(group, latents)
    stream = vae.decode_stream(latents)
    while goes_on():
        with torch.inference_mode(), _in_strips(vae.decoder, strips):
            frames = next(stream, None)
            if frames is None:
                return
            whole = strips.collect(frames, vae.config.spatial_factor)
        yield whole


@contextmanager
def _in_strips(decoder: Decoder, strips: Strips) -> Iterator[None]:
    """Inside, the decoder makes this rank's strip of the frames of whole latents."""
    hook = decoder.middle.register_forward_hook(lambda _m, _args, out: strips.cut(out))
    convolutions = [
        module
        for part in (decoder.stages, decoder.output)
        for module in part.modules()
        if isinstance(module, CausalConv3d | FrameConv)
        and module.kernel_size[strips.axis - ROWS - 2] > 1
    ]
    paddings = [module.padding for module in convolutions]
    for module in convolutions:
        padding = [int(side) for side in module.padding]
        padding[strips.axis - ROWS - 2] = 0
        module.padding = tuple(padding)
        module.forward = partial(  # type: ignore[method-assign]
            _with_borders, module.forward, strips
        )
    try:
        yield
    finally:
        hook.remove()
        for module, usual in zip(convolutions, paddings, strict=True):
            module.padding = usual
            del module.forward


def _with_borders(forward: Callable[..., Tensor], strips: Strips, x: Tensor, *rest: Any) -> Tensor:
    return forward(strips.with_borders(x), *rest)
