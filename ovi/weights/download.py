"""Brings weight files to the checkpoint folder, from the hub or from a local folder.

A file grows as `.part` and gets its name when it is complete, of the published hash and of the
right form. Broken transfers go on where they broke off, also in the next run.
"""

import errno
import hashlib
import http.client
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from typing import Self, TypeVar

from ovi.errors import WeightsError
from ovi.weights.hashes import remember_hash
from ovi.weights.hub import Hub, Interruption, RemoteFile, look_up, open_file
from ovi.weights.licences import licence_of
from ovi.weights.verify import CHUNK_BYTES, RecordedFile, form_fault, write_record
from ovi.weights.wanted import DownloadPlan, PlannedFile, WantedFile, part_path

T = TypeVar("T")

REPORT_SECONDS = 0.2

MAX_DAMAGED = 3
"""Times that a file may arrive complete and wrong."""

OnProgress = Callable[[int, int, int], None]
"""(bytes done, bytes in all, files done), called from the caller's own thread. Raises to stop."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to insist."""

    max_attempts: int = 8
    """Attempts in a row that bring nothing."""
    first_wait_seconds: float = 1.0
    """Doubles with each of them."""
    longest_wait_seconds: float = 300.0
    """Who asks to wait longer than this is left."""


class _Stopped(Exception):  # noqa: N818 - a request, not a fault
    """Ends a thread whose result nobody waits for any longer."""


def ask_hub(
    hub: Hub, patience: Patience | None = None
) -> Callable[[WantedFile], RemoteFile | None]:
    """A function that looks up one file, and asks again when the answer is an interruption.

    Its `patience` is short unless given: somebody waits before the screen.
    """
    patience = patience or Patience(max_attempts=4, longest_wait_seconds=30.0)

    def ask(file: WantedFile) -> RemoteFile | None:
        return _insist(
            lambda: look_up(hub, file.source, file.source_path, is_optional=file.is_optional),
            lambda: 0,
            file.path,
            patience,
            threading.Event(),
        )

    return ask


def bring_files(
    plan: DownloadPlan,
    ckpt_dir: Path,
    hub: Hub | None,
    *,
    num_parallel: int = 4,
    patience: Patience | None = None,
    on_progress: OnProgress | None = None,
) -> tuple[str, ...]:
    """Brings all files of a plan and records each one. Returns their paths.

    `hub` may be None when all come from local folders. One that fails does not keep the others
    from coming. Raises WeightsError that names every one that failed, and whatever `on_progress`
    raises; what had come by then is kept.
    """
    stop, lock = threading.Event(), threading.Lock()
    done = 0

    def count(num_bytes: int) -> None:
        nonlocal done
        if stop.is_set():
            raise _Stopped
        with lock:
            done += num_bytes

    def bring(file: PlannedFile) -> RecordedFile:
        return _bring_file(file, ckpt_dir, hub, patience or Patience(), stop, count)

    if not plan.files:
        return ()
    with ThreadPoolExecutor(max(1, num_parallel)) as pool:
        jobs = {pool.submit(bring, file): file for file in plan.files}
        try:
            failures: list[WeightsError] = []
            pending: set[Future[RecordedFile]] = set(jobs)
            while pending:
                finished, pending = wait(pending, REPORT_SECONDS)
                for job in finished:
                    failures += _settle(job, jobs[job], ckpt_dir)
                if on_progress is not None:
                    on_progress(done, plan.size_bytes, len(jobs) - len(pending) - len(failures))
        finally:
            stop.set()  # an interrupted program need not wait for whole files
            pool.shutdown(wait=False, cancel_futures=True)
    if failures:
        raise WeightsError("\n".join(map(str, failures)))
    return tuple(file.wanted.path for file in plan.files)


def _settle(job: Future[RecordedFile], file: PlannedFile, ckpt_dir: Path) -> list[WeightsError]:
    """Records what a finished thread brought. Returns what went wrong in it."""
    try:
        recorded = job.result()
        write_record(ckpt_dir, {file.wanted.path: recorded})
        remember_hash(ckpt_dir / file.wanted.path, recorded.sha256)
    except WeightsError as error:
        return [error]
    except OSError as error:
        return [_disk_error(ckpt_dir / file.wanted.path, error)]
    return []


def _bring_file(
    file: PlannedFile,
    ckpt_dir: Path,
    hub: Hub | None,
    patience: Patience,
    stop: threading.Event,
    count: Callable[[int], None],
) -> RecordedFile:
    """Brings one file under its final name. Raises WeightsError."""
    target = ckpt_dir / file.wanted.path
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        for _ in range(1 if isinstance(file.origin, Path) else MAX_DAMAGED):
            with _Part(part_path(target, file.origin), file.origin, count) as part:
                if isinstance(file.origin, Path):
                    _copy(file.origin, part)
                else:
                    assert hub is not None
                    _receive_all(hub, file.origin, part, target.name, patience, stop)
            fault = part.fault(target.name)
            if fault is None:
                part.path.replace(target)
                _remove_other_parts(target)
                return _recorded(file, part)
            part.discard()
    except OSError as error:
        raise _disk_error(target, error) from error
    where = file.origin if isinstance(file.origin, Path) else f"{file.wanted.source} on the hub"
    raise WeightsError(
        f"{file.wanted.path} from {where} {fault}. It was not kept: try later, from another mirror "
        "(HF_ENDPOINT) or another local folder (--from)."
    )


class _Part:
    """A file that grows, its hash growing along."""

    def __init__(self, path: Path, origin: RemoteFile | Path, count: Callable[[int], None]) -> None:
        self.path = path
        self._origin = origin
        self._count = count
        self.size = 0
        self._digest = hashlib.sha256()

    def __enter__(self) -> Self:
        self._file = self.path.open("a+b", buffering=CHUNK_BYTES)
        if isinstance(self._origin, Path) or not (self._origin.sha256 or self._origin.git_sha1):
            self.restart()  # nothing says that this was the same content
            return self
        self._file.seek(0)
        while piece := self._file.read(CHUNK_BYTES):
            self._add(piece)
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    @property
    def sha256(self) -> str:
        """Of all bytes so far, in hex."""
        return self._digest.hexdigest()

    def write(self, piece: bytes) -> None:
        """Adds bytes at the end. Raises OSError."""
        self._file.write(piece)
        self._add(piece)

    def restart(self) -> None:
        """Forgets all bytes. Raises OSError."""
        self._file.seek(0)
        self._file.truncate()
        self._count(-self.size)
        self.size = 0
        self._digest = hashlib.sha256()

    def discard(self) -> None:
        """Deletes the closed file."""
        self.path.unlink(missing_ok=True)
        self._count(-self.size)

    def fault(self, name: str) -> str | None:
        """What is wrong with the closed file, whose proper name is `name`; None if nothing is."""
        if isinstance(self._origin, RemoteFile):
            if self._origin.size_bytes not in (None, self.size):
                return f"came with {self.size:,} bytes instead of {self._origin.size_bytes:,}"
            if self._origin.sha256 not in (None, self.sha256):
                return "came with another sha256 than the published one"
            if self._origin.git_sha1 not in (None, self._git_sha1()):
                return "came with another hash than the published one"
        return form_fault(self.path, name)

    def _add(self, piece: bytes) -> None:
        self._digest.update(piece)
        self.size += len(piece)
        self._count(len(piece))

    def _git_sha1(self) -> str:
        content = self.path.read_bytes()
        return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


def _receive_all(
    hub: Hub, file: RemoteFile, part: _Part, name: str, patience: Patience, stop: threading.Event
) -> None:
    """Receives until nothing is missing. Raises WeightsError when that takes too long."""
    _insist(lambda: _receive(hub, file, part), lambda: part.size, name, patience, stop)


def _receive(hub: Hub, file: RemoteFile, part: _Part) -> None:
    """Receives what is missing, in one request. Raises Interruption when less than that came."""
    if file.size_bytes is not None:
        if part.size > file.size_bytes:
            part.restart()
        if part.size == file.size_bytes:
            return
    with open_file(hub, file, part.size) as answer:
        if answer.status == 416 or (answer.status == 206 and not _continues(answer, part.size)):
            part.restart()
            raise Interruption("the server lost its place")
        if answer.status == 200 and part.size:
            part.restart()
        while piece := _read(answer):
            part.write(piece)
            if file.size_bytes is not None and part.size > file.size_bytes:
                part.restart()
                raise Interruption("the server sent more than the file")
        if answer.length or (file.size_bytes is not None and part.size < file.size_bytes):
            raise Interruption("the connection ended early")


def _read(answer: http.client.HTTPResponse) -> bytes:
    """The next bytes; empty at the end. Raises Interruption."""
    try:
        return answer.read1(CHUNK_BYTES)
    except (OSError, http.client.HTTPException) as error:
        raise Interruption(f"the connection broke ({error or type(error).__name__})") from error


def _continues(answer: http.client.HTTPResponse, offset: int) -> bool:
    """Whether a partial answer begins where it was asked to."""
    return (answer.getheader("Content-Range") or "").startswith(f"bytes {offset}-")


def _copy(source: Path, part: _Part) -> None:
    with source.open("rb") as file:
        while piece := file.read(CHUNK_BYTES):
            part.write(piece)


def _insist(
    call: Callable[[], T],
    reach: Callable[[], int],
    name: str,
    patience: Patience,
    stop: threading.Event,
) -> T:
    """The result of `call`, called again after each interruption.

    Attempts count from the last one after which `reach` (bytes that are there) had grown. Raises
    WeightsError when they are used up.
    """
    failed, farthest = 0, reach()
    while True:
        try:
            return call()
        except Interruption as error:
            if reach() > farthest:
                failed, farthest = 0, reach()
            failed += 1
            pause = patience.first_wait_seconds * 2 ** (failed - 1)
            if error.wait_seconds is not None:
                pause = max(error.wait_seconds, patience.first_wait_seconds)
            if failed >= patience.max_attempts or pause > patience.longest_wait_seconds:
                asked = (
                    f" and asks to wait {error.wait_seconds:.0f} s" if error.wait_seconds else ""
                )
                raise WeightsError(
                    f"{name} did not come: {error}{asked}. What came is kept; the same command "
                    "goes on from there."
                ) from error
            if stop.wait(pause):
                raise _Stopped from error


def _remove_other_parts(target: Path) -> None:
    """Deletes what is left of downloads of another content under the same name."""
    for path in target.parent.iterdir():
        if path.name.startswith(f"{target.name}.") and path.suffix == ".part":
            path.unlink(missing_ok=True)


def _recorded(file: PlannedFile, part: _Part) -> RecordedFile:
    revision = "" if isinstance(file.origin, Path) else file.origin.revision
    licence = licence_of(file.wanted.source).name
    return RecordedFile(part.size, part.sha256, file.wanted.source, revision, licence)


def _disk_error(path: Path, error: OSError) -> WeightsError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return WeightsError(
            f"{path} cannot be written: the disk is full. Make room, and the same command goes on "
            "from here; or name a folder on another disk with --ckpt-dir."
        )
    return WeightsError(
        f"{error.filename or path} cannot be written or read: {error.strerror or error}."
    )
