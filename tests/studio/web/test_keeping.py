"""Keepers of the queue: few are started, and none of the orders is left without one."""

import threading

import pytest

from ovi_studio.errors import WorkerError
from ovi_studio.web.keeping import CalmKeeper


def test_many_orders_at_once_start_two_keepers_the_last_after_the_last_order(tmp_path):
    orders, starts, late = [], [], threading.Event()

    def start(_path):
        starts.append(len(orders))
        if len(starts) == 2:
            late.set()

    keeper = CalmKeeper(start, pause_seconds=0.3)
    for number in range(100):
        orders.append(number)
        keeper(tmp_path)
    late.wait()
    assert starts == [1, 100]


def test_orders_with_time_between_them_start_one_each(tmp_path):
    starts = []
    keeper = CalmKeeper(starts.append, pause_seconds=0.0)
    for _ in range(3):
        keeper(tmp_path)
    assert len(starts) == 3


def test_the_first_order_hears_that_nobody_can_be_started(tmp_path):
    def refuse(_path):
        raise WorkerError("no")

    with pytest.raises(WorkerError):
        CalmKeeper(refuse)(tmp_path)
