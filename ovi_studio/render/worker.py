"""The worker: a process that takes jobs from the queue and renders them, one after the other.

`python -m ovi_studio.render.worker --queue PATH --name NAME --log PATH [--devices 0,1]`; nobody
imports it but tests. It loads the tensor side of the engine only once there is something to render.
It ends when no job is left, and also after a fault that may have left the device in a
bad state: whoever follows the queue then starts a fresh one.
"""

import argparse
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from ovi_studio.render.disk_limits import disk_limits
from ovi_studio.render.encoding_store import DiskEncodingStore
from ovi_studio.render.job_run import JobRunner
from ovi_studio.render.launch import FRESH_START
from ovi_studio.render.preview_writer import preview_seconds, remove_stale
from ovi_studio.render.queue import RenderQueue
from ovi_studio.render.rows import new_worker
from ovi_studio.render.workbench import Engine, Workbench, open_engine
from ovi_studio.render.worker_lock import WorkerLock

LOOK_SECONDS = 0.2
"""How often a worker that only has a clip to write looks for another job."""


def serve(
    queue_path: Path,
    name: str,
    log: Path,
    open_engine: Callable[[], Engine],
    devices: Sequence[str] = ("0",),
) -> int:
    """Takes jobs until there are none, or leaves its devices to their worker. The exit code."""
    with RenderQueue(queue_path) as queue:
        lock = WorkerLock(queue.lock_path(name))
        lock.acquire()
        try:
            if not queue.register(new_worker(name, log, devices)):
                return 0
            return _work(queue, name, log, open_engine, len(devices))
        finally:
            lock.release()


def _work(
    queue: RenderQueue, name: str, log: Path, open_engine: Callable[[], Engine], num_devices: int
) -> int:
    limits = disk_limits(queue.state.path.parent)
    store = DiskEncodingStore(queue.state.encoding_folder, limits.encoding_bytes)
    bench = Workbench(open_engine, store)
    runner = JobRunner(
        queue,
        bench,
        log,
        num_devices=num_devices,
        preview_seconds=preview_seconds(queue.state.path.parent),
    )
    remove_stale(queue)
    try:
        while True:
            job = queue.claim(name, num_devices=num_devices, is_alone=not runner.is_writing)
            if job is not None:
                if not runner.run(job):
                    runner.finish_writing()
                    queue.sign_off(name, "made room for a fresh one after a fault")
                    return FRESH_START
            elif runner.is_writing:
                runner.finish_writing(LOOK_SECONDS)
            elif queue.leave(name, num_devices):
                return 0
    finally:
        # Nobody may take our jobs for lost, and write the same clip, while we still write it.
        runner.finish_writing()
        bench.close()


def main(
    arguments: Sequence[str] | None = None, open_engine: Callable[[], Engine] = open_engine
) -> int:
    """Runs one worker. Returns the exit code."""
    parser = argparse.ArgumentParser(description="Renders the jobs of a queue.")
    parser.add_argument("--queue", type=Path, required=True)
    parser.add_argument("--name", required=True)
    parser.add_argument("--log", type=Path, required=True)
    parser.add_argument("--devices", default="0", help="what this worker has to itself: 0,1")
    given = parser.parse_args(arguments)
    # Ctrl-C is for the follower, which asks through the queue and so can ask politely.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    return serve(given.queue, given.name, given.log, open_engine, given.devices.split(","))


if __name__ == "__main__":
    sys.exit(main())
