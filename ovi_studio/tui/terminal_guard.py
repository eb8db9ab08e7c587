"""Gives the terminal back as it was when the studio is killed and cannot do so itself.

A small shell waits at the other end of a pipe. When the studio ends as it should, it says so; when
the pipe just closes, the studio was killed, and the shell leaves the second screen, switches the
mouse off and restores the modes of the keyboard.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress

RESET = (
    r"\033[?1000l\033[?1002l\033[?1003l\033[?1006l\033[?1015l\033[?1016l"  # the mouse
    r"\033[?1004l\033[?2004l\033[?2026l\033[?2048l"  # focus, pasting, synchronised frames, size
    r"\033[<u\033[?1049l\033[?25h\033[0m"  # keyboard protocol, second screen, cursor, colours
)

SAID = "The studio was ended from outside. Open it again: it offers what was not saved."

_SCRIPT = f"""
trap '' INT HUP TERM QUIT TTOU TTIN
saved=$(stty -g </dev/tty) || exit 0
read -r word
[ "$word" = fine ] && exit 0
stty "$saved" </dev/tty
printf '{RESET}\\r\\n{SAID}\\r\\n' >/dev/tty
"""


@contextmanager
def guarded_terminal() -> Iterator[None]:
    """The terminal is as it was when the block ends, and also when this process is killed in it.

    Where there is no shell, as on Windows, nobody guards.
    """
    shell = shutil.which("sh") if sys.platform != "win32" else None
    if shell is None:
        yield
        return
    guard = subprocess.Popen(
        [shell, "-c", _SCRIPT],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        process_group=0,  # what is typed or sent to the studio does not reach it
    )
    assert guard.stdin is not None
    try:
        yield
    finally:
        with suppress(OSError):
            os.write(guard.stdin.fileno(), b"fine\n")
            guard.stdin.close()
        guard.wait()
