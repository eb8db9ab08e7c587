"""Hashes are right, remembered while a file stays the same, and never in the way."""

import hashlib
import json
import os
import sys
from pathlib import Path

import pytest

from ovi.errors import Cancelled, WeightsError
from ovi.weights import hashes
from ovi.weights.hashes import hash_files, hash_folder, remember_hash


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def test_hashes_of_several_files_are_those_of_their_contents(tmp_path: Path) -> None:
    contents = {tmp_path / f"{i}.bin": bytes([i]) * (300_000 + i) for i in range(6)}
    for path, data in contents.items():
        path.write_bytes(data)
    assert hash_files(list(contents)) == {p: sha256(data) for p, data in contents.items()}


def test_unchanged_file_is_not_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(b"weights")
    first = hash_files([path])
    monkeypatch.setattr(hashes, "_hash_unknown", lambda paths, _: dict.fromkeys(paths, "read"))
    assert hash_files([path]) == first


def test_hash_of_a_file_just_written_is_remembered_until_it_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(b"weights")
    remember_hash(path, sha256(b"weights"))
    monkeypatch.setattr(hashes, "_hash_unknown", lambda paths, _: dict.fromkeys(paths, "read"))
    assert hash_files([path]) == {path: sha256(b"weights")}
    path.write_bytes(b"changed!")
    assert hash_files([path]) == {path: "read"}
    with pytest.raises(WeightsError, match=r"b\.bin cannot be read"):
        remember_hash(tmp_path / "b.bin", "")


def test_changed_file_is_hashed_again(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(b"before")
    hash_files([path])
    path.write_bytes(b"after!")  # of the same size
    os.utime(path, ns=(path.stat().st_atime_ns, path.stat().st_mtime_ns + 1))
    assert hash_files([path]) == {path: sha256(b"after!")}


@pytest.mark.parametrize(
    "damage",
    [b"", b"{", b"[1, 2]", b"\xff\xfe", b'{"x": 3}', b'{"%s": {"sha256": 5, "stamp": []}}'],
)
def test_damaged_memory_is_replaced(tmp_path: Path, cache_file: Path, damage: bytes) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(b"weights")
    cache_file.parent.mkdir(parents=True)
    cache_file.write_bytes(damage.replace(b"%s", str(path).encode()))
    assert hash_files([path]) == {path: sha256(b"weights")}
    assert json.loads(cache_file.read_text())[str(path)]["sha256"] == sha256(b"weights")


def test_unwritable_memory_is_no_error(
    tmp_path: Path, cache_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(b"weights")
    cache_file.parent.parent.joinpath("ovi-studio").write_text("a file where a folder should be")
    assert hash_files([path]) == {path: sha256(b"weights")}
    folder = tmp_path / "folder"
    folder.mkdir()
    monkeypatch.setattr(hashes, "cache_file", lambda: folder)  # where a file should be
    assert hash_files([path]) == {path: sha256(b"weights")}
    assert {path.name for path in tmp_path.iterdir()} == {"a.bin", "folder"}


def test_memory_leaves_no_temporary_files(tmp_path: Path, cache_file: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).write_bytes(name.encode())
        hash_files([tmp_path / name])
    assert [path.name for path in cache_file.parent.iterdir()] == [cache_file.name]
    assert set(json.loads(cache_file.read_text())) == {str(tmp_path / "a"), str(tmp_path / "b")}


def test_progress_ends_at_all_bytes(tmp_path: Path) -> None:
    paths = [tmp_path / "a", tmp_path / "b"]
    for path in paths:
        path.write_bytes(bytes(700_000))
    seen: list[tuple[int, int]] = []
    hash_files(paths, lambda done, total: seen.append((done, total)))
    assert seen[-1] == (1_400_000, 1_400_000)


def test_progress_that_raises_stops_hashing(tmp_path: Path, cache_file: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(bytes(100))

    def cancel(_: int, __: int) -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        hash_files([path], cancel)
    assert not cache_file.exists()


def test_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="nowhere"):
        hash_files([tmp_path / "nowhere.pth"])


def test_folder_hash_sees_names_and_contents_but_no_hidden_files(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "a.json").write_text("1")
    (tmp_path / "b.json").write_text("2")
    first = hash_folder(tmp_path)
    (tmp_path / ".cache").mkdir()
    (tmp_path / ".cache" / "lock").write_text("3")
    assert hash_folder(tmp_path) == first
    (tmp_path / "b.json").rename(tmp_path / "c.json")
    renamed = hash_folder(tmp_path)
    (tmp_path / "c.json").write_text("3")
    assert len({first, renamed, hash_folder(tmp_path)}) == 3


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="the path there is another")
def test_memory_lies_in_the_users_cache_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()  # the fixture's stand-in
    monkeypatch.setenv("XDG_CACHE_HOME", "/somewhere")
    assert hashes.cache_file() == Path("/somewhere/ovi-studio/weight-hashes.json")
