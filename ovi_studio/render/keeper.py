"""The keeper: a process without a screen that follows a queue until nothing waits in it.

`python -m ovi_studio.render.keeper --queue PATH`; `ovi render --detach` leaves it behind. What it
does is done by `follow.py`: a worker that is lost, or asks for a fresh one, is replaced, in as many
lanes as the jobs ask for. It ends when the queue is paused. One at a time keeps a queue; a second
one ends at once.
"""

import argparse
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from ovi_studio.errors import QueueError, WorkerError
from ovi_studio.project.layout import state_of_queue
from ovi_studio.render.events import ClipEnded, RenderEvent, WorkerLost
from ovi_studio.render.follow import follower_for
from ovi_studio.render.launch import WORKER_COMMAND
from ovi_studio.render.queue import RenderQueue
from ovi_studio.render.worker_lock import WorkerLock

KEEPER_COMMAND = (sys.executable, "-m", "ovi_studio.render.keeper")


def start_keeper(
    queue_path: Path,
    command: Sequence[str] = KEEPER_COMMAND,
    *,
    gpus: int | None = None,
    cluster: str | None = None,
) -> Path:
    """Starts a keeper that outlives us. Returns its log. Raises WorkerError.

    `gpus` wins over what the jobs say; `cluster` is the address of a Ray cluster to render on.
    """
    log = state_of_queue(queue_path).log_folder / "keeper.log"
    arguments = [*command, "--queue", str(queue_path)]
    arguments += [] if gpus is None else ["--gpus", str(gpus)]
    arguments += [] if cluster is None else ["--cluster", cluster]
    try:
        with log.open("ab") as output:
            if sys.platform == "win32":
                subprocess.Popen(
                    arguments,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    creationflags=subprocess.CREATE_NEW_PROCESS_GROUP,
                )
            else:
                subprocess.Popen(
                    arguments,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    start_new_session=True,
                )
    except OSError as error:
        raise WorkerError(f"Nobody could be started to keep the queue: {error}.") from error
    return log


def keep(
    queue_path: Path,
    worker_command: Sequence[str] = WORKER_COMMAND,
    *,
    gpus: int | None = None,
    cluster: str | None = None,
) -> None:
    """Follows whatever is in the queue, also what is added meanwhile, until nothing waits."""
    with RenderQueue(queue_path) as queue:
        lock = WorkerLock(queue.state.path / "keeper.lock")
        # Asked again after letting go: who adds a job meanwhile finds the lock held and leaves.
        while _has_work(queue) and lock.acquire():
            try:
                while _has_work(queue):
                    follower_for(
                        queue,
                        queue.unfinished_ids(),
                        on_event=_write_down,
                        worker_command=worker_command,
                        gpus=gpus,
                        cluster=cluster,
                        waits_while_paused=False,
                    ).run()
            finally:
                lock.release()


def _has_work(queue: RenderQueue) -> bool:
    """Whether something is at work, or waits and may be taken."""
    states = queue.states(queue.unfinished_ids()).values()
    is_paused = queue.paused_since() is not None
    return any(state.status.is_with_worker or not is_paused for state in states)


def _write_down(event: RenderEvent) -> None:
    if isinstance(event, ClipEnded):
        _log(f"job {event.job.id} {event.job.status}: {event.reason}")
    elif isinstance(event, WorkerLost):
        _log(f"the worker {event.name} {event.how}")


def _log(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


def main(
    arguments: Sequence[str] | None = None, worker_command: Sequence[str] = WORKER_COMMAND
) -> int:
    """Runs one keeper. Returns the exit code."""
    parser = argparse.ArgumentParser(description="Sees to it that a queue is worked off.")
    parser.add_argument("--queue", type=Path, required=True)
    parser.add_argument("--gpus", type=int, help="wins over what the jobs say")
    parser.add_argument("--cluster", help="address of a Ray cluster")
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    given = parser.parse_args(arguments)
    try:
        keep(given.queue, worker_command, gpus=given.gpus, cluster=given.cluster)
    except QueueError as error:
        _log(str(error))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
