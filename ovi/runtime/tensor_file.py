"""Writes a safetensors file tensor by tensor: one in memory at a time, the whole file or none.

The file grows as `.part` beside its place, reaches the disk, and then gets its name. A `.part` that
a killed program left is written over by the next attempt.
"""

import contextlib
import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path

import torch
from torch import Tensor

from ovi.runtime.checkpoint import DTYPES

ALIGNMENT = 8
"""Bytes that the header's length divides by, so that mapped tensors begin at even addresses."""

FORMAT_NAMES = {dtype: name for name, dtype in DTYPES.items()}

Layout = dict[str, tuple[int, int]]
"""Where each tensor begins and ends behind the header."""


def write_tensors(
    path: Path,
    headers: Mapping[str, Tensor],
    tensors: Iterable[tuple[str, Tensor]],
    metadata: Mapping[str, str],
) -> None:
    """A file of the tensors that `headers` (on meta) announce, which come in any order.

    Raises OSError when the disk refuses; then no file and no part of one is left.
    """
    header, layout = _plan(headers, metadata)
    part = path.with_name(f"{path.name}.part")
    try:
        with part.open("wb") as file:
            file.write(header)
            missing = set(layout)
            for key, tensor in tensors:
                wanted = headers[key].dtype, headers[key].shape
                assert (tensor.dtype, tensor.shape) == wanted, f"{key} is not as announced"
                file.seek(len(header) + layout[key][0])
                file.write(_bytes_of(tensor))
                missing.remove(key)
            assert not missing, f"{missing} never came"
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


def file_bytes(headers: Mapping[str, Tensor], metadata: Mapping[str, str]) -> int:
    """The size of the file that `write_tensors` would make."""
    header, layout = _plan(headers, metadata)
    return len(header) + max((end for _, end in layout.values()), default=0)


def _plan(headers: Mapping[str, Tensor], metadata: Mapping[str, str]) -> tuple[bytes, Layout]:
    """The header, and the place of each tensor: wide numbers first, so that all are aligned."""
    entries: dict[str, object] = {"__metadata__": dict(metadata)}
    layout: Layout = {}
    end = 0
    for key in sorted(headers, key=lambda key: (-headers[key].itemsize, key)):
        tensor = headers[key]
        begin, end = end, end + tensor.nbytes
        layout[key] = begin, end
        entries[key] = {
            "dtype": FORMAT_NAMES[tensor.dtype],
            "shape": list(tensor.shape),
            "data_offsets": [begin, end],
        }
    text = json.dumps(entries, separators=(",", ":")).encode()
    text += b" " * (-len(text) % ALIGNMENT)
    return len(text).to_bytes(8, "little") + text, layout


def _bytes_of(tensor: Tensor) -> memoryview:
    """What the tensor's numbers look like in memory, without a copy where it lies on the CPU."""
    flat = tensor.detach().cpu().flatten()
    return flat.view(torch.uint8).numpy().data


def _sync_folder(folder: Path) -> None:
    """Brings a new name to the disk, on systems where a folder can be opened."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
