"""A model with the weights of its files, on its device, without ever holding them twice.

The model is first built without memory (on torch's meta device) and compared with what the files'
headers say, so a wrong file is refused in a second. Then tensor after tensor goes from the mapped
file to the device and is cast there. Where the model is to stay on the CPU in the file's own
dtype, its parameters are the mapped file itself: they take no memory that the system cannot
reclaim, and the file must not be written to meanwhile.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Protocol, TypeVar

import torch
from torch import Tensor, nn

from ovi.errors import WeightsError
from ovi.runtime.checkpoint import Checkpoint, open_checkpoint
from ovi.runtime.quantize import EightBitLinear, expected_state
from ovi.runtime.reading import read_tensors

M = TypeVar("M", bound=nn.Module)

Convert = Callable[[Mapping[str, Tensor]], dict[str, Tensor]]
"""From the keys of a file to those of the model; works on meta tensors too."""


STAYS = -2
"""The part of a model that stays in host memory while the others come to the device."""


class Parking(Protocol):
    """Takes parts of a model away from the device as soon as they are loaded."""

    def part_of(self, key: str) -> int:
        """The part that a tensor belongs to, STAYS or more; they are loaded in rising order."""
        ...

    def park(self, model: nn.Module, part: int) -> None:
        """Takes a part, of which all tensors are there."""
        ...


FILE_DTYPES = (torch.float32, torch.bfloat16, torch.float16, torch.float8_e4m3fn)
"""What a weight may be stored as; one file may mix them."""

MAX_NAMED = 3
"""Keys of each kind that an error names."""


def load_model(
    build: Callable[[], M],
    files: Sequence[Path],
    convert: Convert,
    *,
    device: torch.device,
    dtype: torch.dtype,
    name: str,
    parking: Parking | None = None,
    on_progress: Callable[[float], None] | None = None,
) -> M:
    """The model that `build` makes, in evaluation mode, with the tensors of all `files`.

    Weights become `dtype`, except where the model holds them in eight bits (`quantize.py`).
    `parking` takes parts of the model off the device as they come. `name` is what errors call the
    model; `on_progress` hears the share done, up to 1.
    Raises WeightsError when files and model do not fit, or a weight is not finite.
    """
    checkpoint = _open_files(files)
    model, converted = _fit(build, checkpoint, convert, files, name)
    total, done = sum(header.nbytes for header in converted.values()), 0

    def tensors() -> Iterator[tuple[str, Tensor]]:
        nonlocal done
        for place, keys in _by_place(converted, device, parking):
            for key, stored in _stored_tensors(checkpoint, convert, converted, keys, place):
                yield key, stored
                done += stored.nbytes
                if on_progress is not None:
                    on_progress(done / max(total, 1))

    finite = place_tensors(model, tensors(), device=device, dtype=dtype, parking=parking)
    _check_finite(finite, files, name)
    return model.eval()


def _by_place(
    keys: Iterable[str], device: torch.device, parking: Parking | None
) -> list[tuple[torch.device, list[str]]]:
    """The keys that go to each device, in the order in which they are to come."""
    if parking is None:
        return [(device, list(keys))]
    ordered = sorted(keys, key=parking.part_of)
    staying = [key for key in ordered if parking.part_of(key) == STAYS]
    return [(torch.device("cpu"), staying), (device, ordered[len(staying) :])]


def place_tensors(
    model: M,
    tensors: Iterable[tuple[str, Tensor]],
    *,
    device: torch.device,
    dtype: torch.dtype,
    parking: Parking | None = None,
) -> dict[str, Tensor]:
    """Gives a model without memory its tensors, in any order, or by part for a `parking`.

    Returns for each key whether all values are finite, still on the device.
    """
    modules = dict(model.named_modules())
    finite: dict[str, Tensor] = {}
    last_part: int | None = None
    for key, stored in tensors:
        part = None if parking is None else parking.part_of(key)
        if parking is not None and last_part is not None and part != last_part:
            parking.park(model, last_part)
        last_part = part
        owner, _, leaf = key.rpartition(".")
        arrived = stored.to("cpu" if part == STAYS else device)
        _place(modules[owner], leaf, arrived, dtype)
        if arrived.numel():
            finite[key] = _is_finite(arrived, dtype)
    if parking is not None and last_part is not None:
        parking.park(model, last_part)
    _check_nothing_left(model)
    return finite


def check_files(
    build: Callable[[], nn.Module], files: Sequence[Path], convert: Convert, *, name: str
) -> None:
    """Compares files with the model that `build` makes, reading headers only.

    Raises WeightsError that names the files, the keys that do not fit, and the remedy.
    """
    _fit(build, _open_files(files), convert, files, name)


def _open_files(files: Sequence[Path]) -> Checkpoint:
    """All files as one."""
    headers: dict[str, Tensor] = {}
    owners: dict[str, Checkpoint] = {}
    for path in files:
        checkpoint = open_checkpoint(path)
        headers |= checkpoint.headers
        owners |= dict.fromkeys(checkpoint.headers, checkpoint)
    return Checkpoint(
        headers, lambda key: owners[key].read(key), lambda key: owners[key].locate(key)
    )


def _fit(
    build: Callable[[], M],
    checkpoint: Checkpoint,
    convert: Convert,
    files: Sequence[Path],
    name: str,
) -> tuple[M, dict[str, Tensor]]:
    """The model without memory, and the headers under its keys, shown to fit."""
    with torch.device("meta"):
        model = build()
    converted = convert(checkpoint.headers)
    problems = _misfits(converted, expected_state(model, converted))
    if problems:
        raise WeightsError(
            f"{_names(files)} does not fit the {name} model: {'; '.join(problems)}. "
            "Check that it is the published file and download it again; for a model of other "
            "sizes, write them into ovi_config.json in the checkpoint folder."
        )
    return model, converted


def _stored_tensors(
    checkpoint: Checkpoint,
    convert: Convert,
    converted: Mapping[str, Tensor],
    keys: Sequence[str],
    device: torch.device,
) -> Iterator[tuple[str, Tensor]]:
    """The files' tensors under the model's `keys`, in that order, on the CPU or on `device`.

    A conversion that only renames hands on the headers it was given, and is followed tensor by
    tensor. One that computes gets all tensors at once; its results are let go of one by one.
    """
    published = {id(header): key for key, header in checkpoint.headers.items()}
    if all(id(header) in published for header in converted.values()):
        stored = read_tensors(checkpoint, [published[id(converted[key])] for key in keys], device)
        yield from zip(keys, stored, strict=True)
    else:
        computed = convert({key: checkpoint.read(key) for key in checkpoint.headers})
        for key in keys:
            yield key, computed.pop(key)


def _misfits(offered: Mapping[str, Tensor], wanted: Mapping[str, Tensor]) -> list[str]:
    """What is wrong with the offered tensors, one phrase for each kind of fault."""
    both = [key for key in wanted if key in offered]
    faults = {
        "missing": [key for key in wanted if key not in offered],
        "unexpected": [key for key in offered if key not in wanted],
        "of another shape": [
            f"{key} is {_shape(offered[key])}, not {_shape(wanted[key])}"
            for key in both
            if offered[key].shape != wanted[key].shape
        ],
        "of an unknown number format": [
            f"{key} is {str(offered[key].dtype).removeprefix('torch.')}"
            for key in both
            if offered[key].dtype not in FILE_DTYPES and offered[key].dtype is not wanted[key].dtype
        ],
    }
    return [f"{len(keys)} {fault} ({_some(keys)})" for fault, keys in faults.items() if keys]


def _place(owner: nn.Module, leaf: str, tensor: Tensor, dtype: torch.dtype) -> None:
    """Makes `tensor` the parameter or buffer `leaf` of its module."""
    if isinstance(owner, EightBitLinear) and leaf != "bias":
        owner.hold(leaf, tensor)
        return
    tensor = tensor.to(dtype)
    is_parameter = isinstance(getattr(owner, leaf), nn.Parameter)
    setattr(owner, leaf, nn.Parameter(tensor, requires_grad=False) if is_parameter else tensor)


def _is_finite(tensor: Tensor, dtype: torch.dtype) -> Tensor:
    """Whether all values are finite, still on the device; takes no memory of the tensor's size."""
    if tensor.dtype is torch.float8_e4m3fn:
        tensor = tensor.to(dtype)  # eight-bit floats have no comparisons
    lowest, highest = tensor.aminmax()  # both are NaN if any value is
    return lowest.isfinite() & highest.isfinite()


def _check_finite(finite: Mapping[str, Tensor], files: Sequence[Path], name: str) -> None:
    """Raises WeightsError naming the tensors that are not; waits for the device once."""
    if not finite:
        return
    verdicts = torch.stack(list(finite.values())).tolist()
    broken = [key for key, is_finite in zip(finite, verdicts, strict=True) if not is_finite]
    if broken:
        raise WeightsError(
            f"{_names(files)} holds values that are not finite in {len(broken)} of the tensors of "
            f"the {name} model ({_some(broken)}). Download it again."
        )


def _check_nothing_left(model: nn.Module) -> None:
    """A buffer outside the state dict would have no values: models make such things when asked."""
    tensors = [*model.named_parameters(), *model.named_buffers()]
    empty = [key for key, tensor in tensors if tensor.is_meta]
    assert not empty, f"{empty} of {type(model).__name__} are in no weight file"


def _names(files: Sequence[Path]) -> str:
    return ", ".join(str(path) for path in files)


def _some(keys: Sequence[str]) -> str:
    rest = ", ..." if len(keys) > MAX_NAMED else ""
    return ", ".join(keys[:MAX_NAMED]) + rest


def _shape(tensor: Tensor) -> str:
    return "x".join(map(str, tensor.shape)) or "a single number"
