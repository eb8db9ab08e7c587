"""`ovi web` as a user starts it: real processes, the real nano."""

import json
import os
import signal
import subprocess
import sys
import time

import httpx
import pytest

from ovi_studio.actions.queue_control import QueueControl
from ovi_studio.project.layout import ProjectLayout
from tests.studio.cli.command import environment, ovi
from tests.studio.web.serving import events_in

WEB = (sys.executable, "-m", "ovi_studio", "web", "--api-only", "--server-port", "0")


def start(folder, *options, **variables):
    """The server's process and its address."""
    process = subprocess.Popen(
        [*WEB, *options], cwd=folder, env=environment() | variables, text=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    address = process.stdout.readline().strip()
    assert address, process.stderr.read()
    return process, address


def end(process, number=signal.SIGINT):
    process.send_signal(number)
    _, said = process.communicate()
    assert process.returncode == 0, said
    return said


@pytest.mark.slow
def test_a_clip_of_nano_is_ordered_and_fetched_and_goes_on_when_the_server_ends(tmp_path):
    process, address = start(tmp_path)
    order = {"prompt": "A red ball. Audio: a thud.", "model": "nano", "steps": 2, "size": "64x64"}
    with httpx.Client(base_url=address, timeout=60) as client:
        video = client.post("/videos", json=order).json()
        with client.stream("GET", f"/videos/{video['id']}/events") as stream:
            names = [name for name, _ in events_in(stream.iter_lines())]
        assert names[-1] == "completed"
        content = client.get(f"/videos/{video['id']}/content", headers={"range": "bytes=0-99"})
        assert (content.status_code, len(content.content)) == (206, 100)
        listed = json.loads(ovi("queue", "list", "--json", folder=tmp_path).stdout)["jobs"]
        assert [job["status"] for job in listed] == ["DONE"]
        client.post("/videos", json=order | {"seed": 9, "steps": 4})
        said = end(process)
    assert "1 clip goes on being rendered in the background" in said
    while True:
        jobs = json.loads(ovi("queue", "list", "--json", folder=tmp_path).stdout)["jobs"]
        if jobs[-1]["status"] == "DONE":
            break
        assert jobs[-1]["status"] in ("PENDING", "RUNNING")
        time.sleep(0.5)


def test_listeners_do_not_keep_the_server_from_ending(tmp_path):
    process, address = start(tmp_path)
    QueueControl(ProjectLayout(tmp_path), on_rescue=lambda _: None).pause()
    with httpx.Client(base_url=address, timeout=60) as client:
        video = client.post("/videos", json={"prompt": "a cat", "model": "nano"}).json()
        with client.stream("GET", f"/videos/{video['id']}/events") as stream:
            events = events_in(stream.iter_lines())
            next(events)
            end(process, signal.SIGTERM)
            assert not list(events)  # the stream was ended, not torn


def test_others_come_in_only_with_a_secret_that_nobody_can_see(tmp_path):
    refused = ovi("web", "--api-only", "--server-name", "0.0.0.0", folder=tmp_path)
    assert refused.returncode == 2
    assert "OVI_WEB_TOKEN" in refused.stderr
    secret = "sesame-open-sesame"
    process, address = start(tmp_path, "--server_name", "0.0.0.0", OVI_WEB_TOKEN=secret)
    port = address.removesuffix("/v1").rpartition(":")[2]
    taken = ovi("web", "--api-only", "--server-port", port, folder=tmp_path)
    assert taken.returncode == 2
    assert port in taken.stderr
    assert "--server-port" in taken.stderr
    assert httpx.get(f"{address}/queue").status_code == 401
    headers = {"authorization": f"Bearer {secret}"}
    assert httpx.get(f"{address}/queue", headers=headers).status_code == 200
    body = {"prompt": "a cat", "model": "nano", "steps": 2}
    assert httpx.post(f"{address}/videos", json=body, headers=headers).status_code == 200
    said = end(process)
    assert "not encrypted" in said
    assert secret not in said
    for path in tmp_path.rglob("*"):
        if path.is_file():
            assert secret.encode() not in path.read_bytes()
    QueueControl(ProjectLayout(tmp_path), on_rescue=lambda _: None).cancel(["all"])


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--fp8", "--qint8"), "exclude each other"),
        (("--api-only", "--mcp_server"), "leave out --api-only"),
        (("--server-port", "70000"), "70000"),
    ],
)
def test_options_that_cannot_be_are_refused(tmp_path, options, says):
    refused = ovi("web", *options, folder=tmp_path)
    assert refused.returncode == 2
    assert says in refused.stderr


def test_help_names_both_spellings(tmp_path):
    shown = subprocess.run(
        [sys.executable, "-m", "ovi_studio", "web", "--help"], cwd=tmp_path, text=True,
        env=environment() | {"COLUMNS": "200"}, capture_output=True, check=True,
    ).stdout  # fmt: skip
    for name in ("server-name", "server-port", "mcp-server", "cpu-offload", "use-image-gen"):
        assert f"--{name}" in shown
        assert f"--{name.replace('-', '_')}" in shown
    assert os.linesep in shown
