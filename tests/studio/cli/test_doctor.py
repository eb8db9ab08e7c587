"""`ovi doctor`: every finding has a state and, unless all is well, a remedy; no value leaks."""

import json
import subprocess
import sys

import pytest

from ovi.spec.variants import variant_named
from ovi.weights import manifest
from ovi_studio.actions import doctor
from ovi_studio.actions.doctor import (
    Status,
    check_api,
    check_disk,
    check_queue,
    check_weights,
    judge_diagnosis,
)
from ovi_studio.project.config import load_config
from ovi_studio.report.doctor import finding_text, findings_data, findings_summary
from tests.engine.weights.weight_bytes import safetensors_bytes, torch_bytes
from tests.studio.cli.command import COMMAND, environment

SMALL = variant_named("720x720_5s")
SOUND = {
    "torch": {
        "version": "2.13.0",
        "cuda_version": "13.0",
        "device": "cuda:0",
        "devices": [
            {"name": "Card", "capability": "9.0", "memory_bytes": 2**33, "free_bytes": 2**32}
        ],
        "attention": {"available": ["cudnn", "sdpa"], "absent": {"flash3": "it is missing"}},
        "arithmetic": {"is_right": True},
        "dtype": "bfloat16",
    },
    "encoder": {"path": "/bin/ffmpeg", "version": "9", "encoders": {"libx264": True, "aac": True}},
}


def run_doctor(folder, *arguments, **variables):
    home = {name: str(folder / "home") for name in ("HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME")}
    return subprocess.run(
        [*COMMAND, "doctor", *arguments],
        cwd=folder,
        env={**environment(), **home, **variables},
        text=True,
        capture_output=True,
        check=False,
    )


def states(findings):
    return {finding.check: finding.status for finding in findings}


def changed(part, **facts):
    return {**SOUND, part: {**SOUND[part], **facts}}


def test_healthy_project_exits_with_0_and_shows_no_value(tmp_path):
    done = run_doctor(tmp_path, "--json", HF_TOKEN="hf_secret", OPENAI_API_KEY="sk-secret")
    assert done.returncode == 0, done.stdout + done.stderr
    document = json.loads(done.stdout)
    assert document["is_well"] is True
    checks = {entry["check"] for entry in document["findings"]}
    assert {
        "Python", "torch", "GPU", "attention", "encoder", "output disk", "weights disk",
        "weights nano", "weights 720x720_5s", "queue", "cache", "API settings",
    } <= checks  # fmt: skip
    assert "HF_TOKEN" in done.stdout
    assert "OPENAI_API_KEY" in done.stdout
    assert "secret" not in done.stdout + done.stderr
    assert not list(tmp_path.iterdir())  # it looks and leaves nothing


def test_missing_weights_of_the_configured_variant_are_an_error(tmp_path):
    (tmp_path / "ovi.toml").write_text('[render]\nvariant = "720x720_5s"\n')
    done = run_doctor(tmp_path)
    assert done.returncode == 1
    assert "ERROR    weights 720x720_5s" in done.stdout
    assert "-> ovi weights download 720x720_5s" in done.stdout
    assert "ERROR    weights 960x960_5s" not in done.stdout


def test_command_line_does_not_load_torch(tmp_path):
    code = (
        "import sys; from ovi_studio.cli.doctor import doctor; doctor();"
        "sys.exit(any(n in sys.modules for n in ('torch', 'numpy', 'rich')))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=environment(), capture_output=True,
        text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


def test_sound_machine_has_no_complaint():
    findings = list(judge_diagnosis(SOUND))
    assert set(states(findings).values()) == {Status.OK}
    assert any("it is missing" in finding.message for finding in findings)
    assert any("8.0 GiB, 4.0 free" in finding.message for finding in findings)
    assert findings_summary(findings) == "All is well."


@pytest.mark.parametrize(
    ("facts", "check", "status", "remedy"),
    [
        ({"missing": True}, "torch", Status.WARNING, "ovi-studio[engine]"),
        ({"error": "it ended with code -11: no word"}, "torch", Status.ERROR, "diagnose"),
        (
            {**SOUND, "torch": {"error": "ImportError: libcudart"}},
            "torch", Status.ERROR, "force-reinstall",
        ),
        (changed("torch", arithmetic={"error": "no kernel"}), "arithmetic", Status.ERROR, "driver"),
        (changed("torch", arithmetic={"is_right": False}), "arithmetic", Status.ERROR, "driver"),
        (changed("torch", attention={"error": "x"}), "attention", Status.ERROR, "math"),
        ({**SOUND, "encoder": {"error": "no ffmpeg"}}, "encoder", Status.ERROR, "imageio-ffmpeg"),
        (
            changed("encoder", encoders={"libx264": False, "aac": True}),
            "encoder", Status.ERROR, "IMAGEIO_FFMPEG_EXE",
        ),
    ],
)  # fmt: skip
def test_fault_is_named_with_its_remedy(facts, check, status, remedy):
    found = [f for f in judge_diagnosis(facts) if f.status is not Status.OK]
    assert [(f.check, f.status) for f in found] == [(check, status)]
    assert remedy in found[0].remedy
    assert remedy in finding_text(found[0])
    assert findings_data(found)["is_well"] is (status is not Status.ERROR)


@pytest.mark.parametrize(("cuda", "remedy"), [("13.0", "driver"), (None, "CUDA build")])
def test_gpu_that_torch_does_not_see_is_a_warning(monkeypatch, cuda, remedy):
    monkeypatch.setattr(doctor.shutil, "which", lambda _: "/usr/bin/nvidia-smi")
    facts = changed("torch", device="cpu", devices=[], cuda_version=cuda)
    (found,) = [f for f in judge_diagnosis(facts) if f.status is not Status.OK]
    assert (found.check, found.status) == ("torch", Status.WARNING)
    assert remedy in found.remedy


def test_crash_of_the_diagnosis_is_an_error_not_a_crash(monkeypatch, tmp_path):
    crashing = tmp_path / "python"
    crashing.write_text("#!/bin/sh\nkill -SEGV $$\n")
    crashing.chmod(0o755)
    monkeypatch.setattr(doctor.sys, "executable", str(crashing))
    facts = doctor.diagnose()
    assert "code -11" in facts["error"]


def test_little_room_warns_and_none_is_an_error(monkeypatch, tmp_path):
    for free, status in ((2e9, Status.OK), (5e8, Status.WARNING), (1e6, Status.ERROR)):
        monkeypatch.setattr(doctor, "free_bytes", lambda _, free=free: free)
        assert check_disk("output disk", tmp_path / "not" / "yet").status is status
    monkeypatch.setattr(doctor, "_is_writable", lambda _: False)
    assert check_disk("output disk", tmp_path).status is Status.ERROR


def test_damaged_weights_are_an_error_whoever_needs_them(tmp_path):
    for name in ("Ovi/model.safetensors", "MMAudio/ext_weights/v1-16.pth",
                 "MMAudio/ext_weights/best_netG.pt", "Wan2.2-TI2V-5B/Wan2.2_VAE.pth",
                 "Wan2.2-TI2V-5B/models_t5_umt5-xxl-enc-bf16.pth",
                 "Wan2.2-TI2V-5B/google/umt5-xxl/tokenizer.json"):  # fmt: skip
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(safetensors_bytes() if path.suffix == ".safetensors" else torch_bytes())
    found = {f.check: f for f in check_weights(SMALL, None, tmp_path)}
    assert found["weights 720x720_5s"].status is Status.OK
    assert found["weights 960x960_5s"].status is Status.OK  # absent, and not asked for
    (tmp_path / "Ovi/model.safetensors").write_bytes(safetensors_bytes()[:-1])
    found = {f.check: f for f in check_weights(variant_named("nano"), None, tmp_path)}
    assert found["weights 720x720_5s"].status is Status.ERROR
    assert "model.safetensors holds" in found["weights 720x720_5s"].message


def test_nano_is_there_and_where_it_is_not_says_how_it_comes(tmp_path, monkeypatch):
    nano = variant_named("nano")

    def finding():
        return {f.check: f for f in check_weights(nano, None, tmp_path)}["weights nano"]

    assert finding().status is Status.OK
    assert "5 components" in finding().message
    monkeypatch.setattr(manifest, "NANO_DIR", tmp_path)
    assert finding().status is Status.WARNING
    assert "random weights" in finding().message
    assert finding().remedy == "Install ovi-studio again."
    for path in manifest.nano_paths().values():
        path.write_bytes(safetensors_bytes()[:-1])
    assert finding().status is Status.ERROR
    assert "install ovi-studio again" in finding().remedy
    path.unlink()
    assert finding().status is Status.ERROR
    assert "download" not in finding().remedy


def test_queue_that_does_not_open_is_an_error(tmp_path):
    path = tmp_path / ".ovi" / "queue.sqlite3"
    assert check_queue(path).status is Status.OK
    assert not path.exists()
    path.parent.mkdir()
    path.write_bytes(b"no database at all" * 100)
    found = check_queue(path)
    assert found.status is Status.ERROR
    assert found.remedy


def test_api_settings_are_named_and_misspelt_ones_reported(tmp_path):
    (tmp_path / "ovi.toml").write_text('[llm.local]\napi_key_env = "MY_KEY"\n')
    variables = {"OPENAI_API_KEY": "sk-1", "OVI_VARIENT": "nano", "PATH": "/bin", "HF_TOKEN": ""}
    config = load_config(tmp_path, {})
    found = list(check_api(config, variables))
    assert found[0].message == "Set: OPENAI_API_KEY, OVI_VARIENT."
    assert states(found)["connection local"] is Status.WARNING
    assert any("OVI_VARIENT is set and means nothing" in f.message for f in found)
    assert not any("sk-1" in f.message + f.remedy for f in found)
    assert "connection local" not in states(check_api(config, {"MY_KEY": "x"}))
