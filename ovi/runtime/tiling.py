"""Decodes video latents in tiles: less memory, the same frames up to rounding, no seams.

The decoder has two parts. The coarse one holds the only layer that sees the whole frame at once,
the attention, and everything up to an eighth of the frame's sides; it works on the whole frame,
where tensors are small. The fine one, four fifths of the work and nearly all of the memory,
consists of convolutions that together see 44 pixels to each side. It works tile by tile, each with
that much of its neighbours around it, which is cut off as layer after layer uses it up. What is
left of a tile is what decoding the frame whole gives there, but for the order of additions inside
a convolution. So nothing is blended, and there is no overlap to choose.

All tiles advance through time together, each with a causal history of its own, so that frames come
in order, four at a time. The device holds the weights, the histories of the whole frame (which do
not grow with the clip), the activations of one tile and four whole frames; the host holds nothing.
`docs/performance.md` has the measured sizes.

Where the tiles lie is `ovi/spec/tiles.py`'s.

B batch, C channels, F latent frames, T frames, H W rows and columns.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import cast

import torch.nn.functional as F
from torch import Tensor

from ovi.models.video_vae.config import PATCH
from ovi.models.video_vae.decoder import Decoder, DecoderStage
from ovi.models.video_vae.history import CausalHistory
from ovi.models.video_vae.model import VideoVae
from ovi.models.video_vae.resample import unfold_patches
from ovi.spec.tiles import Tile

COARSE_STAGES = 2
"""Stages whose residual blocks work on the whole frame; the last of them grows in tiles."""

CONV_REACH = 1
"""Cells that a convolution sees to each side."""

BLOCK_REACH = 2 * CONV_REACH
"""Cells that a residual block sees to each side."""


@dataclass(frozen=True, slots=True)
class Area:
    """A rectangle of cells, a cell being what one row and column of a tensor stands for."""

    top: int
    bottom: int
    left: int
    right: int

    def widened(self, reach: int, limit: "Area") -> "Area":
        """With `reach` more cells at each side, as far as `limit` goes."""
        return Area(
            max(self.top - reach, limit.top),
            min(self.bottom + reach, limit.bottom),
            max(self.left - reach, limit.left),
            min(self.right + reach, limit.right),
        )

    def halved(self) -> "Area":
        """The cells of twice the side that cover it."""
        return Area(self.top // 2, -(-self.bottom // 2), self.left // 2, -(-self.right // 2))

    def doubled(self) -> "Area":
        """The cells of half the side in it."""
        return Area(2 * self.top, 2 * self.bottom, 2 * self.left, 2 * self.right)


def decode_tiled(
    vae: VideoVae, latents: Tensor, tiles: Sequence[Tile], *, clamp: bool = True
) -> Iterator[Tensor]:
    """Whole frames (B, 3, T, 16H, 16W), float32, of normalised latents (B, C, F, H, W).

    First one frame comes and then four at a time, as from `VideoVae.decode_stream`, which a single
    tile leaves the work to. Together the `tiles` make up the frame. Nothing is computed before it
    is asked for.
    """
    if len(tiles) == 1:
        yield from vae.decode_stream(latents, clamp=clamp)
        return
    decoder, factor = vae.decoder, vae.config.spatial_factor
    height, width = (factor * side for side in latents.shape[3:])
    history = CausalHistory()
    histories = [CausalHistory() for _ in tiles]
    plans = [plan_areas(decoder, tile, height, width) for tile in tiles]
    for piece in vae.denormalize(latents).split(1, dim=2):
        refined, stage_input = _decode_coarse(
            decoder, piece.to(decoder.output.weight.dtype), history
        )
        frames: Tensor | None = None
        for tile, plan, tile_history in zip(tiles, plans, histories, strict=True):
            part = _decode_fine(decoder, refined, stage_input, plan, tile_history)
            if frames is None:
                frames = part.new_empty(*part.shape[:3], height, width).float()
            frames[..., tile.top : tile.bottom, tile.left : tile.right] = part
        assert frames is not None, "there are no tiles"
        yield frames.clamp_(-1, 1) if clamp else frames


def plan_areas(decoder: Decoder, tile: Tile, height: int, width: int) -> tuple[Area, ...]:
    """What the fine part needs of each of its layers, from its input to its output, for a tile.

    Followed from the tile back to the input, each layer adds its reach. `height` and `width` are
    the frame's, in pixels. Neighbouring entries are before and after one layer.
    """
    frame = Area(0, height // PATCH, 0, width // PATCH)
    top, bottom, left, right = (
        edge // PATCH for edge in (tile.top, tile.bottom, tile.left, tile.right)
    )
    areas = [Area(top, bottom, left, right)]
    areas.append(areas[-1].widened(CONV_REACH, frame))
    _, last_coarse, fine = _split_stages(decoder)
    for stage in (*reversed(fine), last_coarse):
        if stage.upsample is not None:
            areas.append(areas[-1].widened(CONV_REACH, frame).halved())
            frame = frame.halved()
        if stage is not last_coarse:
            for _ in stage.blocks:
                areas.append(areas[-1].widened(BLOCK_REACH, frame))
    return tuple(reversed(areas))


def _split_stages(
    decoder: Decoder,
) -> tuple[list[DecoderStage], DecoderStage, list[DecoderStage]]:
    """The stages on the whole frame, the one that only grows in tiles, and those in tiles."""
    stages = [cast("DecoderStage", stage) for stage in decoder.stages]
    last = min(COARSE_STAGES, len(stages)) - 1
    return stages[:last], stages[last], stages[last + 1 :]


def _decode_coarse(
    decoder: Decoder, latents: Tensor, history: CausalHistory
) -> tuple[Tensor, Tensor]:
    """What the blocks of the last coarse stage make of the next raw latents, and their input."""
    x = decoder.latents(latents.movedim(1, -1), history)
    x = decoder.middle(decoder.input(x, history), history)
    coarse, last_coarse, _ = _split_stages(decoder)
    for stage in coarse:
        x = stage(x, history)
    refined = last_coarse.refine(x, history)
    history.is_start = False
    return refined, x


def _decode_fine(
    decoder: Decoder,
    refined: Tensor,
    stage_input: Tensor,
    areas: Sequence[Area],
    history: CausalHistory,
) -> Tensor:
    """Frames (B, 3, T, height, width) of one tile, from what `_decode_coarse` made of the frame."""
    wanted = iter(areas)
    area = next(wanted)
    whole = Area(0, refined.shape[2], 0, refined.shape[3])
    _, last_coarse, fine = _split_stages(decoder)
    x = last_coarse.enlarge(_cut(refined, whole, area), _cut(stage_input, whole, area), history)
    x, area = _cut(x, area.doubled(), after := next(wanted)), after
    for stage in fine:
        entered, entry_area = x, area
        for block in stage.blocks:
            x, area = _cut(block(x, history), area, after := next(wanted)), after
        if stage.upsample is not None:
            x = stage.enlarge(x, _cut(entered, entry_area, area), history)
            x, area = _cut(x, area.doubled(), after := next(wanted)), after
    x = decoder.output(F.silu(decoder.output_norm(x)), history)
    history.is_start = False
    return unfold_patches(_cut(x, area, next(wanted)))


def _cut(x: Tensor, covered: Area, wanted: Area) -> Tensor:
    """`x` (B, T, H, W, C), which covers one area, at another one inside it."""
    rows = slice(wanted.top - covered.top, wanted.bottom - covered.top)
    columns = slice(wanted.left - covered.left, wanted.right - covered.left)
    return x[:, :, rows, columns]
