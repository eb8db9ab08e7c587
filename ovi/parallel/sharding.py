"""Weights divided among the ranks (FSDP2), for cards that cannot hold them all.

Each block's weights lie in equal shares on all ranks and are brought together for the time in which
the block computes; those of the next block travel meanwhile. Embeddings, time nets and heads, a
sixteenth of the weights, stay whole on every rank.

A share travels in the bytes that it is stored in, so eight-bit weights travel as such; the scales
beside them are buffers and stay whole.
"""

from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import FSDPModule, fully_shard

from ovi.models.fusion.block import BackboneBlock, Conditioning, run_fusion_block
from ovi.models.fusion.model import FusionModel, skipped_block
from ovi.parallel.blocks import RunBlocks


def shard_weights(model: FusionModel, device: torch.device, num_ranks: int) -> RunBlocks:
    """Divides a model that lies on the CPU, moves it to the device, and runs its blocks from then.

    All ranks must call it, and then run equally many passes, in step.
    """
    mesh = init_device_mesh(device.type, (num_ranks,))
    for branch in (model.video_model, model.audio_model):
        for block in branch.blocks:
            fully_shard(block, mesh=mesh, reshard_after_forward=False)
    blocks = {block for branch in (model.video_model, model.audio_model) for block in branch.blocks}
    _move_rest(model, blocks, device)
    return _sharded_run(model)


def _move_rest(module: nn.Module, blocks: set[nn.Module], device: torch.device) -> None:
    """Moves everything to the device but the blocks, which went there as they were divided."""
    if module in blocks:
        return
    for leaf, parameter in module.named_parameters(recurse=False):
        setattr(module, leaf, nn.Parameter(parameter.detach().to(device), requires_grad=False))
    for leaf, buffer in module.named_buffers(recurse=False):
        setattr(module, leaf, buffer.to(device))
    for child in module.children():
        _move_rest(child, blocks, device)


def _sharded_run(model: FusionModel) -> RunBlocks:
    pairs = list(zip(model.video_model.blocks, model.audio_model.blocks, strict=True))

    def run(
        video: Tensor,
        audio: Tensor,
        video_given: Conditioning,
        audio_given: Conditioning,
        skip_layer: int | None,
    ) -> tuple[Tensor, Tensor]:
        skipped = skipped_block(skip_layer, len(pairs))
        coming = _unshard(pairs[0])
        for index, pair in enumerate(pairs):
            for handle in coming:
                handle.wait()
            if index + 1 < len(pairs):
                coming = _unshard(pairs[index + 1])
            # A skipped block is brought together too: the ranks of the other pass need our share.
            if index != skipped:
                video_block, audio_block = cast("tuple[BackboneBlock, BackboneBlock]", pair)
                video, audio = run_fusion_block(
                    video_block, audio_block, video, audio, video_given, audio_given
                )
            for block in pair:
                cast("FSDPModule", block).reshard()
        return video, audio

    return run


def _unshard(pair: tuple[nn.Module, nn.Module]) -> list[Any]:
    """Begins to bring the weights of a pair of blocks together."""
    return [cast("FSDPModule", block).unshard(async_op=True) for block in pair]
