"""Measures how long the event loop is held up: what a user feels as a screen that does not answer.

Switched on by the variable OVI_STUDIO_LAG, the name of a file that gets the measurements at the
end; `tests/benchmarks/studio_lag.py` reads it.
"""

import asyncio
import json
import time
from pathlib import Path

VARIABLE = "OVI_STUDIO_LAG"

SLEEP_SECONDS = 0.002
"""How long the probe sleeps; what it sleeps longer is what the loop was held up."""

WORTH_KEEPING = 0.001
"""Shorter hold-ups are not written down one by one."""


class LagProbe:
    """Sleeps again and again, and writes down when it was woken late."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._late: list[tuple[float, float, float]] = []
        self._num_sleeps = 0

    async def run(self) -> None:
        """Measures until it is cancelled, then writes the file."""
        try:
            while True:
                start, work = time.perf_counter(), time.thread_time()
                await asyncio.sleep(SLEEP_SECONDS)
                end = time.perf_counter()
                late = end - start - SLEEP_SECONDS
                self._num_sleeps += 1
                if late > WORTH_KEEPING:
                    self._late.append((end, late, time.thread_time() - work))
        finally:
            self._path.write_text(
                json.dumps(
                    {
                        "sleeps": self._num_sleeps,
                        "fields": ["end", "late_seconds", "cpu_seconds_of_the_loop"],
                        "late": self._late,
                    }
                ),
                encoding="utf-8",
            )
