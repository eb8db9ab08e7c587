"""Files that `ovi weights quantize` saved: their names, and what they say they were made of.

Such a file lies beside its original and holds the tensors of a model whose linear layers were
brought to eight bits by `ovi/runtime/quantize.py`. Its header names the method and the original.
The numbers depend on nothing else, so a clip rendered from a saved file is, bit for bit, the clip
rendered from its original quantized while loading, and has the same identity (`store.py`).
"""

import json
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from ovi.errors import WeightsError
from ovi.spec.request import TransformerPrecision

METHODS = {
    TransformerPrecision.FP8: "fp8-rows-1",
    TransformerPrecision.INT8: "int8-rows-1",
}
"""How weights become eight bits; the number rises when the arithmetic changes."""

QUANTIZABLE = ("fusion", "text_encoder")
"""The models that eight bits are made for; the text encoder in int8 only."""

METHOD_KEY, SOURCE_KEY, SOURCE_HASH_KEY, PROGRAM_KEY = (
    "ovi_method",
    "ovi_source",
    "ovi_source_sha256",
    "ovi_version",
)
"""In the header: the method, the original's file name and hash, the program's version."""

MAX_HEADER_BYTES = 100_000_000
"""The limit of the safetensors format."""

_REMEDY = (
    "Make it anew with `ovi weights quantize --force`, or delete it: then the original is "
    "quantized while it loads."
)


@dataclass(frozen=True, slots=True)
class Origin:
    """What a saved file was made of."""

    method: str
    source: str
    """Name of the original file."""
    source_sha256: str


def quantized_path(path: str, precision: TransformerPrecision) -> str | None:
    """Where the saved file of an original lies; None for a precision that has none."""
    if precision not in METHODS:
        return None
    original = PurePosixPath(path)
    return str(original.with_name(f"{original.stem}.ovi-{precision}.safetensors"))


def is_quantized(path: Path) -> bool:
    """Whether a file is, by its name, a saved one."""
    return any(path.name.endswith(f".ovi-{precision}.safetensors") for precision in METHODS)


def read_origin(path: Path) -> Origin:
    """What the header of a saved file says. Raises WeightsError when it says nothing usable."""
    try:
        metadata = _read_metadata(path)
        origin = Origin(*(metadata[key] for key in (METHOD_KEY, SOURCE_KEY, SOURCE_HASH_KEY)))
    except OSError as error:
        raise WeightsError(f"{path} cannot be read: {error.strerror or error}.") from error
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise WeightsError(
            f"{path} does not say what it was made of, or is damaged. {_REMEDY}"
        ) from error
    if len(origin.source_sha256) != 64 or not set(origin.source_sha256) <= set("0123456789abcdef"):
        raise WeightsError(f"{path} names no original in its header. {_REMEDY}")
    return origin


def check_method(path: Path, precision: TransformerPrecision) -> Origin:
    """What a saved file was made of. Raises WeightsError unless by the method of this program."""
    origin, wanted = read_origin(path), METHODS[precision]
    if origin.method != wanted:
        raise WeightsError(
            f"{path} was made by the method {origin.method!r}, and this program uses {wanted}. "
            f"{_REMEDY}"
        )
    return origin


def _read_metadata(path: Path) -> dict[str, str]:
    """The free text in a safetensors header. Raises OSError, ValueError, KeyError or TypeError."""
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if not 2 <= length <= MAX_HEADER_BYTES:
            raise ValueError(f"a header of {length} bytes")
        metadata = json.loads(file.read(length))["__metadata__"]
    if not isinstance(metadata, dict) or not all(isinstance(v, str) for v in metadata.values()):
        raise TypeError("metadata other than text")
    return metadata
