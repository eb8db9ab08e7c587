"""The disk store of encodings: whole or not there, shared by processes, never beyond its limit."""

import os
import subprocess
import sys
import threading
from pathlib import Path

from ovi_studio.render.encoding_store import DiskEncodingStore, entries_of

KEY, OTHER = "a" * 64, "b" * 64
ROOT = Path(__file__).parents[3]


def test_bytes_come_back_as_they_were(tmp_path):
    store = DiskEncodingStore(tmp_path / "deep" / "store", 1000)
    assert store.read(KEY) is None
    store.write(KEY, b"some bytes")
    assert store.read(KEY) == b"some bytes"
    assert DiskEncodingStore(tmp_path / "deep" / "store", 1000).read(KEY) == b"some bytes"


def test_a_file_that_was_changed_is_dropped(tmp_path):
    store = DiskEncodingStore(tmp_path, 1000)
    for spoil in (
        lambda _: b"",
        lambda data: data[:-1],
        lambda data: bytes([data[0] ^ 1]) + data[1:],
        lambda data: data[:-1] + bytes([data[-1] ^ 1]),
        lambda data: data + b"more",
    ):
        store.write(KEY, b"some bytes")
        ((path, _),) = entries_of(tmp_path)
        path.write_bytes(spoil(path.read_bytes()))
        assert store.read(KEY) is None
        assert entries_of(tmp_path) == []


def test_what_was_used_longest_ago_goes_first(tmp_path):
    store = DiskEncodingStore(tmp_path, 3 * 132)
    for index, key in enumerate("abc"):
        store.write(key * 64, bytes(100))
        os.utime(tmp_path / f"{key * 64}.encoding", ns=(index, index))
    assert store.read("a" * 64) is not None  # used now
    store.write("d" * 64, bytes(100))
    assert {path.name[0] for path, _ in entries_of(tmp_path)} == {"a", "c", "d"}
    store.write("e" * 64, bytes(4000))
    assert store.read("e" * 64) is None, "what alone is beyond the limit is not kept"
    assert len(entries_of(tmp_path)) == 3


def test_a_disk_that_takes_nothing_is_no_error(tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    store = DiskEncodingStore(blocked / "store", 1000)
    store.write(KEY, b"x")
    assert store.read(KEY) is None
    with store.making([KEY]):
        pass


def test_one_process_at_a_time_makes_the_same(tmp_path):
    script = (
        "import sys, time; from pathlib import Path\n"
        "from ovi_studio.render.encoding_store import DiskEncodingStore\n"
        "with DiskEncodingStore(Path(sys.argv[1]), 1000).making([sys.argv[2]]):\n"
        "    print('in', flush=True); sys.stdin.readline()\n"
    )
    command = [sys.executable, "-c", script, str(tmp_path), KEY]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout.readline() == "in\n"
        store = DiskEncodingStore(tmp_path, 1000)
        with store.making([OTHER]):
            pass  # something else may be made meanwhile
        came_in = threading.Event()

        def make():
            with store.making([OTHER, KEY]):
                came_in.set()

        thread = threading.Thread(target=make)
        thread.start()
        assert not came_in.wait(0.3)
        other.communicate("\n")
        thread.join()
        assert came_in.is_set()
