"""How long `ovi studio` takes to open, from the start of the process to its first frame.

`python -m tests.benchmarks.studio_start [--tries 7] [--rows 6]` prints milliseconds, and those that
the process computed, which on a busy machine are fewer than those that passed. The studio runs in a
pseudo-terminal of 120x36; the first frame is there when the tabs of the top bar have been written
to it, the set when its first row has.
"""

import argparse
import fcntl
import math
import os
import pty
import select
import signal
import statistics
import struct
import subprocess
import sys
import tempfile
import termios
import time
from pathlib import Path

from ovi_studio.actions.demo import create_demo

FIRST_FRAME = b"Rewrite"
FIRST_ROW = b"round face"
DEADLINE_SECONDS = 20.0


def make_project(root: Path, num_rows: int) -> None:
    """A demo project; with more rows, its set is that long."""
    create_demo(root)
    if num_rows > 6:
        path = root / "prompts" / "demo.csv"
        lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
        rows = [lines[1 + number % (len(lines) - 1)] for number in range(num_rows)]
        path.write_text("".join([lines[0], *rows]), encoding="utf-8")


def measure(root: Path, columns: int = 120, rows: int = 36) -> tuple[float, float, float]:
    """Seconds to the first frame, to the first row of the set, and computed up to the frame."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    environment = {**os.environ, "TERM": "xterm-256color", "TMUX": ""}
    command = [sys.executable, "-m", "ovi_studio", "studio", str(root)]
    start = time.perf_counter()
    process = subprocess.Popen(
        command, stdin=theirs, stdout=theirs, stderr=theirs, env=environment, start_new_session=True
    )
    os.close(theirs)
    seen = b""
    times: dict[bytes, float] = {}
    computed = math.nan
    try:
        while FIRST_ROW not in times and time.perf_counter() - start < DEADLINE_SECONDS:
            if not select.select([ours], [], [], 0.05)[0]:
                continue
            seen += os.read(ours, 65536)
            for mark in (FIRST_FRAME, FIRST_ROW):
                if mark in seen and mark not in times:
                    times[mark] = time.perf_counter() - start
                    computed = cpu_seconds(process.pid) if mark == FIRST_FRAME else computed
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        os.close(ours)
    return times.get(FIRST_FRAME, math.nan), times.get(FIRST_ROW, math.nan), computed


def cpu_seconds(pid: int) -> float:
    """What a process has computed so far, on Linux; other programs do not lengthen it."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return math.nan
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main() -> None:
    """Prints the middle and the worst of some tries."""
    parser = argparse.ArgumentParser(description="Times the opening of the terminal studio.")
    parser.add_argument("--tries", type=int, default=7)
    parser.add_argument("--rows", type=int, default=6, help="rows of the set")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "demo"
        make_project(root, given.rows)
        measure(root)  # bytecode is compiled, files are in memory
        tries = [measure(root) for _ in range(given.tries)]
    for name, column in (("first frame", 0), ("first row", 1), ("CPU to frame", 2)):
        values = [1000 * found[column] for found in tries]
        print(f"{name}: median {statistics.median(values):.0f} ms, worst {max(values):.0f} ms")


if __name__ == "__main__":
    main()
