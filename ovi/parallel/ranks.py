"""Rank 0's hold on the other ranks: starts them, leads them through their work, ends them.

The others are child processes. Each is joined to this one by a channel, whose end tells either side
that the other is gone: a child then ends itself, and this side breaks off its exchanges, which
would otherwise wait for ever, and raises what the first rank to fail said.
"""

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
import weakref
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from ovi.errors import PlacementError
from ovi.parallel.errors import Failure, RankError
from ovi.parallel.group import RankGroup
from ovi.parallel.messages import Channel, Ready, Seat, Setup, Turn, socket_pair

RANK_COMMAND = (sys.executable, "-m", "ovi.parallel.rank")
"""What a rank is; it gets the number of its socket as the last argument."""

GRACE_SECONDS = 5.0
"""How long a rank may take to end by itself, and the words of a failed one to arrive."""

ECHO_SECONDS = 1.0
"""How long to wait for a cause, when all that is known is that an exchange broke off."""

POLL_SECONDS = 0.02


class Ranks:
    """The ranks 1 and up of one clip, for as long as the models are loaded."""

    def __init__(
        self, setup: Setup, devices: Sequence[str], command: Sequence[str] = RANK_COMMAND
    ) -> None:
        """Starts a process for each device but the first.

        Raises PlacementError on systems where that is not possible.
        """
        if sys.platform == "win32":
            raise PlacementError("One clip on several GPUs needs Linux: use --gpus 1.")
        self._group: RankGroup | None = None
        self._failures: list[Failure] = []
        self._news = threading.Condition()
        self._num_ready = 0
        self._is_closing = False
        self._turn = threading.Lock()
        self._owner: int | None = None
        """thread that began the work under way"""
        self._processes: list[subprocess.Popen[bytes]] = []
        self._channels: list[Channel] = []
        # Only this user can read it. NCCL looks into it for as long as the ranks live.
        self._folder = tempfile.TemporaryDirectory(prefix="ovi-ranks-")
        self.rendezvous = Path(self._folder.name) / "meeting"
        """File that all ranks meet at, rank 0 included."""
        # Also when this object is dropped, and when the interpreter ends.
        self._finalizer = weakref.finalize(self, _end_processes, self._processes)
        for rank, device in enumerate(devices):
            if rank > 0:
                self._start(Seat(setup, rank, device, self.rendezvous), command)

    def _start(self, seat: Seat, command: Sequence[str]) -> None:
        ours, theirs = socket_pair()
        with theirs:
            process = subprocess.Popen(
                [*command, str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                env={"OMP_NUM_THREADS": _threads_of(seat), **os.environ},
            )
        self._processes.append(process)
        me = weakref.ref(self)  # the reading thread must not keep us alive

        def hear(message: Any) -> None:
            if (ranks := me()) is not None:
                ranks._hear(message)

        def miss() -> None:
            if (ranks := me()) is not None:
                ranks._miss(seat, process)

        channel = Channel(ours, hear, miss)
        self._channels.append(channel)
        channel.send(seat)

    def watch(self, group: RankGroup) -> None:
        """From now on the group's exchanges are broken off as soon as a rank is lost."""
        self._group = group
        # A group that is not left may keep the interpreter from ending.
        weakref.finalize(self, RankGroup.close, group)

    def wait_until_ready(self) -> None:
        """Returns when all ranks have loaded. Raises what the first one to fail said."""
        with self._news:
            while self._num_ready < len(self._processes) and not self._failures:
                self._news.wait()
        if self._failures:
            raise self._give_up()

    @contextlib.contextmanager
    def work(self, order: Any) -> Iterator["Work"]:
        """All ranks do what `order` says while this one does its part inside the `with`.

        One work at a time: another thread's waits. Leaving with an error before the work was ended
        in agreement (`Work.is_settled`) leaves the ranks in the middle of it: they are ended.
        """
        if self._failures or self._is_closing:
            raise RankError("The ranks of this pipeline have ended: load the models again.")
        if self._owner == threading.get_ident():
            raise RuntimeError("The frames of the previous clip have not been read to the end.")
        with self._turn:
            self._owner = threading.get_ident()
            for channel in self._channels:
                channel.send(order)
            work = Work(self._channels)
            try:
                yield work
                self._owner = None
            except BaseException as error:
                self._owner = None
                if work.is_settled and not self._failures:
                    raise
                self.abandon(error)
                raise
            if self._failures:
                raise self._give_up()

    def abandon(self, error: BaseException) -> None:
        """Ends all ranks because of an error here, or raises what led to it in another rank."""
        if isinstance(error, RuntimeError):  # as all errors of exchanges are
            self._await_cause()
        if self._failures and isinstance(error, Exception):
            raise self._give_up() from error
        self.close()

    def check(self) -> None:
        """Raises what a failed rank said, if one has failed."""
        if self._failures:
            raise self._give_up()

    def close(self) -> None:
        """Ends all ranks and leaves their group. Harmless when that is done already."""
        self._is_closing = True
        if self._group is not None:
            self._group.close()
        self._finalizer()
        self._folder.cleanup()

    def _hear(self, message: Any) -> None:
        with self._news:
            if isinstance(message, Ready):
                self._num_ready += 1
            elif isinstance(message, Failure):
                self._failures.append(message)
            self._news.notify_all()
        if isinstance(message, Failure):
            self._break_off()

    def _miss(self, seat: Seat, process: "subprocess.Popen[bytes]") -> None:
        """A rank's channel has ended."""
        if self._is_closing:
            return
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(GRACE_SECONDS)
        with self._news:
            if not any(failure.rank == seat.rank for failure in self._failures):
                words = _describe_end(process.returncode)
                self._failures.append(Failure(seat.rank, seat.device, "", words))
            self._news.notify_all()
        self._break_off()

    def _break_off(self) -> None:
        """Frees whoever waits for a lost rank: on GPUs by the abort, on CPUs by the kill."""
        if self._group is not None:
            self._group.abort()
        self._await_cause()
        for process in self._processes:
            process.kill()

    def _await_cause(self) -> None:
        """Gives a lost rank a moment to be noticed, and an echo's cause a moment to be told."""
        deadline = time.monotonic() + ECHO_SECONDS
        while time.monotonic() < deadline and all(f.is_echo for f in self._failures):
            with self._news:
                self._news.wait(POLL_SECONDS)

    def _give_up(self) -> Exception:
        """Ends all ranks; the error of the first that failed for a reason of its own."""
        self._await_cause()
        causes = [f for f in self._failures if not f.is_echo] or self._failures
        self.close()
        return causes[0].as_error()


class Work:
    """One piece of work that all ranks do in step, from rank 0's side."""

    def __init__(self, channels: Sequence[Channel]) -> None:
        self._channels = channels
        self.is_settled = False
        """All ranks know that it has ended."""

    def go_on(self) -> None:
        """Lets the others take their next step."""
        self._tell(Turn(goes_on=True))

    def stop(self) -> None:
        """Tells the others that there will be no further step."""
        if not self.is_settled:
            self.is_settled = True
            self._tell(Turn(goes_on=False))

    def _tell(self, turn: Turn) -> None:
        for channel in self._channels:
            channel.send(turn)


def _threads_of(seat: Seat) -> str:
    """Threads on the CPU for one of several ranks on one machine."""
    cores = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
    return str(max(cores // seat.setup.layout.num_ranks, 1))


def _describe_end(returncode: int | None) -> str:
    if returncode is None:
        return "It does not answer any more."
    if returncode >= 0:
        return f"Its process ended with exit code {returncode}."
    try:
        name = signal.Signals(-returncode).name
    except ValueError:
        name = f"signal {-returncode}"
    hint = ": somebody did that, or the system ran out of memory" if name == "SIGKILL" else ""
    return f"Its process was killed by {name}{hint}."


def _end_processes(processes: Sequence["subprocess.Popen[bytes]"]) -> None:
    """They are killed: a rank in the middle of an exchange hears nothing else."""
    for process in processes:
        process.kill()
    for process in processes:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(GRACE_SECONDS)
