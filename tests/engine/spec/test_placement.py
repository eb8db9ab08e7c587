"""Placements are written as JSON and read again, also those of earlier releases."""

import json

import pytest

from ovi.errors import RequestError
from ovi.spec.placement import HostMemory, Offload, Placement


def test_written_and_read_again() -> None:
    placement = Placement(
        device="cuda:1",
        offload=Offload.BLOCKS,
        resident_blocks=3,
        host_memory=HostMemory.MAPPED,
        num_gpus=2,
        token_chunk=8192,
    )
    assert Placement.from_dict(json.loads(json.dumps(placement.to_dict()))) == placement


def test_placements_of_the_first_release_can_be_read() -> None:
    data = {"device": "cuda", "offload": "model", "attention": "auto", "num_threads": None}
    assert Placement.from_dict(data) == Placement(device="cuda", offload=Offload.MODEL)


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("token_chunk", 0, "0 tokens"),
        ("resident_blocks", -1, "-1 blocks"),
        ("num_gpus", 0, "0 GPUs"),
        ("num_threads", 0, "0 threads"),
        ("device", "tpu", "'tpu'"),
        ("attention", "magic", "'magic'"),
    ],
)
def test_impossible_placements_are_refused(field: str, value: object, message: str) -> None:
    with pytest.raises(RequestError, match=message):
        Placement(**{field: value})  # type: ignore[arg-type]
