"""What `ovi doctor` says of memory and speed."""

from pathlib import Path

import pytest

from ovi.spec.machine import UNKNOWN_MACHINE, Gpu, Machine, Ram
from ovi.spec.rates import Rates, save_rates
from ovi_studio.actions.findings import Status
from ovi_studio.actions.machine_findings import check_memory

GB = 10**9


def found(machine, rates=Path("nowhere")):
    return {finding.check: finding for finding in check_memory(machine, rates)}


def test_memory_is_told_in_total_and_free():
    machine = Machine(
        (Gpu(0, "Card", 8 * GB, GB), Gpu(1, "Card", 8 * GB, 5 * GB)), Ram(16 * GB, 9 * GB)
    )
    findings = found(machine)
    assert findings["RAM"].message == "16.0 GB, 9.0 available."
    assert findings["memory of GPU 0"].status is Status.OK
    assert findings["memory of GPU 0"].message == "Card: 8.0 GB, 7.0 free."
    busy = findings["memory of GPU 1"]
    assert (busy.status, "end them before a render" in busy.remedy) == (Status.WARNING, True)


def test_what_is_not_known_is_said():
    findings = found(UNKNOWN_MACHINE)
    assert findings["RAM"].message == "How much there is, this system does not say."
    assert "--ram GB" in findings["RAM"].remedy
    assert "Nobody has measured cpu" in findings["speed"].message


@pytest.mark.parametrize("name", ["Card", "Other"])
def test_measured_speed_is_told_by_the_name_of_the_device(tmp_path, name):
    rates = Rates(
        device="Card", matmul=1, attention=1, convolution_fp32=1, convolution_bf16=1, memory=1,
        pinned=1, pageable=1, is_measured=True,
    )  # fmt: skip
    save_rates(rates, tmp_path / "rates.json")
    findings = found(Machine((Gpu(0, name, 8 * GB, 0),), Ram(None, None)), tmp_path / "rates.json")
    assert findings["speed"].message.startswith("`ovi bench` has" if name == "Card" else "Nobody")
