"""The guided velocity of one clip, computed by all ranks together.

Every rank holds all latents and ends a step with the same ones: it runs its share of its pass, and
one exchange a step brings everybody the velocities of both passes.

B batch (always 1), L tokens, D width; the rest as in `ovi/guidance.py`.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from ovi.guidance import guide
from ovi.models.fusion.backbone import Backbone
from ovi.models.fusion.block import Conditioning
from ovi.models.fusion.model import FusionModel
from ovi.ops.rope import rotary_table
from ovi.parallel.blocks import RunBlocks
from ovi.parallel.group import RankGroup
from ovi.parallel.kept_texts import texts_kept
from ovi.parallel.layout import NEGATIVE, POSITIVE, shares
from ovi.parallel.sequence import TokenShare, divided
from ovi.spec.request import Guidance
from ovi.types import Latents, TextEmbeddings


@dataclass(frozen=True, slots=True, eq=False)
class PassText:
    """What one pass reads and leaves out."""

    video: Tensor
    """(1, text_len, D), embedded"""
    audio: Tensor
    """(1, text_len, D), embedded"""
    skip_layer: int | None


@dataclass(frozen=True, slots=True, eq=False)
class SharedVelocity:
    """A `Velocity` in float32, alike on all ranks; every rank must call it as often."""

    model: FusionModel
    group: RankGroup
    run_blocks: RunBlocks
    texts: Sequence[PassText]
    """one for each pass of this rank"""
    share: TokenShare | None
    """None: this rank has all tokens of its passes"""
    guidance: Guidance
    dtype: torch.dtype
    first_frame_is_clean: bool

    def __call__(self, latents: Latents, timestep: Tensor) -> tuple[Tensor, Tensor]:
        """Guided velocities (1, C, F, H, W) and (1, L, C)."""
        video, audio = latents.video.to(self.dtype), latents.audio.to(self.dtype)
        own = [self._run_pass(text, video, audio, timestep) for text in self.texts]
        grid = self.model.video_model.grid_of(video)
        passes = self._all_passes(own, torch.Size(grid).numel(), audio.shape)
        positive, negative = passes[POSITIVE], passes[NEGATIVE]
        patches = guide(positive[0], negative[0], self.guidance.video_scale)
        return (
            self.model.video_model.unpatchify(patches, grid),
            guide(positive[1], negative[1], self.guidance.audio_scale),
        )

    def _run_pass(
        self, text: PassText, video: Tensor, audio: Tensor, timestep: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Velocity of the rank's own patches (1, l, C) and of the whole sound (1, L, C)."""
        picture, sound = self.model.video_model, self.model.audio_model
        video_given = _condition(
            picture, picture.grid_of(video), timestep, text.video, int(self.first_frame_is_clean)
        )
        audio_given = _condition(sound, sound.grid_of(audio), timestep, text.audio, 0)
        video_tokens, audio_tokens = picture.embed(video), sound.embed(audio)
        if self.share is not None:
            start, stop = self.share.span
            video_tokens = video_tokens[:, start:stop].contiguous()
            video_given = self.share.cut(video_given)
        video_tokens, audio_tokens = self.run_blocks(
            video_tokens, audio_tokens, video_given, audio_given, text.skip_layer
        )
        patches: Tensor = picture.head(video_tokens, video_given.time)
        return patches, sound.project(audio_tokens, audio_given)

    def _all_passes(
        self, own: Sequence[tuple[Tensor, Tensor]], num_tokens: int, audio_shape: torch.Size
    ) -> list[tuple[Tensor, Tensor]]:
        """Patches (1, L, C) and sound (1, L, C) of the positive and the negative pass."""
        layout = self.group.layout
        counts = shares(num_tokens, layout.sequence_degree)
        rows = [_as_row(patches, audio, counts[0]) for patches, audio in own]
        gathered = self.group.gather(torch.stack(rows))
        width = own[0][0].shape[-1]
        found = []
        for which in (POSITIVE, NEGATIVE):
            ranks = layout.ranks_of(which)
            slot = layout.passes_of(ranks[0]).index(which)
            patches = [
                gathered[rank, slot, : count * width].view(1, count, width)
                for rank, count in zip(ranks, counts, strict=True)
            ]
            # Of the sound, which all ranks of a pass have, one copy: they may differ in last bits.
            audio = gathered[ranks[0], slot, counts[0] * width :].view(audio_shape)
            found.append((torch.cat(patches, dim=1).float(), audio.float()))
        return found


def _condition(
    branch: Backbone, grid: tuple[int, ...], timestep: Tensor, text: Tensor, num_clean_frames: int
) -> Conditioning:
    """What a branch's blocks need, of a text that has been embedded before."""
    config = branch.config
    return Conditioning(
        time=branch.embed_time(grid, timestep, num_clean_frames),
        rope=rotary_table(grid, config.head_dim, config.rope_time_scale, timestep.device),
        text=text,
    )


def _as_row(patches: Tensor, audio: Tensor, num_tokens: int) -> Tensor:
    """One flat tensor of the largest share's size, whatever this share is."""
    missing = num_tokens - patches.shape[1]
    return torch.cat([F.pad(patches, (0, 0, 0, missing)).flatten(), audio.flatten()])


@contextmanager
def shared_velocity(
    model: FusionModel,
    group: RankGroup,
    run_blocks: RunBlocks,
    texts: TextEmbeddings,
    guidance: Guidance,
    dtype: torch.dtype,
    video_shape: torch.Size,
    *,
    first_frame_is_clean: bool,
) -> Iterator[SharedVelocity]:
    """The velocity for one clip, whose picture latents are (1, C, F, H, W).

    Meanwhile the model serves this clip alone.
    """
    num_tokens = video_shape.numel() // video_shape[1] // model.config.video.patch_volume
    share = None
    if group.peers is not None:
        share = TokenShare.of(
            group.peers,
            group.sequence_rank,
            group.layout.sequence_degree,
            num_tokens,
            model.config.video.num_heads,
        )

    def embed(video: Tensor, audio: Tensor, skip_layer: int | None) -> PassText:
        return PassText(
            model.video_model.embed_text(video[None].to(dtype)),
            model.audio_model.embed_text(audio[None].to(dtype)),
            skip_layer,
        )

    wanted = {
        POSITIVE: (texts.positive, texts.positive, None),
        NEGATIVE: (texts.video_negative, texts.audio_negative, guidance.skip_layer),
    }
    velocity = SharedVelocity(
        model=model,
        group=group,
        run_blocks=run_blocks,
        texts=[embed(*wanted[which]) for which in group.layout.passes_of(group.rank)],
        share=share,
        guidance=guidance,
        dtype=dtype,
        first_frame_is_clean=first_frame_is_clean,
    )
    with texts_kept(model):
        if share is None:
            yield velocity
        else:
            with divided(model, share):
                yield velocity
