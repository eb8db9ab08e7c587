"""`ovi weights quantize` as users run it, on a checkpoint folder of toy size."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from tests.engine.toy_checkpoints import write_toy_checkpoints
from tests.studio.cli.command import COMMAND, environment

VARIANT = "960x960_5s"
ORIGINAL = "Ovi/model_960x960.safetensors"
SAVED = "Ovi/model_960x960.ovi-int8.safetensors"
SAVED_TEXT = "Wan2.2-TI2V-5B/models_t5_umt5-xxl-enc-bf16.ovi-int8.safetensors"


@pytest.fixture(scope="module")
def shared_dir(tmp_path_factory):
    folder = tmp_path_factory.mktemp("toy")
    write_toy_checkpoints(folder)
    return folder


@pytest.fixture
def ckpts(shared_dir, tmp_path):
    """A folder to change."""
    return shutil.copytree(shared_dir, tmp_path / "ckpts")


def command(folder, *arguments):
    home = {name: str(folder / "home") for name in ("HOME", "XDG_CACHE_HOME")}
    return {
        "args": [*COMMAND, *map(str, arguments)],
        "cwd": folder,
        "env": {**environment(), **home},
        "stdin": subprocess.DEVNULL,
        "text": True,
    }


@pytest.fixture
def ovi(tmp_path, ckpts):
    """Runs the command in a folder that has the checkpoints."""
    assert ckpts.is_dir()

    def run(*arguments):
        return subprocess.run(**command(tmp_path, *arguments), capture_output=True, check=False)

    return run


def identity_planned(ovi):
    done = ovi(
        "render", "A cat.", "--variant", VARIANT, "--precision", "int8", "--dry-run", "--json"
    )
    assert done.returncode == 0, done.stderr
    (clip,) = json.loads(done.stdout)["clips"]
    return clip["identity"]


def test_made_files_are_listed_verified_found_and_used_for_the_same_clip(ovi, ckpts):
    before = identity_planned(ovi)
    made = ovi("weights", "quantize", VARIANT, "--json")
    assert made.returncode == 0, made.stderr
    files = json.loads(made.stdout)["files"]
    assert [Path(file["path"]) for file in files] == [ckpts / SAVED, ckpts / SAVED_TEXT]
    for file in files:
        assert file["is_there"]
        assert not file["was_there"]
        assert file["size_bytes"] == Path(file["path"]).stat().st_size
    assert identity_planned(ovi) == before, "the same clip, whatever it is made of"

    listed = json.loads(ovi("weights", "list", VARIANT, "--json").stdout)["components"]
    saved = [entry for entry in listed if entry["precision"] == "int8"]
    assert [Path(entry["path"]) for entry in saved] == [ckpts / SAVED, ckpts / SAVED_TEXT]
    assert {entry["licence"]["name"] for entry in saved} == {"Apache-2.0"}
    verified = ovi("weights", "verify", VARIANT)
    assert verified.returncode == 0, verified.stderr
    assert verified.stdout.count("as saved") == 2
    for component, path in (("fusion", SAVED), ("text_encoder", SAVED_TEXT)):
        shown = ovi("weights", "path", component, "--variant", VARIANT, "--precision", "int8")
        assert shown.stdout.strip() == str(ckpts / path)


def test_what_is_there_stays_until_the_original_changes(ovi, ckpts):
    assert ovi("weights", "quantize", VARIANT, "--component", "fusion").returncode == 0
    first = (ckpts / SAVED).read_bytes()
    again = ovi("weights", "quantize", VARIANT, "--component", "fusion")
    assert "was there" in again.stdout
    state = load_file(ckpts / ORIGINAL)
    save_file({key: tensor + torch.ones_like(tensor) for key, tensor in state.items()},
              ckpts / ORIGINAL)  # fmt: skip
    anew = ovi("weights", "quantize", VARIANT, "--component", "fusion")
    assert ", made" in anew.stdout
    assert (ckpts / SAVED).read_bytes() != first
    assert not (ckpts / SAVED_TEXT).exists()


def test_damage_is_found_and_mended(ovi, ckpts):
    assert ovi("weights", "quantize", VARIANT, "--component", "fusion").returncode == 0
    content = (ckpts / SAVED).read_bytes()
    (ckpts / SAVED).write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    found = ovi("weights", "verify", VARIANT)
    assert found.returncode == 1
    assert "has changed since it was saved" in found.stdout
    assert "ovi weights quantize" in found.stderr
    assert ovi("weights", "quantize", VARIANT, "--component", "fusion").returncode == 0
    assert (ckpts / SAVED).read_bytes() == content
    assert ovi("weights", "verify", VARIANT).returncode == 0


def test_dry_run_makes_nothing(ovi, ckpts):
    done = ovi("weights", "quantize", VARIANT, "--to", "fp8", "--dry-run")
    assert done.returncode == 0
    assert "ovi-fp8.safetensors" in done.stdout
    assert not list(ckpts.rglob("*ovi-*"))


def test_a_missing_original_is_named_with_the_command_that_brings_it(ovi, ckpts):
    (ckpts / ORIGINAL).unlink()
    done = ovi("weights", "quantize", VARIANT)
    assert done.returncode == 2
    assert ORIGINAL in done.stderr
    assert f"ovi weights download {VARIANT}" in done.stderr


def test_a_damaged_original_is_named_and_nothing_is_left(ovi, ckpts):
    original = ckpts / ORIGINAL
    original.write_bytes(original.read_bytes()[:-100])
    done = ovi("weights", "quantize", VARIANT, "--component", "fusion")
    assert done.returncode == 2
    assert f"{ORIGINAL}" in done.stderr
    assert "damaged" in done.stderr
    assert "Traceback" not in done.stderr
    assert not list(ckpts.rglob("*ovi-*"))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--to", "bf16"), "fp8 or int8"),
        (("--to", "int4"), "There is no precision"),
        (("--to", "fp8", "--component", "text_encoder"), "say --to int8"),
        (("--component", "vocoder"), "is not quantized"),
    ],
)
def test_wrong_use_exits_with_2(ovi, arguments, said):
    done = ovi("weights", "quantize", VARIANT, *arguments)
    assert done.returncode == 2
    assert said in done.stderr
    assert done.stdout == ""


def test_nano_needs_none(ovi):
    done = ovi("weights", "quantize", "nano")
    assert done.returncode == 0
    assert "nano needs no quantizing" in done.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="finds the process it kills in /proc")
def test_a_killed_process_leaves_the_old_file_and_the_next_try_works(ovi, ckpts, tmp_path):
    assert ovi("weights", "quantize", VARIANT, "--component", "fusion").returncode == 0
    content = (ckpts / SAVED).read_bytes()
    arguments = ("weights", "quantize", VARIANT, "--component", "fusion", "--force")
    running = subprocess.Popen(
        **command(tmp_path, *arguments), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    children = Path(f"/proc/{running.pid}/task/{running.pid}/children")
    while not (found := children.read_text().split()):
        assert running.poll() is None
        time.sleep(0.02)
    os.kill(int(found[0]), signal.SIGSTOP)
    refused = ovi(*arguments)
    os.kill(int(found[0]), signal.SIGKILL)
    _, talk = running.communicate(timeout=60)
    assert running.returncode == 2
    assert "broke off (exit code -9)" in talk
    assert (ckpts / SAVED).read_bytes() == content
    assert refused.returncode == 2
    assert "another process" in refused.stderr
    (ckpts / SAVED).with_name(f"{Path(SAVED).name}.part").write_bytes(b"what a kill leaves" * 9999)
    assert ovi(*arguments).returncode == 0
    assert (ckpts / SAVED).read_bytes() == content
    assert not list(ckpts.rglob("*.part"))
