"""Runs the command as a user does: in a process of its own."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]
COMMAND = (sys.executable, "-m", "ovi_studio")


def environment():
    """Ours, with the package found from any folder and a torch that stays on one core."""
    return {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}


def ovi(*arguments, folder):
    """Runs `ovi` in a folder to its end."""
    return subprocess.run(
        [*COMMAND, *map(str, arguments)], cwd=folder, env=environment(), text=True,
        capture_output=True, check=False,
    )  # fmt: skip
