"""Which device and which number format a render runs on, as torch sees it.

The same question without torch, for commands that do not render, is `ovi/spec/accelerator.py`.
"""

import torch

from ovi.errors import PlacementError
from ovi.spec.request import TransformerPrecision


def resolve_device(name: str) -> torch.device:
    """The device called `auto`, `cpu`, `cuda`, `cuda:1` or `mps`; `auto` takes the best one here.

    Raises PlacementError, naming the remedy, when this machine or this torch has no such device.
    """
    kind, _, index = name.partition(":")
    if kind == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda", 0)
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    if kind == "cpu":
        return torch.device("cpu")
    if kind == "cuda":
        return _cuda_device(name, int(index) if index.isdecimal() else 0)
    if kind == "mps":
        if torch.backends.mps.is_available():
            return torch.device("mps")
        raise PlacementError(
            "Device mps is only there on Apple silicon with macOS 14 or later: use --device cpu."
        )
    raise PlacementError(f"There is no device {name!r}: use auto, cpu, cuda, cuda:1 or mps.")


def default_dtype(device: torch.device) -> torch.dtype:
    """The dtype that the device computes large models in fastest without losing their range."""
    return torch.float32 if device.type == "cpu" else torch.bfloat16


def compute_dtype(precision: TransformerPrecision) -> torch.dtype:
    """The dtype of activations at a precision; eight-bit weights are computed with in bfloat16."""
    return torch.float32 if precision is TransformerPrecision.FP32 else torch.bfloat16


def _cuda_device(name: str, index: int) -> torch.device:
    if not torch.cuda.is_available():
        if torch.version.cuda is None:
            raise PlacementError(
                f"Device {name} cannot be used: the installed PyTorch ({torch.__version__}) is a "
                "build without CUDA. Install a CUDA build of it, or use --device cpu."
            )
        raise PlacementError(
            f"Device {name} cannot be used: PyTorch sees no NVIDIA GPU. Check that nvidia-smi "
            "lists one and that CUDA_VISIBLE_DEVICES does not hide it, or use --device cpu."
        )
    count = torch.cuda.device_count()
    if index >= count:
        known = ", ".join(f"cuda:{i}" for i in range(count))
        raise PlacementError(f"There is no device {name} here. This machine has {known}.")
    return torch.device("cuda", index)
