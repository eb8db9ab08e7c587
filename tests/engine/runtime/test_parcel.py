"""Parcels and the ring: every byte arrives, whatever the shapes, formats and piece sizes."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from ovi.runtime.host_memory import HostBuffers, page_locked
from ovi.runtime.parcel import ALIGNMENT, Parcel
from ovi.runtime.staging import Staging

CPU = torch.device("cpu")


class Mixed(nn.Module):
    """Every kind of tensor that a block may hold."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(seed)

        def draw(*shape: int) -> Tensor:
            return torch.randn(shape, generator=generator)

        self.wide = nn.Parameter(draw(7, 33), requires_grad=False)
        self.narrow = nn.Parameter(draw(5).bfloat16(), requires_grad=False)
        self.small = nn.Parameter(draw(3, 3).to(torch.float8_e4m3fn), requires_grad=False)
        self.turned = nn.Parameter(draw(6, 4).t(), requires_grad=False)
        torch.manual_seed(seed)
        self.inner = nn.Linear(2, 2).requires_grad_(False)
        self.register_buffer("number", draw(1)[0])
        self.register_buffer("whole", torch.arange(9, dtype=torch.int8), persistent=False)
        self.register_buffer("nothing", None)
        self.register_buffer("empty", torch.empty(0))


def content(module: nn.Module) -> list[tuple[str, Tensor]]:
    return [*module.named_parameters(), *module.named_buffers()]


def assert_same_content(one: nn.Module, other: nn.Module) -> None:
    for (name, first), (_, second) in zip(content(one), content(other), strict=True):
        assert first.dtype is second.dtype
        assert torch.equal(first.float(), second.float()), name


def test_tensors_keep_value_format_and_kind_in_a_flat_buffer() -> None:
    module, reference = Mixed(0), Mixed(0)
    parcel = Parcel([module])
    buffer = torch.empty(parcel.nbytes, dtype=torch.uint8)
    parcel.move_into(buffer)
    assert_same_content(module, reference)
    assert module.wide.untyped_storage().data_ptr() == buffer.data_ptr()
    assert isinstance(module.small, nn.Parameter)
    assert "whole" not in module.state_dict()
    ends = 0
    for place in parcel.places:
        assert place.offset >= ends
        assert place.offset % ALIGNMENT == 0
        ends = place.end
    assert ends <= parcel.nbytes


@pytest.mark.parametrize("piece_bytes", [1, 100, 256, 1000, 10**6])
@pytest.mark.parametrize("is_flat", [False, True])
def test_ring_brings_every_byte(piece_bytes: int, is_flat: bool) -> None:
    staging = Staging(CPU, piece_bytes=piece_bytes, num_pieces=3)
    for seed in range(3):
        module, reference = Mixed(seed), Mixed(seed)
        parcel = Parcel([module])
        if is_flat:
            parcel.move_into(torch.empty(parcel.nbytes, dtype=torch.uint8))
        target = torch.full((parcel.nbytes,), 255, dtype=torch.uint8)
        staging.send(parcel, target)
        parcel.bind(parcel.views(target))
        assert_same_content(module, reference)
        assert module.wide.untyped_storage().data_ptr() == target.data_ptr()
        parcel.return_home()
        assert_same_content(module, reference)
        assert module.wide.untyped_storage().data_ptr() != target.data_ptr()


def test_ring_tells_of_errors_and_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    staging, module, reference = Staging(CPU, piece_bytes=500, num_pieces=2), Mixed(0), Mixed(0)
    parcel = Parcel([module])
    target = torch.empty(parcel.nbytes, dtype=torch.uint8)
    read = Parcel.read

    def fail_once(parcel: Parcel, start: int, out: Tensor, spans: Any = ()) -> None:
        if start:
            raise OSError("the disk went away")
        read(parcel, start, out, spans)

    with monkeypatch.context() as patch:
        patch.setattr(Parcel, "read", fail_once)
        for _ in range(3):  # more often than the ring has pieces
            with pytest.raises(OSError, match="went away"):
                staging.send(parcel, target)
    staging.send(parcel, target)
    parcel.bind(parcel.views(target))
    assert_same_content(module, reference)


def test_modules_left_out_are_not_in_it() -> None:
    module = Mixed(0)
    parcel = Parcel([module], without=[module.inner])
    inside = {home.data_ptr() for home in parcel.homes}
    assert module.wide.data_ptr() in inside
    assert module.inner.weight.data_ptr() not in inside


def test_buffers_are_nobody_elses() -> None:
    buffers = HostBuffers(CPU, 3)
    taken = [buffers.take(nbytes) for nbytes in (1000, 1000, 500, 1000, 1000)]
    buffers.close()
    assert [len(buffer) for buffer in taken] == [1000, 1000, 500, 1000, 1000]
    for number, buffer in enumerate(taken):
        buffer.fill_(number)
    assert [int(buffer[-1]) for buffer in taken] == [0, 1, 2, 3, 4]


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_memory_is_page_locked_until_the_last_view_of_it_goes() -> None:
    device = torch.device("cuda", 0)
    view = page_locked(10**7, device)[100:].fill_(7)
    assert view.is_pinned()
    for _ in range(20):
        assert page_locked(10**8, device).is_pinned()
    assert bool((view.to(device) == 7).all())
