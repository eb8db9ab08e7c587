"""The benchmark on `nano`: what it reports, and what it refuses. Its times are not looked at."""

import json
import math
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ovi.bench.__main__ import main
from ovi.spec.rates import rates_for, read_rates
from ovi.spec.variants import VARIANTS

ROOT = Path(__file__).parents[3]

ON_CPU = ("--device", "cpu", "--no-save")


def run(module: str, *arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Runs a module as a user does, on one core."""
    return subprocess.run(
        [sys.executable, "-m", module, *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        text=True,
        capture_output=True,
        check=False,
    )


def refuse(constant: str) -> None:
    pytest.fail(f"{constant} is no JSON")


def names_of(entries: list[dict[str, Any]]) -> list[str]:
    return [entry["name"] for entry in entries]


def test_report_has_every_stage_and_only_finite_numbers(tmp_path: Path) -> None:
    ended = run("ovi.bench", "--steps", "2", "--repeats", "2", "--json", *ON_CPU, folder=tmp_path)
    assert ended.returncode == 0, ended.stderr
    report = json.loads(ended.stdout, parse_constant=refuse)
    assert list(report) == [
        "schema", "machine", "settings", "ceilings", "stages", "plan", "rates_file",
    ]  # fmt: skip
    assert report["rates_file"] is None
    assert 0 < report["plan"]["tensor_bytes"] < report["plan"]["device_bytes"]
    assert report["machine"]["device"] == "cpu"
    assert report["machine"]["threads"] == 1
    settings = report["settings"]
    assert (settings["variant"], settings["size"], settings["steps"]) == ("nano", "128x128", 2)
    assert settings["video_tokens"] == 12 * 4 * 4
    assert settings["audio_tokens"] == VARIANTS["nano"].num_audio_latents
    assert settings["precision"] == "fp32"
    assert len(report["ceilings"]) == 5, "no way from a host"
    for ceiling in report["ceilings"]:
        assert math.isfinite(ceiling["value"])
        assert ceiling["value"] > 0
        assert ceiling["unit"] in ("TFLOP/s", "GB/s")
    assert names_of(report["stages"]) == [
        "load", "forward", "text", "denoise, 2 steps", "sound", "picture", "picture into mp4",
    ]  # fmt: skip
    for stage in report["stages"]:
        assert math.isfinite(stage["seconds"])
        assert stage["seconds"] > 0
        assert stage["peak_memory_bytes"] is None, "only a GPU counts it"
    repeats = {stage["name"]: stage["repeats"] for stage in report["stages"]}
    assert (repeats["forward"], repeats["sound"]) == (2, 1)
    assert list(tmp_path.iterdir()) == [], "the clip was for timing only"


def test_forward_only_leaves_the_other_stages_out(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--forward-only", "--repeats", "1", *ON_CPU]) == 0
    *_, load, forward = capsys.readouterr().out.splitlines()
    assert load.split()[0] == "load"
    assert forward.split()[0] == "forward"
    assert forward.endswith(" s")


def test_rates_are_kept_for_plans_and_used_by_them(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert main(["--repeats", "1", "--steps", "1", "--no-mp4", "--device", "cpu"]) == 0
    file = tmp_path / "ovi-studio" / "rates.json"
    assert capsys.readouterr().out.splitlines()[-1] == f"Kept for `ovi plan`: {file}"
    rates = read_rates(file)["cpu"]
    assert rates.is_measured
    assert set(rates.corrections) == {
        "denoise nano fp32", "picture nano fp32", "sound nano fp32",
    }  # fmt: skip
    assert rates_for("cpu", file) == rates


def test_a_profile_sets_what_is_measured_and_options_win(
    capsys: pytest.CaptureFixture[str],
) -> None:
    command = ["--repeats", "1", "--steps", "1", "--no-mp4", "--json", *ON_CPU]
    assert main([*command, "--profile", "6gb", "--vae-precision", "fp32"]) == 0
    report = json.loads(capsys.readouterr().out)
    settings = report["settings"]
    assert (settings["precision"], settings["vae_precision"]) == ("int8", "fp32")
    assert (settings["offload"], settings["tile_side"]) == ("blocks", 384)
    assert names_of(report["stages"]) == ["load", "text", "denoise, 1 steps", "sound", "picture"]


def test_unknown_variant_lists_the_known_ones(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--variant", "big"])
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert "'big'" in said
    assert all(name in said for name in VARIANTS)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--steps", "0"], "0 steps cannot be taken"),
        (["--repeats", "0"], "0 repeats measure nothing: use 1 or more."),
        (["--size", "128"], "'128' is not a size"),
        (["--device", "gpu"], "no device 'gpu'"),
        (["--memory-limit", "8"], "--memory-limit needs an NVIDIA GPU"),
        (["--variant", "720x720_5s", "--ckpt-dir", "nowhere"], "720x720_5s are missing"),
    ],
)
def test_wrong_use_is_a_sentence_and_exit_code_2(
    capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    assert main([*ON_CPU, *arguments]) == 2
    captured = capsys.readouterr()
    assert said in captured.err
    assert captured.out == ""


def test_the_studio_passes_options_and_exit_code_on(tmp_path: Path) -> None:
    ended = run("ovi_studio", "bench", "--steps", "0", folder=tmp_path)
    assert ended.returncode == 2
    assert ended.stderr == "0 steps cannot be taken: use 1 to 1000, 50 is usual.\n"
