"""Weights of linear layers held in eight bits, computed with in the dtype of the activations.

    store_fp8(model)    float8_e4m3fn, a plain cast: what the published fp8 file holds
    store_int8(model)   int8, with one scale per output row

Both replace the linear layers inside a model's repeated blocks, which in the published transformer
are 94 % of its weights; embeddings, time nets and heads see every token through one layer and stay
as they are. The weight is cast back for each call, which costs a few per cent of time; memory is
about half (12.4 GB instead of 23.3 GB). No activation is quantized.

Relative error of one layer (root mean squares, normal noise, against exact arithmetic; plain
bfloat16 has 0.0017), held by `tests/engine/runtime/test_quantize.py`:

    deviation of the weights    fp8      int8
    0.005                       0.112    0.009
    0.02                        0.033    0.009
    0.2                         0.027    0.009

fp8 without scales loses small weights; int8 is the better choice unless the weights come from the
published fp8 file, where the loss is in the file.
"""

from typing import Self, TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

M = TypeVar("M", bound=nn.Module)

BLOCKS = "blocks"
"""Name of the list of repeated blocks, in the published transformer and here."""

FP8_MAX = torch.finfo(torch.float8_e4m3fn).max
INT8_MAX = 127


class EightBitLinear(nn.Linear):
    """A linear layer that decides how its weight is held."""

    @classmethod
    def replacing(cls, layer: nn.Linear) -> Self:
        """A layer that does what `layer` does, as nearly as eight bits allow."""
        new = cls(layer.in_features, layer.out_features, bias=False, device="meta")
        new.bias = layer.bias
        if not layer.weight.is_meta:
            new.hold(layer.weight.detach())
        return new

    def hold(self, weight: Tensor) -> None:
        """Takes over a weight (out, in) of any floating dtype."""
        raise NotImplementedError

    def _keep(self, weight: Tensor) -> None:
        self.weight = nn.Parameter(weight, requires_grad=False)

    def _bias_as(self, dtype: torch.dtype) -> Tensor | None:
        return None if self.bias is None else self.bias.to(dtype)


class Fp8Linear(EightBitLinear):
    """Weight held as float8_e4m3fn."""

    def hold(self, weight: Tensor) -> None:
        """A weight that is float8_e4m3fn already is kept bit for bit."""
        if weight.dtype is not torch.float8_e4m3fn:
            weight = weight.clamp(-FP8_MAX, FP8_MAX).to(torch.float8_e4m3fn)
        self._keep(weight)

    def forward(self, x: Tensor) -> Tensor:
        """(..., in) to (..., out) in x's dtype."""
        return F.linear(x, self.weight.to(x.dtype), self._bias_as(x.dtype))


class Int8Linear(EightBitLinear):
    """Weight held as int8, with the size of one step for each output row."""

    step: Tensor
    """(out,) float32; not part of the state dict."""

    def hold(self, weight: Tensor) -> None:
        weight = weight.float()
        largest = weight.abs().amax(dim=1).clamp_min(torch.finfo(torch.bfloat16).tiny)
        # Rounded first, so that the division makes up for what bfloat16 loses of the step.
        step = (largest / INT8_MAX).to(torch.bfloat16).float()
        whole = (weight / step[:, None]).round().clamp(-INT8_MAX, INT8_MAX)
        self._keep(whole.to(torch.int8))
        self.register_buffer("step", step, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """(..., in) to (..., out) in x's dtype."""
        # Whole numbers up to 127 are exact in bfloat16, so only the result is rounded.
        whole, step = F.linear(x, self.weight.to(x.dtype)), self.step.to(x.dtype)
        bias = self._bias_as(x.dtype)
        return whole * step if bias is None else torch.addcmul(bias, whole, step)


def store_fp8(model: M) -> M:
    """`model` itself, the linear layers in its blocks holding their weights in fp8."""
    return _replace_layers(model, Fp8Linear)


def store_int8(model: M) -> M:
    """`model` itself, the linear layers in its blocks holding their weights in int8."""
    return _replace_layers(model, Int8Linear)


def _replace_layers(model: M, kind: type[EightBitLinear]) -> M:
    for path, parent in list(model.named_modules()):
        for name, layer in list(parent.named_children()):
            # Only plain layers: a subclass has a reason of its own to compute differently.
            if type(layer) is nn.Linear and BLOCKS in path.split("."):
                setattr(parent, name, kind.replacing(layer))
    return model
