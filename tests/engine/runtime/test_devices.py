"""Device names become devices, or a sentence that says what is wrong here."""

import pytest
import torch

from ovi.errors import PlacementError
from ovi.runtime.devices import compute_dtype, default_dtype, resolve_device
from ovi.spec.request import TransformerPrecision


def pretend(
    monkeypatch: pytest.MonkeyPatch, *, gpus: int = 0, build: str | None = "13.0", mps: bool = False
) -> None:
    """Makes torch describe a machine with so many GPUs, built with that version of CUDA."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: gpus > 0)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: gpus)
    monkeypatch.setattr(torch.version, "cuda", build)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)


@pytest.mark.parametrize(
    ("gpus", "mps", "expected"), [(2, False, "cuda:0"), (0, True, "mps"), (0, False, "cpu")]
)
def test_auto_takes_the_best_device(
    monkeypatch: pytest.MonkeyPatch, gpus: int, mps: bool, expected: str
) -> None:
    pretend(monkeypatch, gpus=gpus, mps=mps)
    assert resolve_device("auto") == torch.device(expected)


def test_named_devices_that_are_there(monkeypatch: pytest.MonkeyPatch) -> None:
    pretend(monkeypatch, gpus=2, mps=True)
    for name, expected in {
        "cpu": "cpu",
        "cuda": "cuda:0",
        "cuda:1": "cuda:1",
        "mps": "mps",
    }.items():
        assert resolve_device(name) == torch.device(expected)


@pytest.mark.parametrize(
    ("name", "gpus", "build", "sentence"),
    [
        ("cuda", 0, None, "without CUDA"),
        ("cuda", 0, "13.0", "nvidia-smi"),
        ("cuda:2", 2, "13.0", "cuda:0, cuda:1"),
        ("mps", 0, "13.0", "Apple"),
        ("tpu", 0, "13.0", "auto, cpu, cuda"),
    ],
)
def test_devices_that_are_not_there_are_explained(
    monkeypatch: pytest.MonkeyPatch, name: str, gpus: int, build: str | None, sentence: str
) -> None:
    pretend(monkeypatch, gpus=gpus, build=build)
    with pytest.raises(PlacementError, match=sentence) as caught:
        resolve_device(name)
    assert name in str(caught.value)


def test_dtypes() -> None:
    assert default_dtype(torch.device("cpu")) is torch.float32
    assert default_dtype(torch.device("cuda", 0)) is torch.bfloat16
    assert compute_dtype(TransformerPrecision.FP32) is torch.float32
    for precision in ("bf16", "fp8", "int8"):
        assert compute_dtype(TransformerPrecision(precision)) is torch.bfloat16
