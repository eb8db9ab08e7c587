"""Keeps what texts and first frames were encoded to, so that each is encoded once.

In memory for the clips of one pipeline, and in a store from outside for all of them. What comes
from a store is looked at as if a stranger had written it.

Shapes: n tokens, D width; C channels, H W latent rows and columns.
"""

import hashlib
import json
import platform
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor

from ovi.spec.request import Precision

ENCODING_VERSION = 1
"""Raised when the arithmetic that makes an encoding changes on purpose."""

MAX_KEPT = 64
"""Encodings in memory: negatives and repeated prompts are asked for again and again."""


class EncodingStore(Protocol):
    """Bytes by key, kept longer than a process and shared with others. No method raises."""

    def read(self, key: str) -> bytes | None:
        """What was written under the key, whole and unchanged; None when there is nothing."""

    def write(self, key: str, data: bytes) -> None:
        """Keeps the bytes, or does not."""

    def making(self, keys: Sequence[str]) -> AbstractContextManager[None]:
        """Lets one process at a time make what belongs under those keys."""


@dataclass(frozen=True, slots=True, eq=False)
class Encoding:
    """A text's embedding or a first frame's latent."""

    tensor: Tensor
    """on the CPU: (n, D) of a text, (1, C, 1, H, W) of a first frame"""
    num_tokens: int = 0
    """of a text, before it was cut to n"""


@dataclass(frozen=True, slots=True)
class Expected:
    """What an encoding from a store must be."""

    shape: tuple[int, ...]
    """the first number is the most there may be, the others are exact"""

    def fits(self, tensor: Tensor) -> bool:
        """True if it is an array of that shape of floating-point numbers, all of them finite."""
        return (
            tensor.is_floating_point()
            and tensor.ndim == len(self.shape)
            and 1 <= tensor.shape[0] <= self.shape[0]
            and tuple(tensor.shape[1:]) == self.shape[1:]
            and bool(tensor.isfinite().all())
        )


class Encodings:
    """The encodings of one pipeline. May be used by several threads."""

    def __init__(
        self, store: EncodingStore | None = None, scope: Mapping[str, Any] | None = None
    ) -> None:
        """`scope` is what decides encodings besides their inputs, weights above all; JSON values.

        Without a scope nothing is taken from the store or given to it.
        """
        self._store = None if scope is None else store
        self._scope = dict(scope or {})
        self._kept: OrderedDict[str, Encoding] = OrderedDict()
        self._lock = threading.Lock()

    def find_or_make(
        self,
        inputs: Sequence[Mapping[str, Any]],
        expected: Expected,
        make: Callable[[Sequence[int]], Sequence[Encoding]],
    ) -> list[Encoding]:
        """The encodings of several inputs, each of which is JSON values, in their order.

        `make` gets the indices of those that nobody has made, and is not called when there are
        none. Raises what it raises.
        """
        keys = [self._key(one) for one in inputs]
        found: dict[str, Encoding | None] = {key: self._find(key, expected) for key in keys}
        missing = [key for key, encoding in found.items() if encoding is None]
        if missing:
            with nullcontext() if self._store is None else self._store.making(missing):
                found |= {key: self._find(key, expected) for key in missing}  # made meanwhile?
                missing = [key for key in missing if found[key] is None]
                made = make([keys.index(key) for key in missing]) if missing else ()
                for key, new in zip(missing, made, strict=True):
                    found[key] = new
                    self._keep(key, new)
        return [encoding for key in keys if (encoding := found[key]) is not None]

    def _find(self, key: str, expected: Expected) -> Encoding | None:
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        data = None if self._store is None else self._store.read(key)
        encoding = None if data is None else _from_bytes(data)
        if encoding is None or not expected.fits(encoding.tensor):
            return None
        self._keep_in_memory(key, encoding)
        return encoding

    def _keep(self, key: str, encoding: Encoding) -> None:
        self._keep_in_memory(key, encoding)
        if self._store is not None:
            self._store.write(key, _to_bytes(encoding))

    def _key(self, inputs: Mapping[str, Any]) -> str:
        document = {"version": ENCODING_VERSION, "scope": self._scope, "inputs": dict(inputs)}
        text = json.dumps(document, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()

    def _keep_in_memory(self, key: str, encoding: Encoding) -> None:
        with self._lock:
            self._kept[key] = encoding
            self._kept.move_to_end(key)
            if len(self._kept) > MAX_KEPT:
                self._kept.popitem(last=False)


def _to_bytes(encoding: Encoding) -> bytes:
    from safetensors.torch import save

    num_tokens = torch.tensor(encoding.num_tokens)
    data: bytes = save({"tensor": encoding.tensor.contiguous(), "num_tokens": num_tokens})
    return data


def _from_bytes(data: bytes) -> Encoding | None:
    """The encoding in those bytes; None when they are anything else."""
    from safetensors import SafetensorError
    from safetensors.torch import load

    try:
        tensors = load(data)
        return Encoding(tensors["tensor"], int(tensors["num_tokens"]))
    except (SafetensorError, KeyError, ValueError, TypeError, RuntimeError):
        return None


def encoding_scope(
    precision: Precision, weights: Mapping[str, str], device: torch.device
) -> dict[str, Any]:
    """What decides encodings besides their inputs, down to the last bit."""
    names = ("text_encoder", "tokenizer", "video_vae", "sizes")
    where = f"{platform.machine()} {torch.get_num_threads()}"
    if device.type == "cuda":
        where = torch.cuda.get_device_name(device)
    return {
        "weights": {name: weights.get(name) for name in names},
        "precision": [precision.text_encoder, precision.video_vae],
        "device": [device.type, where],
        "torch": torch.__version__,
    }
