"""Runs models of full size on torch's meta device, without memory; counts what would be held."""

import weakref
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_iter


class Tape(TorchDispatchMode):
    """Counts the bytes of all tensors that are alive at a time."""

    def __init__(self, *given: nn.Module) -> None:
        """What belongs to the `given` modules does not count."""
        super().__init__()  # type: ignore[no-untyped-call]
        self.live = self.peak = 0
        self._known: weakref.WeakValueDictionary[int, Any] = weakref.WeakValueDictionary()
        for module in given:
            for tensor in (*module.parameters(), *module.buffers()):
                storage = tensor.untyped_storage()
                self._known[storage._cdata] = storage

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        for tensor in tree_iter(result):
            if not isinstance(tensor, Tensor):
                continue
            storage = tensor.untyped_storage()
            if storage._cdata in self._known:
                continue
            self._known[storage._cdata] = storage
            size = storage.nbytes()
            weakref.finalize(storage, self._forget, size)
            self.live += size
            self.peak = max(self.peak, self.live)
        return result

    def _forget(self, size: int) -> None:
        self.live -= size


def on_meta(build: Callable[[], nn.Module], dtype: torch.dtype) -> Any:
    """The module that `build` makes, without memory."""
    with torch.device("meta"):
        return build().to(dtype).requires_grad_(False).eval()


def empty(*shape: int, dtype: torch.dtype = torch.float32) -> Tensor:
    """A tensor without memory."""
    return torch.empty(*shape, dtype=dtype, device="meta")


def peak_of(work: Callable[[], object], *given: nn.Module) -> int:
    """The most bytes that `work` has alive at a time, beside the `given` modules."""
    tape = Tape(*given)
    with torch.inference_mode(), tape:
        work()
    return tape.peak
