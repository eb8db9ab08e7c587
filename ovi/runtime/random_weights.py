"""Random weights under which activations stay of ordinary size, for models without trained ones.

`fill_random` gives the same weights on every machine; `nano` runs on them while none are trained.
`fill_random_fast` fills a model of full size where it lies, for benchmarks.
"""

import hashlib
import math
from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn

WEIGHTED = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.ConvTranspose1d)
"""Layers whose `weight` sums over inputs."""

ONES = ("weight", "gamma")
"""Other vectors of these names scale a norm; the remaining vectors are added, and start at 0."""


@torch.no_grad()
def fill_random(model: nn.Module, seed: int) -> None:
    """Overwrites every parameter; `seed` and the parameter's name alone decide its values.

    Matrices and tables are uniform noise that keeps activations near unit size, norms are 1,
    biases 0. Uniform and drawn on the CPU, since normal noise differs in its last bits between
    processors. Buffers stay as they are.
    """
    for name, parameter, deviation, constant in _plan(model):
        if deviation is None:
            parameter.fill_(constant)
            continue
        generator = torch.Generator("cpu").manual_seed(_seed_of(name, seed))
        noise = torch.rand(parameter.shape, generator=generator, dtype=torch.float32)
        parameter.copy_((noise - 0.5) * (math.sqrt(12.0) * deviation))


@torch.no_grad()
def fill_random_fast(model: nn.Module, seed: int) -> None:
    """As `fill_random`, on the model's own device and in its own dtype: fast, values of no account.

    Normal noise; other values on every kind of device. Not for parameters held in eight bits.
    """
    for name, parameter, deviation, constant in _plan(model):
        _fill_fast(parameter, name, seed, deviation, constant)


def random_tensors(
    model: nn.Module,
    seed: int,
    device: torch.device,
    dtype: torch.dtype,
    order: Callable[[str], int] | None = None,
) -> Iterator[tuple[str, Tensor]]:
    """What `fill_random_fast` would give a `model` without memory, one tensor at a time, by name.

    `order` sorts the names; the values do not depend on it.
    """
    plan = list(_plan(model))
    if order is not None:
        plan.sort(key=lambda entry: order(entry[0]))
    for name, parameter, deviation, constant in plan:
        tensor = torch.empty(parameter.shape, dtype=dtype, device=device)
        _fill_fast(tensor, name, seed, deviation, constant)
        yield name, tensor


def _fill_fast(
    tensor: Tensor, name: str, seed: int, deviation: float | None, constant: float
) -> None:
    if deviation is None:
        tensor.fill_(constant)
    else:
        generator = torch.Generator(tensor.device).manual_seed(_seed_of(name, seed))
        tensor.normal_(0.0, deviation, generator=generator)


def _seed_of(name: str, seed: int) -> int:
    """A seed for one parameter."""
    digest = hashlib.sha256(f"{seed}:{name}".encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def _plan(model: nn.Module) -> Iterator[tuple[str, Tensor, float | None, float]]:
    """Each parameter with its name, and either its deviation or, that being None, its value."""
    for path, module in model.named_modules():
        for leaf, parameter in module.named_parameters(recurse=False):
            name = f"{path}.{leaf}" if path else leaf
            if leaf == "weight" and isinstance(module, WEIGHTED):
                yield name, parameter, _fan_in(module) ** -0.5, 0.0
            elif leaf == "weight" and isinstance(module, nn.Embedding):
                yield name, parameter, 1.0, 0.0
            elif sum(size > 1 for size in parameter.shape) > 1:  # a table, such as of modulation
                yield name, parameter, parameter.shape[-1] ** -0.5, 0.0
            else:
                yield name, parameter, None, 1.0 if leaf in ONES else 0.0


def _fan_in(layer: nn.Module) -> float:
    """How many inputs each output sums over."""
    assert isinstance(layer, WEIGHTED)
    if isinstance(layer, nn.ConvTranspose1d):
        return layer.in_channels * layer.kernel_size[0] / layer.stride[0]
    return layer.weight[0].numel()
