"""Attention over a part of the keys, in a form that can be merged with that over other parts.

softmax(q k^T) v over all keys is the mean of the answers over parts, each weighed by the sum of its
exponentials, whose logarithm is the weight here.

B batch, Lq Lk tokens, N heads, D head width, R parts.
"""

import torch
from torch import Tensor


def attend_with_weights(q: Tensor, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
    """The answer (B, Lq, N, D) and the log-weight (B, N, Lq) of some keys and values.

    q (B, Lq, N, D); k and v (B, Lk, N, D), where Lk may be 0. Weights are float32, answers may be.
    """
    if k.shape[1] and _has_flash_kernel(q):
        answer, weight, *_ = torch.ops.aten._scaled_dot_product_flash_attention(
            q.transpose(1, 2), k.transpose(1, 2), v.transpose(1, 2), scale=q.shape[-1] ** -0.5
        )
        return answer.transpose(1, 2), weight
    logits = torch.einsum("bqnd,bknd->bnqk", q.float(), k.float()) * q.shape[-1] ** -0.5
    weight = logits.logsumexp(-1)
    shares = (logits - weight[..., None]).exp()
    return torch.einsum("bnqk,bknd->bqnd", shares, v.float()), weight


def merge_answers(answers: Tensor, weights: Tensor) -> Tensor:
    """(B, Lq, N, D) from the answers (R, B, Lq, N, D) and log-weights (R, B, Lq, N, 1) of parts."""
    return (answers * weights.softmax(dim=0)).sum(dim=0)


def _has_flash_kernel(q: Tensor) -> bool:
    """Whether torch's own fused kernel, which tells its weights, takes such heads there."""
    return (
        q.device.type == "cuda"
        and q.dtype in (torch.bfloat16, torch.float16)
        and q.shape[-1] % 8 == 0
        and q.shape[-1] <= 256
        and torch.cuda.get_device_capability(q.device)[0] >= 8
    )
