"""How fast a machine is: as `ovi bench` measured it, else as its datasheet lets one expect.

Measured rates are kept in the user's cache folder, by the name of the device. Rates from a
datasheet are a guess, and whoever shows times made from them says so.
"""

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path

RATES_VERSION = 2
"""Raised when the meaning of a rate changes, or a formula of `seconds.py` that corrections were
made with: older measurements then do not count."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """Rates of one device; operations count 2 for a multiply-add."""

    device: str
    matmul: float
    """operations a second of large matrix products in the number format of the transformer"""
    attention: float
    """the same of attention alone, at the length of a clip"""
    convolution_fp32: float
    """the same of the convolutions that decode pictures"""
    convolution_bf16: float
    memory: float
    """bytes a second, read and written, within the device"""
    pinned: float
    """bytes a second from page-locked host memory to the device"""
    pageable: float
    """the same from ordinary host memory, or from files that the system holds in memory"""
    is_measured: bool = False
    corrections: Mapping[str, float] = field(default_factory=dict)
    """by stage and kind of model (`denoise published`): measured seconds over those that the
    other rates give"""


@dataclass(frozen=True, slots=True)
class _Card:
    """What a datasheet says."""

    name: str
    """a part of the device's name"""
    bf16: float
    """dense operations a second, summed in float32"""
    memory: float
    """bytes a second"""
    link: float
    """bytes a second from the host, one way"""


_PCIE3, _PCIE4, _PCIE5 = 12e9, 24e9, 50e9
"""What 16 lanes carry in practice."""

_CARDS = (
    _Card("B200", 2250e12, 8.0e12, _PCIE5),
    _Card("H200", 989e12, 4.8e12, _PCIE5),
    _Card("H100 PCIe", 756e12, 2.0e12, _PCIE5),
    _Card("H100", 989e12, 3.35e12, _PCIE5),
    _Card("A100", 312e12, 1.9e12, _PCIE4),
    _Card("L40S", 362e12, 0.86e12, _PCIE4),
    _Card("L40", 181e12, 0.86e12, _PCIE4),
    _Card("RTX 6000 Ada", 364e12, 0.96e12, _PCIE4),
    _Card("RTX A6000", 155e12, 0.77e12, _PCIE4),
    _Card("A40", 150e12, 0.70e12, _PCIE4),
    _Card("L4", 121e12, 0.30e12, _PCIE4),
    _Card("A10", 125e12, 0.60e12, _PCIE4),
    _Card("RTX 5090", 209e12, 1.79e12, _PCIE5),
    _Card("RTX 5080", 113e12, 0.96e12, _PCIE5),
    _Card("RTX 5070 Ti", 88e12, 0.90e12, _PCIE5),
    _Card("RTX 5070", 62e12, 0.67e12, _PCIE5),
    _Card("RTX 5060", 47e12, 0.45e12, _PCIE5 / 2),
    _Card("RTX 4090", 165e12, 1.01e12, _PCIE4),
    _Card("RTX 4080", 98e12, 0.72e12, _PCIE4),
    _Card("RTX 4070", 58e12, 0.50e12, _PCIE4),
    _Card("RTX 4060", 30e12, 0.27e12, _PCIE4 / 2),
    _Card("RTX 3090", 71e12, 0.94e12, _PCIE4),
    _Card("RTX 3080", 60e12, 0.76e12, _PCIE4),
    _Card("RTX 3070", 40e12, 0.45e12, _PCIE4),
    _Card("RTX 3060", 25e12, 0.36e12, _PCIE4),
)
"""Some cards, those first whose name contains another's."""

_MATMUL, _ATTENTION, _CONVOLUTION_BF16, _CONVOLUTION_FP32, _MEMORY = 0.75, 0.6, 0.64, 0.36, 0.85
"""Of the datasheet's figures, what was measured on an H100 (docs/performance.md)."""


def expected_rates(device: str) -> Rates | None:
    """Rates from the datasheet of a known card; None for another."""
    card = next((card for card in _CARDS if card.name in device), None)
    if card is None:
        return None
    return Rates(
        device=device,
        matmul=_MATMUL * card.bf16,
        attention=_ATTENTION * card.bf16,
        convolution_bf16=_CONVOLUTION_BF16 * card.bf16,
        convolution_fp32=_CONVOLUTION_FP32 * card.bf16,
        memory=_MEMORY * card.memory,
        pinned=card.link,
        pageable=min(card.link, 6e9),
    )


def expected_cpu_rates(num_cores: int) -> Rates:
    """A rough guess for a processor, in float32."""
    each = 20e9
    rate = each * num_cores
    return Rates(
        device="cpu",
        matmul=rate,
        attention=rate / 2,
        convolution_bf16=rate / 4,
        convolution_fp32=rate / 2,
        memory=10e9,
        pinned=10e9,
        pageable=10e9,
    )


def rates_for(device: str, file: Path) -> Rates | None:
    """Rates of the device named so: measured, else expected; None where nothing is known.

    `device` is a GPU's name, or `cpu`.
    """
    measured = read_rates(file).get(device)
    if measured is not None:
        return measured
    return expected_cpu_rates(os.cpu_count() or 1) if device == "cpu" else expected_rates(device)


def read_rates(file: Path) -> dict[str, Rates]:
    """What was measured so far, by device. Empty where the file is missing or not understood."""
    found: dict[str, Rates] = {}
    with suppress(OSError, ValueError, TypeError, AttributeError, KeyError):
        document = json.loads(file.read_text(encoding="utf-8"))
        if document["rates_version"] == RATES_VERSION:
            known = {field.name for field in fields(Rates)}
            for entry in document["devices"]:
                rates = Rates(**{key: entry[key] for key in entry if key in known})
                if _is_sound(rates):
                    found[rates.device] = rates
    return found


def save_rates(rates: Rates, file: Path) -> None:
    """Keeps the rates of one device beside those of others. Raises OSError."""
    devices = {**read_rates(file), rates.device: rates}
    file.parent.mkdir(parents=True, exist_ok=True)
    document = {
        "rates_version": RATES_VERSION,
        "devices": [asdict(entry) for entry in devices.values()],
    }
    unfinished = file.with_suffix(f".{os.getpid()}.tmp")
    unfinished.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    unfinished.replace(file)


def _is_sound(rates: Rates) -> bool:
    """Whether every rate is a number above 0."""
    numbers = [getattr(rates, name) for name in _NUMBERS]
    numbers += rates.corrections.values()
    return all(isinstance(number, int | float) and number > 0 for number in numbers)


_NUMBERS = tuple(
    entry.name
    for entry in fields(Rates)
    if entry.name not in ("device", "is_measured", "corrections")
)
