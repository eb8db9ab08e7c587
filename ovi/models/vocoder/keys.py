"""Published vocoder checkpoint to our parameters: renames, and the weight normalisation folded.

The published file (MMAudio/ext_weights/best_netG.pt) keeps the vocoder under `generator`; pass
that sub-dict. It holds every convolution as a direction v and a length g for each entry of the
weight's first dimension, in either of the two namings that PyTorch has had for them.
"""

import re
from collections.abc import Mapping

import torch
from torch import Tensor

from ovi.models.vocoder.config import VocoderConfig

LENGTH_SUFFIXES = {
    ".weight_g": ".weight_v",
    ".parametrizations.weight.original0": ".parametrizations.weight.original1",
}
"""How keys of g end, and how those of the v that belongs to it do."""

OUTER_MODULES = {
    "conv_pre": "input",
    "conv_post": "output",
    "activation_post": "output_activation",
}
"""Modules outside the stages."""

UNIT_MODULES = {"convs1": "dilated_conv", "convs2": "plain_conv"}
"""Convolutions of an AMP unit."""

UNIT_ACTIVATIONS = ("dilated_activation", "plain_activation")
"""Activations of an AMP unit, in the order in which the published ones are counted."""

TENSORS = {
    "weight": "weight",
    "bias": "bias",
    "act.alpha": "alpha",
    "act.beta": "beta",
    "upsample.filter": "up_filter",
    "downsample.lowpass.filter": "down_filter",
}
"""Tensors inside one convolution or activation."""

PLACE_AND_TENSOR = re.compile(rf"(.+?)\.({'|'.join(map(re.escape, TENSORS))})")


def from_published(state: Mapping[str, Tensor], config: VocoderConfig) -> dict[str, Tensor]:
    """Parameters of `Vocoder(config)` from the published ones; works on meta tensors too.

    Weights are folded in float32. A key that is not a published one passes through unchanged, so
    that strict loading can name it; our own keys therefore do as well.
    """
    folded = fold_weight_norm(state)
    return {our_key(key, config): tensor for key, tensor in folded.items()}


def fold_weight_norm(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """`state` with each pair of g and v replaced by the weight g * v / |v|, float32.

    |v| runs over all dimensions but the first, which in a transposed convolution is the input
    channel. A g without its v, or a v without its g, stays as it is.
    """
    folded = dict(state)
    for key in state:
        for length_suffix, direction_suffix in LENGTH_SUFFIXES.items():
            module = key.removesuffix(length_suffix)
            partner = module + direction_suffix
            if module != key and partner in state:
                length, direction = folded.pop(key).float(), folded.pop(partner).float()
                norm = torch.linalg.vector_norm(direction, dim=(1, 2), keepdim=True)
                folded[f"{module}.weight"] = length * (direction / norm)
    return folded


def our_key(key: str, config: VocoderConfig) -> str:
    """Our key for a published one after folding, or `key` itself when it is not one."""
    if match := PLACE_AND_TENSOR.fullmatch(key):
        place = our_module(match[1], config)
        if place is not None:
            return f"{place}.{TENSORS[match[2]]}"
    return key


def our_module(place: str, config: VocoderConfig) -> str | None:
    """Our name of a published convolution or activation, or None when it is not one."""
    if place in OUTER_MODULES:
        return OUTER_MODULES[place]
    if match := re.fullmatch(r"ups\.(\d+)\.0", place):
        return f"stages.{match[1]}.upsample"
    match = re.fullmatch(r"resblocks\.(\d+)\.(convs1|convs2|activations)\.(\d+)", place)
    if match is None:
        return None
    # The published blocks are counted through all stages, the activations through all units.
    stage, block = divmod(int(match[1]), len(config.amp_kernels))
    unit, part = int(match[3]), UNIT_MODULES.get(match[2])
    if part is None:
        unit, which = divmod(unit, len(UNIT_ACTIVATIONS))
        part = UNIT_ACTIVATIONS[which]
    return f"stages.{stage}.amp_blocks.{block}.{unit}.{part}"
