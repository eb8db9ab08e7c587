"""Rates of machines: kept, found again, expected; and the seconds that follow from them."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from ovi.spec.geometry import FrameSize
from ovi.spec.memory import RenderShape
from ovi.spec.placement import HostMemory, Offload, Placement
from ovi.spec.rates import Rates, expected_rates, rates_for, read_rates, save_rates
from ovi.spec.request import Guidance, Precision, Sampling, TransformerPrecision, VaeTiling
from ovi.spec.seconds import correction_key, forward_seconds, render_seconds
from ovi.spec.variants import VARIANTS

H100 = Rates(
    device="NVIDIA H100 80GB HBM3", matmul=755e12, attention=596e12, convolution_fp32=363e12,
    convolution_bf16=640e12, memory=2.83e12, pinned=52.7e9, pageable=7.5e9, is_measured=True,
)  # fmt: skip
"""As measured in docs/performance.md."""


def shape(name: str, size: str, **changes: object) -> RenderShape:
    plain = RenderShape(
        variant=VARIANTS[name], size=FrameSize.parse(size), precision=Precision(),
        vae_tiling=None, placement=Placement(),
    )  # fmt: skip
    return replace(plain, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "size", "measured"),
    [
        ("720x720_5s", "704x704", 0.581),
        ("960x960_5s", "704x1280", 1.242),
        ("960x960_10s", "704x1280", 3.393),
    ],
)
def test_a_forward_takes_what_was_measured(name: str, size: str, measured: float) -> None:
    assert forward_seconds(shape(name, size), H100) == pytest.approx(measured, rel=0.05)


@pytest.mark.parametrize(
    ("vae", "side", "measured"),
    [("fp32", None, 4.55), ("bf16", None, 31 * 0.0906), ("bf16", 384, 31 * 0.1092)],
)
def test_decoding_takes_what_was_measured(vae: str, side: int | None, measured: float) -> None:
    plan = shape(
        "720x720_5s", "704x704", precision=Precision(video_vae=TransformerPrecision(vae)),
        vae_tiling=None if side is None else VaeTiling(side=side),
    )  # fmt: skip
    found = render_seconds(plan, Sampling(), Guidance(), H100)
    assert found.picture == pytest.approx(measured, rel=0.05)
    assert found.sound == pytest.approx(0.442, rel=0.1)


def test_eight_bits_cost_their_unpacking() -> None:
    plain = shape("720x720_5s", "704x704")
    int8 = replace(plain, precision=Precision(transformer=TransformerPrecision.INT8))
    added = forward_seconds(int8, H100) - forward_seconds(plain, H100)
    assert added == pytest.approx(0.040, rel=0.1)


def seconds(plan: RenderShape, rates: Rates = H100, num_steps: int = 50) -> float:
    sampling = Sampling(num_steps=num_steps)
    return render_seconds(plan, sampling, Guidance(), rates).denoise


def test_time_follows_steps_passes_and_what_hides() -> None:
    plan = shape("720x720_5s", "704x704")
    one, two = seconds(plan, num_steps=10), seconds(plan, num_steps=20)
    assert two == pytest.approx(2 * one)
    assert one == pytest.approx(10 * forward_seconds(plan, H100) * (2 - 1 / 30))
    streamed = replace(plan, placement=Placement(offload=Offload.BLOCKS))
    assert seconds(streamed) < 1.1 * seconds(plan), "computing hides the copies"
    slow = replace(H100, pinned=5e9)
    bound = render_seconds(streamed, Sampling(), Guidance(), slow)
    assert bound.denoise == pytest.approx(50 * (2 - 1 / 30) * 21.9e9 / 5e9, rel=0.05)
    assert bound.streamed_bytes > 50 * 1.9 * 21.9e9
    mapped = Placement(offload=Offload.BLOCKS, host_memory=HostMemory.MAPPED)
    assert seconds(replace(plan, placement=mapped)) > 3 * seconds(streamed)
    fewer = replace(plan, placement=Placement(offload=Offload.BLOCKS, resident_blocks=15))
    assert seconds(fewer, slow) == pytest.approx(bound.denoise / 2, rel=0.05)


def test_gpus_share_passes_and_pictures() -> None:
    plan = shape("960x960_10s", "960x960")

    def taken(num_gpus: int) -> tuple[float, float]:
        spread = replace(plan, placement=Placement(num_gpus=num_gpus))
        found = render_seconds(spread, Sampling(), Guidance(), H100)
        return found.denoise, found.picture

    (one, picture), (two, halved), (four, _), (three, _) = map(taken, (1, 2, 4, 3))
    assert one / two == pytest.approx(2 - 1 / 30, rel=0.01), "each takes one of the two passes"
    assert 3.3 < one / four < 4
    assert 2.4 < one / three < 3
    assert picture / halved == pytest.approx(1.97, rel=0.02)


def test_measured_corrections_count_for_what_they_were_measured_on() -> None:
    plan = shape("720x720_5s", "704x704")
    slower = replace(H100, corrections={correction_key("denoise", plan): 1.5})
    assert seconds(plan, slower) == pytest.approx(1.5 * seconds(plan))
    int8 = replace(plan, precision=Precision(transformer=TransformerPrecision.INT8))
    assert seconds(int8, slower) == seconds(int8)


def test_rates_are_found_again_beside_those_of_other_devices(tmp_path: Path) -> None:
    file = tmp_path / "cache" / "rates.json"
    assert read_rates(file) == {}
    other = replace(H100, device="Other", corrections={"denoise nano bf16": 2.0})
    save_rates(H100, file)
    save_rates(other, file)
    assert read_rates(file) == {"NVIDIA H100 80GB HBM3": H100, "Other": other}
    save_rates(replace(other, matmul=1e12), file)
    assert read_rates(file)["Other"].matmul == 1e12
    assert [path.name for path in file.parent.iterdir()] == ["rates.json"]


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", '{"rates_version": 99, "devices": []}', '{"rates_version": 2, "devices": 3}',
     '{"rates_version": 2, "devices": [{"device": "x"}]}'],
)  # fmt: skip
def test_a_file_that_is_not_understood_says_nothing(tmp_path: Path, text: str) -> None:
    file = tmp_path / "rates.json"
    file.write_text(text)
    assert read_rates(file) == {}
    assert rates_for("Unheard Of", file) is None


@pytest.mark.parametrize("value", [0, -1.0, "fast", None])
def test_rates_that_cannot_be_are_dropped(tmp_path: Path, value: object) -> None:
    file = tmp_path / "rates.json"
    save_rates(H100, file)
    document = json.loads(file.read_text())
    document["devices"][0]["memory"] = value
    file.write_text(json.dumps(document))
    assert read_rates(file) == {}


def test_known_cards_are_expected_and_measured_ones_preferred(tmp_path: Path) -> None:
    file = tmp_path / "rates.json"
    known = rates_for("NVIDIA GeForce RTX 4070 Ti SUPER", file)
    assert known is not None
    assert not known.is_measured
    assert expected_rates("NVIDIA A100-SXM4-80GB") is not None
    assert expected_rates("Matrox Mystique") is None
    fast, slow = (expected_rates(f"NVIDIA GeForce RTX {number}") for number in (4090, 4060))
    assert fast is not None
    assert slow is not None
    assert fast.matmul > 3 * slow.matmul
    processor = rates_for("cpu", file)
    assert processor is not None
    assert processor.matmul < slow.matmul
    save_rates(H100, file)
    assert rates_for(H100.device, file) == H100


def test_the_expected_h100_is_near_the_measured_one() -> None:
    expected = expected_rates("NVIDIA H100 80GB HBM3")
    assert expected is not None
    plan = shape("960x960_5s", "704x1280")
    assert forward_seconds(plan, expected) == pytest.approx(forward_seconds(plan, H100), rel=0.1)
