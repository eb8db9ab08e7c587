"""The tensors of one weight file, memory-mapped: nothing is read before it is used.

Two kinds of file exist: safetensors, and what `torch.save` writes (.pth, .pt), which is a pickle.
A pickle can name any Python function to be called on loading; only plain tensors are accepted.
"""

import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from ovi.errors import WeightsError

NESTED_UNDER = "generator"
"""A training checkpoint of the vocoder keeps its tensors one level down, under this key."""


def open_checkpoint(path: Path) -> dict[str, Tensor]:
    """All tensors of a weight file by their key in it, on the CPU, mapped to the file.

    Raises WeightsError for a file that is missing, damaged, of another kind or not to be trusted.
    """
    try:
        if path.suffix == ".safetensors":
            return _open_safetensors(path)
        return _open_pickle(path)
    except OSError as error:
        raise WeightsError(f"{path} cannot be read: {error.strerror or error}.") from error


def _open_safetensors(path: Path) -> dict[str, Tensor]:
    try:
        with safe_open(path, "pt") as file:
            return {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    except SafetensorError as error:
        raise _damaged(path, str(error)) from error


def _open_pickle(path: Path) -> dict[str, Tensor]:
    with path.open("rb") as file:
        # Files from before PyTorch 1.6 are no archives, and cannot be mapped.
        is_archive = file.read(4) == b"PK\x03\x04"
    try:
        content = torch.load(path, map_location="cpu", weights_only=True, mmap=is_archive)
    except pickle.UnpicklingError as error:
        reason = str(error.__context__ or error).splitlines()[0]
        raise WeightsError(
            f"{path} is damaged, or is no plain checkpoint: it asks for Python code to be run on "
            f"loading, which is refused ({reason}). Download it again from who published it."
        ) from error
    except (RuntimeError, EOFError, ValueError, KeyError) as error:
        raise _damaged(path, str(error)) from error
    return _plain_tensors(path, content)


def _plain_tensors(path: Path, content: Any) -> dict[str, Tensor]:
    if isinstance(content, Mapping) and isinstance(content.get(NESTED_UNDER), Mapping):
        content = content[NESTED_UNDER]
    if not isinstance(content, Mapping):
        raise WeightsError(f"{path} holds a {type(content).__name__}, not tensors by name.")
    odd = [key for key, value in content.items() if not isinstance(value, Tensor)]
    if odd:
        raise WeightsError(f"{path} holds {odd[0]!r}, which is not a tensor: not a weight file.")
    return {str(key): value for key, value in content.items()}


def _damaged(path: Path, reason: str) -> WeightsError:
    size = path.stat().st_size
    first_line = reason.partition("\n")[0]
    return WeightsError(
        f"{path} ({size:,} bytes) is damaged or was not downloaded to the end ({first_line}). "
        "Download it again."
    )
