"""Which device each rank gets, and how its models are placed there."""

from dataclasses import replace

import torch

from ovi.errors import PlacementError
from ovi.runtime.devices import resolve_device
from ovi.spec.placement import Offload, Placement


def devices_for(placement: Placement) -> tuple[torch.device, ...]:
    """A device for each rank: GPUs from the named one on, or the CPU again and again.

    Raises PlacementError when there are not enough.
    """
    first = resolve_device(placement.device)
    if first.type == "cpu":
        return (first,) * placement.num_gpus
    if first.type != "cuda":
        raise PlacementError(f"One clip cannot be spread over devices of type {first.type}.")
    start, count = first.index or 0, torch.cuda.device_count()
    if start + placement.num_gpus > count:
        raise PlacementError(
            f"{placement.num_gpus} GPUs from {first} on were asked for, and this machine has "
            f"{count}: use --gpus {count - start} or fewer."
        )
    return tuple(torch.device("cuda", start + rank) for rank in range(placement.num_gpus))


def shared_placement(placement: Placement) -> Placement:
    """The placement to load a rank's models by: weights to be divided begin on the CPU."""
    if not placement.is_sharded:
        return placement
    return replace(placement, offload=Offload.MODEL)
