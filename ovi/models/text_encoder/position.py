"""Buckets of the relative position bias.

Near tokens are told apart exactly, far ones on a logarithmic scale, and all beyond the largest
distance are one. Keys before and after the query have buckets of their own.

Shapes: L tokens, queries before keys.
"""

import math

import torch
from torch import Tensor

from ovi.models.text_encoder.config import TextEncoderConfig


def bucket_of(relative: Tensor, config: TextEncoderConfig) -> Tensor:
    """Bucket in [0, num_buckets) for each relative position (key index minus query index).

    Float32 on purpose: at distances such as 16 and 32 the rounding of the logarithm decides.
    Source: Raffel et al. 2020 (T5), section 2.1, bidirectional; the logarithm in float32.
    """
    one_direction = config.num_buckets // 2
    num_exact = one_direction // 2
    distance = relative.abs()
    # Clamped so that the logarithm stays finite where the exact bucket is taken anyway.
    stretch = torch.log(distance.clamp_min(1).float() / num_exact)
    stretch = stretch / math.log(config.max_distance / num_exact) * (one_direction - num_exact)
    far = (num_exact + stretch.long()).clamp_max(one_direction - 1)
    return torch.where(distance < num_exact, distance, far) + one_direction * (relative > 0)


def bucket_grid(length: int, config: TextEncoderConfig) -> Tensor:
    """Bucket of every (query, key) pair, (L, L) int64, on the CPU.

    Always computed there, so that one logarithm's rounding serves every device.
    """
    position = torch.arange(length, device="cpu")
    return bucket_of(position[None, :] - position[:, None], config)
