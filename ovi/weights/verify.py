"""Checks weight files: their size, their form, and their hash against what download recorded.

The record is `ovi_weights.json` in the checkpoint folder. Whether tensors fit a model is the
business of loading.
"""

import hashlib
import json
import os
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from math import prod
from pathlib import Path
from typing import Any

from ovi.errors import WeightsError
from ovi.weights.quantized import MAX_HEADER_BYTES, is_quantized, read_origin

RECORD_FILE = "ovi_weights.json"
RECORD_VERSION = 1

CHUNK_BYTES = 4 * 1024 * 1024

_ITEM_BITS = {
    "BOOL": 8, "U8": 8, "I8": 8, "F8_E4M3": 8, "F8_E5M2": 8, "F8_E8M0": 8, "U16": 16, "I16": 16,
    "F16": 16, "BF16": 16, "U32": 32, "I32": 32, "F32": 32, "U64": 64, "I64": 64, "F64": 64,
}  # fmt: skip
"""Bits of one number, by what safetensors calls its format."""

_OLD_TORCH_FILE = b"\x80\x02\x8a\x0al\xfc\x9cF\xf9"
"""How files of torch before 1.6 begin, which are no zip archives."""


@dataclass(frozen=True, slots=True)
class RecordedFile:
    """What is known of a file since it was downloaded or copied."""

    size_bytes: int
    sha256: str
    source: str
    """Repository on the Hugging Face hub."""
    revision: str
    """Commit of the repository; empty for a copy of a local file."""
    licence: str


def read_record(ckpt_dir: Path) -> dict[str, RecordedFile]:
    """The recorded files by their path in the folder; empty without a record.

    Raises WeightsError when there is one that cannot be read.
    """
    path = ckpt_dir / RECORD_FILE
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        if document["version"] > RECORD_VERSION:
            raise WeightsError(f"{path} was written by a newer ovi-studio: update this one.")
        return {name: RecordedFile(**entry) for name, entry in document["files"].items()}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise WeightsError(
            f"{path} cannot be read ({error}). Delete it: then files are checked by their "
            "form only."
        ) from error


def write_record(ckpt_dir: Path, entries: Mapping[str, RecordedFile]) -> None:
    """Adds files to the record; a reader sees the old one or the new one. Raises OSError."""
    known = {**read_record(ckpt_dir), **entries}
    document = {
        "version": RECORD_VERSION,
        "files": {name: asdict(known[name]) for name in sorted(known)},
    }
    target = ckpt_dir / RECORD_FILE
    temporary = target.with_name(f"{RECORD_FILE}.{os.getpid()}.tmp")
    try:
        temporary.write_text(json.dumps(document, indent=1), encoding="utf-8")
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)


def fault_of(
    path: Path,
    recorded: RecordedFile | None,
    on_bytes: Callable[[int], None] | None = None,
) -> str | None:
    """What is wrong with a weight file, or None.

    Its hash is compared, reading all of it anew, if it was recorded and `on_bytes` is given, which
    gets the number of bytes of each piece. Completes a sentence: "model.safetensors ...".
    """
    try:
        size = path.stat().st_size
        if recorded is not None and size != recorded.size_bytes:
            return f"has {size:,} bytes instead of {recorded.size_bytes:,}"
        fault = form_fault(path, path.name) or _origin_fault(path)
        if fault is None and recorded is not None and on_bytes is not None:
            found = hash_file(path, on_bytes)
            if found != recorded.sha256:
                made = "saved" if is_quantized(path) else "downloaded"
                fault = f"has changed since it was {made} (sha256 {found[:12]}...)"
        return fault
    except OSError as error:
        return f"cannot be read ({error.strerror or error})"


def hash_file(path: Path, on_bytes: Callable[[int], None]) -> str:
    """SHA-256 in hex, read from the disk whatever is remembered. Raises OSError."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(CHUNK_BYTES):
            digest.update(piece)
            on_bytes(len(piece))
    return digest.hexdigest()


def form_fault(path: Path, name: str) -> str | None:
    """What is wrong with the form of the file at `path`, whose proper name is `name`; or None.

    Only a header is read, so that a damaged number inside is not seen. Raises OSError.
    """
    suffix = Path(name).suffix
    if suffix == ".safetensors":
        return _safetensors_fault(path)
    if suffix in (".pth", ".pt"):
        return _torch_fault(path)
    if suffix == ".json":
        return _json_fault(path)
    return None if path.stat().st_size else "is empty"


def _origin_fault(path: Path) -> str | None:
    """What is wrong with what a file saved by `ovi weights quantize` says of its original."""
    if not is_quantized(path):
        return None
    try:
        read_origin(path)
    except WeightsError:
        return "does not say what it was made of"
    return None


def _safetensors_fault(path: Path) -> str | None:
    size = path.stat().st_size
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if not 2 <= length <= min(MAX_HEADER_BYTES, size - 8):
            return "is no safetensors file, or only the beginning of one"
        header = file.read(length)
    try:
        ends = sorted(_spans(json.loads(header)))
    except (ValueError, TypeError, KeyError, AttributeError):
        return "has a damaged safetensors header"
    expected = 0
    for begin, end in ends:
        if begin != expected:
            return "has a safetensors header whose tensors do not follow each other"
        expected = end
    if expected != size - 8 - length:
        return f"holds {size - 8 - length:,} bytes of tensors, and its header says {expected:,}"
    return None


def _spans(header: Mapping[str, Any]) -> list[tuple[int, int]]:
    """Where each tensor begins and ends. Raises ValueError when one does not fit its shape."""
    spans = []
    for name, tensor in header.items():
        if name == "__metadata__":
            continue
        begin, end = tensor["data_offsets"]
        bits = _ITEM_BITS.get(tensor["dtype"])
        if bits is not None and end - begin != prod(tensor["shape"]) * bits // 8:
            raise ValueError(name)
        spans.append((int(begin), int(end)))
    return spans


def _torch_fault(path: Path) -> str | None:
    size = path.stat().st_size
    with path.open("rb") as file:
        start = file.read(len(_OLD_TORCH_FILE))
    if start == _OLD_TORCH_FILE:
        return None  # has no directory that could be checked
    try:
        with zipfile.ZipFile(path) as archive:
            parts = archive.infolist()
    except zipfile.BadZipFile:
        return "is no file of torch.save, or only the beginning of one"
    if not any(part.filename.endswith("/data.pkl") for part in parts):
        return "is a zip archive, but not one of torch.save"
    if any(part.header_offset + part.compress_size > size for part in parts):
        return "is a damaged zip archive"
    return None


def _json_fault(path: Path) -> str | None:
    try:
        json.loads(path.read_bytes())
    except ValueError:
        return "is not JSON"
    return None
