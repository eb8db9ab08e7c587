"""A real terminal for tests: the studio in tmux, driven by keys, its screens read as text."""

import os
import shutil
import subprocess
import sys
import time
import uuid
from pathlib import Path

ROOT = Path(__file__).parents[3]
PATIENCE_SECONDS = 60
"""How long something may take to appear, on a machine with much else to do."""


class Terminal:
    """One tmux server with one window, in which a shell runs."""

    def __init__(self, folder, *, columns=120, rows=36):
        self.folder = folder
        self._server = f"ovi-test-{uuid.uuid4().hex[:8]}"
        # No settings, history or prompt of whoever runs the tests.
        self._tmux("-f", os.devnull, "new-session", "-d", "-x", columns, "-y", rows,
                   "env", "PS1=ready$ ", f"PYTHONPATH={ROOT}", "OMP_NUM_THREADS=1",
                   "bash", "--norc", "--noprofile")  # fmt: skip
        self.type_line(f"cd '{folder}'")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._tmux("kill-server")

    def open_studio(self, *arguments):
        """Types the command; the studio's process id is what `pid` gives."""
        words = " ".join(map(str, ("-m", "ovi_studio", "studio", *arguments)))
        self.type_line(f"clear; '{sys.executable}' {words}; echo ended with $?")

    def type_line(self, text):
        self._tmux("send-keys", "-l", text)
        self.press("Enter")

    def press(self, *keys):
        """Keys in tmux's words: letters, Enter, Escape, Down, C-q."""
        for key in keys:
            self._tmux("send-keys", key)

    def type(self, text):
        """Text as it is."""
        self._tmux("send-keys", "-l", text)

    def screen(self):
        """What is seen, as text."""
        return self._tmux("capture-pane", "-p")

    def wait_for(self, *texts):
        """Until one of the texts is seen; returns the screen."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            screen = self.screen()
            if any(text in screen for text in texts):
                return screen
            time.sleep(0.1)
        raise AssertionError(f"{' or '.join(texts)} never came:\n{self.screen()}")

    def modes(self):
        """Whether the second screen and the mouse are on, as the terminal sees it."""
        return self._tmux("display-message", "-p", "#{alternate_on} #{mouse_any_flag}").split()

    def studio_pid(self):
        """The process of the studio that was opened last."""
        shell = self._tmux("display-message", "-p", "#{pane_pid}").strip()
        children = Path(f"/proc/{shell}/task/{shell}/children").read_text().split()
        return int(children[-1])

    def _tmux(self, *words):
        ended = subprocess.run(
            ["tmux", "-L", self._server, *map(str, words)],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        return ended.stdout


HAS_TMUX = shutil.which("tmux") is not None and Path("/proc/self/task").is_dir()
