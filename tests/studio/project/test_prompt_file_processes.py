"""Several processes and one prompt file: no change is lost, and a killed writer harms nothing."""

import subprocess
import sys
from pathlib import Path

import pytest

from ovi_studio.errors import PromptFileError
from ovi_studio.project import file_lock as locking
from ovi_studio.project.atomic_write import pending_path
from ovi_studio.project.file_lock import file_lock, lock_path
from ovi_studio.project.prompt_file import file_version, read_prompt_set, save_edits

ROOT = Path(__file__).parents[3]


def make(folder, text):
    path = folder / "set.csv"
    path.write_text(text)
    return path


def test_the_lock_is_exclusive_and_leaves_nothing(tmp_path):
    path = make(tmp_path, "text_prompt\nA\n")
    with file_lock(path):
        assert lock_path(path).exists()
        with pytest.raises(PromptFileError, match="another process"), file_lock(path, 0):
            pass
    with file_lock(path, 0):
        pass
    assert [p.name for p in tmp_path.iterdir()] == ["set.csv"]


def test_a_lock_whose_file_was_removed_meanwhile_does_not_count(tmp_path, monkeypatch):
    """Its holder let go between our opening and our locking it, and the next one has a new file."""
    path = make(tmp_path, "text_prompt\nA\n")
    original = locking._try_lock
    others = []

    def lock_late(handle):
        if not others:
            lock_path(path).unlink()
            others.append(lock_path(path).open("w"))
            assert original(others[0].fileno())
        return original(handle)

    monkeypatch.setattr(locking, "_try_lock", lock_late)
    with pytest.raises(PromptFileError, match="another process"), file_lock(path, 0):
        pass
    others[0].close()


def start(code, *arguments):
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)],
        cwd=ROOT, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip


EDITOR = """
import sys
from pathlib import Path
from ovi_studio.project.prompt_file import FileChangedError, file_version, iter_rows, save_edits
path, mine, rounds = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
for round in range(rounds):
    while True:
        version = file_version(path)
        count = next(int(row.text) for row in iter_rows(path) if row.id == mine)
        try:
            save_edits(path, {mine: {"text_prompt": str(count + 1)}}, version)
            break
        except FileChangedError:
            continue
"""


def test_processes_changing_one_file_at_once_lose_no_change(tmp_path):
    names = ("a", "b", "c")
    path = make(tmp_path, "id,text_prompt,note\n" + "".join(f'{n},0,"kept"\n' for n in names))
    editors = [start(EDITOR, path, name, 25) for name in names]
    assert [editor.wait(timeout=120) for editor in editors] == [0, 0, 0]
    assert path.read_text() == "id,text_prompt,note\n" + "".join(f'{n},25,"kept"\n' for n in names)
    assert [p.name for p in tmp_path.iterdir()] == ["set.csv"]


STOPPING = """
import os, sys, time
from pathlib import Path
from ovi_studio.project import atomic_write, delimited, prompt_file
path, stop = Path(sys.argv[1]), sys.argv[2]

def halt(*_):
    print("here", flush=True)
    time.sleep(600)

if stop == "writing":
    original, calls = delimited.FileFormat.encode, []
    def encode(self, text):
        calls.append(text)
        if len(calls) == 500:
            halt()
        return original(self, text)
    delimited.FileFormat.encode = encode
elif stop == "before-renaming":
    atomic_write.os.fsync = halt
elif stop == "after-renaming":
    atomic_write._sync_folder = halt
prompt_file.save_edits(path, {"1": {"text_prompt": "new"}}, prompt_file.file_version(path))
"""


@pytest.mark.parametrize(
    ("stop", "is_new"),
    [("writing", False), ("before-renaming", False), ("after-renaming", True)],
)
def test_a_killed_writer_leaves_the_old_file_or_the_new(tmp_path, stop, is_new):
    old = "text_prompt\n" + "".join(f"row {n} {'x' * 900}\n" for n in range(1000))
    path = make(tmp_path, old)
    process = start(STOPPING, path, stop)
    assert process.stdout.readline() == "here\n"
    if stop != "after-renaming":
        assert pending_path(path).exists()
    process.kill()
    process.wait()
    new = old.replace(f"row 0 {'x' * 900}", "new", 1)
    assert path.read_text() == (new if is_new else old)
    save_edits(
        path, {"2": {"text_prompt": "later"}}, file_version(path)
    )  # what was left behind is in nobody's way
    assert read_prompt_set(path).rows[1].text == "later"
    assert [p.name for p in tmp_path.iterdir()] == ["set.csv"]


def test_waiting_for_the_lock_ends_when_its_holder_ends(tmp_path):
    path = make(tmp_path, "text_prompt\nA\n")
    code = (
        "import sys, time; from pathlib import Path\n"
        "from ovi_studio.project.file_lock import file_lock\n"
        "with file_lock(Path(sys.argv[1])): print('held', flush=True); time.sleep(600)"
    )
    holder = start(code, path)
    assert holder.stdout.readline() == "held\n"
    with pytest.raises(PromptFileError, match="another process"), file_lock(path, 0.1):
        pass
    holder.kill()
    holder.wait()
    with file_lock(path):
        assert lock_path(path).exists()
