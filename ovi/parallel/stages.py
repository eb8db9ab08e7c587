"""What all ranks do alike in a render: denoise, and decode the picture.

Rank 0 calls these from its pipeline, the others because rank 0 said so. Everything else of a render
is rank 0's alone: text, first frame, noise, sound.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import torch
from torch import Tensor

from ovi.denoise import OnEstimate, OnStep, denoise
from ovi.models.fusion.model import FusionModel
from ovi.models.video_vae.model import VideoVae
from ovi.parallel.blocks import RunBlocks, plain_run, two_stream_run
from ovi.parallel.group import RankGroup
from ovi.parallel.strips import decode_in_strips
from ovi.parallel.velocity import shared_velocity
from ovi.runtime.lora import LoraRack
from ovi.solvers import solver_for
from ovi.spec.placement import Offload, Placement
from ovi.spec.request import Guidance, LoraFile, Sampling
from ovi.types import Latents, TextEmbeddings

Visit = Callable[[torch.nn.Module], AbstractContextManager[None]]
"""Brings a model to the device for the time of a `with`."""


@dataclass(frozen=True, slots=True, eq=False)
class Stages:
    """The models that every rank has, and its place among the ranks."""

    group: RankGroup
    fusion: FusionModel
    video_vae: VideoVae
    run_blocks: RunBlocks
    compute_dtype: torch.dtype
    visit: Visit
    is_sharded: bool
    lora_rack: LoraRack

    @classmethod
    def of(
        cls,
        group: RankGroup,
        fusion: FusionModel,
        video_vae: VideoVae,
        compute_dtype: torch.dtype,
        visit: Visit,
        placement: Placement,
    ) -> "Stages":
        """Ready to compute as `placement` says; weights to be divided lie on the CPU until now."""
        if placement.is_sharded:
            from ovi.parallel.sharding import shard_weights  # takes long to import

            run_blocks = shard_weights(fusion, group.device, group.layout.num_ranks)
        elif (
            group.device.type == "cuda"
            and placement.offload is not Offload.BLOCKS
            and placement.token_chunk is None
        ):
            run_blocks = two_stream_run(fusion, group.device)
        else:
            run_blocks = plain_run(fusion)
        return cls(
            group,
            fusion,
            video_vae,
            run_blocks,
            compute_dtype,
            visit,
            placement.is_sharded,
            LoraRack(fusion, group.device, compute_dtype),
        )

    def denoise(
        self,
        texts: TextEmbeddings,
        noise: Latents,
        first_frame: Tensor | None,
        sampling: Sampling,
        guidance: Guidance,
        on_step: OnStep,
        on_estimate: OnEstimate | None = None,
        *,
        loras: Sequence[LoraFile] = (),
    ) -> Latents:
        """The clip's latents, alike on all ranks; so are the arguments, but the two that watch."""
        solver = solver_for(sampling.solver, sampling.num_steps, sampling.shift)
        # Divided weights neither come nor go.
        visit = nullcontext() if self.is_sharded else self.visit(self.fusion)
        with (
            self.lora_rack.applied(loras),
            visit,
            torch.inference_mode(),
            shared_velocity(
                self.fusion,
                self.group,
                self.run_blocks,
                texts,
                guidance,
                self.compute_dtype,
                noise.video.shape,
                first_frame_is_clean=first_frame is not None,
            ) as velocity,
        ):
            return denoise(
                velocity,
                solver,
                noise,
                first_frame=first_frame,
                on_step=on_step,
                on_estimate=on_estimate,
            )

    def decode(self, latents: Tensor, goes_on: Callable[[], bool]) -> Iterator[Tensor | None]:
        """The pieces of `decode_in_strips`."""
        dtype = next(self.video_vae.parameters()).dtype
        with self.visit(self.video_vae.decoder):
            yield from decode_in_strips(self.video_vae, self.group, latents.to(dtype), goes_on)
