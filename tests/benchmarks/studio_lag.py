"""How long the studio's event loop is held up while a set of 10,000 rows is worked with.

`python -m tests.benchmarks.studio_lag [--rows 10000]` drives the studio by keys in a
pseudo-terminal of 120x36 and prints, for each thing done, the worst hold-up and the 99th percentile
in milliseconds; and the same of the time the loop itself computed in, which other programs on a
busy machine do not lengthen.
"""

import argparse
import fcntl
import json
import os
import pty
import struct
import subprocess
import sys
import tempfile
import termios
import threading
import time
from pathlib import Path

from ovi_studio.tui.lag import SLEEP_SECONDS, VARIABLE
from tests.benchmarks.studio_start import make_project

DOWN, PAGE_DOWN, END, HOME, ESCAPE, ENTER = "j", "\x1b[6~", "\x1b[F", "\x1b[H", "\x1b", "\r"

STEPS: tuple[tuple[str, list[str], float], ...] = (
    ("open", [], 4.0),
    ("scroll by rows", [DOWN] * 60, 0.03),
    ("scroll by pages", [PAGE_DOWN] * 40, 0.05),
    ("to the end and back", [END, HOME] * 4, 0.3),
    ("filter", ["/", *"yellow dragon"], 0.15),
    ("leave the filter", [ESCAPE, ESCAPE, HOME], 0.5),
    ("type in the prompt", [ENTER, *" She walks past <S>hello you<E> and smiles slowly."], 0.06),
    ("undo", ["\x1a"] * 10, 0.1),
    ("back to the rows", [ESCAPE, DOWN, DOWN, DOWN], 0.5),
    ("open the other views", ["2", "3", "4", "1"], 1.5),
    ("help and palette", ["?", ESCAPE, "\x10", ESCAPE], 1.0),
)
"""What is done, the keys for it, and the seconds after each key."""


class Terminal:
    """A studio in a pseudo-terminal, whose output is read and thrown away."""

    def __init__(self, root: Path, log: Path) -> None:
        self._ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 36, 120, 0, 0))
        self._process = subprocess.Popen(
            [sys.executable, "-m", "ovi_studio", "studio", str(root), "--view", "write"],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env={**os.environ, "TERM": "xterm-256color", VARIABLE: str(log)},
            start_new_session=True,
        )
        os.close(theirs)
        threading.Thread(target=self._drain, daemon=True).start()

    def press(self, key: str) -> None:
        """One key."""
        os.write(self._ours, key.encode())

    def wait(self) -> int:
        """Until it has ended; its exit code."""
        return self._process.wait(timeout=30)

    def _drain(self) -> None:
        try:
            while os.read(self._ours, 1 << 16):
                pass
        except OSError:
            return


def percentile(values: list[float], share: float) -> float:
    """The value that so many of all values are not above."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def drive(root: Path, log: Path) -> list[tuple[str, float, float]]:
    """Does everything. Returns the name, the begin and the end of each step, on the same clock."""
    begin = time.perf_counter()
    terminal = Terminal(root, log)
    times = []
    for name, keys, pause in STEPS:
        if not keys:
            time.sleep(pause)
        for key in keys:
            terminal.press(key)
            time.sleep(pause)
        end = time.perf_counter()
        times.append((name, begin, end))
        begin = end
    terminal.press("\x11")
    terminal.wait()
    return times


def main() -> None:
    """Prints a line for each step."""
    parser = argparse.ArgumentParser(description="Measures hold-ups of the terminal studio.")
    parser.add_argument("--rows", type=int, default=10_000)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root, log = Path(folder) / "demo", Path(folder) / "lag.json"
        make_project(root, given.rows)
        times = drive(root, log)
        late = json.loads(log.read_text(encoding="utf-8"))["late"]
    print(f"{given.rows} rows; milliseconds    worst    99 %   worst CPU   99 % CPU   above 50")
    for name, begin, end in times:
        here = [(seconds, cpu) for at, seconds, cpu in late if begin <= at < end]
        missing = max(0, int((end - begin) / SLEEP_SECONDS / 2) - len(here))
        waits = [seconds for seconds, _ in here] + [0.0] * missing
        works = [cpu for _, cpu in here] + [0.0] * missing
        print(
            f"{name:24} {1000 * max(waits):12.0f} {1000 * percentile(waits, 0.99):7.0f}"
            f" {1000 * max(works):11.0f} {1000 * percentile(works, 0.99):10.0f}"
            f" {sum(value > 0.05 for value in waits):10}"
        )


if __name__ == "__main__":
    main()
