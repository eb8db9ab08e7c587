"""How work is divided, and the errors for divisions that cannot be."""

import pytest

from ovi.errors import PlacementError
from ovi.parallel.errors import Failure, RankError, RankOutOfMemory
from ovi.parallel.layout import NEGATIVE, POSITIVE, Layout, bounds, shares
from ovi.parallel.placing import devices_for
from ovi.spec.placement import Placement


def test_shares_are_as_equal_as_can_be_and_leave_nothing_out():
    assert shares(7, 3) == (3, 2, 2)
    assert shares(1, 3) == (1, 0, 0)
    assert [bounds(shares(7, 3), index) for index in range(3)] == [(0, 3), (3, 5), (5, 7)]
    for count in (0, 1, 157, 15004):
        for parts in range(1, 25):
            assert sum(shares(count, parts)) == count
            assert max(shares(count, parts)) - min(shares(count, parts)) <= 1


@pytest.mark.parametrize("num_ranks", range(1, 13))
def test_every_rank_has_its_passes_and_every_pass_its_ranks(num_ranks):
    layout = Layout.of(num_ranks)
    assert layout.guidance_degree == (1 if num_ranks % 2 else 2)
    for which in (POSITIVE, NEGATIVE):
        ranks = layout.ranks_of(which)
        assert len(ranks) == layout.sequence_degree
        assert all(layout.peers_of(rank) == ranks for rank in ranks)
        assert ranks == tuple(r for r in range(num_ranks) if which in layout.passes_of(r))


def test_divisions_that_cannot_be_are_refused_with_a_remedy():
    with pytest.raises(PlacementError, match="even number"):
        Layout(3, 2)
    Layout.of(8).check_heads(4)
    with pytest.raises(PlacementError, match="use at most 8"):
        Layout.of(10).check_heads(4)


def test_cpu_stands_for_any_number_of_devices():
    devices = devices_for(Placement(device="cpu", num_gpus=3))
    assert [str(device) for device in devices] == ["cpu"] * 3


def test_gpus_that_are_not_there_are_named(monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr("torch.cuda.device_count", lambda: 2)
    devices = devices_for(Placement(device="cuda", num_gpus=2))
    assert [str(device) for device in devices] == ["cuda:0", "cuda:1"]
    with pytest.raises(PlacementError, match="this machine has 2: use --gpus 1 or fewer"):
        devices_for(Placement(device="cuda:1", num_gpus=2))


def test_a_ranks_error_keeps_the_class_that_says_what_to_do():
    error = Failure(1, "cuda:1", "PlacementError", "No kernel: use sdpa.").as_error()
    assert type(error) is PlacementError
    assert str(error) == "No kernel: use sdpa."
    error = Failure(1, "cuda:1", "OutOfMemoryError", "CUDA out of memory.", "Trace").as_error()
    assert isinstance(error, RankOutOfMemory)
    assert isinstance(error, MemoryError)
    assert "Rank 1 on cuda:1" in str(error)
    error = Failure(2, "cpu", "", "Its process ended with exit code 3.").as_error()
    assert type(error) is RankError
