"""A damaged queue is set aside and a new one started, with all that could be saved."""

import os
import random
import sqlite3

import pytest

from ovi_studio.actions.rendering import render_tasks
from ovi_studio.errors import QueueError
from ovi_studio.project.layout import ProjectLayout
from ovi_studio.render.job import JobStatus
from ovi_studio.render.queue import RenderQueue
from ovi_studio.render.rescue import open_queue
from ovi_studio.render.schema import SCHEMA_VERSION
from ovi_studio.render.worker_lock import WorkerLock

from .tasks import make_task
from .test_follow import ROOT, Watcher, render


@pytest.fixture(autouse=True)
def _package_is_found(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(ROOT))


@pytest.fixture
def layout(tmp_path):
    return ProjectLayout(tmp_path)


def damage(path, start, length):
    with path.open("r+b") as file:
        file.seek(start)
        file.write(b"\xa5" * length)


def aside(layout):
    return [p for p in layout.state.path.glob("queue-damaged-*") if p.suffix == ".sqlite3"]


def test_nothing_readable_still_finds_the_clips_by_their_recipes(layout, tmp_path):
    tasks = [make_task(layout.output_folder, seed=seed) for seed in (1, 2)]
    render(tmp_path, tasks)
    written = [task.output.stat().st_mtime_ns for task in tasks]
    path = layout.state.queue_path
    path.write_bytes(b"this is no database " * 1000)
    told = []
    with open_queue(layout, told.append) as queue:
        jobs = queue.jobs()
        assert [job.task.identity for job in jobs] == [task.identity for task in tasks]
        assert {job.status for job in jobs} == {JobStatus.DONE}
        assert "recipe" in queue.events(1)[-1].reason
    (old,) = aside(layout)
    assert old.read_bytes().startswith(b"this is no database")
    assert str(old) in told[0]
    watcher = Watcher()
    jobs = render_tasks(tasks, layout, on_event=watcher, worker_command=("false",))
    assert {job.status for job in jobs} == {JobStatus.DONE}
    assert [task.output.stat().st_mtime_ns for task in tasks] == written


def test_what_can_be_read_is_kept_in_its_order(layout, tmp_path):
    path = layout.state.queue_path
    (done,) = render(tmp_path, [make_task(tmp_path, "a fox", seed=1000)])
    with RenderQueue(path) as queue:
        ids = [
            added.job_id
            for added in queue.add([make_task(tmp_path, seed=seed) for seed in range(1, 101)])
        ]
        queue.fail(ids[0], "no", traceback="Traceback")
        queue.cancel(ids[1:2], "x")
    with sqlite3.connect(path) as connection:
        page, count = (
            connection.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("page_size", "page_count")
        )
    connection.close()
    damage(path, page * (count // 2), page * 2)
    told = []
    with open_queue(layout, told.append) as queue:
        jobs = queue.jobs()
        by_seed = {job.task.request.sampling.seed: job for job in jobs}
        assert by_seed[1000].status is JobStatus.DONE
        assert by_seed[1000].task.identity == done.task.identity
        assert by_seed[1].status is JobStatus.FAILED
        assert by_seed[1].traceback == "Traceback"
        assert by_seed[2].status is JobStatus.CANCELLED
        waiting = [queue.job(i).task.request.sampling.seed for i in queue.unfinished_ids()]
        assert waiting == sorted(waiting)
        assert len(waiting) > 50
        assert f"{len(waiting)} waiting and 2 ended" in told[0]
    assert len(aside(layout)) == 1
    open_queue(layout, pytest.fail).close()


@pytest.mark.parametrize("seed", range(12))
def test_the_queue_opens_again_whatever_was_overwritten(layout, tmp_path, seed):
    chance = random.Random(seed)
    path = layout.state.queue_path
    with RenderQueue(path) as queue:
        queue.add([make_task(tmp_path, seed=number) for number in range(1, 31)])
    for _ in range(chance.randint(1, 6)):
        damage(path, chance.randrange(path.stat().st_size - 200), chance.choice((1, 20, 200)))
    if seed % 4 == 0:
        os.truncate(path, path.stat().st_size // 2)
    with open_queue(layout, lambda _: None) as queue:
        jobs = queue.jobs()
        assert len({job.id for job in jobs}) == len(jobs)
        queue.add([make_task(tmp_path, seed=number) for number in range(1, 31)])
        assert {job.task.request.sampling.seed for job in queue.jobs()} >= set(range(1, 31))
    open_queue(layout, pytest.fail).close()


def test_a_queue_that_a_worker_still_uses_is_not_taken_from_it(layout):
    RenderQueue(layout.state.queue_path).close()
    layout.state.queue_path.write_bytes(b"this is no database " * 1000)
    lock = WorkerLock(layout.state.lock_folder / "w1.lock")
    lock.acquire()
    with pytest.raises(QueueError, match="the worker w1 still uses it"):
        open_queue(layout, pytest.fail)
    lock.release()
    assert aside(layout) == []


def test_a_newer_queue_is_not_taken_for_a_damaged_one(layout):
    RenderQueue(layout.state.queue_path).close()
    with sqlite3.connect(layout.state.queue_path) as connection:
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    connection.close()
    with pytest.raises(QueueError, match="newer version"):
        open_queue(layout, pytest.fail)
    assert aside(layout) == []
