"""Where and how a request runs. Nothing here may change a clip beyond rounding noise."""

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, Self

from ovi.errors import RequestError

ATTENTION_BACKENDS = ("auto", "flash3", "flash2", "cudnn", "flash", "sdpa", "math")
"""Names that `--attention` takes; `auto` picks the first of the others that works."""


class Offload(StrEnum):
    """What happens to a model between its turns."""

    NONE = "none"
    """all models stay on the device"""
    MODEL = "model"
    """each model is on the device only while it works"""
    BLOCKS = "blocks"
    """transformer and text encoder pass through the device block by block; other models as MODEL"""


class HostMemory(StrEnum):
    """Where weights wait that stream through the device."""

    PINNED = "pinned"
    """page-locked memory: the fastest way to the device, and memory that nobody else can use"""
    MAPPED = "mapped"
    """the weight file itself, mapped: needs next to no memory, and a fast disk; weights that the
    file holds in another number format wait in ordinary memory"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """Device, residency and attention backend of one render."""

    device: str = "auto"
    """`auto`, `cpu`, `cuda`, `cuda:1`, `mps`"""
    offload: Offload = Offload.NONE
    attention: str = "auto"
    num_threads: int | None = None
    """CPU threads, or None for torch's own choice. On a CPU their number changes the last bits."""
    resident_blocks: int = 0
    """At Offload.BLOCKS, how many of the transformer's blocks stay on the device, 0 or more."""
    host_memory: HostMemory = HostMemory.PINNED
    """At Offload.BLOCKS, where the other blocks wait."""
    token_chunk: int | None = None
    """The transformer's work on single tokens (norms, projections, feed-forward) takes at most so
    many tokens at a time, which bounds its memory; 1 or more. None: all at once."""
    num_gpus: int = 1
    """Devices that one clip is spread over; 1 or more."""
    is_sharded: bool = False
    """Each of several devices holds only its share of the transformer's weights."""

    def __post_init__(self) -> None:
        kind, _, index = self.device.partition(":")
        if kind not in ("auto", "cpu", "cuda", "mps") or (index and not index.isdigit()):
            raise RequestError(f"{self.device!r} is no device: use auto, cpu, cuda, cuda:1 or mps.")
        if self.num_threads is not None and self.num_threads < 1:
            raise RequestError(f"{self.num_threads} threads cannot compute: use 1 or more.")
        if self.resident_blocks < 0:
            raise RequestError(f"{self.resident_blocks} blocks cannot stay: use 0 or more.")
        if self.token_chunk is not None and self.token_chunk < 1:
            raise RequestError(f"{self.token_chunk} tokens cannot be a chunk: use 1 or more.")
        if self.num_gpus < 1:
            raise RequestError(f"{self.num_gpus} GPUs cannot render: use 1 or more.")
        if self.attention not in ATTENTION_BACKENDS:
            raise RequestError(
                f"There is no attention backend {self.attention!r}. "
                f"Known: {', '.join(ATTENTION_BACKENDS)}."
            )

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values; `from_dict` gives the placement back."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        """A placement from `to_dict`. Raises RequestError when it cannot be read."""
        try:
            chosen: dict[str, Any] = {"offload": Offload(data["offload"])}
            if "host_memory" in data:
                chosen["host_memory"] = HostMemory(data["host_memory"])
            return cls(**{**data, **chosen})
        except (KeyError, TypeError, ValueError) as error:
            if isinstance(error, RequestError):
                raise
            raise RequestError(f"The placement cannot be read: {error!r}.") from error
