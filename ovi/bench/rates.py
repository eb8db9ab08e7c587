"""From measurements to the rates that `ovi plan` reckons with, and where they are kept."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from ovi.bench.ceilings import Ceiling, Ceilings
from ovi.bench.timing import Measurement
from ovi.spec.memory import RenderShape
from ovi.spec.rates import Rates
from ovi.spec.request import ClipRequest
from ovi.spec.seconds import correction_key, forward_seconds, render_seconds
from ovi.weights.hashes import cache_file

_UNITS = {"TFLOP/s": 1e12, "GB/s": 1e9}


def rates_file() -> Path:
    """Where the rates of this machine's devices are kept: in the user's cache folder."""
    return cache_file().with_name("rates.json")


def rates_from(
    device: str,
    ceilings: Ceilings,
    stages: Iterable[Measurement],
    shape: RenderShape,
    request: ClipRequest,
    before: Rates | None,
) -> Rates:
    """The rates of a device, and for each stage by how much it missed what they give.

    `before` is what was measured earlier, whose corrections for stages that were not measured now
    are kept.
    """
    copy = _value(ceilings.copy)
    plain = Rates(
        device=device,
        matmul=_value(ceilings.matmul),
        attention=_value(ceilings.attention),
        convolution_fp32=_value(ceilings.convolution_fp32),
        convolution_bf16=_value(ceilings.convolution_bf16),
        memory=copy,
        pinned=copy if ceilings.pinned is None else _value(ceilings.pinned),
        pageable=copy if ceilings.pageable is None else _value(ceilings.pageable),
        is_measured=True,
    )
    expected = render_seconds(shape, request.sampling, request.guidance, plain)
    predictions = {
        "forward": ("denoise", forward_seconds(shape, plain)),
        "sound": ("sound", expected.sound),
        "picture": ("picture", expected.picture),
    }
    corrections = {} if before is None else dict(before.corrections)
    for measured in stages:
        if measured.name in predictions:
            stage, predicted = predictions[measured.name]
            corrections[correction_key(stage, shape)] = measured.seconds / predicted
    return replace(plain, corrections=corrections)


def _value(ceiling: Ceiling) -> float:
    return ceiling.value * _UNITS[ceiling.unit]
