"""Editing a prompt or a set in the user's editor: what `ovi edit` does.

The editor works on a copy with a name of its own. What comes back is written where it belongs if
nobody else has changed it meanwhile; if it cannot be written, the copy stays and is named.
"""

import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from ovi_studio.errors import PromptFileError, StudioError, UsageError
from ovi_studio.project.delimited import has_undecodable
from ovi_studio.project.prompt_file import file_version, save_edits
from ovi_studio.project.prompt_sources import rows_of
from ovi_studio.project.set_changes import repeat_after_others, replace_whole
from ovi_studio.project.sets import SetRow
from ovi_studio.prompt.prompt_set import TEXT_COLUMN

EDITOR_VARIABLES = ("VISUAL", "EDITOR")

_USUAL_EDITORS = ("nano", "vi")

Editor = Callable[[Path], None]
"""Lets the user change a file; returns when that is done. Raises StudioError."""


class NotSavedError(PromptFileError):
    """The user's text could not be written; the message names the file that has it."""


def find_editor(environment: Mapping[str, str], platform: str = sys.platform) -> Sequence[str]:
    """The user's editor as a command line. Raises UsageError where there is none."""
    for variable in EDITOR_VARIABLES:
        written = environment.get(variable, "").strip()
        if written:
            try:
                parts = shlex.split(written, posix=platform != "win32")
            except ValueError as error:
                raise UsageError(f"{variable} is {written!r}, no command: {error}.") from error
            return [part.strip('"') for part in parts]
    if platform == "win32":
        return ["notepad"]
    for name in _USUAL_EDITORS:
        if shutil.which(name, path=environment.get("PATH")):
            return [name]
    raise UsageError("There is no editor: set VISUAL or EDITOR to one.")


def run_editor(command: Sequence[str], path: Path) -> None:
    """Opens a file in an editor and waits. Raises StudioError if it fails."""
    try:
        ended = subprocess.run([*command, str(path)], check=False)
    except OSError as error:
        raise UsageError(
            f"The editor {command[0]} cannot be started: {error.strerror}. Set VISUAL or EDITOR."
        ) from error
    if ended.returncode != 0:
        raise StudioError(f"The editor {command[0]} ended with code {ended.returncode}.")


def edit_row(source: SetRow, editor: Editor) -> bool:
    """Lets the user edit the prompt of a row; returns whether it was changed.

    Raises NotSavedError if the text cannot be written, for instance because someone else has
    changed the same prompt meanwhile; what others change in other rows does not matter.
    """
    (row,) = rows_of(source)
    if has_undecodable(row.text):
        raise PromptFileError(
            f"{source.path} row {row.id} holds bytes that are no text. Save the set as UTF-8."
        )
    copy = _new_copy(f"{source.path.stem}-{row.id}", ".txt", row.text.encode())
    text = _edit_copy(copy, editor, row.text)
    if text is None:
        return False

    def save() -> None:
        version = file_version(source.path)
        (now,) = rows_of(source)
        if now.text != row.text:
            raise PromptFileError(f"{source.path} row {row.id} was changed by someone else.")
        save_edits(source.path, {row.id: {TEXT_COLUMN: text}}, version)

    _save(copy, lambda: repeat_after_others(save))
    return True


def edit_set(path: Path, editor: Editor) -> bool:
    """Lets the user edit a whole file; returns whether it was changed.

    Raises NotSavedError as `edit_row` does.
    """
    version = file_version(path)
    try:
        before = path.read_bytes()
    except OSError as error:
        raise PromptFileError(f"{path} cannot be read: {error.strerror}.") from error
    copy = _new_copy(path.stem, path.suffix, before)
    _run_on_copy(copy, editor, before)
    after = copy.read_bytes()
    if after == before:
        copy.unlink()
        return False
    _save(copy, lambda: replace_whole(path, [after], version))
    return True


def _new_copy(stem: str, suffix: str, data: bytes) -> Path:
    """A file that only the user may read, named after what it is."""
    safe_stem = re.sub(r"[^\w-]+", "-", stem)[:40]
    handle, name = tempfile.mkstemp(prefix=f"ovi-{safe_stem}-", suffix=suffix)
    with os.fdopen(handle, "wb") as stream:
        stream.write(data)
    return Path(name)


def _edit_copy(copy: Path, editor: Editor, before: str) -> str | None:
    """The new text of a prompt; None if it is the same."""
    _run_on_copy(copy, editor, before.encode())
    try:
        after = _without_added_newline(copy.read_bytes().decode("utf-8-sig"), before)
    except UnicodeDecodeError as error:
        raise NotSavedError(
            f"The text is no UTF-8, and was not saved. It is kept in {copy}."
        ) from error
    if _newlines_alike(after) == _newlines_alike(before):
        copy.unlink()
        return None
    if not after.strip():
        copy.unlink()
        raise UsageError("The prompt would be empty; the row is as it was.")
    return after


def _run_on_copy(copy: Path, editor: Editor, before: bytes) -> None:
    """Runs the editor. If it fails, the copy goes, unless there is something new in it."""
    try:
        editor(copy)
    except (StudioError, KeyboardInterrupt) as error:
        if copy.read_bytes() != before:
            reason = str(error) or "Stopped."
            raise NotSavedError(
                f"{reason} Nothing was saved; your text is kept in {copy}."
            ) from error
        copy.unlink()
        if isinstance(error, StudioError):
            raise type(error)(f"{error} Nothing was changed.") from error
        raise


def _save(copy: Path, save: Callable[[], None]) -> None:
    """Saves and removes the copy; if that fails, keeps the copy and says so."""
    try:
        save()
    except (StudioError, OSError) as error:
        raise NotSavedError(f"{error} Your text is kept in {copy}.") from error
    copy.unlink()


def _without_added_newline(after: str, before: str) -> str:
    """Editors end a file with a newline; a prompt that had none gets none."""
    if before.endswith(("\n", "\r")):
        return after
    return after.removesuffix("\n").removesuffix("\r")


def _newlines_alike(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")
