"""Meters: the processor measured between two readings, and what nobody tells left out."""

import pytest

from ovi.spec.machine import Gpu, Ram
from ovi_studio.actions import metering
from ovi_studio.actions.metering import Metering, ProcessorTime, linux_time, read_meters
from ovi_studio.report.queue_watch import meter_lines, meters_document

STAT = "cpu  100 10 50 800 40 0 0 0 60 0\ncpu0 1 1 1 1 1 1 1 1 1 1\n"


def test_busy_is_what_neither_idles_nor_waits_for_the_disk():
    assert linux_time(STAT) == ProcessorTime(160, 1000)


@pytest.mark.parametrize("text", ["", "cpu", "cpu a b c d e f", "intr 1 2 3 4 5 6"])
def test_what_is_no_such_table_tells_nothing(text):
    assert linux_time(text) is None


def test_the_share_is_that_since_the_last_reading(monkeypatch):
    times = iter([ProcessorTime(10, 100), ProcessorTime(40, 200), ProcessorTime(40, 200), None])
    monkeypatch.setattr(metering, "read_processor_time", lambda: next(times))
    monkeypatch.setattr(metering, "read_ram", lambda: Ram(8 * 10**9, None))
    meters = Metering()
    assert meters.read().processor_share == pytest.approx(0.3)
    assert meters.read().processor_share is None, "no time has passed"
    last = meters.read()
    assert (last.processor_share, last.ram_used_bytes) == (None, None)


def test_gpus_are_read_each_time_and_shown(monkeypatch):
    card = Gpu(0, "Card", 24 * 10**9, 6 * 10**9, 0.5)
    monkeypatch.setattr(metering, "read_gpus", lambda: (card,))
    meters = read_meters()
    assert meter_lines(meters)[0] == "GPU 0 Card:  50% busy, 6.0 of 24 GB"
    assert meters_document(meters)["gpus"][0]["utilisation"] == 0.5
