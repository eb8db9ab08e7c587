"""Files that fit are loaded exactly; files that do not are refused with a sentence that helps."""

import os
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from ovi.errors import WeightsError
from ovi.runtime import checkpoint, loading, reading
from ovi.runtime.checkpoint import open_checkpoint
from ovi.runtime.loading import check_files, load_model
from ovi.runtime.quantize import FP8 as FP8_BITS
from ovi.runtime.quantize import EightBitLinear, store_fp8, store_int8
from tests.engine.runtime.toy_model import ToyModel, toy_state

CPU = torch.device("cpu")
FP8 = torch.float8_e4m3fn


def write(path: Path, state: Mapping[str, Any]) -> Path:
    if path.suffix == ".safetensors":
        save_file(dict(state), path)
    else:
        torch.save(dict(state), path)
    return path


def load(path: Path, dtype: torch.dtype = torch.float32, **changes: Any) -> nn.Module:
    options = {"build": ToyModel, "convert": dict, "device": CPU, "dtype": dtype, "name": "toy"}
    return load_model(files=[path], **(options | changes))


@pytest.fixture(params=["toy.safetensors", "toy.pth", "toy.pt"])
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return tmp_path / str(request.param)


def test_loaded_tensors_are_those_of_the_file(path: Path) -> None:
    state = toy_state()
    model = load(write(path, state))
    loaded = model.state_dict()
    assert loaded.keys() == state.keys()
    assert all(torch.equal(loaded[key], state[key]) for key in state)
    assert not model.training
    assert not any(parameter.requires_grad for parameter in model.parameters())
    reference = ToyModel()
    reference.load_state_dict(state)
    x = torch.randn(2, 5, 48)
    assert torch.equal(model(x), reference(x))


def test_tensors_are_cast_as_they_arrive(path: Path) -> None:
    state = toy_state()
    dtypes = (torch.float32, torch.bfloat16, torch.float16, FP8)
    mixed = {key: t.to(dtypes[i % 4]) for i, (key, t) in enumerate(state.items())}
    loaded = load(write(path, mixed), torch.bfloat16).state_dict()
    assert all(torch.equal(loaded[key], mixed[key].bfloat16()) for key in state)


def test_old_pickles_that_cannot_be_mapped_load_too(tmp_path: Path) -> None:
    state = toy_state()
    torch.save(state, tmp_path / "old.pth", _use_new_zipfile_serialization=False)
    loaded = load(tmp_path / "old.pth").state_dict()
    assert all(torch.equal(loaded[key], state[key]) for key in state)


def test_generator_of_a_training_checkpoint_is_taken(tmp_path: Path) -> None:
    state = toy_state()
    nested = {"generator": state, "steps": 5}
    loaded = load(write(tmp_path / "g.pt", nested)).state_dict()
    assert all(torch.equal(loaded[key], state[key]) for key in state)


def test_shards_are_joined(tmp_path: Path) -> None:
    items = list(toy_state().items())
    files = [write(tmp_path / f"{i}.safetensors", dict(items[i::2])) for i in range(2)]
    model = load_model(ToyModel, files, dict, device=CPU, dtype=torch.float32, name="toy")
    assert all(torch.equal(model.state_dict()[key], tensor) for key, tensor in items)


def test_convert_renames_and_folds(path: Path) -> None:
    state = toy_state()
    halves = {f"half.{key}": tensor / 2 for key, tensor in state.items()}

    def convert(given: Mapping[str, Tensor]) -> dict[str, Tensor]:
        return {key.removeprefix("half."): tensor * 2 for key, tensor in given.items()}

    loaded = load(write(path, halves), convert=convert).state_dict()
    assert all(torch.equal(loaded[key], state[key]) for key in state)


def test_nothing_is_copied_where_the_file_can_serve_as_it_is(tmp_path: Path) -> None:
    path = write(tmp_path / "toy.safetensors", toy_state())
    model = load(path)
    mapped = [
        line for line in Path("/proc/self/maps").read_text().splitlines() if str(path) in line
    ]
    assert mapped, "the parameters do not lie in the file"
    first, _, last = mapped[0].split()[0].partition("-")
    address = next(model.parameters()).data_ptr()
    assert int(first, 16) <= address < int(last, 16)


def test_places_in_the_file_are_known(path: Path) -> None:
    state = toy_state()
    state["turned"] = torch.randn(3, 4).t() if path.suffix != ".safetensors" else torch.randn(3)
    state["part"] = torch.randn(10)[3:7] if path.suffix != ".safetensors" else torch.randn(4)
    opened = open_checkpoint(write(path, state))
    content = path.read_bytes()
    for key, tensor in state.items():
        span = opened.locate(key)
        if not tensor.is_contiguous():
            assert span is None
            continue
        assert span is not None
        assert span.path == path
        stored = bytearray(content[span.offset : span.offset + tensor.nbytes])
        read = torch.frombuffer(stored, dtype=tensor.dtype).reshape(tensor.shape)
        assert torch.equal(read, tensor), key


def test_pickles_without_places_say_so(tmp_path: Path) -> None:
    torch.save(toy_state(), tmp_path / "old.pth", _use_new_zipfile_serialization=False)
    assert open_checkpoint(tmp_path / "old.pth").locate("conv.bias") is None


def test_part_that_stays_is_not_read_to_the_device(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    device = torch.device("cpu", 0)  # not equal to torch.device("cpu"), and the same
    read: dict[str, torch.device] = {}
    parked: list[int] = []

    def record(opened: checkpoint.Checkpoint, keys: list[str], place: torch.device) -> Any:
        read.update(dict.fromkeys(keys, place))
        return reading.read_tensors(opened, keys, place)

    class Parking:
        def part_of(self, key: str) -> int:
            return loading.STAYS if key.startswith("embedding.") else 0

        def park(self, _: nn.Module, part: int) -> None:
            parked.append(part)

    monkeypatch.setattr(loading, "read_tensors", record)
    state = toy_state()
    path = write(tmp_path / "toy.safetensors", state)
    loaded = load(path, device=device, parking=Parking()).state_dict()
    assert all(torch.equal(loaded[key], state[key]) for key in state)
    assert {key for key, place in read.items() if place != device} == {
        "embedding.weight",
        "embedding.bias",
    }
    assert read.keys() == state.keys()
    assert parked == [loading.STAYS, 0]


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_files_arrive_on_the_gpu_unchanged(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "PIECE_BYTES", 1000)
    monkeypatch.setattr(reading, "AHEAD_BYTES", 5000)
    state = toy_state()
    write(path, {"generator": state} if path.suffix == ".pt" else state)
    for _ in range(20):
        loaded = load(path, device=torch.device("cuda", 0)).state_dict()
        assert all(tensor.is_cuda for tensor in loaded.values())
        assert all(torch.equal(loaded[key].cpu(), state[key]) for key in state)


def test_progress_reaches_one(path: Path) -> None:
    seen: list[float] = []
    load(write(path, toy_state()), on_progress=seen.append)
    assert seen == sorted(seen)
    assert seen[-1] == 1.0


def broken_state(fault: str) -> dict[str, Tensor]:
    state = toy_state()
    if fault == "missing":
        del state["conv.bias"]
    elif fault == "unexpected":
        state["tail.weight"] = torch.zeros(3)
    elif fault == "of another shape":
        state["conv.weight"] = torch.zeros(48, 48, 5)
    elif fault == "of an unknown number format":
        state["conv.weight"] = state["conv.weight"].int()
    return state


@pytest.mark.parametrize(
    ("fault", "named"),
    [
        ("missing", "conv.bias"),
        ("unexpected", "tail.weight"),
        ("of another shape", "conv.weight is 48x48x5, not 48x48x3"),
        ("of an unknown number format", "conv.weight is int32"),
    ],
)
def test_what_does_not_fit_is_named_before_any_value_is_read(
    path: Path, fault: str, named: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(path, broken_state(fault))
    monkeypatch.setattr(loading, "_place", lambda *_: pytest.fail("a tensor was placed"))
    for attempt in (
        lambda: load(path),
        lambda: check_files(ToyModel, [path], dict, name="toy"),
    ):
        with pytest.raises(WeightsError) as caught:
            attempt()
        message = str(caught.value)
        assert f"1 {fault} ({named})" in message
        assert str(path) in message
        assert "ovi_config.json" in message


def test_checking_reads_headers_only(path: Path) -> None:
    def convert(given: Mapping[str, Tensor]) -> dict[str, Tensor]:
        assert all(tensor.is_meta for tensor in given.values())
        return dict(given)

    check_files(ToyModel, [write(path, toy_state())], convert, name="toy")


def test_renaming_is_followed_one_tensor_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path / "a.safetensors", {f"x.{k}": t for k, t in toy_state().items()})
    events: list[str] = []

    class Watched:
        def __init__(self, *args: Any) -> None:
            self.file = safe_open(*args)

        def __getattr__(self, name: str) -> Any:
            return getattr(self.file, name)

        def get_tensor(self, key: str) -> Tensor:
            events.append("read")
            return self.file.get_tensor(key)

    def convert(given: Mapping[str, Tensor]) -> dict[str, Tensor]:
        assert all(tensor.is_meta for tensor in given.values())
        return {key.removeprefix("x."): tensor for key, tensor in given.items()}

    monkeypatch.setattr(checkpoint, "safe_open", Watched)
    model = load(path, convert=convert, on_progress=lambda _: events.append("placed"))
    assert events == ["read", "placed"] * len(toy_state())
    assert all(torch.equal(model.state_dict()[k], t) for k, t in toy_state().items())


def test_long_lists_of_keys_are_cut(tmp_path: Path) -> None:
    path = write(tmp_path / "a.safetensors", {"x": torch.zeros(1)})
    with pytest.raises(WeightsError, match=r"23 missing \(([^,)]+, ){3}\.\.\.\)") as caught:
        load(path)
    assert len(str(caught.value)) < 600


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_weights_that_are_not_finite_are_named(
    path: Path, value: float, dtype: torch.dtype
) -> None:
    state = {key: tensor.to(dtype) for key, tensor in toy_state().items()}
    state["blocks.1.2.weight"][3, 4] = value
    with pytest.raises(WeightsError, match=r"not finite in 1 of .*\(blocks\.1\.2\.weight\)"):
        load(write(path, state), torch.bfloat16)


def test_nan_in_an_fp8_file_is_named(tmp_path: Path) -> None:
    state = toy_state()
    state["blocks.1.2.weight"][3, 4] = float("nan")
    state = {key: tensor.to(FP8) for key, tensor in state.items()}
    path = write(tmp_path / "fp8.safetensors", state)
    with pytest.raises(WeightsError, match=r"blocks\.1\.2\.weight"):
        load(path, torch.bfloat16, build=lambda: store_fp8(ToyModel()))


def test_fp8_file_stays_fp8_in_the_blocks_and_nowhere_else(tmp_path: Path) -> None:
    state = {
        key: tensor.bfloat16() if "norm" in key or "bias" in key else tensor.to(FP8)
        for key, tensor in toy_state().items()
    }
    path = write(tmp_path / "fp8.safetensors", state)
    model = load(path, torch.bfloat16, build=lambda: store_fp8(ToyModel()))
    loaded = model.state_dict()
    assert loaded.keys() == state.keys()
    assert torch.equal(
        loaded["blocks.0.1.weight"].view(torch.uint8), state["blocks.0.1.weight"].view(torch.uint8)
    )
    kept = {key for key, tensor in loaded.items() if tensor.dtype is FP8}
    assert kept == {f"blocks.{i}.{j}.weight" for i in range(3) for j in (1, 2)}
    assert torch.equal(loaded["embedding.weight"], state["embedding.weight"].bfloat16())
    upcast = load(path, torch.bfloat16)
    x = torch.randn(2, 5, 48, dtype=torch.bfloat16)
    assert torch.equal(model(x), upcast(x))


@pytest.mark.parametrize("store", [store_fp8, store_int8])
def test_eight_bit_weights_made_while_loading_equal_those_made_afterwards(
    path: Path, store: Any
) -> None:
    write(path, toy_state())
    while_loading = load(path, torch.bfloat16, build=lambda: store(ToyModel()))
    afterwards = store(load(path, torch.float32)).to(torch.bfloat16)
    x = torch.randn(2, 5, 48, dtype=torch.bfloat16)
    if store is store_int8:  # `to` would have cast stored fp8 weights as well
        assert torch.equal(while_loading(x), afterwards(x))
    layer = while_loading.get_submodule("blocks.0.1")
    assert isinstance(layer, EightBitLinear)
    assert layer.weight.dtype is (FP8 if layer.bits is FP8_BITS else torch.int8)


def test_truncated_files_are_refused_with_the_remedy(path: Path) -> None:
    whole = write(path, toy_state()).read_bytes()
    for size in (0, 3, 100, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:size])
        with pytest.raises(WeightsError, match=r"(?s)toy\..*[Dd]ownload it again"):
            load(path)


def test_a_web_page_saved_under_the_name_is_refused(path: Path) -> None:
    path.write_text("<!DOCTYPE html><title>Sign in</title>")
    with pytest.raises(WeightsError, match="Download it again"):
        load(path)


class Malicious:
    """Asks for a command to be run when it is unpickled."""

    def __init__(self, command: str) -> None:
        self.command = command

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (self.command,)


@pytest.mark.parametrize("form", ["archive", "old", "bare"])
def test_pickles_that_run_code_are_refused_and_do_not_run_it(tmp_path: Path, form: str) -> None:
    proof, path = tmp_path / "proof", tmp_path / "evil.pth"
    content = {**toy_state(), "x": Malicious(f"touch {proof}")}
    if form == "bare":
        path.write_bytes(pickle.dumps(content["x"], protocol=2))
    else:
        torch.save(content, path, _use_new_zipfile_serialization=form == "archive")
    with pytest.raises(WeightsError, match=r"evil\.pth.*refused"):
        load(path)
    assert not proof.exists()


@pytest.mark.parametrize("content", [[1, 2], {"a": "text"}, {"generator": {"a": 1.0}}])
def test_pickles_of_other_things_are_refused(tmp_path: Path, content: Any) -> None:
    torch.save(content, tmp_path / "odd.pth")
    with pytest.raises(WeightsError, match=r"odd\.pth"):
        open_checkpoint(tmp_path / "odd.pth")


def test_missing_file_and_folder_in_its_place_are_refused(path: Path) -> None:
    with pytest.raises(WeightsError, match=r"toy\."):
        load(path)
    path.mkdir()
    with pytest.raises(WeightsError, match=r"toy\."):
        load(path)
