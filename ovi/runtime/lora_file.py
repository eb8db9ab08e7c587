"""Reads a LoRA file: whoever trained it, its adapters under the names of this model's layers.

An adapter of a linear layer is a pair of narrow matrices whose product is added to the layer's
weight (Hu et al. 2021, "LoRA"). Programs agree on that and on nothing else, so a key is taken apart
from both ends:

    diffusion_model.|transformer.|base_model.model.|lora_unet_|...    <layer>    what it is
    <layer>: with dots, or underscores for dots; the published names, or those of diffusers
    what it is: lora_A lora_B, lora_down lora_up, lora.down lora.up, and alpha

A file for the picture's tower alone (Wan2.2 5B has its shape) needs no `video_model.` in its names.

R rank, I O widths of a layer's input and output.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor, nn

from ovi.errors import WeightsError
from ovi.runtime.checkpoint import Checkpoint, open_checkpoint

ENDINGS = {
    ".lora_A.weight": "down",
    ".lora_B.weight": "up",
    ".lora_A.default.weight": "down",
    ".lora_B.default.weight": "up",
    ".lora_down.weight": "down",
    ".lora_up.weight": "up",
    ".lora.down.weight": "down",
    ".lora.up.weight": "up",
    ".alpha": "alpha",
}
"""How keys end, and which part of an adapter that makes them."""

WRAPPERS = (
    "base_model.model.",
    "diffusion_model.",
    "transformer.",
    "model.",
    "lora_unet_",
    "lora_transformer_",
)
"""What programs put in front of a layer's name, perhaps several of them."""

DIFFUSERS_NAMES = (
    ("_attn1_", "_self_attn_"),
    ("_attn2_", "_cross_attn_"),
    ("_to_out_0", "_o"),
    ("_to_q", "_q"),
    ("_to_k", "_k"),
    ("_to_v", "_v"),
    ("_ffn_net_0_proj", "_ffn_0"),
    ("_ffn_net_2", "_ffn_2"),
)
"""Parts of diffusers' names for layers, underscores for dots, and the published ones."""

PICTURE_TOWER = "video_model_"

MAX_NAMED = 3
"""Keys of each kind that an error names."""


@dataclass(frozen=True, slots=True, eq=False)
class Adapter:
    """What is added to the weight of one layer: up @ down."""

    down: Tensor
    """(R, I)"""
    up: Tensor
    """(O, R), scaled by alpha / R where the file has an alpha"""


def read_adapters(path: Path, model: nn.Module) -> dict[str, Adapter]:
    """The adapters of a file by the names of the model's linear layers, on the CPU.

    Raises WeightsError for a file that cannot be read, and one that names what does not fit.
    """
    checkpoint = open_checkpoint(path)
    layers = {name: m for name, m in model.named_modules() if isinstance(m, nn.Linear)}
    names = {name.replace(".", "_"): name for name in layers}
    faults = _Faults()
    keys: dict[str, dict[str, str]] = {}
    for key in checkpoint.headers:
        ending = next((ending for ending in ENDINGS if key.endswith(ending)), None)
        if ending is None:
            faults.add("of an unknown kind", key)
            continue
        name = _layer_name(key.removesuffix(ending), names)
        if name is None:
            faults.add("for a layer that the model does not have", key)
        elif ENDINGS[ending] in keys.setdefault(name, {}):
            faults.add("twice there", key)
        else:
            keys[name][ENDINGS[ending]] = key
    adapters: dict[str, Adapter] = {}
    for name, parts in keys.items():
        adapter = _read_adapter(checkpoint, parts, layers[name], faults)
        if adapter is not None:
            adapters[name] = adapter
    if faults.found:
        raise WeightsError(f"{path} is no LoRA for this model: {faults}.")
    if not adapters:
        raise WeightsError(f"{path} holds no LoRA: it has no tensors.")
    return adapters


def _layer_name(text: str, names: Mapping[str, str]) -> str | None:
    """The model's name for a layer, however the file calls it."""
    stripped = True
    while stripped:
        wrapper = next((wrapper for wrapper in WRAPPERS if text.startswith(wrapper)), None)
        stripped = wrapper is not None
        text = text.removeprefix(wrapper or "")
    plain = text.replace(".", "_")
    renamed = plain
    for theirs, ours in DIFFUSERS_NAMES:
        renamed = renamed.replace(theirs, ours)
    candidates = (plain, renamed, PICTURE_TOWER + plain, PICTURE_TOWER + renamed)
    return next((names[c] for c in candidates if c in names), None)


def _read_adapter(
    checkpoint: Checkpoint,
    parts: Mapping[str, str],
    layer: nn.Linear,
    faults: "_Faults",
) -> Adapter | None:
    """One layer's adapter, or None and a fault."""
    if "down" not in parts or "up" not in parts:
        faults.add("without its other half", next(iter(parts.values())))
        return None
    down, up = (_matrix(checkpoint.read(parts[half])) for half in ("down", "up"))
    wanted_down, wanted_up = (down.shape[0], layer.in_features), (layer.out_features, down.shape[0])
    for half, matrix, wanted in (("down", down, wanted_down), ("up", up, wanted_up)):
        if tuple(matrix.shape) != wanted:
            shape, fits = "x".join(map(str, matrix.shape)), "x".join(map(str, wanted))
            faults.add("of another shape", f"{parts[half]} is {shape}, not {fits}")
            return None
        if not bool(matrix.isfinite().all()):
            faults.add("not finite", parts[half])
            return None
    if "alpha" in parts:
        alpha = checkpoint.read(parts["alpha"]).float()
        if alpha.numel() != 1 or not bool(alpha.isfinite().all()):
            faults.add("no number", parts["alpha"])
            return None
        up = up * (float(alpha) / down.shape[0])
    return Adapter(down, up)


def _matrix(tensor: Tensor) -> Tensor:
    """float32; a 1x1 convolution, which some programs write, as the matrix it is."""
    flat = tensor.flatten(1) if tensor.ndim > 2 and tensor[0, 0].numel() == 1 else tensor
    return flat.to(torch.float32)


@dataclass(slots=True)
class _Faults:
    """Keys that cannot be used, by what is wrong with them."""

    found: dict[str, list[str]] = field(default_factory=dict)

    def add(self, kind: str, key: str) -> None:
        self.found.setdefault(kind, []).append(key)

    def __str__(self) -> str:
        return "; ".join(
            f"{len(keys)} keys are {kind} ({', '.join(keys[:MAX_NAMED])}"
            f"{', ...' if len(keys) > MAX_NAMED else ''})"
            for kind, keys in self.found.items()
        )
