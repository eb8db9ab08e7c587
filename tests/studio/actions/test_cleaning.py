"""`ovi gc` says what it would free, frees that, and leaves everything else."""

import json
import os
import time

import pytest

from ovi.weights import hashes
from ovi_studio.actions.cleaning import Remains, find_waste, remove_waste
from ovi_studio.cli.main import main
from ovi_studio.project.layout import ProjectLayout
from ovi_studio.render.disk_limits import DiskLimits, disk_limits
from ovi_studio.render.encoding_store import DiskEncodingStore
from ovi_studio.render.queue import RenderQueue
from ovi_studio.render.rows import new_worker
from ovi_studio.render.worker_lock import WorkerLock
from tests.studio.render.tasks import make_task

LIMITS = DiskLimits(encoding_bytes=300, logs_days=2, trash_days=3)
DAY = 86_400


@pytest.fixture
def layout(tmp_path, monkeypatch):
    monkeypatch.setattr("ovi_studio.actions.cleaning.cache_file", lambda: tmp_path / "hashes.json")
    monkeypatch.setattr(hashes, "cache_file", lambda: tmp_path / "hashes.json")
    monkeypatch.chdir(tmp_path)
    return ProjectLayout(tmp_path)


@pytest.fixture
def queue(layout):
    with RenderQueue(layout.state.queue_path) as opened:
        yield opened


def find(layout, **options):
    return find_waste(layout, LIMITS, on_rescue=pytest.fail, **options)


def names(waste, kind):
    return [item.path.name for item in waste if item.kind is kind]


def aged(path, days, text="x"):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    then = time.time() - days * DAY
    os.utime(path, (then, then))
    return path


def part(clip, pid=7):
    folder = clip.with_name(f".{clip.name}.{pid}.part")
    folder.mkdir(parents=True)
    (folder / "clip.mp4").write_bytes(bytes(1000))
    return folder


def test_nothing_is_found_and_nothing_made_where_nothing_was_rendered(layout, tmp_path):
    assert find(layout) == []
    assert list(tmp_path.iterdir()) == []


def test_unfinished_clips_go_unless_somebody_is_at_them(layout, queue, tmp_path):
    tasks = [make_task(tmp_path / "out", row=str(row), seed=row) for row in (1, 2)]
    queue.add(tasks)
    lock = WorkerLock(queue.lock_path("w1"))
    lock.acquire()
    queue.register(new_worker("w1", queue.state.log_folder / "w1.log"))
    queue.claim("w1")
    for folder in (part(task.output) for task in tasks):
        assert folder.is_dir()
    clip = tmp_path / "out" / "finished.mp4"
    clip.write_bytes(b"a clip")
    for other in (".notes.txt.1.part", "movie.mp4.1.part", ".movie.mp4.part"):
        (tmp_path / "out" / other).write_text("the user's")
    waste = find(layout)
    assert [(item.path.name, item.num_bytes) for item in waste] == [(".set-2-s2.mp4.7.part", 1000)]
    queue.claim("w1")  # somebody takes it up before we remove it
    assert remove_waste(waste, layout) == []
    lock.release()
    waste = find(layout)
    assert names(waste, Remains.UNFINISHED) == [".set-1-s1.mp4.7.part", ".set-2-s2.mp4.7.part"]
    assert remove_waste(waste, layout) == waste
    assert clip.read_bytes() == b"a clip"
    assert len(list((tmp_path / "out").iterdir())) == 4


def test_logs_and_damaged_queues_go_by_age_but_not_those_in_use(layout, queue):
    state = layout.state
    lock = WorkerLock(queue.lock_path("living"))
    lock.acquire()
    queue.register(new_worker("living", aged(state.log_folder / "living.log", 9)))
    aged(state.log_folder / "old.log", 2.5)
    aged(state.log_folder / "new.log", 1)
    aged(state.log_folder / "future.log", -5)  # the clock was set back
    keeper = WorkerLock(state.path / "keeper.lock")
    keeper.acquire()
    aged(state.log_folder / "keeper.log", 9)
    aged(state.path / "queue-damaged-20260101-000000.sqlite3", 4)
    aged(state.path / "queue-damaged-20260101-000000.sqlite3-wal", 4)
    aged(state.path / "queue-damaged-20260102-000000.sqlite3", 2)
    waste = find(layout)
    assert names(waste, Remains.LOG) == ["old.log"]
    assert len(names(waste, Remains.DAMAGED_QUEUE)) == 2
    keeper.release()
    lock.release()
    queue.recover_lost()
    assert names(find(layout), Remains.LOG) == ["keeper.log", "living.log", "old.log"]


def test_caches_are_kept_within_their_limit_or_emptied(layout, queue, tmp_path):  # noqa: ARG001
    store = DiskEncodingStore(layout.state.encoding_folder, 10_000)
    for index, key in enumerate("abcd"):
        store.write(key * 64, bytes(100))
        os.utime(layout.state.encoding_folder / f"{key * 64}.encoding", (index, index))
    aged(layout.state.encoding_folder / "x.1-2.part", 1)
    (layout.state.encoding_folder / "y.1-2.part").write_text("in work")
    (tmp_path / "hashes.json").write_text("{}")
    waste = find(layout)
    assert [name[0] for name in names(waste, Remains.ENCODING)] == ["a", "b", "x"]
    waste = find(layout, empties_caches=True)
    assert [name[0] for name in names(waste, Remains.ENCODING)] == ["a", "b", "c", "d", "x"]
    assert len(names(waste, Remains.HASHES)) == 1
    assert len(remove_waste(waste, layout)) == 6
    assert not (tmp_path / "hashes.json").exists()


def test_limits_are_settings(tmp_path):
    (tmp_path / "ovi.toml").write_text("[disk]\nencodings_gb = 0.5\nlogs_days = 1\n")
    limits = disk_limits(tmp_path, {"OVI_DISK_TRASH_DAYS": "7"})
    assert limits == DiskLimits(500_000_000, 1.0, 7.0)
    (tmp_path / "ovi.toml").write_text("[disk]\nencodings_gb = -1\n")
    assert disk_limits(tmp_path, {}).encoding_bytes == 2_000_000_000


def test_the_command_says_it_first_and_asks(layout, queue, capsys):  # noqa: ARG001
    log = aged(layout.state.log_folder / "old.log", 99, "x" * 2_000_000)
    assert main(["gc", "--dry-run"]) == 0
    shown = capsys.readouterr()
    assert "2.0 MB      1  old logs" in shown.err
    assert "old.log" in shown.out
    assert main(["gc"]) == 2  # nobody is here to answer
    assert log.exists()
    capsys.readouterr()
    assert main(["gc", "--yes", "--json"]) == 0
    shown = capsys.readouterr()
    document = json.loads(shown.out)
    assert (document["removed"], document["bytes"]) == (True, 2_000_000)
    assert [item["kind"] for item in document["items"]] == ["log"]
    assert "2.0 MB freed" in shown.err
    assert not log.exists()
    assert main(["gc", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["items"] == []


def test_deleted_clips_go_when_they_are_old_and_thumbnails_with_the_caches(layout, tmp_path):
    for name, days in (("old", 4), ("new", 2)):
        folder = layout.state.trash_folder / name
        folder.mkdir(parents=True)
        (folder / f"{name}.mp4").write_bytes(b"x")
        note = {"path": str(tmp_path / f"{name}.mp4"), "deleted": time.time() - days * DAY}
        (folder / "where.json").write_text(json.dumps(note))
    aged(layout.state.thumbnail_folder / "a.jpg", 0)
    waste = find(layout)
    assert names(waste, Remains.TRASH) == ["old"]
    assert names(waste, Remains.THUMBNAIL) == []
    assert names(find(layout, empties_caches=True), Remains.THUMBNAIL) == ["a.jpg"]
    remove_waste(waste, layout)
    assert [path.name for path in layout.state.trash_folder.iterdir()] == ["new"]
