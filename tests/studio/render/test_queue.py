"""The queue on its own: no worker process, no clips."""

import sqlite3
from dataclasses import replace

import pytest

from ovi.spec.placement import Placement
from ovi_studio.errors import QueueError
from ovi_studio.render import adding
from ovi_studio.render.adding import Entry
from ovi_studio.render.job import ALLOWED_MOVES, MAX_ATTEMPTS, JobStatus
from ovi_studio.render.queue import RenderQueue
from ovi_studio.render.rows import new_worker
from ovi_studio.render.schema import SCHEMA_VERSION
from ovi_studio.render.worker_lock import WorkerLock

from .tasks import forced, identity_in_text, make_task


@pytest.fixture
def queue(tmp_path):
    with RenderQueue(tmp_path / ".ovi" / "queue.sqlite3") as opened:
        yield opened


@pytest.fixture
def start_worker(queue):
    """Enters a worker with a held lock; `die` lets go of the lock as a killed process does."""
    locks = {}

    def start(name="w1", devices=("0",)):
        lock = WorkerLock(queue.lock_path(name))
        assert lock.acquire()
        locks[name] = lock
        log = queue.state.log_folder / f"{name}.log"
        log.write_text("first line\nlast line\n")
        return queue.register(new_worker(name, log, devices))

    def die(name="w1"):
        locks.pop(name)._file.close()

    start.die = die
    yield start
    for lock in locks.values():
        lock.release()


def test_a_task_comes_back_from_the_queue_as_it_was(queue, tmp_path):
    task = replace(make_task(tmp_path), ckpt_dir=tmp_path / "ckpts", picture_source="some/model")
    (added,) = queue.add([task])
    job = queue.job(added.job_id)
    assert job.task == task
    assert (job.status, job.attempts) == (JobStatus.PENDING, 0)
    assert [event.status for event in queue.events(job.id)] == [JobStatus.PENDING]


def test_equal_tasks_are_one_job_and_the_newest_placement_counts(queue, tmp_path):
    task = make_task(tmp_path)
    (first,) = queue.add([task])
    (second,) = queue.add([replace(task, placement=Placement(device="cpu"))])
    assert (second.job_id, second.entry) == (first.job_id, Entry.WAITING)
    assert queue.job(first.job_id).task.placement.device == "cpu"


def test_adding_is_all_or_nothing(queue, tmp_path):
    unstorable = replace(make_task(tmp_path, row="2"), weights={"fusion": object()})
    with pytest.raises(TypeError):
        queue.add([make_task(tmp_path), unstorable])
    assert queue.jobs() == []


def test_jobs_are_claimed_in_order_and_never_twice(queue, start_worker, tmp_path):
    start_worker("w1", ["0"])
    start_worker("w2", ["1"])
    ids = [added.job_id for added in queue.add([make_task(tmp_path, row=row) for row in "12"])]
    assert [queue.claim("w1").id] == ids[:1]
    # Equal prompts are equal clips whatever their row, so the second waits for the first.
    assert queue.claim("w2") is None
    ids += [queue.add([make_task(tmp_path, seed=2)])[0].job_id]
    assert queue.claim("w2").id == ids[2]


def test_a_clip_in_work_is_not_claimed_for_another_place(queue, start_worker, tmp_path):
    start_worker("w1", ["0"])
    start_worker("w2", ["1"])
    queue.add([make_task(tmp_path / "a"), make_task(tmp_path / "b")])
    first = queue.claim("w1")
    assert queue.claim("w2") is None
    assert queue.leave("w2")
    queue.finish(first.id, "rendered")
    assert queue.claim("w1").task.output.parent.name == "b"


def test_two_clips_for_one_file_are_not_made_at_once(queue, start_worker, tmp_path):
    start_worker("w1", ["0"])
    start_worker("w2", ["1"])
    task = make_task(tmp_path)
    queue.add([task, replace(make_task(tmp_path, "a dog"), output=task.output)])
    first = queue.claim("w1")
    assert queue.claim("w2") is None
    assert queue.next_task() is None
    assert queue.count_claimable(1) == 0
    queue.finish(first.id, "rendered")
    assert queue.claim("w2").id == 2


def test_a_worker_with_one_device_gets_no_clip_that_needs_two(queue, start_worker, tmp_path):
    start_worker("w1", ["0"])
    start_worker("w2", ["1", "2"])
    wide = replace(make_task(tmp_path), placement=Placement(num_gpus=2))
    queue.add([wide, make_task(tmp_path, seed=2)])
    assert queue.claim("w1").id == 2
    assert queue.leave("w1")
    assert not queue.leave("w2", num_devices=2)
    assert queue.claim("w2", num_devices=2).id == 1


def test_no_device_has_two_workers(start_worker):
    assert start_worker("w1", ["0", "1"])
    assert not start_worker("w2", ["1", "2"])
    assert start_worker("w3", ["2"])
    start_worker.die("w1")
    assert start_worker("w4", ["1"])
    assert not start_worker("w5", ["0", "2"])


def test_a_worker_does_not_leave_while_a_job_waits(queue, start_worker, tmp_path):
    start_worker()
    queue.add([make_task(tmp_path)])
    assert not queue.leave("w1")
    queue.finish(queue.claim("w1").id, "rendered")
    assert queue.leave("w1")
    assert queue.workers() == []


def test_a_finished_job_waits_again_when_forced_or_its_file_is_gone(
    queue, start_worker, tmp_path, monkeypatch
):
    monkeypatch.setattr(adding, "identity_in", identity_in_text)
    start_worker()
    task = make_task(tmp_path)
    queue.add([task])
    task.output.write_text(task.identity)
    queue.finish(queue.claim("w1").id, "rendered")
    assert queue.add([task])[0].entry is Entry.FINISHED
    (again,) = queue.add([forced(task)])
    assert again.entry is Entry.NEW
    assert queue.job(again.job_id).task.is_forced
    queue.finish(queue.claim("w1").id, "rendered")
    task.output.unlink()
    assert queue.add([task])[0].entry is Entry.NEW
    assert queue.job(again.job_id).status is JobStatus.PENDING


def test_a_failed_clip_asked_for_again_is_a_new_job(queue, start_worker, tmp_path):
    start_worker()
    task = make_task(tmp_path)
    (first,) = queue.add([task])
    queue.fail(queue.claim("w1").id, "no", traceback="Traceback ...")
    (second,) = queue.add([task])
    assert second.job_id != first.job_id
    failed = queue.job(first.job_id)
    assert (failed.error, failed.traceback) == ("no", "Traceback ...")


def test_the_job_of_a_dead_worker_waits_again_and_fails_the_third_time(
    queue, start_worker, tmp_path
):
    (added,) = queue.add([make_task(tmp_path)])
    for attempt in range(1, MAX_ATTEMPTS + 1):
        assert start_worker(f"w{attempt}")
        assert queue.claim(f"w{attempt}").attempts == attempt
        assert queue.recover_lost() == []
        start_worker.die(f"w{attempt}")
        (lost,) = queue.recover_lost({f"w{attempt}": "was killed by SIGKILL"})
        assert lost.name == f"w{attempt}"
    job = queue.job(added.job_id)
    assert job.status is JobStatus.FAILED
    assert job.error == (
        "The worker was lost 3 times over this clip; the last one was killed by SIGKILL."
    )
    assert job.log_tail == "first line\nlast line"


def test_cancelling_stops_waiting_jobs_at_once_and_asks_for_the_rest(queue, start_worker, tmp_path):
    start_worker()
    ids = [added.job_id for added in queue.add([make_task(tmp_path, row=row) for row in "12"])]
    running = queue.claim("w1")
    assert queue.report(running.id, "denoise", 1, 4)
    queue.cancel(ids, "stopped by the user")
    states = queue.states(ids)
    assert [states[i].status for i in ids] == [JobStatus.CANCELLING, JobStatus.CANCELLED]
    assert not queue.report(running.id, "denoise", 2, 4)
    start_worker.die()
    queue.recover_lost()
    assert queue.job(running.id).status is JobStatus.CANCELLED


def test_a_clip_that_is_being_cancelled_can_be_asked_for_again(queue, start_worker, tmp_path):
    start_worker()
    (first,) = queue.add([make_task(tmp_path)])
    queue.claim("w1")
    queue.cancel([first.job_id], "stopped by the user")
    (second,) = queue.add([make_task(tmp_path)])
    assert second.job_id != first.job_id
    assert queue.claim("w1") is None
    queue.confirm_cancel(first.job_id, "stopped")
    assert queue.claim("w1").id == second.job_id


@pytest.mark.parametrize("status", JobStatus)
@pytest.mark.parametrize("to", JobStatus)
def test_only_allowed_moves_are_made(queue, tmp_path, status, to):
    (added,) = queue.add([make_task(tmp_path)])
    queue._connection.execute("UPDATE jobs SET status = ?", (status,))
    moves = {
        JobStatus.DONE: lambda: queue.finish(added.job_id, "x"),
        JobStatus.FAILED: lambda: queue.fail(added.job_id, "x"),
        JobStatus.CANCELLED: lambda: queue.confirm_cancel(added.job_id, "x"),
    }
    if to not in moves:
        return
    if to in ALLOWED_MOVES[status]:
        moves[to]()
        assert queue.job(added.job_id).status is to
    else:
        with pytest.raises(QueueError, match=f"is {status} and cannot become {to}"):
            moves[to]()
        assert queue.job(added.job_id).status is status


def test_a_queue_of_a_newer_version_is_not_touched(tmp_path):
    path = tmp_path / ".ovi" / "queue.sqlite3"
    RenderQueue(path).close()
    with sqlite3.connect(path) as connection:
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    with pytest.raises(QueueError, match="newer version"):
        RenderQueue(path)


def test_a_damaged_queue_is_named_with_the_remedy(tmp_path):
    path = tmp_path / ".ovi" / "queue.sqlite3"
    path.parent.mkdir()
    path.write_bytes(b"this is no database " * 100)
    with pytest.raises(QueueError, match=r"queue\.sqlite3.*damaged\. Move it away"):
        RenderQueue(path)


def test_the_queue_is_hidden_from_git(queue):
    assert (queue.path.parent / ".gitignore").read_text() == "*\n"


def test_the_database_itself_refuses_a_second_job_for_a_clip(queue, tmp_path):
    (added,) = queue.add([make_task(tmp_path)])
    columns = "identity, status, request, placement, weights, set_name, row_id, output, is_forced"
    copy = f"INSERT INTO jobs ({columns}, created) SELECT {columns}, created FROM jobs"
    with pytest.raises(sqlite3.IntegrityError):
        queue._connection.execute(copy)
    queue.cancel([added.job_id], "stopped by the user")
    queue._connection.execute(copy)


def test_a_clip_finished_though_cancelled_and_asked_for_again_is_the_newer_jobs(
    queue, start_worker, tmp_path
):
    start_worker()
    task = make_task(tmp_path)
    first = queue.add([task])[0].job_id
    assert queue.claim("w1").id == first
    queue.cancel([first], "not wanted")
    second = queue.add([task])[0].job_id
    assert second != first
    queue.finish(first, "rendered in 1.0 s")
    assert queue.job(first).status is JobStatus.CANCELLED
    assert queue.events(first)[-1].reason.endswith(f"job {second} has the clip")
    assert queue.job(second).status is JobStatus.PENDING
