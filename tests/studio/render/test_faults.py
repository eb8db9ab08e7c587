"""Real processes and real accidents: kills at random moments, full and read-only disks."""

import os
import subprocess
import sys
import threading
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from ovi_studio.actions.rendering import render_tasks
from ovi_studio.errors import QueueError
from ovi_studio.project.layout import ProjectLayout
from ovi_studio.render.job import JobStatus
from ovi_studio.render.lanes import Lane
from ovi_studio.render.launch import start_worker
from ovi_studio.render.queue import RenderQueue

from .fake_worker import COMMAND
from .killing import complaints, follow, kill_at_random
from .tasks import make_task

ROOT = Path(__file__).parents[3]


@pytest.fixture(autouse=True)
def _package_is_found(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")


def render(folder, tasks):
    return render_tasks(
        tasks, ProjectLayout(folder), on_event=lambda _: None, worker_command=COMMAND
    )


@contextmanager
def small_disk(folder, size):
    """A file system of its own, in memory. Only root may have one."""
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("A small disk can only be mounted by root on Linux.")
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    mounted = subprocess.run(command, capture_output=True, text=True)
    if mounted.returncode:
        pytest.skip(f"Not even root may mount a small disk here: {mounted.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def test_twenty_kills_lose_no_job_and_leave_no_half_clip(tmp_path):
    hit = kill_at_random(tmp_path, "fake", num_clips=8, num_kills=20, seed=4, longest=1.2, gpus=4)
    assert hit["follower"] + hit["other follower"] >= 3
    assert hit["keeper"] >= 1
    assert hit["worker"] >= 3
    jobs = follow(tmp_path, "fake", 8, gpus=4)
    assert {job.status for job in jobs} == {JobStatus.DONE}
    assert complaints(tmp_path, 8) == []


@pytest.mark.slow
def test_two_hundred_kills_of_the_real_engine_lose_nothing(tmp_path, request):
    if "slow" not in request.config.getoption("markexpr"):
        pytest.skip("200 kills take twenty minutes: make test-slow")
    hit = kill_at_random(tmp_path, "real", num_clips=8, num_kills=200, seed=5, longest=8.0)
    assert hit.total() == 200
    print(dict(hit))
    jobs = follow(tmp_path, "real", 8, gpus=2)
    assert {job.status for job in jobs} == {JobStatus.DONE}
    assert complaints(tmp_path, 8) == []


def test_four_workers_and_two_followers_render_each_clip_once(tmp_path):
    tasks = [make_task(tmp_path, "slow", seed=seed) for seed in range(1, 9)]
    path = ProjectLayout(tmp_path).state.queue_path
    with RenderQueue(path) as queue:
        queue.add(tasks)
        workers = [start_worker(path, COMMAND, Lane((str(number),))) for number in range(4)]
        followers = [threading.Thread(target=render, args=(tmp_path, tasks)) for _ in range(2)]
        for follower in followers:
            follower.start()
        for follower in followers:
            follower.join()
        assert [worker.process.wait() for worker in workers] == [0] * 4
        jobs = queue.jobs()
    assert [(job.status, job.attempts) for job in jobs] == [(JobStatus.DONE, 1)] * 8
    assert len({job.worker for job in jobs}) > 1
    assert len(list(tmp_path.glob("*.mp4"))) == 8


def test_three_lost_workers_fail_one_job_and_the_others_go_on(tmp_path):
    texts = ["a cat", "kill", "a dog", "a fox"]
    tasks = [make_task(tmp_path, text, seed=seed) for seed, text in enumerate(texts)]
    jobs = render(tmp_path, tasks)
    assert [job.status for job in jobs] == [
        JobStatus.DONE, JobStatus.FAILED, JobStatus.DONE, JobStatus.DONE
    ]  # fmt: skip
    # What a worker still wrote when it was lost counts the loss too, once: then it is tried alone.
    assert [job.attempts for job in jobs][1:] == [3, 1, 1]
    assert jobs[0].attempts <= 2


def test_a_full_disk_fails_clips_and_is_got_over_with_room(tmp_path):
    with small_disk(tmp_path / "disk", "600k") as folder:
        tasks = [make_task(folder, "brisk", seed=seed) for seed in range(1, 5)]
        RenderQueue(ProjectLayout(folder).state.queue_path).close()
        filler = folder / "filler"
        with pytest.raises(OSError, match="space"):
            fill(filler)
        with filler.open("r+b") as file:
            file.truncate(filler.stat().st_size - 120_000)
        try:
            jobs = render(folder, tasks)
        except QueueError as error:
            assert "Make room on the disk" in str(error)  # noqa: PT017
        else:
            failed = [job for job in jobs if job.status is JobStatus.FAILED]
            assert failed
            assert any("space" in job.error for job in failed)
        whole = {job.task.output for job in jobs_of(folder) if job.status is JobStatus.DONE}
        assert set(folder.glob("*.mp4")) == whole
        filler.unlink()
        assert {job.status for job in render(folder, tasks)} == {JobStatus.DONE}
        assert len(list(folder.glob("*.mp4"))) == 4


def fill(path):
    with path.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))


def jobs_of(folder):
    with RenderQueue(ProjectLayout(folder).state.queue_path) as queue:
        queue.recover_lost()
        return queue.jobs()


def test_a_queue_that_is_opened_on_a_full_disk_asks_for_room(tmp_path):
    with small_disk(tmp_path / "disk", "400k") as folder:
        path = ProjectLayout(folder).state.queue_path
        RenderQueue(path).close()
        with suppress(OSError):
            fill(folder / "filler")
        with pytest.raises(QueueError, match="Make room on the disk"):
            RenderQueue(path)
        (folder / "filler").unlink()
        RenderQueue(path).close()


def test_a_read_only_folder_is_one_sentence(tmp_path):
    with small_disk(tmp_path / "disk", "4m") as folder:
        path = ProjectLayout(folder).state.queue_path
        RenderQueue(path).close()
        subprocess.run(["mount", "-o", "remount,ro", str(folder)], check=True)
        with pytest.raises(QueueError, match="must be on a local disk and writable"):
            RenderQueue(path)
        with pytest.raises(QueueError, match="Start in a folder that you may write to"):
            RenderQueue(folder / "elsewhere" / "queue.sqlite3")
        subprocess.run(["mount", "-o", "remount,rw", str(folder)], check=True)
        RenderQueue(path).close()
