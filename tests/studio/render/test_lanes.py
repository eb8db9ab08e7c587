"""How the GPUs of a run become lanes, and that several workers share a queue without collisions."""

import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from ovi.spec.placement import Placement
from ovi_studio.actions.rendering import render_tasks
from ovi_studio.project.layout import ProjectLayout
from ovi_studio.render.crew import Crew
from ovi_studio.render.events import WorkerLost, WorkerStarted
from ovi_studio.render.follow import Follower, follower_for
from ovi_studio.render.job import JobStatus
from ovi_studio.render.lanes import Lane, lanes_for
from ovi_studio.render.queue import RenderQueue
from ovi_studio.render.rows import new_worker
from ovi_studio.render.worker_lock import WorkerLock

from .fake_worker import COMMAND
from .tasks import make_task

ROOT = Path(__file__).parents[3]


@pytest.fixture(autouse=True)
def _package_is_found(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)


def tasks_for(folder, num, *, gpus=None, num_gpus=1, text="slow"):
    return [
        replace(
            make_task(folder, text, row=str(seed), seed=seed),
            gpus=gpus,
            placement=Placement(num_gpus=num_gpus),
        )
        for seed in range(1, num + 1)
    ]


def render(folder, tasks, events=None):
    on_event = (lambda _: None) if events is None else events.append
    return render_tasks(tasks, ProjectLayout(folder), on_event=on_event, worker_command=COMMAND)


def started(events):
    return [event for event in events if isinstance(event, WorkerStarted)]


def logs(folder):
    return [path.read_text() for path in sorted((folder / ".ovi" / "logs").iterdir())]


@pytest.mark.parametrize(
    ("said", "of_jobs", "wide", "visible", "lanes"),
    [
        (None, None, 1, "", [Lane()]),
        (None, 2, 1, "", [Lane(("0",), is_pinned=True), Lane(("1",), is_pinned=True)]),
        (3, 2, 1, "", [Lane((str(n),), is_pinned=True) for n in range(3)]),
        (None, None, 2, "", [Lane(("0", "1"))]),
        (4, None, 2, "", [Lane(("0", "1"), is_pinned=True), Lane(("2", "3"), is_pinned=True)]),
        (1, None, 2, "", [Lane(("0", "1"), is_pinned=True)]),
        (2, None, 1, "5,GPU-a,7", [Lane(("5",), is_pinned=True), Lane(("GPU-a",), is_pinned=True)]),
        (None, None, 1, "3", [Lane(("3",))]),
        (2, None, 1, "3", [Lane(("0",), is_pinned=True), Lane(("1",), is_pinned=True)]),
    ],
)  # fmt: skip
def test_gpus_become_lanes(tmp_path, said, of_jobs, wide, visible, lanes):
    tasks = tasks_for(tmp_path, 2, gpus=of_jobs, num_gpus=wide)
    assert list(lanes_for(tasks, said, {"CUDA_VISIBLE_DEVICES": visible})) == lanes


def test_a_run_has_a_worker_on_each_of_its_gpus(tmp_path):
    events = []
    jobs = render(tmp_path, tasks_for(tmp_path, 6, gpus=3), events)
    assert [(job.status, job.attempts) for job in jobs] == [(JobStatus.DONE, 1)] * 6
    assert len({job.worker for job in jobs}) == 3
    assert len(started(events)) == 3
    seen = [line for log in logs(tmp_path) for line in log.splitlines() if "devices" in line]
    assert sorted(seen) == ["devices 0", "devices 1", "devices 2"]


def test_no_more_workers_than_clips_are_started(tmp_path):
    events = []
    render(tmp_path, tasks_for(tmp_path, 2, gpus=8), events)
    assert len(started(events)) == 2


def test_a_clip_over_two_gpus_has_a_worker_that_has_both(tmp_path):
    jobs = render(tmp_path, tasks_for(tmp_path, 3, gpus=4, num_gpus=2))
    assert {job.status for job in jobs} == {JobStatus.DONE}
    seen = [line for log in logs(tmp_path) for line in log.splitlines() if "devices" in line]
    assert sorted(seen) == ["devices 0,1", "devices 2,3"]


def test_two_followers_together_have_one_worker_on_each_device(tmp_path):
    path = ProjectLayout(tmp_path).state.queue_path
    RenderQueue(path).close()
    tasks = tasks_for(tmp_path, 8, gpus=2)
    events = [], []
    followers = [
        threading.Thread(target=render, args=(tmp_path, tasks[4 * n : 4 * n + 4], events[n]))
        for n in (0, 1)
    ]
    for follower in followers:
        follower.start()
    most = 0
    with RenderQueue(path) as queue:
        while any(follower.is_alive() for follower in followers):
            devices = [device for worker in queue.workers() for device in worker.devices]
            assert len(devices) == len(set(devices))
            most = max(most, len(devices))
            time.sleep(0.02)
        jobs = queue.jobs()
    assert most == 2
    assert [(job.status, job.attempts) for job in jobs] == [(JobStatus.DONE, 1)] * 8


def test_a_device_that_is_broken_leaves_the_work_to_the_others(tmp_path, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,broken")
    events = []
    jobs = render(tmp_path, tasks_for(tmp_path, 8, gpus=2), events)
    assert {job.status for job in jobs} == {JobStatus.DONE}
    lost = [event for event in events if isinstance(event, WorkerLost)]
    assert 1 <= len(lost) <= 3
    assert {event.log_tail for event in lost} == {"this device is broken"}


def test_when_every_device_is_broken_the_clips_fail_with_the_last_words(tmp_path, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "broken,broken")
    jobs = render(tmp_path, tasks_for(tmp_path, 2, gpus=1))
    assert {job.status for job in jobs} == {JobStatus.FAILED}
    assert {job.log_tail for job in jobs} == {"this device is broken"}


def test_a_follower_without_a_lane_wide_enough_leaves_wide_clips_to_others(tmp_path):
    with RenderQueue(ProjectLayout(tmp_path).state.queue_path) as queue:
        (wide,) = queue.add(tasks_for(tmp_path, 1, num_gpus=2))
        (narrow,) = queue.add([make_task(tmp_path, "a cat", seed=9)])
        Follower(
            queue, [narrow.job_id], on_event=lambda _: None, worker_command=COMMAND, lanes=[Lane()]
        ).run()
        assert queue.job(narrow.job_id).status is JobStatus.DONE
        assert queue.job(wide.job_id).status is JobStatus.PENDING
        follower_for(queue, [wide.job_id], on_event=lambda _: None, worker_command=COMMAND).run()
        assert queue.job(wide.job_id).status is JobStatus.DONE


def test_nobody_is_started_where_another_followers_worker_is(tmp_path):
    with RenderQueue(ProjectLayout(tmp_path).state.queue_path) as queue:
        queue.add(tasks_for(tmp_path, 3))
        lock = WorkerLock(queue.lock_path("theirs"))
        lock.acquire()
        queue.register(new_worker("theirs", queue.state.log_folder / "theirs.log", ["1"]))
        events = []
        crew = Crew(queue, [Lane(("0", "1")), Lane(("1",))], ("false",), events.append)
        crew.fill_lanes()
        assert started(events) == []
        lock.release()
        queue.recover_lost()
        crew.fill_lanes()
        assert len(started(events)) == 2
