"""For all tests of rewriting: a call that failed is repeated at once."""

import pytest

from ovi_studio.rewrite import calling


@pytest.fixture(autouse=True)
def _no_long_pauses(monkeypatch):
    monkeypatch.setattr(calling, "pause_before", lambda *_: 0.01)
