"""Watching a queue: progress, pace, time left, throughput, and workers that are lost."""

from dataclasses import replace

import pytest

from ovi_studio.actions import queue_watching
from ovi_studio.actions.job_logs import JobLog, last_lines
from ovi_studio.actions.queue_watching import QueueWatch
from ovi_studio.errors import QueueError
from ovi_studio.project.layout import ProjectLayout
from ovi_studio.render.job import JobStatus
from ovi_studio.render.pace import clips_per_hour, share_of
from ovi_studio.render.queue import RenderQueue
from ovi_studio.render.rows import new_worker
from ovi_studio.render.worker_lock import WorkerLock
from ovi_studio.report.queue_watch import job_line, screen_lines, summary_text, watch_document
from tests.studio.render.tasks import make_task


class Clock:
    """A clock that the test moves."""

    now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def layout(tmp_path):
    return ProjectLayout(tmp_path)


@pytest.fixture
def queue(layout):
    with RenderQueue(layout.state.queue_path) as opened:
        opened.add([make_task(layout.root, seed=seed) for seed in (1, 2, 3)])
        yield opened


@pytest.fixture
def worker(queue):
    lock = WorkerLock(queue.lock_path("w1"))
    lock.acquire()
    queue.register(new_worker("w1", queue.state.log_folder / "w1.log"))
    yield lock
    lock.release()


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def watch(layout, clock):
    return QueueWatch(layout, clock)


def test_where_nothing_was_rendered_there_is_nothing_to_see_and_nothing_is_made(layout, watch):
    assert watch.look().jobs == ()
    assert not layout.state.path.exists()


@pytest.mark.usefixtures("worker")
def test_the_pace_of_a_stage_is_timed_and_the_rest_estimated(queue, watch, clock):
    queue.claim("w1")
    queue.report(1, "denoise", 1, 10)
    (view, *_) = watch.look().jobs
    assert (view.seconds_per_step, view.seconds_left) == (None, None)
    clock.now = 6.0
    queue.report(1, "denoise", 4, 10)
    (view, *_) = watch.look().jobs
    assert view.seconds_per_step == 2.0
    assert view.seconds_left == pytest.approx(12 + 20 * 0.16 / 0.70)
    clock.now = 7.0
    assert watch.look().jobs[0].seconds_left == pytest.approx(view.seconds_left - 1)
    queue.report(1, "video", 0, 45)
    (view, *_) = watch.look().jobs
    assert (view.seconds_per_step, view.share) == (None, pytest.approx(0.86))


@pytest.mark.usefixtures("worker")
def test_a_clip_takes_as_long_as_the_last_ones_of_its_kind(queue, watch, monkeypatch):
    queue.claim("w1")
    queue.finish(1, "rendered", seconds=30.0)
    queue.claim("w1")
    monkeypatch.setattr(queue_watching, "seconds_since", lambda _: 10.0)
    assert watch.look().jobs[1].seconds_left == pytest.approx(20.0)
    monkeypatch.setattr(queue_watching, "seconds_since", lambda _: 31.0)
    assert watch.look().jobs[1].seconds_left is None, "it takes longer, nobody knows how long"


@pytest.mark.usefixtures("worker")
def test_an_unchanged_job_is_the_same_object_and_a_changed_one_is_not(queue, watch):
    before = {view.job.id: view.job for view in watch.look().jobs}
    queue.claim("w1")
    after = {view.job.id: view.job for view in watch.look().jobs}
    assert after[2] is before[2]
    assert after[1] is not before[1]
    assert after[1].status is JobStatus.RUNNING


@pytest.mark.usefixtures("worker")
def test_the_order_is_that_of_the_queue_and_states_are_counted(queue, watch):
    queue.claim("w1")
    queue.cancel([2], "no")
    snapshot = watch.look()
    assert [view.job.id for view in snapshot.jobs] == [1, 2, 3]
    assert snapshot.count(JobStatus.RUNNING, JobStatus.PENDING) == 2
    assert (snapshot.num_workers, snapshot.paused_since) == (1, None)
    queue.pause()
    assert watch.look().paused_since


def test_a_lost_worker_is_left_to_others_for_a_while_and_then_its_job_waits_again(
    queue, worker, watch, clock
):
    queue.claim("w1")
    assert watch.look().num_workers == 1
    worker.let_go()
    assert watch.look().num_workers == 0
    assert queue.job(1).status is JobStatus.RUNNING, "whoever started it knows how it ended"
    clock.now = 4.0
    watch.look()
    assert queue.job(1).status is JobStatus.PENDING


def test_a_queue_that_nobody_works_at_is_said_to_be_so_after_a_while(queue, watch, clock):
    assert not watch.look().is_stalled
    clock.now = 16.0
    snapshot = watch.look()
    assert snapshot.is_stalled
    assert "nobody works at it" in summary_text(snapshot)
    queue.pause()
    assert not watch.look().is_stalled


@pytest.mark.usefixtures("worker")
def test_throughput_is_that_of_the_latest_run(queue):
    queue.claim("w1")
    queue.finish(1, "rendered", seconds=1.0)
    job = queue.job(1)

    def rendered(start, end):
        at = "2026-11-22T{:02}:{:02}:00.000+00:00"
        return replace(
            job, started=at.format(start // 60, start % 60), finished=at.format(end // 60, end % 60)
        )

    night_before = [rendered(0, 30), rendered(30, 60)]
    run = [rendered(600, 602), rendered(602, 604), rendered(601, 606)]
    assert clips_per_hour([*night_before, *run]) == pytest.approx(3 / 6 * 60)
    assert clips_per_hour([]) is None
    assert clips_per_hour([rendered(10, 5)]) is None, "the clock was set back"


def test_a_bar_never_goes_back(queue):
    job = replace(queue.job(1), status=JobStatus.RUNNING)
    shares = [
        share_of(replace(job, stage=stage, step=step, num_steps=4))
        for stage in (
            "load",
            "text",
            "picture",
            "first_frame",
            "denoise",
            "audio",
            "video",
            "write",
        )
        for step in range(5)
    ]
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    assert share_of(replace(job, stage="unheard of", step=1, num_steps=0)) == 0.0


@pytest.mark.usefixtures("worker")
def test_the_lines_fit_and_the_document_holds_all(queue, watch):
    queue.claim("w1")
    queue.fail(1, "The latents are not finite.\nSecond line")
    snapshot = watch.look()
    assert "failed, The latents are not finite." in job_line(snapshot.jobs[0])
    lines = screen_lines(snapshot, None, 50, 8)
    assert len(lines) <= 8
    assert max(map(len, lines)) <= 50
    document = watch_document(snapshot)
    assert [job["status"] for job in document["jobs"]] == ["FAILED", "PENDING", "PENDING"]
    assert document["jobs"][0]["share"] == 0.0
    assert document["meters"] is None


@pytest.mark.usefixtures("worker")
def test_a_log_is_read_on_and_a_line_waits_until_it_is_whole(layout, queue):
    log_path = layout.state.log_folder / "w1.log"
    log = JobLog(layout, 1)
    assert log.new_lines() == []
    assert log.path is None
    queue.claim("w1")
    log_path.write_bytes(b"one\n 1%\r 50%\r 100%\nbad \x1b[2J\xff sign\nhalf")
    assert log.new_lines() == ["one", " 100%", "bad �[2J� sign"]
    assert log.unfinished_line() == "half"
    with log_path.open("a") as file:
        file.write(" and half\n")
    assert log.new_lines() == ["half and half"]
    assert log.new_lines() == []
    log_path.write_text("anew\n")
    assert log.new_lines() == ["anew"]
    log_path.write_text("".join(f"line {n}\n" for n in range(100_000)))
    assert last_lines(layout, 1, 2) == ["line 99998", "line 99999"]
    assert last_lines(layout, 2, 2) == []
    with pytest.raises(QueueError, match="no job 9"):
        JobLog(layout, 9).new_lines()
