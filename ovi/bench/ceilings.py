"""What the chip itself can do: a large matrix product, a large copy, attention alone.

Random data throughout: zeros run faster than real data does.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch

from ovi.bench.timing import measure
from ovi.ops.attention import attention_backend


@dataclass(frozen=True, slots=True)
class Ceiling:
    """One limit of the machine."""

    name: str
    value: float
    unit: str


def measure_ceilings(
    device: torch.device, dtype: torch.dtype, *, num_tokens: int, num_heads: int, head_dim: int
) -> tuple[Ceiling, ...]:
    """Matrix product, copy and attention at the model's own shape, each the median of several."""
    side = 8192 if device.type == "cuda" else 1024
    repeats = 20 if device.type == "cuda" else 5
    left, right = (torch.randn(side, side, device=device, dtype=dtype) for _ in range(2))

    def seconds(name: str, work: Callable[[], object]) -> float:
        return measure(name, work, device, repeats=repeats, warm_up=3)[0].seconds

    product = seconds("product", lambda: left @ right)
    source = torch.randn(side * side * 4, device=device)
    target = torch.empty_like(source)
    copy = seconds("copy", lambda: target.copy_(source))
    attend = attention_backend("auto", device, dtype)
    q, k, v = (
        torch.randn(1, num_tokens, num_heads, head_dim, device=device, dtype=dtype)
        for _ in range(3)
    )
    attention = seconds("attention", lambda: attend(q, k, v))
    return (
        Ceiling(f"matrix product {side}, {_short(dtype)}", 2 * side**3 / product / 1e12, "TFLOP/s"),
        Ceiling("copy, read + write", 2 * source.nbytes / copy / 1e9, "GB/s"),
        Ceiling(
            f"attention, {num_tokens} tokens, {_short(dtype)}",
            4 * num_tokens**2 * num_heads * head_dim / attention / 1e12,
            "TFLOP/s",
        ),
    )


def _short(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")
