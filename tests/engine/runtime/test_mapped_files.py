"""Where mapped tensors lie in their files, and that they are read from there."""

import os
import sys

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import nn

from ovi.errors import WeightsError
from ovi.runtime.mapped_files import spans_of
from ovi.runtime.parcel import Parcel
from ovi.runtime.staging import Staging

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells")

CPU = torch.device("cpu")


@pytest.fixture
def weights(tmp_path):
    """A file with a space in its name, and its tensors, mapped."""
    path = tmp_path / "my weights.safetensors"
    generator = torch.Generator().manual_seed(0)
    save_file({name: torch.randn(50, 33, generator=generator) for name in "abc"}, path)
    file = safe_open(path, "pt")
    return path, [file.get_tensor(name) for name in "abc"]


def test_spans_hold_the_tensors_bytes(weights):
    path, tensors = weights
    spans = spans_of([*tensors, tensors[1][7:9], torch.randn(5), tensors[0].t(), torch.empty(0)])
    assert spans[4:] == [None, None, None]
    content = path.read_bytes()
    for tensor, span in zip([*tensors, tensors[1][7:9]], spans, strict=False):
        assert span.path == path
        held = content[span.offset : span.offset + tensor.nbytes]
        assert held == tensor.contiguous().numpy().tobytes()


def test_a_file_that_is_gone_or_another_one_has_no_span(weights):
    path, tensors = weights
    path.rename(path.with_name("moved"))
    assert spans_of(tensors)[0].path.name == "moved"
    path.with_name("moved").unlink()
    path.write_bytes(b"another")
    assert spans_of(tensors) == [None, None, None]


class Three(nn.Module):
    """Two mapped weights, and one in memory between them."""

    def __init__(self, tensors):
        super().__init__()
        self.first = nn.Parameter(tensors[0], requires_grad=False)
        self.own = nn.Parameter(torch.arange(100.0), requires_grad=False)
        self.last = nn.Parameter(tensors[2], requires_grad=False)


@pytest.mark.parametrize("piece_bytes", [1000, 10**6])
def test_the_ring_reads_the_file_itself(weights, piece_bytes):
    _, tensors = weights
    model = Three(tensors)
    parcel = Parcel([model])
    target = torch.zeros(parcel.nbytes, dtype=torch.uint8)
    Staging(CPU, piece_bytes=piece_bytes).send(parcel, target)
    for home, view in zip(parcel.homes, parcel.views(target), strict=True):
        assert torch.equal(home, view)


def test_a_file_that_became_shorter_is_an_error(weights):
    path, tensors = weights
    parcel = Parcel([Three(tensors)])
    staging = Staging(CPU)
    target = torch.zeros(parcel.nbytes, dtype=torch.uint8)
    staging.send(parcel, target)
    os.truncate(path, 400)
    with pytest.raises(WeightsError, match="became shorter"):
        staging.send(parcel, target)
