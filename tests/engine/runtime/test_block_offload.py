"""A model by blocks gives what the whole model gives, bit for bit, and is unharmed after it."""

import random
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from ovi.models.fusion.block import run_fusion_block
from ovi.models.fusion.model import FusionModel
from ovi.models.nano import NANO_CONFIGS
from ovi.models.text_encoder.encode import embed_separately, embed_tokens
from ovi.models.text_encoder.model import TextEncoder
from ovi.models.text_encoder.tokenizer import ByteTokenizer
from ovi.runtime import block_offload
from ovi.runtime.block_offload import (
    FUSION,
    REST,
    TEXT_ENCODER,
    BlockOffload,
    BlockParking,
    evenly_spread,
    fusion_blocks,
    offload_fusion,
    offload_text_encoder,
)
from ovi.runtime.components import load_components
from ovi.runtime.loading import STAYS, place_tensors
from ovi.runtime.parcel import Parcel
from ovi.runtime.quantize import store_int8
from ovi.runtime.random_weights import fill_random
from ovi.runtime.staging import Staging
from ovi.runtime.streaming import send_at_once
from ovi.spec.placement import HostMemory, Offload, Placement
from ovi.spec.request import Precision, TransformerPrecision
from ovi.spec.variants import variant_named
from ovi.weights.manifest import FUSION_PATHS
from tests.engine.runtime.tiny_fusion import (
    NUM_BLOCKS,
    STORES,
    assert_identical,
    passes,
    tiny_fusion,
)
from tests.engine.toy_checkpoints import write_toy_checkpoints

CPU = torch.device("cpu")
TEXTS = ("A cat speaks.", "Two dogs answer, at length and at once.", "")


def offloaded(
    model: FusionModel,
    *,
    is_mapped: bool = False,
    resident_blocks: int = 0,
    piece_bytes: int = 4096,
    device: torch.device = CPU,
) -> BlockOffload:
    """The model by blocks, parked in flat buffers or where it lies."""
    if is_mapped:
        staging = Staging(device, piece_bytes=piece_bytes)
        return offload_fusion(model, device, resident_blocks, staging)
    parking = BlockParking(FUSION, NUM_BLOCKS, device)
    parking.park_all(model)
    parking.close()
    return offload_fusion(model, device, resident_blocks, parking.parcels)


@pytest.mark.parametrize("storage", STORES)
@pytest.mark.parametrize("is_mapped", [False, True])
def test_results_are_those_of_the_whole_model(storage: str, is_mapped: bool) -> None:
    wanted = passes(tiny_fusion(storage))
    for resident_blocks in (0, 1, 4, NUM_BLOCKS, NUM_BLOCKS + 2):
        model = tiny_fusion(storage)
        offload = offloaded(model, is_mapped=is_mapped, resident_blocks=resident_blocks)
        for _ in range(2):  # clips
            with offload.visit():
                assert_identical(passes(model), wanted)


def test_random_sequences_of_passes() -> None:
    chance = random.Random(0)
    whole, model = tiny_fusion(), tiny_fusion()
    for _ in range(15):
        offload = offload_fusion(
            model,
            CPU,
            chance.randint(0, NUM_BLOCKS),
            Staging(CPU, piece_bytes=chance.choice((64, 1000, 5000, 10**6))),
        )
        skips = [chance.choice((None, *range(NUM_BLOCKS + 1))) for _ in range(4)]
        with offload.visit():
            assert_identical(passes(model, skips), passes(whole, skips))


@pytest.mark.parametrize("is_mapped", [False, True])
def test_only_slots_and_resident_blocks_are_on_the_device(is_mapped: bool) -> None:
    model = tiny_fusion()
    offload = offloaded(model, is_mapped=is_mapped, resident_blocks=2)
    seen: dict[int, list[int]] = {}

    def watch(*arguments: Any) -> tuple[Tensor, Tensor]:
        number = [id(block) for block, _ in fusion_blocks(model)].index(id(arguments[0]))
        memory = {p.untyped_storage().data_ptr() for p in arguments[0].parameters()}
        memory |= {p.untyped_storage().data_ptr() for p in arguments[1].parameters()}
        seen.setdefault(number, []).extend(memory)
        return run_fusion_block(*arguments)

    model.run_block = watch
    homes = {p.untyped_storage().data_ptr() for p in model.parameters()}
    with offload.visit():
        passes(model, [None, None])
    assert sorted(seen) == list(range(NUM_BLOCKS))
    assert not homes & {address for addresses in seen.values() for address in addresses}
    # One piece of memory each: a block travels in one copy, and a resident one does not travel.
    assert all(len(set(seen[number])) == 1 for number in (0, 3))
    streamed = {address for number in (1, 2, 4, 5) for address in seen[number]}
    assert len(streamed) == 2


def test_resident_blocks_travel_once_a_visit_and_others_once_a_pass(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sent: list[int] = []

    def record(parcel: Parcel, target: Tensor) -> None:
        sent.append(id(parcel.homes[0]))
        send_at_once(parcel, target)

    monkeypatch.setattr(block_offload, "send_at_once", record)
    model = tiny_fusion()
    offload = offloaded(model, resident_blocks=2)
    with offload.visit():
        passes(model, [None, 4, None])  # blocks 0 and 3 are the resident ones
    firsts = [next(video.parameters()) for video, _ in fusion_blocks(model)]
    times = [sent.count(id(first)) for first in firsts]
    assert times == [1, 4, 4, 1, 2, 3]  # 1 and 2 were coming for a fourth pass


@pytest.mark.parametrize("is_mapped", [False, True])
def test_model_is_unharmed_by_errors_in_the_middle(is_mapped: bool) -> None:
    wanted = passes(tiny_fusion())
    model = tiny_fusion()
    offload = offloaded(model, is_mapped=is_mapped, resident_blocks=1)
    homes = {name: p.data_ptr() for name, p in model.named_parameters()}
    calls = 0

    def fail_sometimes(*arguments: Any) -> tuple[Tensor, Tensor]:
        nonlocal calls
        calls += 1
        if calls == 4:
            raise RuntimeError("out of memory")
        return run_fusion_block(*arguments)

    model.run_block = fail_sometimes

    def visit_that_fails() -> None:
        with offload.visit():
            passes(model)

    def visit_that_goes_on() -> None:
        nonlocal calls
        with offload.visit():
            with pytest.raises(RuntimeError, match="out of memory"):
                passes(model)
            assert_identical(passes(model), wanted)
            calls = 3
            passes(model)

    for visit in (visit_that_fails, visit_that_goes_on, visit_that_fails):
        calls = 0
        with pytest.raises(RuntimeError, match="out of memory"):
            visit()
        assert {name: p.data_ptr() for name, p in model.named_parameters()} == homes
        assert model.run_block is fail_sometimes
        assert not model._forward_pre_hooks
    with offload.visit():
        assert_identical(passes(model), wanted)


def test_parked_parts_leave_before_the_next_one_comes() -> None:
    """While a model is loaded, the device holds one part of it."""
    whole = tiny_fusion("fp32")
    with torch.device("meta"):
        model = FusionModel(whole.config)
    parking = BlockParking(FUSION, NUM_BLOCKS, CPU)
    parked: list[int] = []

    class Watched:
        part_of = parking.part_of

        def park(self, loaded: nn.Module, part: int) -> None:
            parked.append(part)
            for name, parameter in loaded.named_parameters():
                assert parameter.is_meta == (parking.part_of(name) > part), name
            parking.park(loaded, part)

    state = sorted(whole.state_dict().items(), key=lambda item: parking.part_of(item[0]))
    place_tensors(model, state, device=CPU, dtype=torch.float32, parking=Watched())
    assert parked == [REST, *range(NUM_BLOCKS)]
    # Every block in one flat buffer of its own, and nothing else.
    for part, parcel in parking.parcels.items():
        assert parcel.flat is not None
        start, end = parcel.flat.data_ptr(), parcel.flat.data_ptr() + parcel.nbytes
        for name, parameter in model.named_parameters():
            assert (start <= parameter.data_ptr() < end) == (parking.part_of(name) == part), name
    assert_identical(passes(model), passes(whole))


def test_resident_blocks_are_spread() -> None:
    assert evenly_spread(0, 30) == set()
    assert evenly_spread(3, 30) == {0, 10, 20}
    assert evenly_spread(40, 30) == set(range(30))
    for count in range(31):
        assert len(evenly_spread(count, 30)) == count


@pytest.fixture(params=["fp32", "int8"])
def encoder(request: pytest.FixtureRequest) -> TextEncoder:
    model = TextEncoder(NANO_CONFIGS.text_encoder)
    fill_random(model, seed=0)
    if request.param == "int8":
        model = store_int8(model.bfloat16())
    return model.requires_grad_(False).eval()


def test_texts_share_one_pass_over_the_layers(
    encoder: TextEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokenizer = ByteTokenizer(NANO_CONFIGS.text_encoder.text_len)
    batches = [tokenizer.encode([text]) for text in TEXTS]
    sent: list[int] = []
    send = Staging.send
    parts = {}

    def record(ring: Staging, parcel: Parcel, target: Tensor) -> None:
        sent.append(id(parcel))
        parts[id(parcel)] = parcel
        send(ring, parcel, target)

    monkeypatch.setattr(Staging, "send", record)
    with torch.inference_mode():
        wanted = [embed_tokens(encoder, batch, CPU)[0] for batch in batches]
        offload = offload_text_encoder(encoder, CPU, Staging(CPU, piece_bytes=10_000))
        with offload.visit():
            assert_identical(embed_separately(encoder, batches, CPU), wanted)
    num_layers = NANO_CONFIGS.text_encoder.num_layers
    firsts = {id(next(layer.parameters())) for layer in encoder.layers}
    layers = [number for number in sent if id(parts[number].homes[0]) in firsts]
    assert len(set(layers)) == num_layers
    assert len(layers) <= num_layers + 2  # and the first ones, for a pass that never came
    table = encoder.token_embedding.weight
    assert all(table is not home for parcel in parts.values() for home in parcel.homes)


def test_parked_text_encoder_gives_the_same_embeddings(encoder: TextEncoder) -> None:
    tokenizer = ByteTokenizer(NANO_CONFIGS.text_encoder.text_len)
    batches = [tokenizer.encode([text]) for text in TEXTS]
    table = encoder.token_embedding.weight
    with torch.inference_mode():
        wanted = embed_separately(encoder, batches, CPU)
        parking = BlockParking(TEXT_ENCODER, len(encoder.layers), CPU)
        parking.park_all(encoder)
        parking.close()
        offload = offload_text_encoder(encoder, CPU, parking.parcels)
        for _ in range(2):
            with offload.visit():
                assert_identical(embed_separately(encoder, batches, CPU), wanted)
    assert encoder.token_embedding.weight is table
    assert parking.part_of("token_embedding.weight") == STAYS
    assert all(table is not home for parcel in parking.parcels.values() for home in parcel.homes)


def test_words_are_looked_up_where_their_table_is() -> None:
    encoder = TextEncoder(NANO_CONFIGS.text_encoder)
    keys = set(encoder.state_dict())
    offload_text_encoder(encoder, CPU, Staging(CPU))
    assert set(encoder.state_dict()) == keys


@pytest.fixture(scope="module")
def ckpt_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("ckpts")
    write_toy_checkpoints(folder)
    return folder


def result_from_files(ckpt_dir: Path, precision: str, **placement: Any) -> list[Tensor]:
    """What the toy transformer and text encoder of a folder compute."""
    text_precision = "int8" if precision == "int8" else "bf16"
    components = load_components(
        ("fusion", "text_encoder"),
        variant_named("720x720_5s"),
        Precision(TransformerPrecision(precision), TransformerPrecision(text_precision)),
        Placement(device="cpu", **placement),
        CPU,
        ckpt_dir,
    )
    fusion, encoder = components.modules["fusion"], components.modules["text_encoder"]
    generator = torch.Generator().manual_seed(0)
    video = torch.randn(1, 48, 2, 4, 4, generator=generator).bfloat16()
    audio = torch.randn(1, 9, 20, generator=generator).bfloat16()
    batches = [ByteTokenizer(512).encode([text]) for text in TEXTS]
    with torch.inference_mode():
        with components.on_device(encoder):
            texts = embed_separately(encoder, batches, CPU)
        with components.on_device(fusion):
            for step in (900, 500):
                video, audio = fusion(
                    video, audio, torch.tensor([step]), texts[0][None], texts[1][None]
                )
    return [video, audio, *texts]


@pytest.mark.parametrize("precision", ["bf16", "fp8", "int8"])
def test_weights_from_files_compute_the_same_wherever_they_wait(
    ckpt_dir: Path, precision: str
) -> None:
    wanted = result_from_files(ckpt_dir, precision)
    placements: tuple[dict[str, Any], ...] = (
        {"offload": Offload.MODEL},
        {"offload": Offload.BLOCKS},
        {"offload": Offload.BLOCKS, "resident_blocks": 1},
        {"offload": Offload.BLOCKS, "host_memory": HostMemory.MAPPED},
    )
    for placement in placements:
        assert_identical(result_from_files(ckpt_dir, precision, **placement), wanted)


def test_mapped_weights_stay_in_the_file(ckpt_dir: Path) -> None:
    components = load_components(
        ("fusion",),
        variant_named("720x720_5s"),
        Precision(),
        Placement(device="cpu", offload=Offload.BLOCKS, host_memory=HostMemory.MAPPED),
        CPU,
        ckpt_dir,
    )
    path = str(ckpt_dir / FUSION_PATHS["720x720_5s"])
    maps = [line for line in Path("/proc/self/maps").read_text().splitlines() if path in line]
    spans = [[int(end, 16) for end in line.split()[0].split("-")] for line in maps]
    for parameter in components.modules["fusion"].parameters():
        assert any(start <= parameter.data_ptr() < end for start, end in spans)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("storage", ["bf16", "fp8", "int8"])
@pytest.mark.parametrize("is_mapped", [False, True])
def test_results_on_the_gpu_are_those_of_the_whole_model(storage: str, is_mapped: bool) -> None:
    device = torch.device("cuda", 0)
    skips = [None, 3] * 3
    wanted = passes(tiny_fusion(storage).to(device), skips, device)
    for resident_blocks in (0, 2):
        model = tiny_fusion(storage)
        offload = offloaded(
            model, is_mapped=is_mapped, resident_blocks=resident_blocks, device=device
        )
        for _ in range(2):
            with offload.visit():
                assert_identical(passes(model, skips, device), wanted)
        assert all(p.device.type == "cpu" for p in model.parameters())
        assert all(p.is_pinned() for p in model.parameters()) or is_mapped
