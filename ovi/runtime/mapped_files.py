"""Which file a tensor is mapped to, and where in it: asked of the system, which knows (Linux).

Reading a file into memory of one's own is faster than copying from its mapping, where the system
stops at every page that is touched for the first time. Where it cannot be told, copying will do.
"""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from ovi.runtime.checkpoint import Span

MAPS = Path("/proc/self/maps")
"""One line for each piece of memory: addresses, rights, offset, device, inode, file."""

GONE = " (deleted)"


@dataclass(frozen=True, slots=True)
class _Mapping:
    start: int
    end: int
    offset: int
    path: Path


def spans_of(tensors: Sequence[Tensor]) -> list[Span | None]:
    """For each CPU tensor where a file holds its bytes; None for one that is in memory only.

    None as well for a file that was replaced meanwhile, and on systems that do not tell.
    """
    mappings = _mapped_files()
    starts = [mapping.start for mapping in mappings]

    def locate(tensor: Tensor) -> Span | None:
        if not tensor.is_contiguous() or not tensor.nbytes:
            return None
        address = tensor.data_ptr()
        number = bisect_right(starts, address) - 1
        if number < 0 or address + tensor.nbytes > mappings[number].end:
            return None
        mapping = mappings[number]
        return Span(mapping.path, mapping.offset + address - mapping.start)

    return [locate(tensor) for tensor in tensors]


def _mapped_files() -> list[_Mapping]:
    """Regular files that are mapped and still lie under their names, by address."""
    try:
        lines = MAPS.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return []
    mappings = []
    for line in lines:
        fields = line.split(maxsplit=5)
        if len(fields) < 6 or not fields[5].startswith("/") or fields[5].endswith(GONE):
            continue
        addresses, _, offset, _, inode, name = fields
        # A name with a line break in it is written with an escape, and is then not found.
        path = Path(name)
        try:
            if path.stat().st_ino != int(inode):
                continue
        except OSError:
            continue
        start, end = (int(part, 16) for part in addresses.split("-"))
        mappings.append(_Mapping(start, end, int(offset, 16), path))
    return mappings
