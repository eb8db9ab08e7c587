"""Whatever happens in whatever order: no job is lost, none is with two workers, moves are legal."""

import tempfile
from itertools import pairwise
from pathlib import Path
from unittest import mock

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, precondition, rule

from ovi_studio.errors import QueueError
from ovi_studio.render import adding
from ovi_studio.render.job import ALLOWED_MOVES, MAX_ATTEMPTS, JobStatus
from ovi_studio.render.queue import RenderQueue
from ovi_studio.render.rows import new_worker
from ovi_studio.render.worker_lock import WorkerLock

from .tasks import forced, identity_in_text, make_task

DEVICES = ("0", "1")
"""Each worker has one of them to itself."""


class QueueMachine(RuleBasedStateMachine):
    """Screens, workers and accidents on one queue, seen through two connections."""

    jobs = Bundle("jobs")

    def __init__(self):
        super().__init__()
        self._folder = tempfile.TemporaryDirectory()
        self.folder = Path(self._folder.name)
        path = self.folder / ".ovi" / "queue.sqlite3"
        self.reading = mock.patch.object(adding, "identity_in", identity_in_text)
        self.reading.start()
        self.screen, self.workside = RenderQueue(path), RenderQueue(path)
        for queue in (self.screen, self.workside):
            # No power cut is tried here, and waiting for the disk would take most of the time.
            queue._connection.execute("PRAGMA synchronous = OFF")
        self.living = {}
        self.device_of = {}
        self.at_work = {}
        """job -> worker; one that writes a clip may already render the next"""
        self.names = 0

    def teardown(self):
        self.reading.stop()
        self.screen.close()
        self.workside.close()
        for lock in self.living.values():
            lock.release()
        self._folder.cleanup()

    @rule(target=jobs, row=st.sampled_from("12"), place=st.sampled_from("ab"), force=st.booleans())
    def add(self, row, place, force):
        task = make_task(self.folder / place, seed=int(row))
        return self.screen.add([forced(task) if force else task])[0].job_id

    @rule(job=jobs)
    def cancel(self, job):
        self.screen.cancel([job], "stopped by the user")

    @rule(device=st.sampled_from(DEVICES))
    def start_worker(self, device):
        self.names += 1
        name = f"w{self.names}"
        lock = WorkerLock(self.screen.lock_path(name))
        assert lock.acquire()
        may_work = self.workside.register(new_worker(name, Path("log"), [device]))
        assert may_work == (device not in {self.device_of[other] for other in self.living})
        if may_work:
            self.living[name], self.device_of[name] = lock, device
        else:
            lock.release()

    def jobs_of(self, name):
        return [job for job, worker in self.at_work.items() if worker == name]

    def idle(self):
        return sorted(set(self.living) - set(self.at_work.values()))

    @precondition(lambda self: self.living)
    @rule(data=st.data())
    def claim(self, data):
        name = data.draw(st.sampled_from(sorted(self.living)))
        is_alone = not self.jobs_of(name)
        if len(self.jobs_of(name)) == 2:
            return
        job = self.workside.claim(name, is_alone=is_alone)
        if job is not None:
            assert is_alone or job.attempts == 1
            self.at_work[job.id] = name

    @precondition(lambda self: self.at_work)
    @rule(data=st.data(), end=st.sampled_from(["report", "finish", "fail", "confirm"]))
    def work(self, data, end):
        job_id = data.draw(st.sampled_from(sorted(self.at_work)))
        status = self.screen.job(job_id).status
        if end == "report":
            may_go_on = self.workside.report(job_id, "denoise", 1, 4)
            assert may_go_on == (status is JobStatus.RUNNING)
            return
        if end == "confirm" and status is JobStatus.RUNNING:
            with pytest.raises(QueueError):
                self.workside.confirm_cancel(job_id, "stopped")
            return
        del self.at_work[job_id]
        if end == "finish":
            output = self.screen.job(job_id).task.output
            output.parent.mkdir(exist_ok=True)
            output.write_text(self.screen.job(job_id).task.identity)
            self.workside.finish(job_id, "rendered")
        elif end == "fail":
            self.workside.fail(job_id, "no")
        else:
            self.workside.confirm_cancel(job_id, "stopped")

    @precondition(lambda self: self.idle())
    @rule(data=st.data())
    def leave(self, data):
        name = data.draw(st.sampled_from(self.idle()))
        if self.workside.leave(name):
            self.living.pop(name).release()

    @precondition(lambda self: self.at_work)
    @rule(data=st.data())
    def cancel_what_is_in_work(self, data):
        self.screen.cancel([data.draw(st.sampled_from(sorted(self.at_work)))], "stopped")

    @precondition(lambda self: self.living)
    @rule(data=st.data())
    def die(self, data):
        name = data.draw(st.sampled_from(sorted(self.living)))
        self.living.pop(name)._file.close()
        lost = [self.screen.job(job_id) for job_id in self.jobs_of(name)]
        assert [worker.name for worker in self.screen.recover_lost()] == [name]
        for before in lost:
            del self.at_work[before.id]
            after = self.screen.job(before.id).status
            if before.status is JobStatus.CANCELLING:
                assert after is JobStatus.CANCELLED
            elif before.attempts < MAX_ATTEMPTS:
                assert after is JobStatus.PENDING
            else:
                assert after is JobStatus.FAILED

    @rule(job=jobs)
    def lose_the_file(self, job):
        self.screen.job(job).task.output.unlink(missing_ok=True)

    @invariant()
    def every_claimed_job_is_with_its_worker(self):
        with_worker = {
            job.id: job.worker for job in self.screen.jobs() if job.status.is_with_worker
        }
        assert with_worker == self.at_work

    @invariant()
    def one_clip_is_rendered_once_at_a_time(self):
        tasks = [job.task for job in self.screen.jobs() if job.status.is_with_worker]
        assert len(tasks) == len({task.identity for task in tasks})
        assert len(tasks) == len({task.output for task in tasks})

    @invariant()
    def moves_are_allowed_and_lead_to_where_the_job_is(self):
        for job in self.screen.jobs():
            events = self.screen.events(job.id)
            assert events[0].status_before is None
            assert events[-1].status is job.status
            for before, after in pairwise(events):
                assert after.status_before is before.status
                assert after.status in ALLOWED_MOVES[before.status]


QueueMachine.TestCase.settings = settings(
    max_examples=60,
    stateful_step_count=50,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
test_queue_states = QueueMachine.TestCase
