"""Published audio VAE checkpoint to our parameters: renames, and the weight normalisation folded.

The published file (MMAudio/ext_weights/v1-16.pth) holds raw convolution weights that its model
rescales on every use. Here that is done once, so that the model itself has plain convolutions.
"""

import math
import re
from collections.abc import Mapping

import torch
from torch import Tensor

from ovi.models.audio_vae.config import AudioVaeConfig
from ovi.models.audio_vae.layers import NORM_EPS

LONE_TENSORS = {"data_mean": "mel_mean", "data_std": "mel_std"}
LONE_TENSORS |= {f"{side}.learnable_gain": f"{side}.output.gain" for side in ("encoder", "decoder")}
"""Tensors that are no convolution weights."""

PLACES = (
    (r"(encoder|decoder)", r"\1"),
    (r"(encoder|decoder)\.mid\.block_1", r"\1.middle.block_in"),
    (r"(encoder|decoder)\.mid\.attn_1", r"\1.middle.attention"),
    (r"(encoder|decoder)\.mid\.block_2", r"\1.middle.block_out"),
    (r"(encoder|decoder)\.(?:down|up)\.(\d+)\.block\.(\d+)", r"\1.levels.\2.blocks.\3"),
    (r"(encoder|decoder)\.(?:down|up)\.(\d+)\.attn\.(\d+)", r"\1.levels.\2.attentions.\3"),
    (r"encoder\.down\.(\d+)\.downsample", r"encoder.downsamples.\1"),
    (r"decoder\.up\.(\d+)\.upsample", r"decoder.upsamples.\1"),
)
"""Modules that hold convolutions, published pattern and our name."""

OUTER_CONVS = {"conv_in": "input", "conv_out": "output.conv"}
"""Convolutions directly inside the encoder and the decoder."""

INNER_CONVS = {
    "conv1": "conv_in",
    "conv2": "conv_out",
    "nin_shortcut": "skip",
    "qkv": "query_key_value",
    "proj_out": "output",
    "conv": "conv",
}
"""Convolutions inside every other module."""


def from_published(state: Mapping[str, Tensor], config: AudioVaeConfig) -> dict[str, Tensor]:
    """Parameters of `AudioVae(config)` from the published ones; works on meta tensors too.

    Convolution weights are folded in float32. A key that is not a published one passes through
    unchanged, so that strict loading can name it; our own keys therefore do as well.
    """
    del config  # every name follows from the published one; the shapes are for the loader to check
    ours: dict[str, Tensor] = {}
    for key, tensor in state.items():
        conv = conv_name(key)
        if conv is not None:
            ours[conv] = fold_weight_norm(tensor)
        else:
            ours[LONE_TENSORS.get(key, key)] = tensor
    return ours


def conv_name(key: str) -> str | None:
    """Our key of a published convolution weight, or None when `key` is not one."""
    place, _, conv = key.removesuffix(".weight").rpartition(".")
    names = OUTER_CONVS if place in ("encoder", "decoder") else INNER_CONVS
    if not key.endswith(".weight") or conv not in names:
        return None
    for pattern, name in PLACES:
        if match := re.fullmatch(pattern, place):
            return f"{match.expand(name)}.{names[conv]}.weight"
    return None


def fold_weight_norm(weight: Tensor) -> Tensor:
    """A raw weight (out, in, taps), float32, as the published model uses it.

    Each output channel is brought to root mean square one and divided by the root of the number
    of inputs it sums over: unit noise in, unit noise out.
    """
    rows = weight.float()
    fan_in = rows[0].numel()
    size: Tensor = torch.linalg.vector_norm(rows, dim=(1, 2), keepdim=True) / math.sqrt(fan_in)
    return rows / ((NORM_EPS + size) * math.sqrt(fan_in))
