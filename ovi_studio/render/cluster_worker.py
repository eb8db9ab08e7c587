"""The worker of a Ray cluster: a process that has the queue's jobs rendered by actors on its nodes.

`python -m ovi_studio.render.cluster_worker --address ADDRESS [--gpus N]`, and the options of a
worker. To the queue it is a worker with several jobs at once; which node an actor comes to is Ray's
affair. An actor that is lost with its node gives its job back, and another takes it.
"""

import argparse
import logging
import os
import signal
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ovi.errors import OviError
from ovi_studio.errors import StudioError
from ovi_studio.render.cluster_actor import ClipActor, ClipFault, RenderedClip
from ovi_studio.render.cluster_address import describe_silence, knock_at
from ovi_studio.render.finished_clips import find_finished, place_clip, remove_unfinished
from ovi_studio.render.free_space import ensure_space
from ovi_studio.render.job import RenderJob, RenderTask
from ovi_studio.render.job_end import JobEnd, describe_fallback
from ovi_studio.render.lanes import CLUSTER_LANE
from ovi_studio.render.launch import worker_environment
from ovi_studio.render.queue import RenderQueue
from ovi_studio.render.rows import log_tail, new_worker
from ovi_studio.render.worker_lock import WorkerLock

POLL_SECONDS = 0.2

_PASSED_ON = ("GOMP_SPINCOUNT", "PYTORCH_ALLOC_CONF")


@dataclass(slots=True, eq=False)
class Seat:
    """One actor and the job it has."""

    actor: Any
    arrival: Any
    """resolves to where the actor is, once it is there"""
    place: str | None = None
    job: RenderJob | None = None
    clip: Any = None
    """resolves to the job's clip or fault"""
    look: Any = None
    """resolves to how far it is"""
    is_stopping: bool = False
    started: float = 0.0


class ClusterWorker:
    """Hands the queue's jobs to actors and puts what they return in its place."""

    def __init__(
        self, ray: Any, queue: RenderQueue, name: str, log: Path, gpus: int | None
    ) -> None:
        """`ray` is the module, connected; `gpus` wins over what the tasks say."""
        self._ray = ray
        self._queue = queue
        self._name = name
        self._log = log
        self._gpus = gpus
        self._end = JobEnd(queue, log)
        self._seats: list[Seat] = []

    def work(self) -> None:
        """Takes jobs until there are none."""
        while True:
            self._fill_seats()
            for seat in [seat for seat in self._seats if seat.place is not None]:
                if seat.job is None:
                    self._take_job(seat)
            is_idle = all(seat.job is None for seat in self._seats)
            if is_idle and self._queue.leave(self._name, CLUSTER_LANE.num_devices):
                return
            self._listen()

    # Actors.

    def _fill_seats(self) -> None:
        """Asks for as many actors as there are clips that could be rendered now."""
        task = self._queue.next_task(CLUSTER_LANE.num_devices)
        if task is None:
            return
        num_free = sum(seat.job is None for seat in self._seats)
        num_cpus, num_gpus, num_seats = self._needs_of(task)
        num_new = min(
            num_seats - len(self._seats),
            self._queue.count_claimable(CLUSTER_LANE.num_devices) - num_free,
        )
        actor_class = self._ray.remote(ClipActor).options(
            num_cpus=num_cpus,
            num_gpus=num_gpus,
            max_concurrency=2,  # `look` beside `render`
            max_restarts=0,
            scheduling_strategy="SPREAD",
            runtime_env={"env_vars": _passed_on()},
        )
        for _ in range(num_new):
            actor = actor_class.remote()
            self._seats.append(Seat(actor, actor.place.remote()))

    def _needs_of(self, task: RenderTask) -> tuple[int, int, int]:
        """CPUs and GPUs of an actor for that task, and how many actors there may be."""
        nodes = [node["Resources"] for node in self._ray.nodes() if node["Alive"]]
        said = self._gpus or task.gpus
        num_gpus = int(sum(node.get("GPU", 0) for node in nodes))
        if num_gpus and task.placement.device != "cpu":
            width = task.placement.num_gpus
            return 1, width, max(1, min(num_gpus, said or num_gpus) // width)
        cpus = [int(node["CPU"]) for node in nodes if node.get("CPU", 0) >= 1] or [1]
        return min(cpus), 0, said or len(cpus)

    def _lose(self, seat: Seat, how: str) -> None:
        """An actor is gone, by itself or because it must be."""
        self._seats.remove(seat)
        self._ray.kill(seat.actor)
        _log(f"the actor at {seat.place or 'a node'} {how}")
        if seat.job is not None:
            _log(f"job {seat.job.id} is given back")
            self._queue.give_back(seat.job.id, f"at {seat.place} {how}", log_tail(self._log))
            remove_unfinished(seat.job.task.output)

    # Jobs.

    def _take_job(self, seat: Seat) -> None:
        job = self._queue.claim(self._name, num_devices=CLUSTER_LANE.num_devices)
        if job is None:
            return
        seat.started = time.monotonic()
        try:
            remove_unfinished(job.task.output)
            found = find_finished(self._queue, job)
            if found is not None:
                self._end.found(job, found)
                return
            job.task.output.parent.mkdir(parents=True, exist_ok=True)
            ensure_space(job.task.output, job.task.request)
            picture = job.task.request.first_frame
            content = None if picture is None else Path(picture.path).read_bytes()
        except (OviError, StudioError, OSError) as error:
            self._end.stopped_by(job, error, 0.0)
            return
        _log(f"job {job.id} goes to {seat.place}")
        seat.job, seat.is_stopping = job, False
        seat.clip = seat.actor.render.remote(job.id, job.task, content)
        seat.look = seat.actor.look.remote(job.id, is_stopping=False)

    def _listen(self) -> None:
        """Waits a moment for whatever comes first, and deals with all that has come."""
        awaited = [
            ref
            for seat in self._seats
            for ref in (seat.clip, seat.look, None if seat.place else seat.arrival)
            if ref is not None
        ]
        if awaited:
            self._ray.wait(awaited, num_returns=len(awaited), timeout=POLL_SECONDS)
        else:
            time.sleep(POLL_SECONDS)
        for seat in list(self._seats):
            try:
                self._hear(seat)
            except self._ray.exceptions.RayActorError as error:
                self._lose(seat, f"was lost ({type(error).__name__})")
            except self._ray.exceptions.RayError as error:
                self._lose(seat, f"failed ({error})")

    def _hear(self, seat: Seat) -> None:
        if seat.place is None:
            if self._is_ready(seat.arrival):
                seat.place = self._ray.get(seat.arrival)
            return
        if seat.job is None:
            return
        if self._is_ready(seat.clip):
            job, seat.job = seat.job, None
            clip, seat.clip, seat.look = self._get(seat, job), None, None
            self._end_job(seat, job, clip)
        elif self._is_ready(seat.look):
            stage = self._ray.get(seat.look)
            if stage is not None and not self._queue.report(
                seat.job.id, stage.stage, stage.step, stage.num_steps
            ):
                seat.is_stopping = True
            seat.look = seat.actor.look.remote(seat.job.id, is_stopping=seat.is_stopping)

    def _get(self, seat: Seat, job: RenderJob) -> RenderedClip | ClipFault:
        try:
            result: RenderedClip | ClipFault = self._ray.get(seat.clip)
        except BaseException:
            seat.job = job  # it is still to be given back
            raise
        return result

    def _end_job(self, seat: Seat, job: RenderJob, clip: RenderedClip | ClipFault) -> None:
        seconds = time.monotonic() - seat.started
        if isinstance(clip, RenderedClip):
            try:
                place_clip(job.task.output, job.task.identity, clip.files)
            except (OviError, OSError) as error:
                self._end.stopped_by(job, error, seconds)
            else:
                self._end.rendered(job, clip.warnings, seconds)
            return
        if clip.is_cancelled:
            self._queue.confirm_cancel(job.id, "the actor stopped")
        elif not (clip.is_out_of_memory and self._queue.fall_back(job.id, describe_fallback(job))):
            self._queue.fail(
                job.id,
                f"On {seat.place}: {clip.message}",
                traceback=clip.traceback or None,
                log_tail=log_tail(self._log),
                seconds=seconds,
            )
        if not (clip.is_foreseen or clip.is_cancelled):
            self._lose(seat, "made room for a fresh one")

    def _is_ready(self, ref: Any) -> bool:
        return bool(self._ray.wait([ref], timeout=0)[0])


def _passed_on() -> dict[str, str]:
    """The variables of a worker that an actor gets too."""
    environment = worker_environment()
    return {name: environment[name] for name in _PASSED_ON if name in environment}


def _log(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


def serve(queue_path: Path, name: str, log: Path, address: str, gpus: int | None) -> int:
    """Works until no job is left, or leaves the cluster to its worker. Returns the exit code."""
    with RenderQueue(queue_path) as queue:
        lock = WorkerLock(queue.lock_path(name))
        lock.acquire()
        try:
            if not queue.register(new_worker(name, log, CLUSTER_LANE.devices)):
                return 0
            os.environ["RAY_USAGE_STATS_ENABLED"] = "0"  # nothing is told to anybody
            import ray
            import ray.exceptions

            try:
                knock_at(address)
                ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR)
            except (OSError, ValueError, RuntimeError) as error:
                _log(describe_silence(address, error))
                return 1
            try:
                ClusterWorker(ray, queue, name, log, gpus).work()
            finally:
                ray.shutdown()  # our actors end with us
            return 0
        finally:
            lock.release()


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one cluster worker. Returns the exit code."""
    parser = argparse.ArgumentParser(description="Has a queue's jobs rendered on a Ray cluster.")
    parser.add_argument("--address", required=True, help="of a running cluster, or auto")
    parser.add_argument("--gpus", type=int, help="GPUs, or nodes without any, to use at most")
    parser.add_argument("--queue", type=Path, required=True)
    parser.add_argument("--name", required=True)
    parser.add_argument("--log", type=Path, required=True)
    parser.add_argument("--devices", help="not looked at: Ray gives devices to actors")
    given = parser.parse_args(arguments)
    # Ctrl-C is for the follower, which asks through the queue and so can ask politely.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    return serve(given.queue, given.name, given.log, given.address, given.gpus)


if __name__ == "__main__":
    sys.exit(main())
