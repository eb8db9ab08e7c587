"""The queue on a real Ray cluster of several node processes of this machine, one of them killed."""

import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from ovi.errors import MediaError, WeightsError
from ovi.media import read_recipe, sidecar_path
from ovi.spec.geometry import FrameSize
from ovi.spec.identity import clip_identity
from ovi.spec.request import ClipRequest, Precision, Sampling, TransformerPrecision
from ovi.spec.variants import variant_named
from ovi.weights.store import weight_identities
from ovi_studio.actions.rendering import render_tasks
from ovi_studio.errors import ExitCode, MissingExtraError, UsageError
from ovi_studio.project.layout import ProjectLayout
from ovi_studio.render import cluster_address, launch
from ovi_studio.render.cluster_actor import check_weights
from ovi_studio.render.cluster_address import check_cluster
from ovi_studio.render.events import ClipProgress
from ovi_studio.render.finished_clips import place_clip
from ovi_studio.render.job import JobStatus
from ovi_studio.render.queue import RenderQueue

from ..cli.command import ovi
from .fake_worker import COMMAND
from .tasks import make_task

ROOT = Path(__file__).parents[3]
FP32 = Precision(TransformerPrecision.FP32, TransformerPrecision.FP32)
WEIGHTS = weight_identities(variant_named("nano"), FP32, None)
NODES = 3

CLUSTER = """
import sys
from ray.cluster_utils import Cluster
cluster = Cluster()
cluster.add_node(num_cpus=0, object_store_memory=80_000_000, include_dashboard=False)
memory = {"object_store_memory": 80_000_000}
nodes = [cluster.add_node(num_cpus=1, **memory) for _ in range(int(sys.argv[1]))]
cluster.wait_for_nodes()
print(cluster.address, flush=True)
for line in sys.stdin:
    if line.strip() == "kill":
        cluster.remove_node(nodes.pop(), allow_graceful=False)
        print("killed", flush=True)
cluster.shutdown()
"""
"""A cluster in a process of its own: kills a node when told to, and ends with its input."""


@pytest.fixture
def cluster(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    with subprocess.Popen(
        [sys.executable, "-c", CLUSTER, str(NODES)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    ) as process:
        yield process
        process.stdin.close()
        process.wait()


def nano_tasks(folder, num):
    def task(seed):
        request = ClipRequest(
            text="a cat",
            variant="nano",
            size=FrameSize(32, 64),
            sampling=Sampling(seed=seed, num_steps=1),
            precision=FP32,
        )
        base = make_task(folder, row=str(seed), seed=seed)
        identity = clip_identity(request, WEIGHTS)
        return replace(base, request=request, weights=WEIGHTS, identity=identity)

    return [task(seed) for seed in range(1, num + 1)]


def ray_processes():
    """Processes of Ray, by id, that began within this test run's process."""
    listed = subprocess.run(["ps", "-eo", "pid,args"], capture_output=True, text=True).stdout
    return {line.split()[0] for line in listed.splitlines() if "ray::" in line or "raylet" in line}


def render_with_a_node_killed(cluster, folder, num):
    """Renders that many clips and kills a node when two are at work; returns the jobs."""
    address = cluster.stdout.readline().strip()
    is_killed = []

    def kill_when_busy(event):
        at_work = queue.states([job.id for job in queue.jobs()]).values()
        num_done = sum(state.status is JobStatus.DONE for state in at_work)
        if isinstance(event, ClipProgress) and not is_killed and num_done >= 1:
            is_killed.append(True)
            cluster.stdin.write("kill\n")
            cluster.stdin.flush()

    with RenderQueue(ProjectLayout(folder).state.queue_path) as queue:
        jobs = render_tasks(
            nano_tasks(folder, num),
            ProjectLayout(folder),
            on_event=kill_when_busy,
            cluster=address,
        )
    assert is_killed
    return jobs


def complaints(folder, jobs):
    """What is not as it should be after all was rendered, as sentences."""
    found = [f"job {job.id}: {job.status} {job.error}" for job in jobs if job.status != "DONE"]
    clips = sorted(folder.glob("*.mp4"))
    if clips != sorted(job.task.output for job in jobs):
        found.append(f"the clips are {[clip.name for clip in clips]}")
    found += [
        f"{job.task.output.name} is another clip"
        for job in jobs
        if read_recipe(job.task.output)["identity"] != job.task.identity
        or not sidecar_path(job.task.output).is_file()
    ]
    return found + [f"{path.name} is left over" for path in folder.glob(".*.part")]


def check(cluster, folder, num):
    before = ray_processes()
    jobs = render_with_a_node_killed(cluster, folder, num)
    assert complaints(folder, jobs) == []
    log = "\n".join(path.read_text() for path in (folder / ".ovi" / "logs").glob("*.log"))
    places = {line.rpartition("process ")[2] for line in log.splitlines() if "goes to" in line}
    assert len(places) >= 2, "several actors shared the work"
    assert "was lost" in log
    cluster.stdin.close()
    cluster.wait()
    deadline = time.monotonic() + 30
    while (left := ray_processes() - before) and time.monotonic() < deadline:
        time.sleep(0.5)
    assert not left, "Ray leaves no process behind"
    return jobs


@pytest.mark.slow
def test_two_hundred_clips_are_rendered_though_a_node_is_killed(cluster, tmp_path):
    jobs = check(cluster, tmp_path, 200)
    assert len(jobs) == 200


def test_a_few_clips_are_rendered_though_a_node_is_killed(cluster, tmp_path):
    check(cluster, tmp_path, 6)


@pytest.mark.slow
def test_the_driver_may_be_killed_and_a_clip_cancelled(cluster, tmp_path):
    address = cluster.stdout.readline().strip()
    tasks = nano_tasks(tmp_path, 4)
    request = replace(tasks[3].request, sampling=Sampling(seed=4, num_steps=500))
    tasks[3] = replace(tasks[3], request=request, identity=clip_identity(request, WEIGHTS))
    killed = []

    def disturb(event):
        if not isinstance(event, ClipProgress) or event.state.stage != "denoise":
            return
        if not killed:
            killed.extend(worker.pid for worker in queue.workers())
            os.kill(killed[0], signal.SIGKILL)
        elif event.job.id == 4:
            queue.cancel([4], "stopped by the user")

    layout = ProjectLayout(tmp_path)
    with RenderQueue(layout.state.queue_path) as queue:
        jobs = render_tasks(tasks, layout, on_event=disturb, cluster=address)
    assert [job.status for job in jobs] == ["DONE"] * 3 + ["CANCELLED"]
    assert any(job.attempts == 2 for job in jobs)
    assert complaints(tmp_path, jobs[:3]) == []


def test_only_the_clip_that_was_asked_for_is_put_in_its_place(tmp_path):
    (made,) = render_tasks(
        [make_task(tmp_path / "a")], ProjectLayout(tmp_path), on_event=lambda _: None,
        worker_command=COMMAND,
    )  # fmt: skip
    output, identity = tmp_path / "b" / "clip.mp4", made.task.identity
    files = {
        ".mp4": made.task.output.read_bytes(),
        ".json": sidecar_path(made.task.output).read_bytes(),
    }
    for wrong in ({**files, ".mp4": files[".mp4"][:1000]}, {**files, ".mp4": b""}):
        with pytest.raises(MediaError, match="not the clip that was asked for"):
            place_clip(output, identity, wrong)
    with pytest.raises(MediaError):
        place_clip(output, "another", files)
    assert list(output.parent.iterdir()) == []
    place_clip(output, identity, files)
    assert read_recipe(output)["identity"] == identity
    assert sorted(path.name for path in output.parent.iterdir()) == ["clip.json", "clip.mp4"]


def test_a_cluster_that_is_not_there_fails_the_clip_with_a_sentence(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # nobody listens there
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        (job,) = render_tasks(
            nano_tasks(tmp_path, 1), ProjectLayout(tmp_path), on_event=lambda _: None,
            cluster=address,
        )  # fmt: skip
    assert job.status is JobStatus.FAILED
    assert f"The cluster at {address} cannot be reached" in job.log_tail
    assert "ray start --head" in job.log_tail


@pytest.mark.parametrize("options", [(), ("--detach",)])
def test_a_wrong_address_is_told_before_anything_is_queued(tmp_path, options):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        ended = ovi("render", "a cat", "--cluster", address, *options, folder=tmp_path)
    assert ended.returncode == ExitCode.USAGE, ended.stderr
    assert f"The cluster at {address} cannot be reached" in ended.stderr
    assert not ProjectLayout(tmp_path).state.queue_path.exists()


def test_an_address_of_nothing_is_refused():
    with pytest.raises(UsageError, match="needs an address"):
        check_cluster(" ")


def test_without_ray_the_extra_is_named(monkeypatch):
    monkeypatch.setattr(cluster_address.importlib.util, "find_spec", lambda _: None)
    for ask in (launch.cluster_command, check_cluster):
        with pytest.raises(MissingExtraError, match=r"ovi-studio\[cluster\]"):
            ask("auto")


def test_a_node_with_other_weights_refuses(tmp_path):
    (task,) = nano_tasks(tmp_path, 1)
    check_weights(task)
    with pytest.raises(WeightsError, match=r"other weights .*\(fusion\)"):
        check_weights(replace(task, weights={**WEIGHTS, "fusion": "sha256:other"}))
