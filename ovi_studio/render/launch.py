"""Starts and ends worker processes, and says in words how one ended."""

import os
import secrets
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from ovi_studio.errors import WorkerError
from ovi_studio.project.layout import state_of_queue
from ovi_studio.render.cluster_address import ensure_ray
from ovi_studio.render.lanes import Lane

WORKER_COMMAND = (sys.executable, "-m", "ovi_studio.render.worker")
"""What a worker is; it gets the queue, its name, its log and its devices as options."""

CLUSTER_COMMAND = (sys.executable, "-m", "ovi_studio.render.cluster_worker")
"""What has the jobs rendered on a Ray cluster instead; see `cluster_command`."""

SPIN_COUNT = "5000"
"""How long torch's threads on the CPU wait busily for each other, in turns of a loop.

Their own choice is far longer: with two other processes at work on two cores, a nano clip took
33 s with it and 10 to 16 s with 2,000 to 20,000 turns; alone on the machine, 4 s either way.
"""

_ANY_LANE = Lane()

FRESH_START = 75
"""Exit code of a worker that wants a fresh process to go on in its place."""


@dataclass(frozen=True, slots=True)
class WorkerProcess:
    """A worker that this process started."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path


def start_worker(
    queue_path: Path, command: Sequence[str] = WORKER_COMMAND, lane: Lane = _ANY_LANE
) -> WorkerProcess:
    """Starts a worker on a queue, in a process group of its own, writing to a log file.

    It outlives us: closing the terminal does not stop a render. Raises WorkerError.
    """
    name = f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(3)}"
    log = state_of_queue(queue_path).log_folder / f"{name}.log"
    arguments = [*command, "--queue", str(queue_path), "--name", name, "--log", str(log)]
    arguments += ["--devices", ",".join(lane.devices)]
    environment = {**worker_environment(), **lane.environment()}
    try:
        with log.open("ab") as output:
            if sys.platform == "win32":
                process = subprocess.Popen(
                    arguments,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    env=environment,
                    creationflags=subprocess.CREATE_NEW_PROCESS_GROUP,
                )
            else:
                process = subprocess.Popen(
                    arguments,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    env=environment,
                    start_new_session=True,
                )
    except OSError as error:
        raise WorkerError(f"No worker could be started: {error}.") from error
    return WorkerProcess(name, process, log)


def cluster_command(address: str, gpus: int | None = None) -> tuple[str, ...]:
    """What a follower starts instead of a worker, to render on the Ray cluster at that address.

    Raises MissingExtraError without the package that clusters need.
    """
    ensure_ray()
    command = (*CLUSTER_COMMAND, "--address", address)
    return command if gpus is None else (*command, "--gpus", str(gpus))


def worker_environment() -> dict[str, str]:
    """Our environment, with what makes torch work well where nobody has said otherwise."""
    chosen = {"GOMP_SPINCOUNT": SPIN_COUNT}
    if sys.platform == "linux" and "PYTORCH_CUDA_ALLOC_CONF" not in os.environ:
        chosen["PYTORCH_ALLOC_CONF"] = "expandable_segments:True"  # memory is not lost to gaps
    return {**chosen, **os.environ}


def kill_worker(pid: int) -> None:
    """Ends a worker and what it started, at once. Harmless when it is gone."""
    try:
        if sys.platform == "win32":
            os.kill(pid, signal.SIGTERM)
        else:
            os.killpg(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


def describe_end(returncode: int) -> str:
    """How a process ended, to follow the words `the worker`."""
    if returncode >= 0:
        return f"ended with exit code {returncode}"
    try:
        name = signal.Signals(-returncode).name
    except ValueError:
        name = f"signal {-returncode}"
    hint = ": somebody did that, or the system ran out of memory" if name == "SIGKILL" else ""
    return f"was killed by {name}{hint}"
