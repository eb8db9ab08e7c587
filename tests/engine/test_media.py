"""Clips as they come out: encoded for real, read back with another library, never half there."""

import json
import os
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ovi.errors import MediaError, NumericalError
from ovi.media import (
    ClipWriter,
    ensure_writable,
    frames_to_uint8,
    read_recipe,
    sidecar_path,
    waveform_to_int16,
)
from ovi.media.encoder import find_ffmpeg
from ovi.media.mp4_comment import read_comment
from ovi.media.recipe import recipe_text
from ovi.spec.geometry import FrameSize

SIZE = FrameSize(64, 96)
RATE = 16_000
BT709, LIMITED_RANGE = 1, 1

NASTY = {
    "prompt": "a=b; #c \\ \"q\" 'q'\n\r\t\0 é 日本 👩‍👧 \u2028 \x85 \uffff",
    "lone surrogate": "\ud83d",
    "=;#\\\n": {"": [[], {}, None, True, -0.0, 1e-300, 2**53 + 1]},
    "long": "x=;\\\n" * 50_000,
}


def tone(seconds: float, hertz: float = 440.0) -> np.ndarray:
    moments = np.arange(round(seconds * RATE)) / RATE
    return (0.5 * np.sin(2 * np.pi * hertz * moments)).astype(np.float32)


def writer(path: Path, num_frames: int, **changes: Any) -> ClipWriter:
    settings = {
        "size": SIZE,
        "num_frames": num_frames,
        "fps": 24,
        "sample_rate": RATE,
        "waveform": tone(num_frames / 24),
        "recipe": {"prompt": "hello"},
    }
    return ClipWriter(path, **(settings | changes))


def grey(num_frames: int, level: int = 128) -> np.ndarray:
    return np.full((num_frames, SIZE.height, SIZE.width, 3), level, np.uint8)


def write_clip(path: Path, num_frames: int = 3, **changes: Any) -> Path:
    write_pieces(path, num_frames, grey(num_frames), **changes)
    return path


def write_pieces(
    path: Path,
    num_frames: int,
    *pieces: np.ndarray,
    then: Callable[[ClipWriter], object] = lambda _: None,
    **changes: Any,
) -> None:
    """Writes the pieces, and does something else before the clip is left."""
    with writer(path, num_frames, **changes) as clip:
        for piece in pieces:
            clip.write(piece)
        then(clip)


def decoded(path: Path) -> tuple[list[np.ndarray], np.ndarray]:
    """RGB frames, and the samples of the sound."""
    with av.open(str(path)) as file:
        frames = [frame.to_ndarray(format="rgb24") for frame in file.decode(video=0)]
    with av.open(str(path)) as file:
        sound = np.concatenate([block.to_ndarray()[0] for block in file.decode(audio=0)])
    return frames, sound


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """An output folder; afterwards nothing hidden may be left in it."""
    path = tmp_path / "out put"
    path.mkdir()
    yield path
    assert [entry.name for entry in path.iterdir() if entry.name.startswith(".")] == []


# What a clip is


def test_clip_has_the_streams_and_tags_players_expect(folder: Path) -> None:
    path = write_clip(folder / "clip.mp4", 37)
    with av.open(str(path)) as file:
        video, audio = file.streams.video[0], file.streams.audio[0]
        assert (video.codec_context.name, audio.codec_context.name) == ("h264", "aac")
        assert (video.width, video.height, video.frames) == (SIZE.width, SIZE.height, 37)
        assert (video.average_rate, video.codec_context.pix_fmt) == (24, "yuv420p")
        assert float(video.duration * video.time_base) == pytest.approx(37 / 24)
        assert (audio.sample_rate, audio.layout.name) == (RATE, "mono")
        assert float(audio.duration * audio.time_base) == pytest.approx(37 / 24, abs=1e-3)
        colour = video.codec_context
        assert (colour.colorspace, colour.color_primaries, colour.color_trc) == (BT709,) * 3
        assert colour.color_range == LIMITED_RANGE
    whole = path.read_bytes()
    assert whole.index(b"moov") < whole.index(b"mdat"), "the index must stand in front"


def test_picture_and_sound_both_start_at_zero(folder: Path) -> None:
    path = write_clip(folder / "clip.mp4", 24)
    for kind in ("video", "audio"):
        with av.open(str(path)) as file:
            assert file.streams.get({kind: 0})[0].start_time == 0
            times = [frame.pts for frame in file.decode({kind: 0})]
            assert times[0] == 0
            assert times == sorted(times)


def test_sound_is_not_shifted(folder: Path) -> None:
    click = np.zeros(RATE, np.float32)
    click[8000:8040] = 0.9
    _, sound = decoded(write_clip(folder / "clip.mp4", 24, waveform=click))
    assert int(np.abs(sound).argmax()) == pytest.approx(8020, abs=40)


def test_sound_keeps_its_pitch_and_level(folder: Path) -> None:
    for hertz in (220.0, 3000.0):
        path = write_clip(folder / "clip.mp4", 48, waveform=tone(2.0, hertz))
        middle = decoded(path)[1][8000:24000]
        spectrum = np.abs(np.fft.rfft(middle * np.hanning(len(middle))))
        assert int(spectrum.argmax()) == pytest.approx(hertz, abs=1)
        assert float(np.sqrt((middle**2).mean())) == pytest.approx(0.5 / np.sqrt(2), rel=0.03)


@pytest.mark.parametrize(
    "colour", [(200, 40, 90), (10, 240, 20), (30, 60, 250), (255, 255, 255), (0, 0, 0)]
)
def test_colours_come_back_within_a_few_levels(folder: Path, colour: tuple[int, ...]) -> None:
    frames = grey(5)
    frames[:] = colour
    with writer(folder / "clip.mp4", 5) as clip:
        clip.write(frames)
    for frame in decoded(clip.path)[0]:
        assert np.abs(frame.reshape(-1, 3).mean(0) - colour).max() <= 3


def test_every_frame_comes_back_in_order_whatever_the_pieces(folder: Path) -> None:
    levels = np.arange(20, 240, 10, dtype=np.uint8)
    frames = grey(len(levels))
    frames[:] = levels[:, None, None, None]
    with writer(folder / "clip.mp4", len(levels)) as clip:
        clip.write(frames[:1])
        clip.write(frames[1:1])
        clip.write(frames[1:14])
        clip.write(frames[14:][:, ::-1].transpose(0, 2, 1, 3).transpose(0, 2, 1, 3))
    seen = [float(frame.mean()) for frame in decoded(clip.path)[0]]
    assert seen == pytest.approx(levels.tolist(), abs=3)


def test_rows_and_columns_are_not_mixed_up(folder: Path) -> None:
    frames = grey(2, 0)
    frames[:, :16, :24] = 255
    with writer(folder / "clip.mp4", 2) as clip:
        clip.write(frames)
    assert np.abs(decoded(clip.path)[0][1].astype(int) - frames[1]).mean() < 3


def test_frames_are_handed_on_and_not_kept(folder: Path) -> None:
    """Three hundred frames of 1.5 MB each, with memory for about a hundred of them."""
    program = f"""
import resource, sys
import numpy as np
from pathlib import Path
from ovi.media import ClipWriter
from ovi.spec.geometry import FrameSize
frame = np.zeros((1, 704, 704, 3), np.uint8)
clip = ClipWriter(Path({str(folder / "clip.mp4")!r}), size=FrameSize(704, 704), num_frames=300,
                  fps=24, sample_rate=16000, waveform=np.zeros(200000, np.float32), recipe={{}})
with clip:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for _ in range(300):
        clip.write(frame)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
print(grown)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 150_000, "kB"


# The recipe


@pytest.mark.parametrize("recipe", [{}, NASTY], ids=["empty", "nasty"])
def test_recipe_comes_back_from_the_clip_and_from_the_sidecar(
    folder: Path, recipe: dict[str, Any]
) -> None:
    path = write_clip(folder / "clip.mp4", recipe=recipe)
    assert read_recipe(path) == recipe
    assert json.loads(sidecar_path(path).read_text(encoding="utf-8")) == recipe
    assert sidecar_path(path) == folder / "clip.json"


def test_other_programs_find_the_recipe_in_the_comment(folder: Path) -> None:
    recipe = {"prompt": 'é 🎬 "q"; a=b # \\ end'}
    with av.open(str(write_clip(folder / "clip.mp4", recipe=recipe))) as file:
        assert json.loads(file.metadata["comment"]) == recipe


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=[])),
    lambda inner: st.lists(inner, max_size=4)
    | st.dictionaries(st.text(st.characters(exclude_categories=[])), inner, max_size=4),
    max_leaves=12,
)  # fmt: skip


@settings(max_examples=25, deadline=None)
@example({"\ud800": "\udfff\ud83d\ude00"})
@given(st.dictionaries(st.text(), json_values, max_size=4))
def test_any_json_object_survives_the_clip(
    tmp_path_factory: pytest.TempPathFactory, recipe: dict[str, Any]
) -> None:
    path = write_clip(tmp_path_factory.getbasetemp() / "clip.mp4", 1, recipe=recipe)
    # Through json, because two halves of a surrogate pair side by side are one character there.
    assert read_recipe(path) == json.loads(json.dumps(recipe))


@given(json_values)
def test_recipe_text_is_one_line_of_utf8_json(value: Any) -> None:
    text = recipe_text({"value": value})
    assert text.encode().decode() == text
    assert "\n" not in text
    assert json.loads(text) == json.loads(json.dumps({"value": value}))


@pytest.mark.parametrize("value", [float("nan"), float("inf"), object()])
def test_a_recipe_that_is_not_json_is_refused_before_anything_starts(
    folder: Path, value: object
) -> None:
    with pytest.raises((TypeError, ValueError)):
        writer(folder / "clip.mp4", 1, recipe={"value": value})
    assert list(folder.iterdir()) == []


def test_a_file_without_recipe_is_named(folder: Path) -> None:
    plain, foreign = folder / "plain.mp4", folder / "foreign.mp4"
    for path, comment in ((plain, None), (foreign, "nice clip"), (folder / "list.mp4", "[1]")):
        arguments = [] if comment is None else ["-metadata", f"comment={comment}"]
        source = ["-f", "lavfi", "-i", "color=s=32x32:d=0.2"]
        ffmpeg = [find_ffmpeg(), "-v", "error", *source, *arguments, str(path)]
        subprocess.run(ffmpeg, check=True)
        with pytest.raises(MediaError, match=rf"{path.name} holds no recipe"):
            read_recipe(path)
    with pytest.raises(MediaError, match=r"missing\.mp4 cannot be read"):
        read_recipe(folder / "missing.mp4")


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_a_damaged_clip_gives_a_recipe_or_a_sentence(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    base = tmp_path_factory.getbasetemp()
    whole = base / "whole.mp4"
    if not whole.exists():
        write_clip(whole, 1)
    content = bytearray(whole.read_bytes())
    for _ in range(data.draw(st.integers(0, 8))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    damaged = base / "damaged.mp4"
    damaged.write_bytes(content[: data.draw(st.integers(0, len(content)))])
    try:
        recipe = read_recipe(damaged)
    except MediaError:
        return
    assert isinstance(recipe, dict)


def test_a_64_bit_box_and_one_to_the_end_are_understood(tmp_path: Path) -> None:
    def box(name: bytes, data: bytes) -> bytes:
        return (8 + len(data)).to_bytes(4, "big") + name + data

    data = box(b"data", bytes(8) + b'{"a": 1}')
    udta = box(b"udta", box(b"meta", bytes(4) + box(b"ilst", box(b"\xa9cmt", data))))
    long_box = (1).to_bytes(4, "big") + b"mdat" + (16 + 5).to_bytes(8, "big") + b"12345"
    path = tmp_path / "clip.mp4"
    path.write_bytes(long_box + (0).to_bytes(4, "big") + b"moov" + udta)
    assert read_recipe(path) == {"a": 1}


def test_reading_a_recipe_costs_neither_torch_nor_numpy(folder: Path) -> None:
    path = write_clip(folder / "clip.mp4")
    program = (
        "import sys; from pathlib import Path; from ovi.media import read_recipe;"
        f"print(read_recipe(Path({str(path)!r}))['prompt']);"
        "print({'torch', 'numpy', 'imageio_ffmpeg'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (done.stdout.split("\n")[:2], done.stderr) == (["hello", "set()"], "")


# Whole or not at all


def test_a_finished_clip_replaces_an_older_one(folder: Path) -> None:
    path = write_clip(folder / "clip.mp4", recipe={"take": 1})
    write_clip(path, recipe={"take": 2})
    assert read_recipe(path) == {"take": 2}
    assert sorted(entry.name for entry in folder.iterdir()) == ["clip.json", "clip.mp4"]


def test_nothing_has_the_clips_name_before_it_is_complete(folder: Path) -> None:
    with writer(folder / "clip.mp4", 4) as clip:
        clip.write(grey(3))
        assert [entry.name for entry in folder.iterdir()] == [f".clip.mp4.{os.getpid()}.part"]
        clip.write(grey(1))
    assert sorted(entry.name for entry in folder.iterdir()) == ["clip.json", "clip.mp4"]


@pytest.mark.parametrize("error", [ValueError("mine"), KeyboardInterrupt(), OSError("mine")])
def test_an_exception_inside_leaves_nothing_and_stays_itself(
    folder: Path, error: BaseException
) -> None:
    def fail(_: ClipWriter) -> None:
        raise error

    with pytest.raises(type(error)) as caught:
        write_pieces(folder / "clip.mp4", 9, grey(2), then=fail)
    assert caught.value is error
    assert list(folder.iterdir()) == []


def test_a_failed_clip_leaves_the_older_one(folder: Path) -> None:
    path = write_clip(folder / "clip.mp4", recipe={"take": 1})
    with pytest.raises(MediaError):
        write_pieces(path, 9, grey(2), recipe={"take": 2})
    assert read_recipe(path) == {"take": 1}
    assert json.loads(sidecar_path(path).read_text()) == {"take": 1}


@pytest.mark.parametrize(("pieces", "came"), [([2], "only 2"), ([], "only 0"), ([3, 2], "5 came")])
def test_another_number_of_frames_than_announced_is_an_error(
    folder: Path, pieces: list[int], came: str
) -> None:
    sentence = rf"clip\.mp4 was not written: 4 frames were announced.*{came}"
    with pytest.raises(MediaError, match=sentence):
        write_pieces(folder / "clip.mp4", 4, *map(grey, pieces))
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("frames", [grey(1)[:, :32], grey(1).astype(np.float32), grey(1)[0]])
def test_frames_of_another_kind_are_a_programming_error(folder: Path, frames: np.ndarray) -> None:
    with pytest.raises(AssertionError):
        write_pieces(folder / "clip.mp4", 1, frames)
    assert list(folder.iterdir()) == []


def kill_ffmpeg(clip: ClipWriter) -> None:
    clip._encoder._process.kill()
    clip._encoder._process.wait()


def test_ffmpeg_killed_half_way_is_told_and_leaves_nothing(folder: Path) -> None:
    def kill_and_go_on(clip: ClipWriter) -> None:
        kill_ffmpeg(clip)
        while True:  # until the pipe is noticed to be broken
            clip.write(grey(5))

    with pytest.raises(MediaError, match=r"clip\.mp4 could not be written: ffmpeg was ended by"):
        write_pieces(folder / "clip.mp4", 100_000, grey(5), then=kill_and_go_on)
    assert list(folder.iterdir()) == []


def test_ffmpeg_killed_at_the_end_is_told_and_leaves_nothing(folder: Path) -> None:
    with pytest.raises(MediaError, match="ended by signal 9"):
        write_pieces(folder / "clip.mp4", 1, grey(1), then=kill_ffmpeg)
    assert list(folder.iterdir()) == []


def test_ffmpegs_own_words_are_repeated(folder: Path) -> None:
    frames = np.zeros((1, 33, 33, 3), np.uint8)
    with pytest.raises(MediaError, match=r"odd\.mp4 could not .*\n.*not divisible by 2"):
        write_pieces(folder / "odd.mp4", 1, frames, size=FrameSize(33, 33))


def test_an_interrupt_while_finishing_leaves_nothing(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(_: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_clip(folder / "clip.mp4")
    assert list(folder.iterdir()) == []


def test_a_name_that_is_taken_meanwhile_leaves_no_sidecar(folder: Path) -> None:
    path = folder / "clip.mp4"
    with pytest.raises(MediaError, match=r"clip\.mp4 could not be written"):
        write_pieces(path, 1, grey(1), then=lambda _: (path / "in the way").mkdir(parents=True))
    assert [entry.name for entry in folder.iterdir()] == ["clip.mp4"]


def test_leftovers_of_a_killed_process_of_the_same_number_are_no_hindrance(folder: Path) -> None:
    stray = folder / f".clip.mp4.{os.getpid()}.part"
    stray.mkdir()
    (stray / "clip.mp4").write_text("half")
    assert read_recipe(write_clip(folder / "clip.mp4")) == {"prompt": "hello"}


# What the machine lacks


def test_a_missing_folder_is_made(folder: Path) -> None:
    assert write_clip(folder / "a" / "b" / "clip.mp4").exists()


@pytest.mark.parametrize("obstacle", ["a file as folder", "a folder as file", "read only"])
def test_an_unusable_folder_is_told_before_and_at_writing(folder: Path, obstacle: str) -> None:
    path = folder / "clip.mp4"
    if obstacle == "a file as folder":
        (folder / "file").touch()
        path = folder / "file" / "clip.mp4"
    elif obstacle == "a folder as file":
        path.mkdir()
    else:
        if os.geteuid() == 0:
            pytest.skip("the administrator may write to every folder")
        folder.chmod(stat.S_IRUSR | stat.S_IXUSR)
    with pytest.raises(MediaError, match=r"clip\.mp4 .*Choose"):
        ensure_writable(path)
    with pytest.raises(MediaError, match=r"clip\.mp4 .*Choose"):
        write_clip(path)
    folder.chmod(stat.S_IRWXU)


def test_ensure_writable_leaves_no_trace_but_the_folder(folder: Path) -> None:
    ensure_writable(folder / "new" / "clip.mp4")
    assert [entry.name for entry in folder.rglob("*")] == ["new"]


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 400 kB."""
    path = tmp_path / "disk"
    path.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=400k", "tmpfs", str(path)]
    try:
        done = subprocess.run(mount, capture_output=True)
    except FileNotFoundError:
        pytest.skip("there is no `mount` on this machine")
    if done.returncode != 0:
        pytest.skip("this user may not mount a small file system")
    yield path
    subprocess.run(["umount", str(path)], check=True)


@pytest.mark.parametrize("seconds", [2, 30], ids=["by the picture", "by the sound"])
def test_a_full_disk_is_told_and_cleared(tiny_disk: Path, seconds: int) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (100, 256, 256, 3), np.uint8)
    path = tiny_disk / "clip.mp4"
    with pytest.raises(MediaError, match=r"clip\.mp4 could not (.|\n)*No space left(.|\n)*space"):
        write_pieces(path, 100, noise, size=FrameSize(256, 256), waveform=tone(seconds))
    assert list(tiny_disk.iterdir()) == []
    assert write_clip(path).exists()


def fake_ffmpeg(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    program = folder.parent / "ffmpeg"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", str(program))


def test_a_failing_ffmpeg_is_quoted_with_a_remedy(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    many_lines = "for i in $(seq 20000); do echo a line of talk $i >&2; done"
    fake_ffmpeg(
        folder,
        monkeypatch,
        f"{many_lines}; cat >/dev/null; echo 'clip.mp4: No space left on device' >&2; exit 228",
    )
    with pytest.raises(MediaError) as caught:
        write_clip(folder / "clip.mp4")
    sentence = str(caught.value)
    assert "ended with code 228" in sentence
    assert "No space left on device\nFree some space" in sentence
    assert "talk 20000" in sentence
    assert "talk 19000" not in sentence
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("code", [0, 1])
def test_a_program_that_is_no_ffmpeg_is_found_out(
    folder: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    fake_ffmpeg(folder, monkeypatch, f"cat >/dev/null; exit {code}")
    with pytest.raises(MediaError, match=r"clip\.mp4 (could|was) not"):
        write_clip(folder / "clip.mp4")
    assert list(folder.iterdir()) == []


def test_an_ffmpeg_that_loses_the_recipe_is_found_out(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lossy = 'for output; do :; done; exec {} "$@" -map_metadata -1 -map 0:v -map 1:a -f mp4 -y {}'
    fake_ffmpeg(folder, monkeypatch, lossy.format(find_ffmpeg(), '"$output"'))
    with pytest.raises(MediaError, match="the recipe in its file is not the one given"):
        write_clip(folder / "clip.mp4")


def test_a_named_ffmpeg_that_does_not_exist_is_told(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", "/no/such/ffmpeg")
    for attempt in (ensure_writable, write_clip):
        with pytest.raises(MediaError, match="IMAGEIO_FFMPEG_EXE names /no/such/ffmpeg"):
            attempt(folder / "clip.mp4")


def test_without_any_ffmpeg_the_sentence_has_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("IMAGEIO_FFMPEG_EXE", raising=False)
    monkeypatch.setitem(sys.modules, "imageio_ffmpeg", None)
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(MediaError, match="Run: pip install imageio-ffmpeg"):
        find_ffmpeg()


def test_an_ffmpeg_on_the_path_is_found(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_ffmpeg(folder, monkeypatch, "exit 0")
    monkeypatch.delenv("IMAGEIO_FFMPEG_EXE")
    monkeypatch.setitem(sys.modules, "imageio_ffmpeg", None)
    monkeypatch.setenv("PATH", str(folder.parent))
    assert find_ffmpeg() == str(folder.parent / "ffmpeg")


def test_ctrl_c_in_the_terminal_does_not_reach_ffmpeg(folder: Path) -> None:
    with writer(folder / "clip.mp4", 1) as clip:
        assert os.getpgid(clip._encoder._process.pid) != os.getpgid(0)
        clip.write(grey(1))


# Numbers


def test_frames_are_cut_to_whole_levels_not_rounded() -> None:
    frames = torch.tensor([-1.0, 0.0, 0.999, 1.0, -1.4, 1.4, 1.999 / 255 * 2 - 1])
    assert frames_to_uint8(frames).tolist() == [0, 127, 254, 255, 0, 255, 1]
    shaped = frames_to_uint8(torch.zeros(2, 3, 4, 5, dtype=torch.bfloat16))
    assert (shaped.shape, shaped.dtype) == ((2, 3, 4, 5), torch.uint8)


def test_samples_are_cut_towards_zero_and_clamped() -> None:
    samples = np.array([-1, -0.00005, 0, 0.00005, 1, 7, -7, 0.99999], np.float32)
    integers = waveform_to_int16(samples)
    assert integers.dtype == np.int16
    assert integers.tolist() == [-32767, -1, 0, 1, 32767, 32767, -32767, 32766]


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_sound_that_is_not_finite_is_refused(folder: Path, value: float) -> None:
    broken = tone(0.1)
    broken[7] = value
    with pytest.raises(NumericalError, match="sound is not finite"):
        writer(folder / "clip.mp4", 1, waveform=broken)
    assert list(folder.iterdir()) == []


def test_read_comment_of_no_mp4_is_none(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    for content in (b"", b"\0" * 8, b"\0" * 100, b"hello", b"\0\0\0\7moov\0\0\0\0"):
        path.write_bytes(content)
        assert read_comment(path) is None
