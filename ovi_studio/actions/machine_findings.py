"""What `ovi doctor` says of memory and speed: RAM, GPU memory, what `ovi bench` has measured."""

from collections.abc import Iterator
from pathlib import Path

from ovi.spec.machine import Machine
from ovi.spec.rates import read_rates
from ovi_studio.actions.findings import Finding, Status

BUSY_SHARE = 0.8
"""Of a GPU's memory: with less of it free, other programs use much of it."""


def check_memory(machine: Machine, rates: Path) -> Iterator[Finding]:
    """RAM, free GPU memory, and whether `ovi plan` can tell times here."""
    ram = machine.ram
    if ram.total_bytes is None:
        yield Finding(
            "RAM",
            Status.OK,
            "How much there is, this system does not say.",
            "Tell `ovi plan` with --ram GB.",
        )
    else:
        available = ram.available_bytes
        room = "" if available is None else f", {available / 1e9:.1f} available"
        yield Finding("RAM", Status.OK, f"{ram.total_bytes / 1e9:.1f} GB{room}.")
    for gpu in machine.gpus:
        text = f"{gpu.name}: {gpu.total_bytes / 1e9:.1f} GB, {gpu.free_bytes / 1e9:.1f} free."
        is_busy = gpu.free_bytes < BUSY_SHARE * gpu.total_bytes
        remedy = "Other programs use it; end them before a render, unless they are our renders."
        yield Finding(
            f"memory of GPU {gpu.index}",
            Status.WARNING if is_busy else Status.OK,
            text,
            remedy if is_busy else "",
        )
    measured = read_rates(rates)
    for name in dict.fromkeys(gpu.name for gpu in machine.gpus) or ["cpu"]:
        if name in measured:
            yield Finding("speed", Status.OK, f"`ovi bench` has measured {name}.")
        else:
            yield Finding(
                "speed",
                Status.OK,
                f"Nobody has measured {name}: `ovi plan` can only estimate times.",
                "If you want them measured: ovi bench.",
            )
