"""What a user does to a queue: pause, order, retry, clear, look back. No worker process."""

import itertools
import shutil
import sqlite3
from pathlib import Path

import pytest

from ovi_studio.actions.queue_control import QueueControl
from ovi_studio.actions.rendering import failed_tasks, resume_queue
from ovi_studio.errors import QueueError, UsageError
from ovi_studio.project.layout import ProjectLayout
from ovi_studio.render import moves, schema
from ovi_studio.render.job import JobStatus
from ovi_studio.render.ordering import Place
from ovi_studio.render.queue import RenderQueue
from ovi_studio.render.queue_file import STOPPED
from ovi_studio.render.rows import new_worker, task_columns
from ovi_studio.render.schema import SCHEMA_VERSION
from ovi_studio.render.selection import select_jobs
from ovi_studio.render.worker_lock import WorkerLock

from .tasks import make_task

DATA = Path(__file__).parent / "data"


@pytest.fixture
def layout(tmp_path):
    return ProjectLayout(tmp_path)


@pytest.fixture
def queue(layout):
    with RenderQueue(layout.state.queue_path) as opened:
        yield opened


@pytest.fixture
def keepers():
    return []


@pytest.fixture
def control(layout, queue, keepers):  # noqa: ARG001 - there has to be a queue
    return QueueControl(layout, on_rescue=pytest.fail, keep_queue=keepers.append)


@pytest.fixture
def worker(queue):
    lock = WorkerLock(queue.lock_path("w1"))
    lock.acquire()
    queue.register(new_worker("w1", queue.state.log_folder / "w1.log"))
    yield "w1"
    lock.release()


def add(queue, folder, num):
    return [a.job_id for a in queue.add([make_task(folder, seed=n) for n in range(1, num + 1)])]


def waiting(control):
    return [job.id for job in control.view().jobs if job.status is JobStatus.PENDING]


def test_a_paused_queue_lets_the_running_clip_finish_and_gives_no_other(
    queue, control, worker, keepers, tmp_path
):
    add(queue, tmp_path, 2)
    running = queue.claim(worker)
    control.pause()
    since = control.view().paused_since
    assert since is not None
    control.pause()
    assert control.view().paused_since == since
    assert queue.report(running.id, "denoise", 1, 4)
    queue.finish(running.id, "rendered")
    assert queue.claim(worker) is None
    assert control.resume() == (True, 1)
    assert keepers == [queue.path]
    assert control.resume() == (False, 1)
    assert queue.claim(worker).id == 2
    assert queue.events(2)[-1].reason == "taken by w1"


def test_a_worker_leaves_a_paused_queue(queue, control, worker, tmp_path):
    add(queue, tmp_path, 1)
    assert not queue.leave(worker)
    control.pause()
    assert queue.leave(worker)


@pytest.mark.parametrize(
    ("words", "place", "order"),
    [
        (["4"], Place(is_first=True), [4, 1, 2, 3, 5]),
        (["2-3"], Place(), [1, 4, 5, 2, 3]),
        (["5,1"], Place(before=3), [2, 1, 5, 3, 4]),
    ],
)
def test_waiting_jobs_are_taken_in_the_order_asked_for(
    queue, control, worker, tmp_path, words, place, order
):
    add(queue, tmp_path, 5)
    assert [job.id for job in control.move(words, place)] == order
    assert waiting(control) == order
    taken = []
    while (job := queue.claim(worker)) is not None:
        taken.append(job.id)
        queue.finish(job.id, "rendered")
    assert taken == order


def test_only_waiting_jobs_have_a_place(queue, control, worker, tmp_path):
    add(queue, tmp_path, 3)
    queue.claim(worker)
    with pytest.raises(QueueError, match="Job 1 does not wait"):
        control.move(["1"], Place())
    with pytest.raises(QueueError, match="Job 1 does not wait"):
        control.move(["2"], Place(before=1))
    with pytest.raises(QueueError, match="before itself"):
        control.move(["2-3"], Place(before=3))
    assert waiting(control) == [2, 3]


def test_new_jobs_come_last_and_those_of_lost_workers_keep_their_place(
    queue, control, worker, tmp_path
):
    add(queue, tmp_path, 3)
    control.move(["3"], Place(is_first=True))
    assert queue.claim(worker).id == 3
    queue.lock_path(worker).unlink()  # as if it had died
    queue.add([make_task(tmp_path, seed=9)])
    assert waiting(control) == [3, 1, 2, 4]


def test_failed_and_cancelled_jobs_are_tried_again_behind_the_others(
    queue, control, worker, keepers, tmp_path
):
    add(queue, tmp_path, 4)
    queue.fail(queue.claim(worker).id, "no", traceback="Traceback", seconds=2.0)
    queue.finish(queue.claim(worker).id, "rendered")
    control.cancel(["3"])
    again, others = control.retry(["all"])
    assert ([job.id for job in again], [job.id for job in others]) == ([1, 3], [2, 4])
    assert waiting(control) == [4, 1, 3]
    assert keepers == [queue.path]
    job = queue.job(1)
    assert (job.error, job.traceback, job.attempts, job.seconds) == (None, None, 0, None)
    assert queue.events(1)[-1].reason == "to be tried again"


def test_a_failure_with_a_newer_job_for_its_clip_is_not_tried_again(
    queue, control, worker, tmp_path
):
    add(queue, tmp_path, 1)
    queue.fail(queue.claim(worker).id, "no")
    add(queue, tmp_path, 1)
    again, others = control.retry(["1"])
    assert (again, [job.id for job in others]) == ([], [1])
    assert queue.job(1).status is JobStatus.FAILED


def test_cancelling_leaves_ended_jobs_alone(queue, control, worker, tmp_path):
    add(queue, tmp_path, 3)
    queue.finish(queue.claim(worker).id, "rendered")
    queue.claim(worker)
    stopped = control.cancel(["all"])
    assert [(job.id, job.status) for job in stopped] == [
        (2, JobStatus.CANCELLING), (3, JobStatus.CANCELLED)
    ]  # fmt: skip
    assert queue.job(1).status is JobStatus.DONE


def test_clearing_forgets_ended_jobs_and_no_file(queue, control, worker, tmp_path):
    add(queue, tmp_path, 4)
    job = queue.claim(worker)
    job.task.output.write_text("a clip")
    queue.finish(job.id, "rendered")
    queue.fail(queue.claim(worker).id, "no")
    queue.claim(worker)
    ended = control.finished(["all"])
    assert [job.id for job in ended] == [1, 2]
    assert control.clear(ended) == 2
    assert [job.id for job in control.view().jobs] == [3, 4]
    assert queue.events(1) == []
    assert job.task.output.read_text() == "a clip"
    # Numbers are not given out again: a script's job 4 stays what it was.
    queue.cancel([3, 4], "x")
    assert add(queue, tmp_path / "new", 1) == [5]


def test_history_has_the_latest_end_first_though_the_clock_was_set_back(
    queue, control, worker, tmp_path, monkeypatch
):
    hours = itertools.count(23, -1)
    monkeypatch.setattr(moves, "time_now", lambda: f"2026-01-01T{next(hours):02}:00:00+00:00")
    add(queue, tmp_path, 3)
    ids = []
    for number in (1, 2, 3):
        job = queue.claim(worker)
        ids.append(job.id)
        if number == 2:
            queue.fail(job.id, "no", seconds=1.0)
        else:
            queue.finish(job.id, "rendered", seconds=float(number))
    assert ids == [1, 2, 3]
    clips = control.history(None, None)
    assert [(job.id, job.seconds) for job in clips] == [(3, 3.0), (2, 1.0), (1, 1.0)]
    assert clips[0].finished < clips[-1].finished
    assert [job.id for job in control.history("set", 1)] == [3]
    assert control.history("other", None) == []
    assert [event.status for event in queue.events(2)] == ["PENDING", "RUNNING", "FAILED"]


def test_resuming_takes_up_what_waits_and_what_a_stop_left(queue, control, layout, tmp_path):
    add(queue, tmp_path, 3)
    queue.cancel([1], STOPPED)
    control.cancel(["2"])
    control.pause()
    told = []
    assert resume_queue(layout, is_failed_only=False, on_taken_up=told.append) == [3, 1]
    assert told == [1]
    assert queue.paused_since() is None
    assert queue.job(2).status is JobStatus.CANCELLED


def test_only_failed_means_rows_whose_last_try_failed(queue, worker, layout, tmp_path):
    add(queue, tmp_path, 3)
    for _ in range(2):
        queue.fail(queue.claim(worker).id, "no")
    other_steps = make_task(tmp_path, "another text", seed=2)
    queue.add([other_steps])
    assert [t.request.sampling.seed for t in failed_tasks([
        make_task(tmp_path, "mended", seed=seed) for seed in (1, 2, 3)
    ], layout)] == [1]  # fmt: skip
    assert resume_queue(layout, is_failed_only=True) == [1]
    assert queue.job(1).status is JobStatus.PENDING
    assert queue.job(2).status is JobStatus.FAILED


def test_words_select_jobs(queue, worker, tmp_path):
    add(queue, tmp_path, 5)
    queue.fail(queue.claim(worker).id, "no")
    jobs = queue.jobs()
    for words, ids in (
        (["2"], [2]), (["4-9", "1"], [1, 4, 5]), (["2,3", "3"], [2, 3]), (["failed"], [1]),
        (["all"], [1, 2, 3, 4, 5]), (["done"], []), (["waiting", "failed"], [1, 2, 3, 4, 5]),
    ):  # fmt: skip
        assert [job.id for job in select_jobs(words, jobs)] == ids, words
    for word in ("x", "-1", "", "6", "7-9", "5-4", "1-2-3"):
        with pytest.raises(UsageError):
            select_jobs([word], jobs)


def test_nothing_is_made_by_looking(tmp_path):
    control = QueueControl(ProjectLayout(tmp_path), on_rescue=pytest.fail)
    assert control.view().jobs == ()
    assert control.history(None, None) == []
    with pytest.raises(QueueError, match="nothing was ever rendered"):
        control.cancel(["all"])
    assert list(tmp_path.iterdir()) == []


def test_a_queue_of_the_first_version_is_read_and_goes_on(layout, tmp_path):
    layout.state.create()
    tasks = [make_task(tmp_path, seed=seed) for seed in (1, 2)]
    with sqlite3.connect(layout.state.queue_path) as old:
        for statement in schema._MIGRATIONS[0]:
            old.execute(statement)
        for task in tasks:
            columns = {**task_columns(task), "status": "PENDING", "created": "2026-01-01"}
            for later in ("gpus", "clip_gpus", "profile", "fallback", "fell_back_from"):
                del columns[later]
            old.execute(
                f"INSERT INTO jobs ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})",
                tuple(columns.values()),
            )
        old.execute("PRAGMA user_version = 1")
    old.close()
    with RenderQueue(layout.state.queue_path) as queue:
        assert [job.task for job in queue.jobs()] == tasks
        assert [job.position for job in queue.jobs()] == [1, 2]
        queue.place([2], Place(is_first=True))
        assert queue.unfinished_ids() == [2, 1]
        assert queue.paused_since() is None
        assert queue._connection.execute("PRAGMA user_version").fetchone()[0] == SCHEMA_VERSION


def test_a_queue_file_of_the_second_version_is_read_and_goes_on(layout):
    # Written by the code of that version: four clips tried, three more added, the queue paused.
    layout.state.create()
    shutil.copy(DATA / "queue-v2.sqlite3", layout.state.queue_path)
    with RenderQueue(layout.state.queue_path, is_checked=True) as queue:
        jobs = queue.jobs()
        assert [job.status for job in jobs] == [
            "DONE", "FAILED", "DONE", "FAILED", "CANCELLED", "PENDING", "PENDING"
        ]  # fmt: skip
        assert jobs[2].warnings == ("The prompt is odd.",)
        assert "lost 3 times" in jobs[3].error
        assert [event.status for event in queue.events(4)][-1] is JobStatus.FAILED
        assert {(job.task.gpus, job.task.fallback, job.task.profile) for job in jobs} == {
            (None, None, None)
        }
        assert jobs[5].task.placement.num_gpus == 1
        assert queue.unfinished_ids() == [7, 6]
        assert queue.paused_since() is not None
        queue.unpause()
        assert queue.register(new_worker("w1", layout.state.log_folder / "w1.log"))
        assert queue.claim("w1").id == 7
