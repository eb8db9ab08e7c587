"""Ways through the fusion blocks, for one rank."""

from collections.abc import Callable

import torch
from torch import Tensor

from ovi.models.fusion.block import Conditioning
from ovi.models.fusion.model import FusionModel
from ovi.parallel.streams import TwoStreams

RunBlocks = Callable[
    [Tensor, Tensor, Conditioning, Conditioning, int | None], tuple[Tensor, Tensor]
]
"""(picture tokens, sound tokens, what each needs, block to skip) -> tokens after all blocks."""


def plain_run(model: FusionModel) -> RunBlocks:
    """The model's own way, streaming of weights included."""

    def run(
        video: Tensor,
        audio: Tensor,
        video_given: Conditioning,
        audio_given: Conditioning,
        skip_layer: int | None,
    ) -> tuple[Tensor, Tensor]:
        return model.run_blocks(video, audio, video_given, audio_given, skip_layer=skip_layer)

    return run


def two_stream_run(model: FusionModel, device: torch.device) -> RunBlocks:
    """Picture and sound on a GPU stream each, for weights that stay where they are."""
    streams = TwoStreams(device)

    def run(
        video: Tensor,
        audio: Tensor,
        video_given: Conditioning,
        audio_given: Conditioning,
        skip_layer: int | None,
    ) -> tuple[Tensor, Tensor]:
        usual, model.run_block = model.run_block, streams.run_block
        streams.start(audio)
        try:
            video, audio = model.run_blocks(
                video, audio, video_given, audio_given, skip_layer=skip_layer
            )
        finally:
            model.run_block = usual
        streams.join(audio)
        return video, audio

    return run
