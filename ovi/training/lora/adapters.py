"""Adapters under training, beside the layers of a frozen transformer.

R rank, I O widths of a layer's input and output.
"""

import math
from collections.abc import Sequence
from enum import StrEnum

import torch
from torch import Tensor, nn

from ovi.models.fusion.model import FusionModel
from ovi.runtime.lora import beside
from ovi.runtime.lora_file import Adapter


class Layers(StrEnum):
    """Which layers of the blocks get adapters."""

    BOTH = "both"
    """all of both towers"""
    VIDEO = "video"
    AUDIO = "audio"
    CROSS = "cross"
    """only those by which one tower reads the other"""


CROSS_LAYERS = ("k_fusion", "v_fusion")


def adapted_layers(model: FusionModel, layers: Layers) -> dict[str, nn.Linear]:
    """The linear layers inside the blocks that get adapters, by name."""
    towers = {Layers.VIDEO: "video_model.", Layers.AUDIO: "audio_model."}
    return {
        name: module
        for name, module in model.named_modules()
        if isinstance(module, nn.Linear)
        and ".blocks." in name
        and name.startswith(towers.get(layers, ""))
        and (layers is not Layers.CROSS or name.endswith(CROSS_LAYERS))
    }


class TrainedAdapter(nn.Module):
    """An adapter that begins without effect: up is zero. Float32, whatever the layer is."""

    def __init__(self, layer: nn.Linear, rank: int) -> None:
        super().__init__()
        self.down = nn.Parameter(torch.empty(rank, layer.in_features))
        self.up = nn.Parameter(torch.zeros(layer.out_features, rank))
        nn.init.kaiming_uniform_(self.down, a=math.sqrt(5))


class AdapterSet(nn.Module):
    """All adapters of a run, beside their layers from the moment they are made."""

    def __init__(self, model: FusionModel, layers: Layers, rank: int) -> None:
        super().__init__()
        found = adapted_layers(model, layers)
        self.names: Sequence[str] = tuple(found)
        self.adapters = nn.ModuleList(TrainedAdapter(layer, rank) for layer in found.values())
        for layer, adapter in zip(found.values(), self._trained(), strict=True):
            layer.register_forward_hook(beside(Adapter(adapter.down, adapter.up)))

    def tensors(self) -> dict[str, Tensor]:
        """What a LoRA file holds, under the published names and PEFT's endings."""
        halves: dict[str, Tensor] = {}
        for name, adapter in zip(self.names, self._trained(), strict=True):
            halves[f"{name}.lora_A.weight"] = adapter.down
            halves[f"{name}.lora_B.weight"] = adapter.up
        return halves

    def _trained(self) -> list[TrainedAdapter]:
        return [module for module in self.adapters if isinstance(module, TrainedAdapter)]
