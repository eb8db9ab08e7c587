"""The tensors of a few modules as one run of bytes, which travels to the device in one copy.

A parcel finds the tensors by walking the modules' parameters and buffers, so whatever a layer
needs comes along: weights of any dtype, scales, biases. Each has a place in the run of bytes; the
same places serve in host memory, in a staging buffer and on the device.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ovi.runtime.checkpoint import Span
from ovi.runtime.reading import read_into

ALIGNMENT = 256
"""Bytes: the largest alignment that a kernel or a copy engine asks for."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where one tensor lies in the run of bytes."""

    offset: int
    nbytes: int
    shape: torch.Size
    dtype: torch.dtype

    @property
    def end(self) -> int:
        """The first byte after it."""
        return self.offset + self.nbytes


@dataclass(frozen=True, slots=True, eq=False)
class Site:
    """A module and the name under which it holds a tensor."""

    owner: nn.Module
    leaf: str


class Parcel:
    """All parameters and buffers of some modules; they share no storage with each other."""

    def __init__(self, modules: Iterable[nn.Module], *, without: Iterable[nn.Module] = ()) -> None:
        """The tensors inside `modules`, but not those inside `without`; read as they are now."""
        left_out = {id(inner) for module in without for inner in module.modules()}
        owners = {
            id(inner): inner
            for module in modules
            for inner in module.modules()
            if id(inner) not in left_out
        }
        self._sites: list[Site] = []
        homes: list[Tensor] = []
        for owner in owners.values():
            for leaf, tensor in (*owner._parameters.items(), *owner._buffers.items()):
                if tensor is not None:
                    self._sites.append(Site(owner, leaf))
                    homes.append(tensor)
        self.homes = homes
        """What the modules hold while they wait, parameter for parameter."""
        self.flat: Tensor | None = None
        """The run of bytes itself, where the homes lie in one."""
        self.places = _places_for(homes)
        self.nbytes = _rounded(self.places[-1].end) if self.places else 0

    def views(self, buffer: Tensor) -> list[Tensor]:
        """The tensors as they lie in `buffer`, uint8 (nbytes,) on any device; it need hold none."""
        views = []
        for home, place in zip(self.homes, self.places, strict=True):
            view = buffer[place.offset : place.end].view(place.dtype).view(place.shape)
            is_parameter = isinstance(home, nn.Parameter)
            views.append(nn.Parameter(view, requires_grad=False) if is_parameter else view)
        return views

    def bind(self, tensors: Sequence[Tensor]) -> None:
        """Makes the modules hold `tensors`, which come from `views` or are the homes."""
        for site, tensor in zip(self._sites, tensors, strict=True):
            setattr(site.owner, site.leaf, tensor)

    def return_home(self) -> None:
        """Makes the modules hold their waiting tensors again."""
        self.bind(self.homes)

    def move_into(self, buffer: Tensor) -> None:
        """Copies every tensor into `buffer`, which becomes their home; the old ones are let go."""
        views = self.views(buffer)
        for home, view in zip(self.homes, views, strict=True):
            view.detach().copy_(home.detach())
        self.homes = views
        self.flat = buffer
        self.return_home()

    def read(self, start: int, out: Tensor, spans: Sequence[Span | None] = ()) -> None:
        """Copies the bytes from `start` on into `out`, uint8 (n,); gaps keep what `out` held.

        Those of a home with a span come from its file. Several threads may read at once. Homes and
        `out` are on the CPU. Raises WeightsError for a file that became shorter.
        """
        stop = start + len(out)
        # Copied by NumPy: on this thread alone, and without the interpreter's lock.
        into = out.numpy()
        for number, (home, place) in enumerate(zip(self.homes, self.places, strict=True)):
            first, last = max(start, place.offset), min(stop, place.end)
            if first >= last:
                continue
            span = spans[number] if spans else None
            if span is not None:
                inside = out[first - start : last - start]
                read_into(inside, span.path, span.offset + first - place.offset)
            else:
                source = home.detach().reshape(-1).view(torch.uint8).numpy()
                into[first - start : last - start] = source[
                    first - place.offset : last - place.offset
                ]


def _places_for(tensors: Sequence[Tensor]) -> tuple[Place, ...]:
    places: list[Place] = []
    offset = 0
    for tensor in tensors:
        place = Place(offset, tensor.nbytes, tensor.shape, tensor.dtype)
        places.append(place)
        offset = _rounded(place.end)
    return tuple(places)


def _rounded(nbytes: int) -> int:
    return -(-nbytes // ALIGNMENT) * ALIGNMENT
