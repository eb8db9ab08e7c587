"""The crew: the worker processes that one follower started, at most one in each lane.

Other followers have crews of their own; that no device has two workers is seen to by the queue.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ovi_studio.render.events import RenderEvent, WorkerLost, WorkerStarted
from ovi_studio.render.lanes import Lane
from ovi_studio.render.launch import FRESH_START, WorkerProcess, describe_end, start_worker
from ovi_studio.render.queue import RenderQueue
from ovi_studio.render.rows import log_tail

MAX_IDLE_DEATHS = 3
"""Workers that may die one after the other in a lane, none with a job, before it is given up."""


@dataclass(frozen=True, slots=True)
class IdleDeath:
    """A worker that died before it had taken a job."""

    worker: WorkerProcess
    how: str


class Crew:
    """The workers of one follower."""

    def __init__(
        self,
        queue: RenderQueue,
        lanes: Sequence[Lane],
        command: Sequence[str],
        on_event: Callable[[RenderEvent], None],
    ) -> None:
        """Starts nobody yet."""
        self._queue = queue
        self._lanes = lanes
        self._command = command
        self._on_event = on_event
        self._workers: dict[Lane, WorkerProcess] = {}
        self._idle_deaths = dict.fromkeys(lanes, 0)
        self.last_death: IdleDeath | None = None
        """of a worker that had taken no job"""

    @property
    def names(self) -> set[str]:
        """Our workers that live, as far as we know."""
        return {worker.name for worker in self._workers.values()}

    @property
    def is_hopeless(self) -> bool:
        """In every lane one worker after the other dies before it takes a job."""
        return all(deaths >= MAX_IDLE_DEATHS for deaths in self._idle_deaths.values())

    def hope_again(self) -> None:
        """Every lane gets its tries anew."""
        self._idle_deaths = dict.fromkeys(self._lanes, 0)

    def collect(self, *, tells: bool = True) -> dict[str, str]:
        """How those of our workers ended that ended badly since we last looked, by name."""
        ends = {}
        for lane, worker in list(self._workers.items()):
            returncode = worker.process.poll()
            if returncode is None:
                continue
            del self._workers[lane]
            if returncode in (0, FRESH_START):
                self._idle_deaths[lane] = 0
                continue
            how = ends[worker.name] = describe_end(returncode)
            if tells:
                self._on_event(WorkerLost(worker.name, how, log_tail(worker.log)))
            if self._queue.has_taken_a_job(worker.name):
                self._idle_deaths[lane] = 0
            else:
                self._idle_deaths[lane] += 1
                self.last_death = IdleDeath(worker, how)
        return ends

    def fill_lanes(self) -> None:
        """Starts as many workers as there is work for, in lanes where nobody is. WorkerError."""
        entered = self._queue.workers()
        taken = {device for worker in entered for device in worker.devices}
        arriving = self.names - {worker.name for worker in entered}
        num_hands = len(self._queue.idle_workers()) + len(arriving)
        for lane in self._lanes:
            if self._queue.count_claimable(lane.num_devices) <= num_hands:
                return
            is_free = lane not in self._workers and not taken.intersection(lane.devices)
            if is_free and self._idle_deaths[lane] < MAX_IDLE_DEATHS:
                worker = start_worker(self._queue.path, self._command, lane)
                self._workers[lane] = worker
                self._on_event(WorkerStarted(worker.name, str(worker.log)))
                num_hands += 1
