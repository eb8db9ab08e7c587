"""The library finds clips, keeps what is said of them, deletes, brings back, and draws them."""

import json
import os
import threading
from pathlib import Path

import pytest
from PIL import Image

from ovi.errors import MediaError
from ovi_studio.actions import clip_pictures
from ovi_studio.actions.clip_filter import matching_clips, sorted_clips
from ovi_studio.actions.clip_pictures import NUM_PEAKS, STRIP_FRAMES, iter_frames
from ovi_studio.actions.library import ClipLibrary, compare_clips, recipe_lines, select_clips
from ovi_studio.errors import UsageError
from ovi_studio.project.clip_notes import ClipNotesError
from ovi_studio.project.layout import ProjectLayout
from ovi_studio.render.queue import RenderQueue
from tests.studio.made_clips import NUM_FRAMES, clip_task, make_project, write_clip


@pytest.fixture
def root(tmp_path):
    return make_project(tmp_path / "p")


@pytest.fixture
def library(root):
    return ClipLibrary(ProjectLayout(root))


def seeds(clips):
    return [(clip.row_id, clip.seed) for clip in clips]


# Finding.


def test_clips_are_found_newest_first_with_what_their_recipes_say(library):
    clips = library.clips()
    assert seeds(clips) == [("2", 9), ("2", 7), ("1", 8), ("1", 7)]
    last = clips[0]
    assert (last.set_name, last.variant, last.prompt) == (
        "people", "nano", "A dog barks. Audio: A dog.",
    )  # fmt: skip
    assert last.fault is None
    assert last.short_identity in last.path.name
    assert last.recipe["device"] == "cpu"


def test_looking_again_reads_no_file_that_is_the_same(library, monkeypatch):
    before = library.clips()
    monkeypatch.setattr("ovi_studio.actions.clip_finding.read_clip", lambda *_: pytest.fail("read"))
    assert library.clips() == before


def test_a_change_is_seen_where_the_time_of_the_folder_does_not_tell(library, root):
    os.utime(root / "renders")  # it has just changed
    assert len(library.clips()) == 4
    status = (root / "renders").stat()
    library.clips()[0].path.unlink()
    os.utime(root / "renders", ns=(status.st_atime_ns, status.st_mtime_ns))
    assert len(library.clips()) == 3


def test_a_folder_that_is_long_unchanged_is_not_looked_through_each_time(
    library, root, monkeypatch
):
    os.utime(root / "renders", (1e9, 1e9))
    before = library.clips()
    monkeypatch.setattr("ovi_studio.actions.clip_finding.os.walk", lambda _: pytest.fail("looked"))
    assert library.clips() is before


def test_a_clip_that_comes_or_goes_is_seen(library, root):
    gone = library.clips()[0]
    gone.path.unlink()
    write_clip(clip_task(root / "renders" / "below", "3", 1), number=5)
    assert seeds(library.clips())[0] == ("3", 1)
    assert gone.path not in [clip.path for clip in library.clips()]


def test_a_clip_that_a_job_put_elsewhere_is_found_and_its_neighbours_are_not(library, tmp_path):
    task = clip_task(tmp_path / "elsewhere", "1", 50)
    write_clip(task, number=9)
    (tmp_path / "elsewhere" / "private.mp4").write_bytes(b"x")
    assert len(library.clips()) == 4
    with RenderQueue(library.layout.state.queue_path) as queue:
        (added,) = queue.add([task])
        queue.settle(added.job_id, "there")
    assert task.output in [clip.path for clip in library.clips()]
    assert "private.mp4" not in [clip.path.name for clip in library.clips()]


def test_links_out_of_the_project_are_not_followed(library, root, tmp_path):
    outside = write_clip(clip_task(tmp_path / "outside", "1", 60))
    (root / "renders" / "file.mp4").symlink_to(outside)
    (root / "renders" / "folder").symlink_to(outside.parent, target_is_directory=True)
    (root / "renders" / "loop.mp4").symlink_to(root / "renders" / "loop.mp4")
    os.mkfifo(root / "renders" / "pipe.mp4")
    assert len(library.clips()) == 4


HOSTILE = {
    "nested": "[" * 100_000,
    "no json": "{'a'",
    "list": "[]",
    "wrong types": json.dumps(
        {"request": 1, "source": [], "identity": 7, "duration_seconds": "NaN", "created": {}}
    ),
    "odd values": json.dumps(
        {
            "request": {"text": "\ud800[b]x", "size": {"width": 1e999}, "sampling": {"seed": True}},
            "duration_seconds": -1,
            "created": "9999999-01-01",
            "identity": "",
        }
    ),
    "large": json.dumps({"request": {"text": "x" * 10_000_000}}),
    "binary": "\0\x01",
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_recipe_is_a_clip_all_the_same(library, root, text):
    path = root / "renders" / "[red]x[b].mp4"
    path.write_bytes(b"no video")
    path.with_suffix(".json").write_text(text, encoding="utf-8", errors="surrogatepass")
    (found,) = [clip for clip in library.clips() if clip.path == path]
    assert found.seed is None
    assert found.seconds is None
    assert found.identity.startswith("file-")
    assert len(found.prompt) < 100
    found.prompt.encode()
    assert (found.fault is None) == (found.recipe is not None)
    library.star(found)
    assert compare_clips(found, library.clips()[0]) is not None
    assert isinstance(recipe_lines(found), list)
    with pytest.raises(MediaError):
        library.thumbnails(found)


def test_a_recipe_of_ten_megabytes_inside_a_clip_is_not_read(root, library):
    task = clip_task(root / "renders", "big", 1)
    write_clip(task, recipe={"identity": "a", "pad": "x" * 10_000_000})
    task.output.with_suffix(".json").unlink()
    (found,) = [clip for clip in library.clips() if clip.path == task.output]
    assert "too long" in found.fault


# What is said about clips.


def test_stars_tags_and_notes_follow_a_clip_that_is_moved(library, root):
    clip = library.clips()[0]
    library.star(clip)
    library.tag(clip, "#Good one")
    library.tag(clip, "good-one")
    library.note(clip, "[b]the eyes[/b]")
    (root / "renders" / "best").mkdir()
    moved = clip.path.rename(root / "renders" / "best" / "x.mp4")
    (found,) = [one for one in library.clips() if one.path == moved]
    assert (found.is_starred, found.tags, found.note) == (True, ("Good-one",), "[b]the eyes[/b]")
    library.star(found, on=False)
    library.untag(found, "GOOD-ONE")
    library.note(found, " ")
    assert json.loads((root / "clips.json").read_text()) == {"clips": {}, "version": 1}


def test_what_others_wrote_into_the_notes_stays(library, root):
    clip = library.clips()[0]
    written = {"clips": {clip.identity: {"starred": 1, "mine": 2}, "x": 5}, "z": [1]}
    (root / "clips.json").write_text(json.dumps(written))
    assert library.clips()[0].is_starred is False
    library.tag(clip, "a")
    assert json.loads((root / "clips.json").read_text()) == {
        "version": 1,
        "z": [1],
        "clips": {clip.identity: {"mine": 2, "tags": ["a"]}, "x": 5},
    }


@pytest.mark.parametrize("junk", [b"{", b"\xff\xfe", b"[]", b'{"clips": []}', b"[" * 99_999])
def test_junk_in_the_notes_is_told_and_set_aside_at_the_next_change(library, root, junk):
    (root / "clips.json").write_bytes(junk)
    clip = library.clips()[0]
    assert "clips.json" in library.notes_fault
    told = library.star(clip)
    (aside,) = root.glob("clips-damaged-*.json")
    assert aside.name in told
    assert aside.read_bytes() == junk
    assert library.clips()[0].is_starred


def test_notes_of_a_newer_program_are_not_overwritten(library, root):
    text = '{"version": 2, "clips": {}}'
    (root / "clips.json").write_text(text)
    with pytest.raises(ClipNotesError, match="version 2"):
        library.star(library.clips()[0])
    assert (root / "clips.json").read_text() == text


def test_two_who_star_at_once_both_succeed(library, root):
    clips = library.clips()
    threads = [
        threading.Thread(target=lambda one=one: ClipLibrary(ProjectLayout(root)).star(one))
        for one in clips
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(clip.is_starred for clip in library.clips())


# Deleting.


def test_a_deleted_clip_comes_back_whole_and_overwrites_nothing(library):
    clip = library.clips()[0]
    (gone,) = library.trash(clip)
    assert not clip.path.exists()
    assert not clip.path.with_suffix(".json").exists()
    assert len(library.clips()) == 3
    assert library.trashed() == [gone]
    clip.path.write_bytes(b"another")
    (back,) = library.restore([gone])
    assert back.name == f"{clip.name}-restored.mp4"
    assert back.with_suffix(".json").is_file()
    assert clip.path.read_bytes() == b"another"
    assert library.trashed() == []
    assert clip.identity in [one.identity for one in library.clips()]


def test_a_note_in_the_trash_cannot_send_a_clip_out_of_the_project(library, root, tmp_path):
    (gone,) = library.trash(library.clips()[0])
    (gone.folder / "where.json").write_text(json.dumps({"path": str(tmp_path / gone.path.name)}))
    (back,) = library.restore(library.trashed())
    assert back.parent == root / "renders"


def test_emptying_the_trash_removes_for_good(library, root):
    library.trash(library.clips()[:2])
    assert len(library.empty_trash()) == 2
    assert list((root / ".ovi" / "trash").iterdir()) == []
    assert len(library.clips()) == 2


# Pictures.


def test_thumbnails_are_made_once_and_survive_a_move(library, monkeypatch):
    clip = library.clips()[0]
    strip = library.thumbnails(clip)
    with Image.open(strip) as picture:
        assert picture.width == STRIP_FRAMES * picture.height
        first, last = picture.getpixel((12, 30)), picture.getpixel((picture.width - 10, 30))
    assert min(first) > 200 > min(last)  # the bar is at the left at first, and not at the end
    monkeypatch.setattr(clip_pictures, "_start", lambda _: pytest.fail("made again"))
    clip.path.rename(clip.path.with_name("moved.mp4"))
    (moved,) = [one for one in library.clips() if one.name == "moved"]
    assert library.thumbnails(moved) == strip
    assert library.pictures.known_strip(moved) == strip


def test_the_sound_is_loud_where_it_is_loud(library):
    clip = library.clips()[0]
    peaks = library.peaks(clip)
    assert len(peaks) == NUM_PEAKS
    assert min(peaks[20:200]) > 100
    assert max(peaks[300:]) < 20
    with Image.open(library.waveform(clip)) as picture:
        assert picture.size == (1024, 128)


def test_frames_fit_the_box_and_come_in_order(library):
    frames = list(library.frames(library.clips()[0], 32))
    assert len(frames) == NUM_FRAMES
    assert {(frame.width, frame.height, len(frame.pixels)) for frame in frames} == {
        (32, 32, 32 * 32 * 3)
    }
    bar = [max(range(32), key=lambda x: sum(frame.pixels[x * 3 : x * 3 + 3])) for frame in frames]
    assert bar[0] < bar[12] < bar[20]


def test_frames_that_nobody_wants_any_more_leave_no_process(library):
    frames = iter_frames(library.clips()[0].path, 16)
    next(frames)
    processes = frames.gi_frame.f_locals["process"]
    frames.close()
    assert processes.poll() is not None


def test_no_more_ffmpegs_than_allowed_make_pictures_at_a_time(library, monkeypatch):
    running, most = [], []
    lock = threading.Lock()
    make = clip_pictures._make_strip

    def counted(clip, target):
        with lock:
            running.append(clip)
            most.append(len(running))
        make(clip, target)
        with lock:
            running.remove(clip)

    monkeypatch.setattr(clip_pictures, "_make_strip", counted)
    threads = [
        threading.Thread(target=library.thumbnails, args=(clip,)) for clip in library.clips()
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(most) == 4
    assert max(most) <= clip_pictures.MAX_PROCESSES


def test_a_playlist_that_calls_itself_a_clip_opens_nothing(root):
    secret = root / "secret.txt"
    secret.write_text("ffconcat version 1.0\nfile renders/x.mp4\n")
    fake = root / "renders" / "fake.mp4"
    fake.write_text(f"#EXTM3U\n#EXTINF:1,\nfile://{secret}\n")
    with pytest.raises(MediaError, match=r"fake\.mp4"):
        list(iter_frames(fake, 16))


# Naming and filtering.


def test_clips_are_named_in_many_ways(library):
    clips = library.clips()
    for word in (clips[1].name, clips[1].path.name, str(clips[1].path), clips[1].identity[:6]):
        assert select_clips([word], clips) == [clips[1]]
    assert select_clips(["people:2"], clips) == clips[:2]
    assert select_clips(["latest", "all"], clips) == clips
    with pytest.raises(UsageError, match="no clip 'nothing'"):
        select_clips(["nothing"], clips)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", 4), ("DOG", 2), ("dog -seed:9", 1), ("seed:7", 2), ("set:peo row:1", 2), ("#go", 1),
        ("is:starred", 1), ("-is:starred", 3), ("variant:nano", 4), ("variant:960", 0), ("-", 4),
        ("row:1 seed:8", 1), (":", 4), ("[red]", 0),
    ],
)  # fmt: skip
def test_filters(library, text, found):
    library.star(library.clips()[0])
    library.tag(library.clips()[1], "good")
    assert len(matching_clips(library.clips(), text)) == found


def test_orders(library):
    clips = library.clips()
    assert seeds(sorted_clips(clips, "set and row")) == [("1", 7), ("1", 8), ("2", 7), ("2", 9)]
    assert seeds(sorted_clips(clips, "oldest first")) == seeds(reversed(clips))
    assert sorted_clips(clips, "no such order") == clips


def test_a_comparison_names_what_differs_and_nothing_else(library):
    clips = library.clips()
    differences = compare_clips(clips[0], clips[1])
    assert [(one.name, one.first, one.second, one.is_deciding) for one in differences] == [
        ("seed", "9", "7", True)
    ]
    assert compare_clips(clips[0], clips[0]) == ()
    names = [one.name for one in compare_clips(clips[0], clips[2])]
    assert names == ["prompt", "seed", "row"]
    assert Path(clips[0].path).is_file()
