"""Attention over full sequences through whichever kernel the machine has.

Every backend computes softmax(q k^T / sqrt(D)) v without mask or causality, takes q (B, Lq, N, D)
and k, v (B, Lk, N, D), and returns (B, Lq, N, D) in q's dtype. A backend is chosen once, when a
model is placed, and then called; nothing is probed inside the loop.

B batch, Lq Lk tokens, N heads, D head width.
"""

from collections.abc import Callable
from typing import Literal, get_args

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel

from ovi.errors import PlacementError

Attend = Callable[[Tensor, Tensor, Tensor], Tensor]
"""Attention of q over k and v."""

AttentionBackend = Literal["flash3", "flash2", "cudnn", "flash", "sdpa", "math"]
ATTENTION_BACKENDS: tuple[AttentionBackend, ...] = get_args(AttentionBackend)
"""Every backend: FlashAttention 3 and 2 from their packages; torch's attention through cuDNN,
through its own FlashAttention 2, or through whatever torch picks; and the definition."""

# cuDNN is nearly twice as fast there as FlashAttention 2: 624 against 332 TFLOP/s on an H100 at
# 15,004 tokens of 24 heads.
_ORDER_ON_HOPPER: tuple[AttentionBackend, ...] = (
    "flash3",
    "cudnn",
    "flash2",
    "flash",
    "sdpa",
    "math",
)

_FLASH = [SDPBackend.FLASH_ATTENTION, SDPBackend.EFFICIENT_ATTENTION, SDPBackend.MATH]


def attention_backend(
    name: str, device: torch.device | str, dtype: torch.dtype = torch.bfloat16
) -> Attend:
    """The backend called `name`, or the best one here for "auto".

    `dtype` is that of the tensors it will see: the fused kernels take half precision only.

    Raises PlacementError, naming the remedy, if the backend is unknown or cannot run here.
    """
    if name == "auto":
        return _BACKENDS[available_backends(device, dtype)[0]]()
    if name not in ATTENTION_BACKENDS:
        choices = ", ".join(("auto", *ATTENTION_BACKENDS))
        raise PlacementError(f"Unknown attention backend {name!r}; choose one of {choices}.")
    reason = absent_backends(device, dtype).get(name)
    if reason is not None:
        choices = ", ".join(("auto", *available_backends(device, dtype)))
        raise PlacementError(
            f"Attention backend {name!r} cannot run on {device}: {reason}. Choose one of {choices}."
        )
    return _BACKENDS[name]()


def available_backends(
    device: torch.device | str, dtype: torch.dtype = torch.bfloat16
) -> tuple[AttentionBackend, ...]:
    """The backends that can run on `device` with tensors of `dtype`, the preferred one first."""
    absent = absent_backends(device, dtype)
    order = ATTENTION_BACKENDS
    if "cudnn" not in absent and torch.cuda.get_device_capability(device)[0] >= 9:
        order = _ORDER_ON_HOPPER
    return tuple(name for name in order if name not in absent)


def absent_backends(
    device: torch.device | str, dtype: torch.dtype = torch.bfloat16
) -> dict[AttentionBackend, str]:
    """The other backends, each with half a sentence on why it cannot run there."""
    device = torch.device(device)
    reasons = {name: _absence(name, device, dtype) for name in ATTENTION_BACKENDS}
    return {name: reason for name, reason in reasons.items() if reason is not None}


def sdpa_attention(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """torch's own attention, with the kernel left to torch."""
    q, k, v = q.transpose(1, 2), k.transpose(1, 2), v.transpose(1, 2)
    out: Tensor = F.scaled_dot_product_attention(q, k, v, scale=q.shape[-1] ** -0.5)
    return out.transpose(1, 2)


def math_attention(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """The definition, in float32: holds the whole Lq x Lk matrix, so for checking only."""
    logits = torch.einsum("bqnd,bknd->bnqk", q.float(), k.float()) * q.shape[-1] ** -0.5
    return torch.einsum("bnqk,bknd->bqnd", logits.softmax(dim=-1), v.float()).to(q.dtype)


def _cudnn_attention(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    # cuDNN refuses a few shapes: a single query for a single key, heads of an odd width.
    with sdpa_kernel([SDPBackend.CUDNN_ATTENTION, *_FLASH], set_priority=True):
        return sdpa_attention(q, k, v)


def _flash_attention(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    with sdpa_kernel(_FLASH, set_priority=True):
        return sdpa_attention(q, k, v)


def _load_flash2() -> Attend:
    from flash_attn import flash_attn_func

    def flash2_attention(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        out: Tensor = flash_attn_func(q, k, v, softmax_scale=q.shape[-1] ** -0.5)
        return out

    return flash2_attention


def _load_flash3() -> Attend:
    from flash_attn_interface import flash_attn_func

    def flash3_attention(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        out: Tensor | tuple[Tensor, ...] = flash_attn_func(
            q, k, v, softmax_scale=q.shape[-1] ** -0.5
        )
        # Its early releases return the softmax statistics too.
        return out[0] if isinstance(out, tuple) else out

    return flash3_attention


_BACKENDS: dict[str, Callable[[], Attend]] = {
    "flash3": _load_flash3,
    "flash2": _load_flash2,
    "cudnn": lambda: _cudnn_attention,
    "flash": lambda: _flash_attention,
    "sdpa": lambda: sdpa_attention,
    "math": lambda: math_attention,
}


def _absence(name: AttentionBackend, device: torch.device, dtype: torch.dtype) -> str | None:
    """Why the backend cannot run there, or None if it can."""
    if name in ("sdpa", "math"):
        return None
    if device.type != "cuda":
        return "it needs a CUDA device"
    if not torch.cuda.is_available():
        return "torch sees no CUDA device; install a CUDA build of torch and the driver"
    if dtype not in (torch.bfloat16, torch.float16):
        return f"it takes bfloat16 or float16, not {str(dtype).removeprefix('torch.')}"
    major, minor = torch.cuda.get_device_capability(device)
    if name == "flash3" and major != 9:
        return f"it needs compute capability 9.x, and this device has {major}.{minor}"
    if major < 8:
        return f"it needs compute capability 8.0 or newer, and this device has {major}.{minor}"
    if name in ("flash3", "flash2"):
        package = "FlashAttention 3 (flash_attn_interface)" if name == "flash3" else "flash-attn"
        try:
            _BACKENDS[name]()
        except ImportError as error:
            return f"install {package}: it is missing or does not load ({error})"
        return None
    if not _has_kernel(name, device, dtype):
        return "this build of torch has no such kernel for this device"
    return None


def _has_kernel(name: AttentionBackend, device: torch.device, dtype: torch.dtype) -> bool:
    """Whether torch's own "cudnn" or "flash" kernel takes heads of an ordinary shape there."""
    probe = torch.zeros(1, 8, 64, 64, dtype=dtype, device=device)
    params = torch.backends.cuda.SDPAParams(probe, probe, probe, None, 0.0, False, False)
    if name == "cudnn":
        return torch.backends.cuda.can_use_cudnn_attention(params)
    return torch.backends.cuda.can_use_flash_attention(params)
