"""What the machine itself can do: products, copies, attention, convolutions, ways from the host.

Random data throughout: zeros run faster than real data does.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from ovi.bench.timing import measure
from ovi.models.video_vae.layers import CausalConv3d
from ovi.ops.attention import attention_backend


@dataclass(frozen=True, slots=True)
class Ceiling:
    """One limit of the machine."""

    name: str
    value: float
    unit: str


@dataclass(frozen=True, slots=True)
class Ceilings:
    """The limits that the time of a render follows from: operations and bytes a second."""

    matmul: Ceiling
    attention: Ceiling
    copy: Ceiling
    convolution_fp32: Ceiling
    convolution_bf16: Ceiling
    pinned: Ceiling | None
    """None where host and device share their memory"""
    pageable: Ceiling | None

    @property
    def listed(self) -> tuple[Ceiling, ...]:
        """All that there are."""
        every = (
            self.matmul, self.copy, self.attention, self.convolution_fp32,
            self.convolution_bf16, self.pinned, self.pageable,
        )  # fmt: skip
        return tuple(ceiling for ceiling in every if ceiling is not None)


ATTENTION_TOKENS = 15_004
"""Of a published clip of five seconds; a CPU gets a tenth."""

HOST_BYTES = 1_000_000_000


def measure_ceilings(
    device: torch.device, dtype: torch.dtype, *, num_heads: int, head_dim: int
) -> Ceilings:
    """Each the median of several runs, at shapes that do not depend on what is rendered."""
    on_gpu = device.type == "cuda"
    side = 8192 if on_gpu else 1024
    repeats = 20 if on_gpu else 3

    def seconds(work: Callable[[], object]) -> float:
        return measure("ceiling", work, device, repeats=repeats, warm_up=3)[0].seconds

    def random(*shape: int, number: torch.dtype = dtype) -> Tensor:
        return torch.randn(*shape, device=device, dtype=number)

    def terms(name: str, operations: float, took: float) -> Ceiling:
        return Ceiling(name, operations / took / 1e12, "TFLOP/s")

    left, right = random(side, side), random(side, side)
    product = seconds(lambda: left @ right)
    source = random(side * side * (4 if on_gpu else 1), number=torch.float32)
    target = torch.empty_like(source)
    copy = seconds(lambda: target.copy_(source))

    num_tokens = ATTENTION_TOKENS if on_gpu else ATTENTION_TOKENS // 10
    attend = attention_backend("auto", device, dtype)
    q, k, v = (random(1, num_tokens, num_heads, head_dim) for _ in range(3))
    attention = seconds(lambda: attend(q, k, v))
    convolutions = {
        number: _convolution(device, number, seconds) for number in (torch.float32, torch.bfloat16)
    }
    return Ceilings(
        matmul=terms(f"matrix product {side}, {_short(dtype)}", 2 * side**3, product),
        attention=terms(
            f"attention, {num_tokens} tokens, {_short(dtype)}",
            4 * num_tokens**2 * num_heads * head_dim,
            attention,
        ),
        copy=Ceiling("copy, read + write", 2 * source.nbytes / copy / 1e9, "GB/s"),
        convolution_fp32=terms("convolution, float32", *convolutions[torch.float32]),
        convolution_bf16=terms("convolution, bfloat16", *convolutions[torch.bfloat16]),
        pinned=_from_host(device, is_pinned=True) if on_gpu else None,
        pageable=_from_host(device, is_pinned=False) if on_gpu else None,
    )


def _convolution(
    device: torch.device, number: torch.dtype, seconds: Callable[[Callable[[], object]], float]
) -> tuple[float, float]:
    """Operations and seconds of a causal convolution as the decoder's finest stage has them."""
    channels, frames, side = (256, 6, 352) if device.type == "cuda" else (20, 6, 64)
    window = torch.randn(1, frames, side, side, channels, device=device, dtype=number)
    layer = CausalConv3d(channels, channels).to(device, number)
    with torch.inference_mode():
        took = seconds(lambda: layer.convolve(window))
    return 2.0 * 27 * channels**2 * (frames - 2) * side**2, took


def _from_host(device: torch.device, *, is_pinned: bool) -> Ceiling:
    source = torch.empty(HOST_BYTES, dtype=torch.uint8, pin_memory=is_pinned).random_()
    target = torch.empty(HOST_BYTES, dtype=torch.uint8, device=device)
    took = measure(
        "copy", lambda: target.copy_(source, non_blocking=True), device, repeats=5, warm_up=1
    )[0].seconds
    kind = "page-locked" if is_pinned else "ordinary"
    return Ceiling(f"from {kind} host memory", HOST_BYTES / took / 1e9, "GB/s")


def _short(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")
