"""A model too large for its device: its blocks pass through, the rest visits while it works.

`BlockOffload` holds what waits in host memory and puts the streaming in front of the model's own
way to run a block, so that the model's files know nothing of it. `BlockParking` brings the blocks
of a model that is being loaded there one by one, so that the device never holds more than one.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ovi.models.fusion.model import FusionModel, skipped_block
from ovi.models.text_encoder.model import TextEncoder
from ovi.runtime.host_memory import HostBuffers, page_locked
from ovi.runtime.loading import STAYS
from ovi.runtime.offload import free_cache
from ovi.runtime.parcel import Parcel
from ovi.runtime.staging import Staging
from ovi.runtime.streaming import BlockStream, Send, send_at_once

REST = -1
"""The part of a model that is in no block."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Where a kind of model has its blocks."""

    runner: str
    """The attribute that runs a block; its first argument is the block's first module."""
    blocks: Callable[[Any], Sequence[Sequence[nn.Module]]]
    """The modules of each block of a model."""
    stays: tuple[str, ...] = ()
    """Modules that never leave host memory."""

    def rest(self, model: nn.Module) -> Parcel:
        """Everything that comes to the device but the blocks."""
        blocks = [module for block in self.blocks(model) for module in block]
        return Parcel([model], without=[*blocks, *map(model.get_submodule, self.stays)])


def fusion_blocks(model: FusionModel) -> list[tuple[nn.Module, ...]]:
    """The modules of each fusion block."""
    return list(zip(model.video_model.blocks, model.audio_model.blocks, strict=True))


def encoder_layers(encoder: TextEncoder) -> list[tuple[nn.Module]]:
    """The layers, each as the only module of a block."""
    return [(layer,) for layer in encoder.layers]


FUSION = Layout("run_block", fusion_blocks)
TEXT_ENCODER = Layout("run_layer", encoder_layers, ("token_embedding",))


class BlockParking:
    """Moves a model's parts to page-locked host memory as they are loaded."""

    def __init__(self, layout: Layout, num_blocks: int, device: torch.device) -> None:
        self._layout = layout
        self._device = device
        self._buffers = HostBuffers(device, num_blocks)
        self.parcels: dict[int, Parcel] = {}
        """The parts that have been moved, by number."""

    def part_of(self, key: str) -> int:
        """The number of the block that a parameter belongs to, or REST, or STAYS."""
        if key.startswith(tuple(f"{name}." for name in self._layout.stays)):
            return STAYS
        found = re.search(r"\b(?:blocks|layers)\.(\d+)\.", key)
        return int(found[1]) if found else REST

    def park(self, model: nn.Module, part: int) -> None:
        """Moves one part of the model, whose tensors have all been loaded."""
        if part == STAYS:
            return
        if part == REST:
            parcel = self._layout.rest(model)
            buffer = page_locked(parcel.nbytes, self._device)
        else:
            parcel = Parcel(self._layout.blocks(model)[part])
            buffer = self._buffers.take(parcel.nbytes)
        parcel.move_into(buffer)
        self.parcels[part] = parcel

    def park_all(self, model: nn.Module) -> None:
        """Moves every part of a model that is complete."""
        for part in range(REST, len(self._layout.blocks(model))):
            self.park(model, part)

    def close(self) -> None:
        """No part is left to move."""
        self._buffers.close()


def evenly_spread(count: int, total: int) -> frozenset[int]:
    """`count` of the numbers below `total`: copying one block can use the time of the next ones."""
    count = min(count, total)
    return frozenset(index * total // count for index in range(count))


class BlockOffload:
    """Where the parts of a model wait, and how they visit the device."""

    def __init__(
        self,
        model: nn.Module,
        layout: Layout,
        device: torch.device,
        source: Mapping[int, Parcel] | Staging,
        *,
        resident_blocks: int = 0,
        skipped: Callable[[Mapping[str, Any]], int | None] = lambda _: None,
    ) -> None:
        """For a model whose weights come from parked parcels, or through a ring from their homes.

        `resident_blocks` of the blocks stay on the device during a visit. `skipped` tells from the
        keywords of a forward pass which block it leaves out.
        """
        blocks = layout.blocks(model)
        if isinstance(source, Staging):
            parcels, rest = [Parcel(block) for block in blocks], layout.rest(model)
        else:
            parcels, rest = [source[index] for index in range(len(blocks))], source[REST]
        self._model = model
        self._runner = layout.runner
        self._parcels = parcels
        self._rest = rest
        self._device = device
        self._resident = evenly_spread(resident_blocks, len(blocks))
        self._streamed = [index for index in range(len(blocks)) if index not in self._resident]
        self._skipped = skipped
        self._send: Send = source.send if isinstance(source, Staging) else send_at_once
        self._reads_ahead = isinstance(source, Staging)
        self._first_modules = {id(block[0]): index for index, block in enumerate(blocks)}

    @contextmanager
    def visit(self) -> Iterator[None]:
        """The model works on the device inside the block; its weights' homes never change."""
        with ExitStack() as stack:
            stack.callback(free_cache, self._device)
            for parcel in (self._rest, *(self._parcels[index] for index in sorted(self._resident))):
                stack.enter_context(_uploaded(parcel, self._device, self._send))
            if self._streamed:
                stream = BlockStream(
                    [self._parcels[index] for index in self._streamed],
                    self._device,
                    self._send,
                    reads_ahead=self._reads_ahead,
                )
                stack.callback(stream.close)
                stack.enter_context(self._running_through(stream))
            yield

    @contextmanager
    def _running_through(self, stream: BlockStream) -> Iterator[None]:
        run = getattr(self._model, self._runner)
        slot_numbers = {index: number for number, index in enumerate(self._streamed)}

        def run_streamed(block: nn.Module, *arguments: Any) -> Any:
            index = self._first_modules[id(block)]
            if index in self._resident:
                return run(block, *arguments)
            with stream.use(slot_numbers[index]):
                return run(block, *arguments)

        def plan(_: nn.Module, __: tuple[Any, ...], keywords: dict[str, Any]) -> None:
            left_out = self._skipped(keywords)
            stream.plan([slot_numbers[i] for i in self._streamed if i != left_out])

        setattr(self._model, self._runner, run_streamed)
        hook = self._model.register_forward_pre_hook(plan, with_kwargs=True)
        try:
            yield
        finally:
            hook.remove()
            setattr(self._model, self._runner, run)


def offload_fusion(
    model: FusionModel,
    device: torch.device,
    resident_blocks: int,
    source: Mapping[int, Parcel] | Staging,
) -> BlockOffload:
    """The transformer by blocks."""

    def skipped(keywords: Mapping[str, Any]) -> int | None:
        return skipped_block(keywords.get("skip_layer"), model.config.num_layers)

    return BlockOffload(
        model, FUSION, device, source, resident_blocks=resident_blocks, skipped=skipped
    )


def offload_text_encoder(
    encoder: TextEncoder, device: torch.device, source: Mapping[int, Parcel] | Staging
) -> BlockOffload:
    """The text encoder by layers; its table of words never leaves."""
    offload = BlockOffload(encoder, TEXT_ENCODER, device, source)
    encoder.token_embedding = HostEmbedding(cast("nn.Embedding", encoder.token_embedding))
    return offload


class HostEmbedding(nn.Module):
    """A table in host memory, of which only the rows that are asked for travel."""

    def __init__(self, table: nn.Embedding) -> None:
        super().__init__()
        self.weight = table.weight

    def forward(self, ids: Tensor) -> Tensor:
        """Rows (..., D) for ids (...), on the device of the ids."""
        return F.embedding(ids.to(self.weight.device), self.weight).to(ids.device)


@contextmanager
def _uploaded(parcel: Parcel, device: torch.device, send: Send) -> Iterator[None]:
    """The parcel's modules hold it on the device inside the block."""
    with torch.inference_mode(False):
        buffer = torch.empty(parcel.nbytes, dtype=torch.uint8, device=device)
        views = parcel.views(buffer)
    send(parcel, buffer)
    parcel.bind(views)
    try:
        yield
    finally:
        parcel.return_home()
