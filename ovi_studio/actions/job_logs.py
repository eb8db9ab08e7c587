"""Reads the log of the worker that has or had a job, while it is written."""

from collections import deque
from pathlib import Path

from ovi_studio.project.layout import ProjectLayout
from ovi_studio.render.queue import RenderQueue

MAX_BYTES = 256 * 1024
"""Of a log, what is read at first: its end. A worker may have written for days."""

MAX_LINE = 2000
"""Characters of a line that are shown."""


class JobLog:
    """The log behind one job. Ask again and again for what is new in it, in one thread at a time.

    A job that is taken by another worker goes on with that one's log.
    """

    def __init__(self, layout: ProjectLayout, job_id: int) -> None:
        """Opens nothing yet."""
        self._layout = layout
        self._job_id = job_id
        self._path: Path | None = None
        self._offset = 0
        self._rest = b""

    @property
    def path(self) -> Path | None:
        """The log that is read; None before a worker took the job."""
        return self._path

    def new_lines(self) -> list[str]:
        """Lines written since the last call; at the first call the last ones of the file.

        Raises QueueError for a job that does not exist.
        """
        path = self._find_log()
        if path is None:
            return []
        if path != self._path:
            self._path, self._offset, self._rest = path, 0, b""
        try:
            with path.open("rb") as file:
                size = file.seek(0, 2)
                is_cut = self._offset == 0 and size > MAX_BYTES
                if is_cut or size < self._offset:  # long, or begun anew by its worker
                    self._offset, self._rest = max(0, size - MAX_BYTES), b""
                file.seek(self._offset)
                text = self._rest + file.read(MAX_BYTES)
                self._offset = file.tell()
        except OSError:
            return []
        *lines, self._rest = text.split(b"\n")
        return [_shown(line) for line in (lines[1:] if is_cut else lines)]

    def unfinished_line(self) -> str:
        """What the worker has written of a line that has no end yet, such as a dying word."""
        return _shown(self._rest)

    def _find_log(self) -> Path | None:
        with RenderQueue(self._layout.state.queue_path) as queue:
            name = queue.job(self._job_id).worker
            worker = None if name is None else queue.worker(name)
            return None if worker is None else worker.log


def last_lines(layout: ProjectLayout, job_id: int, number: int) -> list[str]:
    """The last lines of the log behind a job; none where no worker took it. Raises QueueError."""
    log = JobLog(layout, job_id)
    lines = deque(log.new_lines(), maxlen=number)
    if log.unfinished_line():
        lines.append(log.unfinished_line())
    return list(lines)


def _shown(line: bytes) -> str:
    """A line as text: of a progress bar that overwrites itself only the last state."""
    text = line.decode("utf-8", "replace").rstrip("\r").rpartition("\r")[2]
    return "".join(c if c.isprintable() or c == "\t" else "�" for c in text)[:MAX_LINE]
