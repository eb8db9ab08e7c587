"""`ovi weights` as users run it, against a hub on loopback."""

import json
import signal
import subprocess
import threading
import time

import pytest

from ovi.spec.request import Precision
from ovi.spec.variants import variant_named
from ovi.weights import manifest
from ovi.weights.manifest import MODEL_NAMES, components_of, nano_paths
from ovi.weights.wanted import wanted_files
from ovi_studio.actions.weights import list_components, verify_files
from ovi_studio.report.weights import missing_text, repair_text
from tests.engine.weights.hub_server import HubServer
from tests.engine.weights.weight_bytes import safetensors_bytes, torch_bytes
from tests.studio.cli.command import COMMAND, environment

VARIANT = "720x720_5s"


@pytest.fixture
def server():
    """A hub that has everything of one variant."""
    hub = HubServer()
    for file in wanted_files(components_of(variant_named(VARIANT), Precision())):
        if file.path.endswith(".safetensors"):
            hub.publish(file.source, file.source_path, safetensors_bytes(), drops=1)
        elif file.path.endswith((".pth", ".pt")):
            hub.publish(file.source, file.source_path, torch_bytes())
        elif file.path.endswith("tokenizer.json"):
            hub.publish(file.source, file.source_path, b"{}", is_large=False)
    yield hub
    hub.close()


@pytest.fixture
def weights(tmp_path, server):
    """Runs `ovi weights` in an empty folder whose hub is the server."""

    def run(*arguments):
        return subprocess.run(
            **command(tmp_path, server, arguments), text=True, capture_output=True, check=False
        )

    return run


def command(folder, server, arguments):
    """How `ovi weights` is started, with a home of its own."""
    home = {name: str(folder / "home") for name in ("HOME", "XDG_CACHE_HOME", "HF_HOME")}
    return {
        "args": [*COMMAND, "weights", *map(str, arguments)],
        "cwd": folder,
        "env": {**environment(), **home, "HF_ENDPOINT": server.endpoint},
        "stdin": subprocess.DEVNULL,
    }


@pytest.fixture
def halted(server, tmp_path):
    """A running download that has half of its largest file, 12 MB, and waits for the rest."""
    name = "chetwinlow1/Ovi/model.safetensors"
    file = server.publish("chetwinlow1/Ovi", "model.safetensors", safetensors_bytes(3_000_000))
    file.stalls = threading.Event()
    process = subprocess.Popen(
        **command(tmp_path, server, ("download", VARIANT, "-y")),
        stderr=subprocess.DEVNULL,
        # A test run in the background would hand its deafness to SIGINT on.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    folder = tmp_path / "ckpts" / "Ovi"
    while not any(path.stat().st_size for path in folder.glob("*.part")):
        assert process.poll() is None
        time.sleep(0.02)
    yield process, server.files[name]
    file.stalls.set()
    process.kill()
    process.wait()


def test_killed_download_goes_on_where_it_was(weights, server, halted, tmp_path):
    process, file = halted
    process.kill()
    process.wait()
    file.stalls.set()
    assert not (tmp_path / "ckpts/Ovi/model.safetensors").exists()
    server.seen.clear()
    done = weights("download", VARIANT, "-y")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "ckpts/Ovi/model.safetensors").read_bytes() == file.content
    ranges = [h.get("Range") for _, _, path, h in server.requests("store", "GET")
              if path.endswith("/model.safetensors")]  # fmt: skip
    assert len(ranges) == 1
    assert int(ranges[0][6:-1]) > 0
    assert weights("verify", VARIANT).returncode == 0


@pytest.mark.usefixtures("halted")
def test_second_download_to_a_folder_is_refused_while_one_runs(weights):
    done = weights("download", VARIANT, "-y")
    assert done.returncode == 2
    assert "another process" in done.stderr


def test_interrupted_download_exits_with_130_and_keeps_what_came(halted, tmp_path):
    process, file = halted
    process.send_signal(signal.SIGINT)
    time.sleep(2)
    file.stalls.set()  # a thread that waits for the network notices with the next bytes
    assert process.wait(60) == 130
    assert list((tmp_path / "ckpts/Ovi").glob("*.part"))
    assert not (tmp_path / "ckpts/Ovi/model.safetensors").exists()


def test_download_then_list_verify_and_path(weights, tmp_path):
    done = weights("download", VARIANT, "--yes", "--json")
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert len(document["files"]) == 6
    assert all(file["is_here"] for file in document["files"])
    assert "CC-BY-NC 4.0" in done.stderr
    assert "check the publisher's page" in done.stderr
    assert {entry["source"] for entry in document["licences"]} == {
        "chetwinlow1/Ovi", "Wan-AI/Wan2.2-TI2V-5B", "hkchengrex/MMAudio",
    }  # fmt: skip

    document = json.loads(weights("list", VARIANT, "--json").stdout)
    assert document["picture_model"]["is_gated"]
    listed = document["components"]
    present = {entry["component"] for entry in listed if entry["is_present"]}
    assert present == {"fusion", "video_vae", "audio_vae", "vocoder", "text_encoder", "tokenizer"}
    assert [entry["precision"] for entry in listed if not entry["is_present"]] == ["fp8"]

    verified = weights("verify", VARIANT)
    assert verified.returncode == 0, verified.stderr
    assert verified.stdout.count("as downloaded") == 6

    shown = weights("path", "vocoder", "--variant", VARIANT)
    assert shown.returncode == 0
    assert shown.stdout.strip() == str(tmp_path / "ckpts/MMAudio/ext_weights/best_netG.pt")

    again = weights("download", VARIANT, "--yes")
    assert again.returncode == 0
    assert "Nothing to bring" in again.stderr


def test_damage_is_found_and_exits_with_1(weights, tmp_path):
    assert weights("download", VARIANT, "-y").returncode == 0
    path = tmp_path / "ckpts/Ovi/model.safetensors"
    path.write_bytes(path.read_bytes()[:-1] + b"\x01")
    assert weights("verify", "--quick").returncode == 0
    found = weights("verify", "--json")
    assert found.returncode == 1
    faults = {entry["path"]: entry["fault"] for entry in json.loads(found.stdout)["files"]}
    assert "has changed since" in faults[str(path)]
    assert sum(fault is not None for fault in faults.values()) == 1
    assert "Delete" in found.stderr


def test_nobody_who_cannot_be_asked_accepts_a_licence(weights, server, tmp_path):
    done = weights("download", VARIANT)
    assert done.returncode == 2
    assert "--yes" in done.stderr
    assert "Licences:" in done.stderr
    assert not (tmp_path / "ckpts").exists()
    assert not server.requests("hub", "GET")


def test_dry_run_brings_nothing(weights, tmp_path):
    done = weights("download", VARIANT, "--dry-run", "--json")
    assert done.returncode == 0
    document = json.loads(done.stdout)
    assert document["missing_bytes"] == sum(file["size_bytes"] for file in document["files"]) > 0
    assert not (tmp_path / "ckpts").exists()


def test_gated_repository_says_to_accept_the_terms_and_log_in(weights, server):
    gated = (403, {"X-Error-Code": "GatedRepo"})
    server.files["chetwinlow1/Ovi/model.safetensors"].refusals = [gated] * 9
    done = weights("download", VARIANT, "--yes")
    assert done.returncode == 2
    assert "accept the terms on" in done.stderr
    assert "log in" in done.stderr


def test_copy_from_a_local_folder_asks_no_server(weights, server, tmp_path):
    assert weights("download", VARIANT, "-y", "--ckpt-dir", "first").returncode == 0
    server.seen.clear()
    done = weights("download", VARIANT, "-y", "--from", "first", "--ckpt-dir", "second")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "second/Ovi/model.safetensors").read_bytes() == safetensors_bytes()
    assert server.seen == []
    assert weights("verify", VARIANT, "--ckpt-dir", "second").returncode == 0


def test_what_is_missing_exits_with_1_and_names_the_command(weights):
    done = weights("verify", VARIANT)
    assert done.returncode == 1
    assert f"ovi weights download {VARIANT}" in done.stderr
    assert weights("verify").returncode == 0
    absent = weights("path", "fusion", "--variant", VARIANT)
    assert absent.returncode == 1
    assert absent.stdout.strip().endswith("ckpts/Ovi/model.safetensors")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("download",), "Say which variant"),
        (("download", "720x720"), "There is no variant '720x720'"),
        (("download", VARIANT, "--precision", "fp9"), "There is no precision"),
        (("download", VARIANT, "--from", "absent"), "is no folder"),
        (("path", "engine", "--variant", VARIANT), "has no component 'engine'"),
    ],
)
def test_wrong_use_exits_with_2(weights, arguments, said):
    done = weights(*arguments)
    assert done.returncode == 2
    assert said in done.stderr
    assert done.stdout == ""


def test_nano_needs_no_download(weights, server):
    done = weights("download", "nano", "--yes")
    assert done.returncode == 0
    assert "nano needs no download" in done.stderr
    assert server.seen == []
    listed = weights("list", "nano")
    assert listed.returncode == 0
    assert listed.stdout.count("ships with this program") == len(MODEL_NAMES)


def test_nano_ships_with_the_program(weights):
    verified = weights("verify", "nano", "--json")
    assert verified.returncode == 0
    files = json.loads(verified.stdout)["files"]
    assert [file["path"] for file in files] == [str(path) for path in nano_paths().values()]
    found = weights("path", "fusion", "--variant", "nano")
    assert (found.returncode, found.stdout.strip()) == (0, str(nano_paths()["fusion"]))


def test_nano_that_is_damaged_or_missing_is_to_be_installed_again(tmp_path, monkeypatch):
    monkeypatch.setattr(manifest, "NANO_DIR", tmp_path)
    path = tmp_path / "fusion.safetensors"
    path.write_bytes(safetensors_bytes()[:-1])
    nano = (variant_named("nano"),)
    views = list_components(nano, tmp_path)
    assert [view.name for view in views if view.is_present] == ["fusion"]
    missing = [missing_text(view) for view in views if not view.is_present]
    assert len(missing) == len(MODEL_NAMES) - 1
    (damaged,) = verify_files(nano, tmp_path)
    assert damaged.fault is not None
    for text in (*missing, repair_text(damaged.path)):
        assert "nstall ovi-studio again" in text
        assert "download" not in text
