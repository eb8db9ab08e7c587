"""Weights of linear layers held in eight bits, computed with in the dtype of the activations.

    store_fp8(model)    float8_e4m3fn
    store_int8(model)   int8

Both replace the linear layers inside a model's repeated blocks, which in the published transformer
are 94 % of its weights (12.4 GB instead of 23.3 GB) and in the text encoder 82 %; embeddings, time
nets and heads stay as they are. Every output row has a scale of its own, so that its largest weight
becomes the largest number of the format. The published fp8 file has none: it is a plain cast, and
kept bit for bit. No activation is quantized.

Relative error of one layer's weights, in per cent (root mean squares over rows of 3072; plain
bfloat16 has 0.17), held by `tests/engine/runtime/test_quantize.py`:

    weights                              plain cast    fp8     int8
    normal, deviation 0.018              3.5           2.6     0.85
    normal, deviation 0.005              11            2.6     0.85
    Laplace, deviation 0.018             3.6           2.6     1.4
    Student t, 5 degrees of freedom      3.6           2.6     1.8
    normal, one in 1000 ten times        3.4           2.6     2.8

The largest weight of a row is not cut off to make the others finer: at rows of this length the
best such limit by squared error is the largest weight itself for int8, and the best of 24 scales
takes 3 % off the error of fp8 (2.57 for 2.65). What is kept is elementwise arithmetic, so the same
weights give the same bits on every device, at load and in a saved file.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Self, TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

M = TypeVar("M", bound=nn.Module)

BLOCK_LISTS = ("blocks", "layers")
"""Names that the lists of repeated blocks have: in the transformer, in the text encoder."""

SCALE = "weight_scale"
"""What the scales of a layer are called beside its `weight`."""


@dataclass(frozen=True, slots=True)
class EightBits:
    """A number format of eight bits."""

    dtype: torch.dtype
    largest: float
    """The largest number that is used."""


FP8 = EightBits(torch.float8_e4m3fn, 448.0)
INT8 = EightBits(torch.int8, 127.0)

Multiply = Callable[["EightBitLinear", Tensor], Tensor]
"""How a layer multiplies: (layer, x (..., in)) to (..., out) in x's dtype."""


def quantize_rows(weight: Tensor, bits: EightBits) -> tuple[Tensor, Tensor]:
    """A weight (out, in) as numbers of eight bits and their scale for each row (out,), float32.

    The scales are numbers that bfloat16 has too. Rows of zeros stay zeros.
    """
    numbers = weight.to(torch.float32, copy=True)
    lowest, highest = numbers.aminmax(dim=1)
    largest = torch.maximum(-lowest, highest)
    # Rounded first, so that the division makes up for what bfloat16 loses of the scale.
    scale = (largest / bits.largest).to(torch.bfloat16).float()
    scale = scale.clamp_min(torch.finfo(torch.bfloat16).tiny)
    numbers.div_(scale[:, None])
    if not bits.dtype.is_floating_point:
        numbers.round_()
    return numbers.clamp_(-bits.largest, bits.largest).to(bits.dtype), scale


def multiply_dequantized(layer: "EightBitLinear", x: Tensor) -> Tensor:
    """Multiplies by the weight as it is in x's dtype, made anew for each call."""
    bias = None if layer.bias is None else layer.bias.to(x.dtype)
    return F.linear(x, layer.dequantized(x.dtype), bias)


class EightBitLinear(nn.Linear):
    """A linear layer that holds its weight in eight bits."""

    weight_scale: Tensor | None
    """(out,) float32; None for a plain cast"""

    def __init__(self, in_features: int, out_features: int, bits: EightBits) -> None:
        super().__init__(in_features, out_features, bias=False, device="meta")
        self.bits = bits
        self.weight = _frozen(torch.empty_like(self.weight, dtype=bits.dtype))
        self.register_buffer(SCALE, torch.empty(out_features, device="meta"))
        self.multiply: Multiply = multiply_dequantized

    @classmethod
    def replacing(cls, layer: nn.Linear, bits: EightBits) -> Self:
        """A layer that does what `layer` does, as nearly as eight bits allow."""
        new = cls(layer.in_features, layer.out_features, bits)
        new.bias = layer.bias
        if not layer.weight.is_meta:
            new.hold("weight", layer.weight.detach())
        return new

    def hold(self, leaf: str, tensor: Tensor) -> None:
        """Takes over `weight` (out, in) of any floating dtype, or `weight_scale` (out,).

        A weight that has the layer's eight bits already is kept as it is, and is a plain cast
        unless its scales come too, before it or after it.
        """
        if leaf == SCALE:
            self.weight_scale = tensor.float()
        elif tensor.dtype is not self.bits.dtype:
            numbers, self.weight_scale = quantize_rows(tensor, self.bits)
            self.weight = _frozen(numbers)
        else:
            self.weight = _frozen(tensor)
            if self.weight_scale is not None and self.weight_scale.is_meta:
                self.weight_scale = None

    def dequantized(self, dtype: torch.dtype) -> Tensor:
        """The weight (out, in) in a floating dtype."""
        if self.weight_scale is None:
            return self.weight.to(dtype)
        scale = self.weight_scale.to(dtype)[:, None]
        if self.bits.dtype.is_floating_point:  # torch multiplies no eight-bit floats
            return self.weight.to(dtype).mul_(scale)
        return self.weight * scale  # one pass: read in eight bits, written in sixteen

    def forward(self, x: Tensor) -> Tensor:
        """(..., in) to (..., out) in x's dtype."""
        return self.multiply(self, x)


def store_fp8(model: M) -> M:
    """`model` itself, the linear layers in its blocks holding their weights in fp8."""
    return _replace_layers(model, FP8)


def store_int8(model: M) -> M:
    """`model` itself, the linear layers in its blocks holding their weights in int8."""
    return _replace_layers(model, INT8)


def set_multiply(model: nn.Module, multiply: Multiply) -> None:
    """Makes every eight-bit layer inside `model` multiply by `multiply`."""
    for module in model.modules():
        if isinstance(module, EightBitLinear):
            module.multiply = multiply


def expected_state(model: nn.Module, offered: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The state dict that a file with the `offered` headers has to fill to be that of `model`.

    Scales come from the file only beside weights that it holds in eight bits, and not in a plain
    cast to fp8, which has none.
    """
    state = dict(model.state_dict())
    for name, layer in model.named_modules():
        if isinstance(layer, EightBitLinear):
            weight, key = offered.get(f"{name}.weight"), f"{name}.{SCALE}"
            is_stored = weight is not None and weight.dtype is layer.bits.dtype
            is_plain_cast = is_stored and layer.bits is FP8 and key not in offered
            if not is_stored or is_plain_cast:
                state.pop(key, None)
    return state


def _replace_layers(model: M, bits: EightBits) -> M:
    for path, parent in list(model.named_modules()):
        if not set(path.split(".")) & set(BLOCK_LISTS):
            continue
        for name, layer in list(parent.named_children()):
            # Only plain layers: a subclass has a reason of its own to compute differently.
            if type(layer) is nn.Linear:
                setattr(parent, name, EightBitLinear.replacing(layer, bits))
    return model


def _frozen(weight: Tensor) -> nn.Parameter:
    return nn.Parameter(weight, requires_grad=False)
