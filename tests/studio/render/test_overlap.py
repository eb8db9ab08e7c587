"""While one clip is written the next is rendered, and still each job ends in exactly one state."""

import shutil
import stat
import threading
import time
from dataclasses import replace

import numpy as np
import pytest

from ovi.errors import MediaError
from ovi.media import read_recipe
from ovi.spec.identity import clip_identity
from ovi.spec.request import Precision, TransformerPrecision
from ovi_studio.errors import QueueError
from ovi_studio.project.layout import ProjectLayout
from ovi_studio.render import background_clip
from ovi_studio.render.frame_buffer import AbandonedError, FrameBuffer
from ovi_studio.render.job import Fallback, JobStatus
from ovi_studio.render.job_run import JobRunner
from ovi_studio.render.ordering import Place
from ovi_studio.render.queue import RenderQueue
from ovi_studio.render.rows import new_worker
from ovi_studio.render.workbench import Workbench
from ovi_studio.render.worker_lock import WorkerLock
from ovi_studio.report.queue import history_document, history_table, job_text

from . import fake_worker
from .killing import ffmpeg
from .tasks import make_task


class Worker:
    """A worker within this process: claims and runs, and can be stepped."""

    def __init__(self, folder):
        self.queue = RenderQueue(ProjectLayout(folder).state.queue_path)
        self.lock = WorkerLock(self.queue.lock_path("w1"))
        assert self.lock.acquire()
        self.log = self.queue.state.log_folder / "w1.log"
        assert self.queue.register(new_worker("w1", self.log))
        bench = Workbench(fake_worker.open_engine)
        self.runner = JobRunner(self.queue, bench, self.log)

    def take(self):
        job = self.queue.claim("w1", is_alone=not self.runner.is_writing)
        return None if job is None else (job, self.runner.run(job))

    def status(self, job_id):
        return self.queue.job(job_id).status


@pytest.fixture
def worker(tmp_path):
    made = Worker(tmp_path)
    yield made
    made.lock.release()
    made.queue.close()


@pytest.fixture
def gate(tmp_path, monkeypatch):
    """An ffmpeg that begins only when this file is there, so that writing lasts until then."""
    path = tmp_path / "gate"
    script = tmp_path / "late-ffmpeg"
    script.write_text(
        f'#!/bin/sh\nwhile [ ! -e {path} ]; do sleep 0.02; done\nexec {ffmpeg()} "$@"\n'
    )
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", str(script))
    yield path
    path.touch()


def leftovers(folder):
    return [path.name for path in folder.iterdir() if path.name.endswith(".part")]


def test_the_next_clip_is_rendered_while_the_last_one_is_written(
    worker, gate, tmp_path, monkeypatch
):
    worker.queue.add([make_task(tmp_path, "a cat", seed=seed) for seed in (1, 2)])
    (first, goes_on) = worker.take()
    assert goes_on
    assert worker.runner.is_writing
    assert worker.status(first.id) is JobStatus.RUNNING
    assert not first.task.output.exists()
    # The second gets as far as it can while the first cannot be written.
    stages = []
    report = opens_gate_at_denoising(worker.queue.report, gate, stages)
    monkeypatch.setattr(worker.queue, "report", report)
    (second, _) = worker.take()
    assert "denoise" in stages
    assert worker.status(first.id) is JobStatus.DONE, "one clip at a time is written"
    worker.runner.finish_writing()
    assert worker.status(second.id) is JobStatus.DONE
    assert [read_recipe(job.task.output)["identity"] for job in (first, second)] == [
        first.task.identity, second.task.identity
    ]  # fmt: skip
    assert leftovers(tmp_path) == []


def opens_gate_at_denoising(report, gate, stages):
    """Lets the first clip be written when the second is being denoised, and not before."""

    def watched(job_id, stage, step, num_steps):
        stages.append(stage)
        if stage == "denoise":
            gate.touch()
        return report(job_id, stage, step, num_steps)

    return watched


def test_cancelling_a_clip_that_is_being_written_leaves_nothing(worker, gate, tmp_path):
    worker.queue.add([make_task(tmp_path)])
    (job, _) = worker.take()
    worker.queue.cancel([job.id], "stopped by the user")
    gate.touch()
    worker.runner.finish_writing()
    assert worker.status(job.id) is JobStatus.CANCELLED
    assert not job.task.output.exists()
    assert leftovers(tmp_path) == []


def test_a_fault_in_the_background_is_the_jobs_own_failure(worker, gate, tmp_path):
    worker.queue.add([make_task(tmp_path, seed=seed) for seed in (1, 2)])
    (job, _) = worker.take()
    (part,) = [path for path in tmp_path.iterdir() if path.name.endswith(".part")]
    shutil.rmtree(part)
    gate.touch()
    worker.runner.finish_writing()
    failed = worker.queue.job(job.id)
    assert failed.status is JobStatus.FAILED
    assert "could not be written" in failed.error
    assert "MediaError" in failed.traceback
    (second, _) = worker.take()
    worker.runner.finish_writing()
    assert worker.status(second.id) is JobStatus.DONE


def test_a_fault_before_the_last_frame_is_told_once(worker, tmp_path, monkeypatch):
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", shutil.which("false"))
    worker.queue.add([make_task(tmp_path)])
    (job, goes_on) = worker.take()
    worker.runner.finish_writing()
    assert goes_on
    assert worker.status(job.id) is JobStatus.FAILED
    assert [event.status for event in worker.queue.events(job.id)] == [
        JobStatus.PENDING, JobStatus.RUNNING, JobStatus.FAILED
    ]  # fmt: skip
    assert leftovers(tmp_path) == []


def test_frames_that_break_off_leave_nothing(worker, tmp_path, monkeypatch):
    def broken(*_):
        yield np.zeros((1, 32, 64, 3), np.uint8)
        raise MediaError("the decoder broke off")

    monkeypatch.setattr(fake_worker.FakePipeline, "_frames", broken)
    worker.queue.add([make_task(tmp_path)])
    (job, goes_on) = worker.take()
    assert goes_on
    assert worker.queue.job(job.id).error == "the decoder broke off"
    assert not worker.runner.is_writing
    assert list(tmp_path.glob(".*.part")) == []


def test_an_end_that_cannot_be_written_down_ends_the_worker(worker, gate, tmp_path, monkeypatch):
    class NoRoom(background_clip.JobEnd):
        def rendered(self, *_):
            raise QueueError("Make room on the disk and start again.")

    monkeypatch.setattr(background_clip, "JobEnd", NoRoom)
    worker.queue.add([make_task(tmp_path, seed=seed) for seed in (1, 2)])
    (job, _) = worker.take()
    gate.touch()
    with pytest.raises(background_clip.LostEndError) as caught:
        worker.take()
    assert "Make room" in str(caught.value.__cause__)
    # Others find both lost when we are gone; the second is not failed for the first one's fault.
    assert worker.status(job.id) is JobStatus.RUNNING
    assert worker.status(job.id + 1) is JobStatus.RUNNING


def test_after_a_lost_worker_a_clip_is_rendered_and_written_alone(worker, gate, tmp_path):
    worker.queue.add([make_task(tmp_path, seed=seed) for seed in (1, 2)])
    lost = worker.queue.claim("w1")
    worker.queue.give_back(lost.id, "was killed by SIGKILL")
    worker.queue.place([2], Place(is_first=True))
    (other, _) = worker.take()
    assert (other.id, worker.runner.is_writing) == (2, True)
    assert worker.take() is None, "what lost its worker waits until nothing else is at work"
    gate.touch()
    worker.runner.finish_writing()
    (again, _) = worker.take()
    assert (again.id, again.attempts) == (1, 2)
    assert not worker.runner.is_writing, "and nothing else begins before it is whole"
    assert worker.status(1) is JobStatus.DONE


def test_out_of_memory_falls_back_once_and_says_so(worker, tmp_path):
    task = make_task(tmp_path, "hungry")
    lighter = with_fallback(task, "fp8")
    worker.queue.add([lighter])
    (job, goes_on) = worker.take()
    assert not goes_on, "the next one begins with a fresh device"
    waiting = worker.queue.job(job.id)
    assert waiting.status is JobStatus.PENDING
    assert waiting.task.identity == lighter.fallback.identity
    assert waiting.task.fell_back_from == "exact"
    assert "out of memory with profile exact; goes on with profile fp8" in (
        worker.queue.events(job.id)[-1].reason
    )
    (again, _) = worker.take()
    worker.runner.finish_writing()
    assert again.attempts == 1
    assert worker.status(again.id) is JobStatus.DONE
    recipe = read_recipe(again.task.output)
    assert (recipe["profile"], recipe["fell_back_from"]) == ("fp8", "exact")
    assert any("memory ran out" in warning.lower() for warning in recipe["warnings"])
    assert any("memory ran out" in text.lower() for text in worker.queue.job(again.id).warnings)
    assert not task.output.exists()
    ended = [worker.queue.job(again.id)]
    assert "(fp8: exact ran out of memory)" in history_table(ended)
    assert history_document(ended)["clips"][0]["fell_back_from"] == "exact"
    assert "profile: fp8" in job_text(ended[0], worker.queue.events(again.id))


def test_out_of_memory_without_a_fallback_or_with_another_job_for_it_fails(worker, tmp_path):
    task = with_fallback(make_task(tmp_path, "hungry"), "fp8")
    lighter = task.fallen_back()
    plain = make_task(tmp_path, "hungry", row="2", seed=2)
    worker.queue.add([task, replace(lighter, fell_back_from=None), plain])
    (job, _) = worker.take()
    failed = worker.queue.job(job.id)
    assert failed.status is JobStatus.FAILED
    assert "Out of memory" in failed.error
    worker.take()
    (other, _) = worker.take()
    assert worker.queue.job(other.id).status is JobStatus.FAILED


def with_fallback(task, precision):
    request = replace(task.request, precision=Precision(TransformerPrecision(precision)))
    fallback = Fallback(
        profile=precision,
        identity=clip_identity(request, task.weights),
        request=request,
        placement=task.placement,
        weights=task.weights,
        output=task.output.with_stem(f"{task.output.stem}-{precision}"),
    )
    return replace(task, profile="exact", fallback=fallback)


def test_the_buffer_holds_only_so_much():
    buffer = FrameBuffer(max_bytes=10)
    puts = []

    def fill():
        for number in range(4):
            buffer.put(np.full(4, number, np.uint8))
            puts.append(number)
        buffer.complete()

    thread = threading.Thread(target=fill)
    thread.start()
    while len(puts) < 2:
        time.sleep(0.001)
    assert thread.is_alive()
    assert [int(frames[0]) for frames in buffer] == [0, 1, 2, 3]
    thread.join()


def test_either_side_of_the_buffer_may_give_up():
    buffer = FrameBuffer(max_bytes=1)
    buffer.put(np.zeros(4, np.uint8))  # one always goes in
    buffer.abandon()
    with pytest.raises(AbandonedError):
        buffer.put(np.zeros(4, np.uint8))
    with pytest.raises(AbandonedError):
        list(buffer)
