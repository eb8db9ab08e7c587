"""The tensors of one weight file: what they are at once, their values when asked for.

Files are mapped into memory, so that a value is read from the disk when it is first used. Two
kinds of file exist: safetensors, and what `torch.save` writes (.pth, .pt), which is a pickle. A
pickle can name any Python function to be called on loading; only plain tensors are accepted.
"""

import json
import pickle
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode

from ovi.errors import WeightsError

NESTED_UNDER = "generator"
"""A training checkpoint of the vocoder keeps its tensors one level down, under this key."""


DTYPES = {
    "F64": torch.float64,
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "F8_E4M3": torch.float8_e4m3fn,
    "F8_E5M2": torch.float8_e5m2,
    "I64": torch.int64,
    "I32": torch.int32,
    "I16": torch.int16,
    "I8": torch.int8,
    "U8": torch.uint8,
    "BOOL": torch.bool,
}
"""What safetensors calls torch's number formats."""


@dataclass(frozen=True, slots=True)
class Span:
    """Where a file holds a tensor, its values one after another."""

    path: Path
    offset: int
    """Of the first byte."""


@dataclass(frozen=True, slots=True, eq=False)
class Checkpoint:
    """An open weight file."""

    headers: dict[str, Tensor]
    """A tensor without values (on the meta device) for each key."""
    read: Callable[[str], Tensor]
    """The tensor of a key, on the CPU, mapped to the file."""
    locate: Callable[[str], Span | None]
    """Where the tensor of a key lies; None if that cannot be told."""


def open_checkpoint(path: Path) -> Checkpoint:
    """The weight file at `path`.

    Raises WeightsError for a file that is missing, damaged, of another kind or not to be trusted.
    """
    try:
        if path.suffix == ".safetensors":
            return _open_safetensors(path)
        tensors = _open_pickle(path)
        headers = {key: tensor.to("meta") for key, tensor in tensors.items()}
        spans = cache(lambda: _pickle_spans(path))
        return Checkpoint(headers, tensors.__getitem__, lambda key: spans().get(key))
    except OSError as error:
        raise WeightsError(f"{path} cannot be read: {error.strerror or error}.") from error


def _open_safetensors(path: Path) -> Checkpoint:
    headers: dict[str, Tensor] = {}
    try:
        file: Any = safe_open(path, "pt")
        for key in file.keys():  # noqa: SIM118
            # Not get_tensor: it reads a page of each tensor, and the system some megabytes more.
            entry = file.get_slice(key)
            dtype = DTYPES.get(entry.get_dtype())
            if dtype is None:
                raise WeightsError(f"{path}: {key} has an unknown format, {entry.get_dtype()}.")
            headers[key] = torch.empty(entry.get_shape(), dtype=dtype, device="meta")
    except SafetensorError as error:
        raise _damaged(path, str(error)) from error
    spans = cache(lambda: _safetensors_spans(path))
    return Checkpoint(headers, file.get_tensor, lambda key: spans().get(key))


def _safetensors_spans(path: Path) -> dict[str, Span]:
    """A length of 8 bytes, a header of JSON with offsets into what follows it, the values."""
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        header: dict[str, Any] = json.loads(file.read(length))
    return {
        key: Span(path, 8 + length + entry["data_offsets"][0])
        for key, entry in header.items()
        if key != "__metadata__"
    }


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


def _pickle_spans(path: Path) -> dict[str, Span]:
    """What torch tells of the archive when it reads tensors without their values."""
    try:
        with FakeTensorMode():
            tensors = _plain_tensors(path, torch.load(path, weights_only=True))
    except RuntimeError:  # a file from before PyTorch 1.6 has no places to tell
        return {}
    spans: dict[str, Span] = {}
    for key, tensor in tensors.items():
        start = getattr(tensor.untyped_storage(), "_checkpoint_offset", None)
        if start is not None and tensor.is_contiguous():
            offset = start + tensor.storage_offset() * tensor.element_size()
            spans[key] = Span(path, offset)
    return spans


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
