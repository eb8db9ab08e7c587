"""One look at the queue for everybody who asks at the same time.

Many clients may watch progress at once; however many they are, the queue is read a few times a
second at most.
"""

import threading
import time
from dataclasses import dataclass, field

from ovi_studio.actions.queue_watching import JobView, QueueSnapshot, QueueWatch
from ovi_studio.project.layout import ProjectLayout
from ovi_studio.render.job import JobStatus

FRESH_SECONDS = 0.25
"""How old a look may be for those who watch; those who changed something get a new one."""


@dataclass(frozen=True, slots=True)
class Look:
    """The queue at one moment, with its jobs by number."""

    snapshot: QueueSnapshot
    views: dict[int, JobView]
    places: dict[int, int]
    """jobs that wait -> their place, from 1"""


@dataclass(slots=True)
class QueueLooks:
    """Looks at the queue of a project. May be used by many threads at once."""

    layout: ProjectLayout
    _watch: QueueWatch = field(init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _look: Look | None = None
    _taken: float = 0.0

    def __post_init__(self) -> None:
        self._watch = QueueWatch(self.layout)

    def look(self, *, max_age: float = 0.0) -> Look:
        """The queue as it is, or was at most `max_age` seconds ago. Raises QueueError."""
        asked = time.monotonic()
        with self._lock:
            # A look that began while we waited for the lock is as new as one of our own.
            if self._look is None or self._taken < asked - max_age:
                self._taken = time.monotonic()
                self._look = _index(self._watch.look())
            return self._look


def _index(snapshot: QueueSnapshot) -> Look:
    waiting = [view.job.id for view in snapshot.jobs if view.job.status is JobStatus.PENDING]
    return Look(
        snapshot,
        {view.job.id: view for view in snapshot.jobs},
        {job_id: place for place, job_id in enumerate(waiting, 1)},
    )
