"""Real worker processes with a fake engine: whatever happens to them, jobs come to their end."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from ovi.media import read_recipe, sidecar_path
from ovi_studio.actions.rendering import render_tasks
from ovi_studio.errors import QueueError
from ovi_studio.project.layout import ProjectLayout
from ovi_studio.render.events import (
    ClipEnded,
    ClipProgress,
    ClipStarted,
    QueuePaused,
    QueueResumed,
    Stopping,
    WorkerLost,
)
from ovi_studio.render.job import JobStatus
from ovi_studio.render.queue import RenderQueue

from .fake_worker import COMMAND
from .tasks import forced, make_task

ROOT = Path(__file__).parents[3]


class Watcher:
    """Keeps events, and asks to stop when told to."""

    def __init__(self):
        self.events = []
        self.stops = 0

    def __call__(self, event):
        self.events.append(event)

    def of(self, kind):
        return [event for event in self.events if isinstance(event, kind)]


@pytest.fixture(autouse=True)
def _package_is_found(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(ROOT))


def render(folder, tasks, watcher=None, command=COMMAND):
    watcher = watcher or Watcher()
    return render_tasks(
        tasks,
        ProjectLayout(folder),
        on_event=watcher,
        stop_requests=lambda: watcher.stops,
        worker_command=command,
    )


def logs(folder):
    return [path.read_text() for path in sorted((folder / ".ovi" / "logs").iterdir())]


def leftovers(folder):
    return [path.name for path in folder.iterdir() if path.name.endswith(".part")]


def test_clips_are_rendered_with_recipe_and_progress(tmp_path):
    watcher = Watcher()
    tasks = [make_task(tmp_path, "a slow cat", seed=1), make_task(tmp_path, "odd", seed=2)]
    jobs = render(tmp_path, tasks, watcher)
    assert [job.status for job in jobs] == [JobStatus.DONE] * 2
    assert jobs[1].warnings == ("The prompt is odd.",)
    for task in tasks:
        recipe = read_recipe(task.output)
        assert recipe["identity"] == task.identity
        assert recipe["request"] == task.request.to_dict()
        assert json.loads(sidecar_path(task.output).read_text()) == recipe
    assert [event.number for event in watcher.of(ClipStarted)] == [1, 2]
    assert watcher.of(ClipProgress)[-1].num_clips == 2
    (log,) = logs(tmp_path)
    assert log.count("loaded") == 1, "two clips of one kind share one loaded pipeline"


def test_one_failed_clip_keeps_its_error_and_the_others_are_rendered(tmp_path):
    texts = ["a cat", "will fail", "will crash", "a dog"]
    jobs = render(tmp_path, [make_task(tmp_path, t, seed=i) for i, t in enumerate(texts)])
    assert [job.status for job in jobs] == [
        JobStatus.DONE, JobStatus.FAILED, JobStatus.FAILED, JobStatus.DONE
    ]  # fmt: skip
    assert jobs[1].error == "The latents are not finite."
    assert "NumericalError" in jobs[1].traceback
    assert "loaded nano" in jobs[1].log_tail
    assert "ZeroDivisionError: nobody thought of this" in jobs[2].error
    assert len(logs(tmp_path)) == 2, "after a fault nobody foresaw, a fresh process goes on"


def test_a_worker_killed_once_loses_nothing(tmp_path):
    watcher = Watcher()
    mark = tmp_path / "mark"
    tasks = [
        make_task(tmp_path, "a cat", seed=1),
        make_task(tmp_path, f"kill-once {mark}", seed=2),
        make_task(tmp_path, "a dog", seed=3),
    ]
    jobs = render(tmp_path, tasks, watcher)
    assert [job.status for job in jobs] == [JobStatus.DONE] * 3
    # The first clip may still have been in writing then: it counts the loss, and is tried alone.
    assert [job.attempts for job in jobs][1:] == [2, 1]
    assert jobs[0].attempts <= 2
    (lost,) = watcher.of(WorkerLost)
    assert "was killed by SIGKILL" in lost.how
    assert "loaded nano" in lost.log_tail


def test_a_clip_that_always_kills_its_worker_fails_and_the_others_go_on(tmp_path):
    tasks = [make_task(tmp_path, "kill-writing", seed=1), make_task(tmp_path, "a dog", seed=2)]
    jobs = render(tmp_path, tasks)
    assert [job.status for job in jobs] == [JobStatus.FAILED, JobStatus.DONE]
    assert jobs[0].attempts == 3
    assert "lost 3 times" in jobs[0].error
    assert "SIGKILL" in jobs[0].error
    assert not tasks[0].output.exists()
    assert leftovers(tmp_path) == []


def test_a_worker_that_cannot_start_is_given_up_with_its_last_words(tmp_path):
    command = (sys.executable, "-c", "import sys; sys.exit('no such driver')")
    watcher = Watcher()
    (job,) = render(tmp_path, [make_task(tmp_path)], watcher, command)
    assert job.status is JobStatus.FAILED
    assert "exit code 1" in job.error
    assert job.log_tail == "no such driver"
    assert len(watcher.of(WorkerLost)) == 3


def test_what_is_rendered_already_needs_no_worker(tmp_path):
    task = make_task(tmp_path)
    render(tmp_path, [task])
    written = task.output.stat().st_mtime_ns
    watcher = Watcher()
    (job,) = render(tmp_path, [task], watcher, command=("false",))
    assert job.status is JobStatus.DONE
    assert task.output.stat().st_mtime_ns == written
    # The queue is gone, the clip is not.
    for path in (tmp_path / ".ovi").glob("queue*"):
        path.unlink()
    (job,) = render(tmp_path, [task], watcher, command=("false",))
    assert job.status is JobStatus.DONE
    assert watcher.of(ClipEnded)[-1].reason == "the clip was there already"
    # Forced, it is rendered anew.
    render(tmp_path, [forced(task)])
    assert task.output.stat().st_mtime_ns > written


def test_the_same_clip_for_another_folder_is_copied_whole(tmp_path):
    first, second = make_task(tmp_path / "a"), make_task(tmp_path / "b")
    render(tmp_path, [first])
    (job,) = render(tmp_path, [second], command=("false",))
    assert job.status is JobStatus.DONE
    assert second.output.read_bytes() == first.output.read_bytes()
    assert sidecar_path(second.output).is_file()


def test_another_file_of_that_name_is_not_overwritten(tmp_path):
    task = make_task(tmp_path)
    task.output.write_text("precious")
    for one in (task, forced(task)):
        (job,) = render(tmp_path, [one])
        assert job.status is JobStatus.FAILED
        assert "Move it away" in job.error
    assert task.output.read_text() == "precious"


def test_stopping_once_cancels_politely(tmp_path):
    class StopsAtProgress(Watcher):
        def __call__(self, event):
            super().__call__(event)
            if isinstance(event, ClipProgress):
                self.stops = 1

    watcher = StopsAtProgress()
    tasks = [make_task(tmp_path, "slow", seed=1), make_task(tmp_path, "slow", seed=2)]
    jobs = render(tmp_path, tasks, watcher)
    assert [job.status for job in jobs] == [JobStatus.CANCELLED] * 2
    assert watcher.of(Stopping) == [Stopping(is_forced=False)]
    assert watcher.of(WorkerLost) == []
    assert list(tmp_path.glob("*.mp4")) == []
    # Asked for again, they are rendered.
    jobs = render(tmp_path, tasks)
    assert [job.status for job in jobs] == [JobStatus.DONE] * 2


def test_stopping_twice_kills_the_worker(tmp_path):
    class StopsTwice(Watcher):
        def __call__(self, event):
            super().__call__(event)
            if isinstance(event, ClipProgress):
                self.stops = 2

    watcher = StopsTwice()
    (job,) = render(tmp_path, [make_task(tmp_path, "slow")], watcher)
    assert job.status is JobStatus.CANCELLED
    assert watcher.of(Stopping)[-1] == Stopping(is_forced=True)
    with RenderQueue(tmp_path / ".ovi" / "queue.sqlite3") as queue:
        worker = queue.worker(job.worker)
    with pytest.raises(ProcessLookupError):
        os.kill(worker.pid, 0)


def test_a_follower_waits_while_the_queue_is_paused(tmp_path):
    with RenderQueue(tmp_path / ".ovi" / "queue.sqlite3") as queue:
        queue.pause()

    class ResumesWhenTold(Watcher):
        def __call__(self, event):
            super().__call__(event)
            if isinstance(event, QueuePaused):
                with RenderQueue(tmp_path / ".ovi" / "queue.sqlite3") as queue:
                    queue.unpause()

    watcher = ResumesWhenTold()
    (job,) = render(tmp_path, [make_task(tmp_path)], watcher)
    assert job.status is JobStatus.DONE
    assert watcher.events[:2] == [QueuePaused(), QueueResumed()]


def test_two_followers_at_once_share_one_worker_and_one_clip(tmp_path):
    tasks = [
        [make_task(tmp_path, "slow", seed=seed) for seed in seeds] for seeds in ((1, 2), (2, 3))
    ]
    results = [None, None]

    def follow(index):
        results[index] = render(tmp_path, tasks[index])

    threads = [threading.Thread(target=follow, args=(index,)) for index in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [[job.status for job in jobs] for jobs in results] == [[JobStatus.DONE] * 2] * 2
    assert results[0][1].id == results[1][0].id
    assert {job.attempts for jobs in results for job in jobs} == {1}
    assert sum(log.count("loaded") for log in logs(tmp_path)) == len(
        {job.worker for jobs in results for job in jobs}
    )


def test_a_worker_outlives_its_follower_and_another_follower_takes_over(tmp_path):
    script = (
        "import sys; from pathlib import Path\n"
        "from tests.studio.render.test_follow import render\n"
        "from tests.studio.render.tasks import make_task\n"
        "folder = Path(sys.argv[1])\n"
        "render(folder, [make_task(folder, 'slow', seed=seed) for seed in (1, 2)])\n"
    )
    follower = subprocess.Popen([sys.executable, "-c", script, str(tmp_path)], cwd=ROOT)
    path = tmp_path / ".ovi" / "queue.sqlite3"
    wait_until(path.is_file)
    with RenderQueue(path) as queue:
        wait_until(lambda: any(job.status is JobStatus.RUNNING for job in queue.jobs()))
        follower.send_signal(signal.SIGKILL)
        follower.wait()
        tasks = [make_task(tmp_path, "slow", seed=seed) for seed in (1, 2)]
        jobs = render(tmp_path, tasks)
        assert [job.status for job in jobs] == [JobStatus.DONE] * 2
        assert len(queue.jobs()) == 2
        assert len(logs(tmp_path)) == 1


def wait_until(condition):
    """Polls; the test run's own time limit is the only one."""
    while not condition():
        time.sleep(0.02)


def test_a_clip_that_is_cleared_meanwhile_is_waited_for_no_longer(tmp_path):
    tasks = [make_task(tmp_path, text, seed=seed) for seed, text in enumerate(("slow", "a dog"))]
    path = ProjectLayout(tmp_path).state.queue_path

    def clear_the_other(event):
        if isinstance(event, ClipStarted) and event.job.task.request.text == "slow":
            with RenderQueue(path) as queue:
                other = next(job.id for job in queue.jobs() if job.id != event.job.id)
                queue.cancel([other], "not wanted")
                assert queue.remove([other]) == [other]

    jobs = render_tasks(
        tasks, ProjectLayout(tmp_path), on_event=clear_the_other, worker_command=COMMAND
    )
    assert [(job.task.request.text, job.status) for job in jobs] == [("slow", JobStatus.DONE)]


def test_a_deleted_project_ends_its_workers(tmp_path):
    path = ProjectLayout(tmp_path).state.queue_path
    workers = []

    def delete(event):
        if isinstance(event, ClipStarted) and not workers:
            with RenderQueue(path) as queue:
                workers.extend(worker.pid for worker in queue.workers())
            shutil.rmtree(tmp_path / ".ovi")

    with pytest.raises(QueueError, match="deleted or replaced while it was worked at"):
        render_tasks(
            [make_task(tmp_path, "slow", seed=seed) for seed in range(5)],
            ProjectLayout(tmp_path),
            on_event=delete,
            worker_command=COMMAND,
        )
    assert workers
    for pid in workers:
        with pytest.raises(ProcessLookupError):
            wait_for_end(pid)


def wait_for_end(pid):
    """Until there is no such process; raises ProcessLookupError then."""
    while True:
        with contextlib.suppress(ChildProcessError):
            os.waitpid(pid, os.WNOHANG)
        os.kill(pid, 0)
        time.sleep(0.02)
