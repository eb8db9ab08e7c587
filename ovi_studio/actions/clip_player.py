"""Opens a clip in the system's own player."""

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from ovi_studio.errors import UsageError

PLAYER_VARIABLE = "OVI_PLAYER"
"""Names another player: a command to which the clip's path is added."""

_LINUX_OPENERS = ("xdg-open", "gio", "wslview", "mpv", "vlc", "ffplay")


def player_command(
    environment: Mapping[str, str] = os.environ, platform: str = sys.platform
) -> Sequence[str]:
    """The command that a clip's path is added to; empty on Windows, which opens files itself.

    Raises UsageError where nothing is found.
    """
    named = environment.get(PLAYER_VARIABLE, "").strip()
    if named:
        try:
            return shlex.split(named, posix=platform != "win32")
        except ValueError as error:
            raise UsageError(f"{PLAYER_VARIABLE} is {named!r}, no command: {error}.") from error
    if platform == "win32":
        return ()
    if platform == "darwin":
        return ("open",)
    for program in _LINUX_OPENERS:
        if shutil.which(program, path=environment.get("PATH")):
            return (program, "open") if program == "gio" else (program,)
    raise UsageError(
        "There is no program to open clips with. Install a player such as mpv, or name one in "
        f"{PLAYER_VARIABLE}."
    )


def open_clip(
    clip: Path, environment: Mapping[str, str] = os.environ, platform: str = sys.platform
) -> None:
    """Shows a clip in the system's player and returns at once. Raises UsageError."""
    if not clip.is_file():
        raise UsageError(f"{clip} is not there any more.")
    command = player_command(environment, platform)
    try:
        if not command:
            os.startfile(clip.resolve())  # type: ignore[attr-defined,unused-ignore]
            return
        subprocess.Popen(
            [*command, str(clip.resolve())],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # it stays when the screen that opened it is closed
        )
    except OSError as error:
        shown = command[0] if command else "Windows"
        raise UsageError(
            f"{shown} cannot open {clip.name}: {error.strerror or error}. Name another player in "
            f"{PLAYER_VARIABLE}."
        ) from error
