"""LoRA adapters beside a model's layers, for one clip at a time.

The weights themselves are never touched: each adapted layer's output gets what the adapters make of
its input, y + up (down x). So a model is bit for bit as before when they are taken away, and it
does not matter how weights are held (eight bits, mapped from disk, streamed by block, divided among
ranks), for the layers do their work as ever. The adapters stay on the device: 3.1 MB for each rank
and branch block of the published model at rank 16, 185 MB in all.

R rank over all adapters of a layer, I O widths of its input and output.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ovi.errors import WeightsError
from ovi.runtime.lora_file import Adapter, read_adapters
from ovi.spec.request import LoraFile
from ovi.weights.hashes import hash_files

Hook = Callable[[nn.Module, tuple[Tensor, ...], Tensor], Tensor]


class LoraRack:
    """The adapters that a model's clips ask for; those of the last clip stay at hand."""

    def __init__(self, model: nn.Module, device: torch.device, dtype: torch.dtype) -> None:
        """Adapters are kept on `device` in `dtype`, which the model computes in."""
        self._model = model
        self._device = device
        self._dtype = dtype
        self._key: tuple[tuple[str, float], ...] = ()
        self._adapters: dict[str, Adapter] = {}

    def prepare(self, loras: Sequence[LoraFile]) -> None:
        """Reads the files unless they were the last ones. Raises WeightsError."""
        key = tuple((lora.sha256, lora.weight) for lora in loras)
        if key == self._key:
            return
        self._key, self._adapters = (), {}  # the old ones first: both may not fit
        weighted = [(_read(lora, self._model), lora.weight) for lora in loras]
        with torch.inference_mode(False):
            self._adapters = {
                name: Adapter(
                    adapter.down.to(self._device, self._dtype),
                    adapter.up.to(self._device, self._dtype),
                )
                for name, adapter in join_adapters(weighted).items()
            }
        self._key = key

    @contextmanager
    def applied(self, loras: Sequence[LoraFile]) -> Iterator[None]:
        """The model works with these adapters inside the block. Raises WeightsError."""
        self.prepare(loras)
        hooks = {name: beside(adapter) for name, adapter in self._adapters.items()}
        with hooked(self._model, hooks):
            yield


@contextmanager
def hooked(model: nn.Module, hooks: Mapping[str, Hook]) -> Iterator[None]:
    """Inside the block, each named layer's output passes through its hook."""
    with ExitStack() as stack:
        for name, hook in hooks.items():
            handle = model.get_submodule(name).register_forward_hook(hook)
            stack.callback(handle.remove)
        yield


def join_adapters(weighted: Sequence[tuple[Mapping[str, Adapter], float]]) -> dict[str, Adapter]:
    """One adapter for each layer that does what all of them do, each as strongly as its weight."""
    joined: dict[str, Adapter] = {}
    for adapters, weight in weighted:
        if weight == 0:
            continue
        for name, adapter in adapters.items():
            down, up = adapter.down, adapter.up * weight
            if name in joined:
                down = torch.cat([joined[name].down, down])
                up = torch.cat([joined[name].up, up], dim=1)
            joined[name] = Adapter(down, up)
    return joined


def beside(adapter: Adapter) -> Hook:
    """What puts an adapter beside its layer; gradients reach it where they are kept."""

    def add(_: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> Tensor:
        (x,) = inputs
        narrow = F.linear(x, adapter.down.to(x.dtype))
        return output + F.linear(narrow, adapter.up.to(x.dtype))

    return add


def _read(lora: LoraFile, model: nn.Module) -> dict[str, Adapter]:
    """The adapters of the very file that the clip was planned with."""
    path = Path(lora.path)
    adapters = read_adapters(path, model)
    if hash_files([path])[path] != lora.sha256:
        raise WeightsError(
            f"{path} has changed since the clip was planned: bring the file back, or render the "
            "prompt again to use the new one."
        )
    return adapters
