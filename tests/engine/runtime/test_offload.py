"""Residency: the model really moves, comes back unharmed, and computes the same."""

import pytest
import torch
from torch import nn

from ovi.runtime.offload import resident
from ovi.runtime.quantize import store_int8
from ovi.spec.placement import Offload
from tests.engine.runtime.toy_model import ToyModel

META = torch.device("meta")
"""A second device that every machine has; it holds no values."""


def devices_of(model: nn.Module) -> set[str]:
    return {t.device.type for t in (*model.parameters(), *model.buffers())}


def test_model_is_on_the_device_inside_the_block_and_home_after_it() -> None:
    model = store_int8(ToyModel())  # with a buffer outside the state dict
    x = torch.randn(1, 5, 48)
    before = model(x)
    homes = {name: p.data_ptr() for name, p in model.named_parameters()}
    with resident(model, META, Offload.MODEL):
        assert devices_of(model) == {"meta"}
        assert model(x.to("meta")).is_meta
    assert devices_of(model) == {"cpu"}
    assert {name: p.data_ptr() for name, p in model.named_parameters()} == homes
    assert torch.equal(model(x), before)


def test_model_comes_home_after_an_error() -> None:
    model = ToyModel()
    with pytest.raises(KeyError), resident(model, META, Offload.MODEL):
        raise KeyError
    assert devices_of(model) == {"cpu"}


def test_model_comes_home_when_moving_fails_half_way() -> None:
    model = ToyModel()

    class Stubborn(torch.Tensor):
        def to(self, *_: object, **__: object) -> torch.Tensor:
            raise RuntimeError("out of memory")

    model.conv.register_buffer("last", torch.ones(4).as_subclass(Stubborn))
    with pytest.raises(RuntimeError, match="out of memory"), resident(model, META, Offload.MODEL):
        pytest.fail("the block was entered")
    assert devices_of(model) == {"cpu"}


def test_nothing_moves_without_offload() -> None:
    model = ToyModel()
    with resident(model, META, Offload.NONE):
        assert devices_of(model) == {"cpu"}


def test_moving_works_in_inference_mode() -> None:
    model = ToyModel()
    x = torch.randn(1, 5, 48)
    with torch.inference_mode():
        before = model(x)
        with resident(model, META, Offload.MODEL):
            assert model(x.to("meta")).is_meta
        assert torch.equal(model(x), before)
    model(x).sum().backward()  # the parameters are still ordinary ones


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_result_on_the_gpu_is_the_same_with_and_without_offload() -> None:
    device = torch.device("cuda", 0)
    model, x = ToyModel(), torch.randn(1, 5, 48)
    with resident(model, device, Offload.MODEL), torch.inference_mode():
        offloaded = model(x.to(device)).cpu()
    assert devices_of(model) == {"cpu"}
    with torch.inference_mode():
        assert torch.equal(model.to(device)(x.to(device)).cpu(), offloaded)
