"""Files written tensor by tensor: what others read from them, and that no half one is left."""

import errno
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file
from torch import Tensor

from ovi.runtime.tensor_file import file_bytes, write_tensors
from ovi.weights.verify import form_fault

TENSORS = {
    "odd.weight": torch.randint(-127, 128, (3, 5), dtype=torch.int8),
    "odd.weight_scale": torch.rand(3),
    "table": torch.randn(7, 3).to(torch.bfloat16),
    "cast": torch.randn(9).to(torch.float8_e4m3fn),
    "one": torch.tensor(2.5, dtype=torch.float64),
    "none": torch.empty(0, 4),
    "turned": torch.randn(4, 6).T,
}


def headers(tensors: dict[str, Tensor] = TENSORS) -> dict[str, Tensor]:
    return {key: tensor.to("meta") for key, tensor in tensors.items()}


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def same(a: Tensor, b: Tensor) -> bool:
    if a.dtype is torch.float8_e4m3fn:
        a, b = a.view(torch.uint8), b.view(torch.uint8)
    return a.dtype is b.dtype and torch.equal(a, b)


def test_what_is_written_is_read_by_safetensors(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    backwards = reversed(list(TENSORS.items()))
    write_tensors(path, headers(), backwards, {"format": "pt", "note": "ünïcode"})
    loaded = load_file(path)
    assert loaded.keys() == TENSORS.keys()
    assert all(same(loaded[key], TENSORS[key]) for key in TENSORS)
    with safe_open(path, "pt") as file:
        assert file.metadata() == {"format": "pt", "note": "ünïcode"}
    assert form_fault(path, path.name) is None
    assert path.stat().st_size == file_bytes(headers(), {"format": "pt", "note": "ünïcode"})
    assert names_in(tmp_path) == ["a.safetensors"]


def test_every_tensor_can_be_mapped_where_it_lies(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    write_tensors(path, headers(), TENSORS.items(), {})
    content = path.read_bytes()
    length = int.from_bytes(content[:8], "little")
    for key, entry in json.loads(content[8 : 8 + length]).items():
        if key != "__metadata__":
            assert (8 + length + entry["data_offsets"][0]) % TENSORS[key].itemsize == 0, key


def test_the_same_tensors_give_the_same_bytes_in_any_order(tmp_path: Path) -> None:
    for name, items in (("a", list(TENSORS.items())), ("b", list(TENSORS.items())[::-1])):
        write_tensors(tmp_path / name, headers(dict(items)), items, {})
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


@pytest.mark.parametrize("fault", [OSError(errno.ENOSPC, "No space left"), KeyboardInterrupt()])
def test_a_file_that_breaks_off_leaves_the_old_one_and_nothing_else(
    tmp_path: Path, fault: BaseException
) -> None:
    path = tmp_path / "a.safetensors"
    path.write_text("the old one")

    def broken() -> Iterator[tuple[str, Tensor]]:
        yield from list(TENSORS.items())[:3]
        raise fault

    with pytest.raises(type(fault)):
        write_tensors(path, headers(), broken(), {})
    assert path.read_text() == "the old one"
    assert names_in(tmp_path) == ["a.safetensors"]


def test_what_a_killed_program_left_is_written_over(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    path.with_name("a.safetensors.part").write_bytes(b"x" * 100_000)
    write_tensors(path, headers(), TENSORS.items(), {})
    assert load_file(path).keys() == TENSORS.keys()
    assert names_in(tmp_path) == ["a.safetensors"]


def test_tensors_that_are_not_as_announced_or_missing_are_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="not as announced"):
        write_tensors(tmp_path / "a", headers(), {"one": torch.zeros(2)}.items(), {})
    with pytest.raises(AssertionError, match="never came"):
        write_tensors(tmp_path / "a", headers(), list(TENSORS.items())[1:], {})
    assert not names_in(tmp_path)
