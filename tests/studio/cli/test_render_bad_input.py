"""What a user gets wrong, through the real command: one sentence each, early, nothing half done."""

import json
import shutil
import subprocess
from pathlib import Path

import av
import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

from ovi.weights.manifest import FUSION_PATHS, SHARED_COMPONENTS
from tests.engine.toy_checkpoints import write_toy_checkpoints

from .command import COMMAND, environment, ovi

HEIGHT, WIDTH = 96, 160
TURNED_BY_A_QUARTER = 6
EXIF_ORIENTATION = 0x0112

VOCODER_PATH = {part.name: part.path for part in SHARED_COMPONENTS}["vocoder"]


def write_pictures(folder):
    """Pictures that can be used, and pictures that cannot."""
    level = np.linspace(0, 255, HEIGHT * WIDTH).reshape(HEIGHT, WIDTH).astype(np.uint8)
    Image.fromarray(level).save(folder / "grey.png")
    Image.fromarray(np.dstack([level] * 4)).save(folder / "rgba.png")
    turned = Image.fromarray(np.dstack([level] * 3))
    exif = turned.getexif()
    exif[EXIF_ORIENTATION] = TURNED_BY_A_QUARTER
    turned.save(folder / "turned.jpg", exif=exif)
    Image.fromarray(level[:20, :20]).save(folder / "tiny.png")
    whole = (folder / "grey.png").read_bytes()
    (folder / "cut.png").write_bytes(whole[: len(whole) // 2])
    (folder / "noise.png").write_bytes(b"no picture at all")


# What is known before anything is loaded.


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    """A folder of files that cannot be used."""
    folder = tmp_path_factory.mktemp("inputs")
    write_pictures(folder)
    (folder / "pictures").mkdir()
    (folder / "notes.txt").write_text("a cat")
    (folder / "wrong.csv").write_text("prompt,seed\na cat,1\n")
    (folder / "empty.csv").write_text("")
    (folder / "header.csv").write_text("text_prompt,seed\n")
    (folder / "blank.csv").write_text('text_prompt,seed\n" ",1\n')
    (folder / "frames.csv").write_text("text_prompt,image_path\na cat,none.png\n")
    return folder


@pytest.mark.parametrize(
    ("arguments", "thing", "remedy"),
    [
        (["none.csv"], "no file none.csv", "If it is meant as a prompt"),
        (["notes.txt"], "notes.txt is a file", ".csv or .tsv file with a column text_prompt"),
        (["pictures"], "pictures is a folder", "Name a CSV or TSV file"),
        (["wrong.csv"], "wrong.csv has no column 'text_prompt'", "'prompt'? Rename it"),
        (["empty.csv"], "empty.csv is empty", "begins with a line of column names"),
        (["header.csv"], "header.csv has a header and no rows", "add a prompt"),
        (["blank.csv"], "blank.csv, line 2 (row 1): the prompt is empty", "Write what"),
        (["frames.csv"], "frames.csv, line 2 (row 1): there is no first frame none.png", "Correct"),
        (["a", "--image", "none.png"], "no first frame none.png", "Correct the path"),
        (["a", "--image", "noise.png"], "noise.png is not a picture", "PNG or JPEG"),
        (["a", "--image", "cut.png"], "cut.png is damaged or cut short", "again"),
        (["a", "--image", "tiny.png"], "tiny.png is only 20x20", "at least 32x32"),
        (["a", "--image", "pictures"], "pictures is a folder", "Name one picture"),
        (["a", "--mode", "i2v"], "mode i2v needs a first frame", "--image"),
        (["a", "--solver", "ddim"], "no solver 'ddim'", "unipc, dpm++, euler"),
        (["a", "--shift", "0"], "Shift 0.0 has no schedule", "above 0"),
        (["a", "--shift", "nan"], "Shift nan has no schedule", "above 0"),
        (["a", "--steps", "0"], "0 steps", "use 1 to 1000"),
        (["a", "--steps", "1001"], "1001 steps", "use 1 to 1000"),
        (["a", "--video-guidance", "nan"], "video guidance scale is nan", "use a number"),
        (["a", "--seed", "-1"], "Seed -1", "use 0 to"),
        (["a", "--repeats", "0"], "0 repeats", "use 1 or more"),
        (["a", "--device", "gpu"], "'gpu' is no device", "auto, cpu, cuda"),
    ],
)
def test_one_sentence_before_anything_starts(inputs, arguments, thing, remedy):
    before = sorted(inputs.rglob("*"))
    ended = ovi("render", *arguments, folder=inputs)
    assert ended.returncode == 2
    assert len(ended.stderr.splitlines()) == 1
    assert thing in ended.stderr
    assert remedy in ended.stderr
    assert ended.stdout == ""
    assert sorted(inputs.rglob("*")) == before, "no queue, no worker, no folder"


def test_a_thousand_steps_are_allowed(tmp_path):
    ended = ovi("render", "a cat", "--steps", "1000", "--dry-run", "--json", folder=tmp_path)
    assert ended.returncode == 0
    assert json.loads(ended.stdout)["clips"][0]["num_steps"] == 1000


# A set with good and bad rows.


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A project in which a set was rendered, and how that command ended.

    Three rows cannot be rendered: two are found out before the start, one by the worker.
    """
    folder = tmp_path_factory.mktemp("project")
    write_pictures(folder)
    (folder / "set.csv").write_text(
        "id,text_prompt,image_path\n"
        "grey,A cat.,grey.png\n"
        "cut,A cat.,cut.png\n"
        "taken,A cat.,rgba.png\n"
        "rgba,A dog.,rgba.png\n"
        "turned,A cat.,turned.jpg\n"
        "folder,A bird.,grey.png\n"
    )
    order = ("render", "set.csv", "--steps", "1", "--slg-layer", "99", "--device", "cpu")
    document = json.loads(ovi(*order, "--dry-run", "--json", folder=folder).stdout)
    outputs = {clip["row"]: Path(clip["output"]) for clip in document["clips"]}
    outputs["folder"].mkdir(parents=True)
    outputs["taken"].write_text("somebody's notes")
    return folder, ovi(*order, "--progress", "none", folder=folder)


@pytest.mark.parametrize(
    ("row", "size"),
    [("grey", (HEIGHT, WIDTH)), ("rgba", (HEIGHT, WIDTH)), ("turned", (WIDTH, HEIGHT))],
)
def test_odd_pictures_make_clips_of_their_shape(project, row, size):
    folder, _ = project
    (clip,) = (folder / "renders").glob(f"set-{row}-*.mp4")
    with av.open(str(clip)) as media:
        video = media.streams.video[0]
        assert (video.height, video.width) == size


def test_bad_rows_stop_nobody_and_keep_their_own_errors(project):
    folder, ended = project
    assert ended.returncode == 1
    assert len(ended.stdout.splitlines()) == 3
    lines = ended.stderr.splitlines()
    assert any("line 3 (row cut)" in line and "cut.png is damaged" in line for line in lines)
    assert any("line 7 (row folder)" in line and "is a folder" in line for line in lines)
    (failed,) = (line for line in lines if " failed: " in line)
    assert failed.startswith("set row taken ")
    assert "another clip or none at all. Move it away" in failed
    assert lines[-1] == "3 done, 1 failed, 2 rejected."
    assert "Traceback" not in ended.stderr
    jobs = json.loads(ovi("queue", "list", "--json", folder=folder).stdout)["jobs"]
    assert {job["row"]: job["status"] for job in jobs} == {
        "grey": "DONE", "taken": "FAILED", "rgba": "DONE", "turned": "DONE",
    }  # fmt: skip


def test_a_layer_that_does_not_exist_is_told_and_skips_nothing(project):
    _, ended = project
    assert ended.stderr.count("SLG layer 99 skips nothing: nano has the layers 0 to 5.") == 1


def test_nothing_is_left_half_written_and_nothing_overwritten(project):
    folder, _ = project
    found = sorted(
        (path.name.split("-")[1], path.suffix) for path in (folder / "renders").iterdir()
    )
    whole = [(row, suffix) for row in ("grey", "rgba", "turned") for suffix in (".json", ".mp4")]
    assert found == sorted([*whole, ("folder", ".mp4"), ("taken", ".mp4")])
    (taken,) = (folder / "renders").glob("set-taken-*")
    assert taken.read_text() == "somebody's notes"


def test_a_clip_whose_name_is_a_folder_is_found_out_first(tmp_path):
    document = json.loads(ovi("render", "a", "--dry-run", "--json", folder=tmp_path).stdout)
    output = Path(document["clips"][0]["output"])
    output.mkdir(parents=True)
    ended = ovi("render", "a", folder=tmp_path)
    assert ended.returncode == 2
    assert ended.stderr.endswith(
        f"{output} is a folder, so no clip can have that name. Move it away.\n"
    )
    assert len(ended.stderr.splitlines()) == 1


# Weight files.


@pytest.fixture
def ckpt_dir(tmp_path, monkeypatch):
    """A toy folder of published weight files to break."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    write_toy_checkpoints(tmp_path / "ckpts")
    return tmp_path / "ckpts"


def fill_with_nan(ckpt_dir):
    path = ckpt_dir / FUSION_PATHS["720x720_5s"]
    tensors = load_file(path)
    tensors["video_model.blocks.0.ffn.0.weight"][0, 0] = torch.nan
    save_file(tensors, path)
    return path


def cut_short(ckpt_dir):
    path = ckpt_dir / VOCODER_PATH
    path.write_bytes(path.read_bytes()[:-1000])
    return path


@pytest.mark.parametrize(
    ("damage", "said"),
    [(fill_with_nan, "not finite in 1 of the tensors"), (cut_short, "not downloaded to the end")],
    ids=["NaN", "cut short"],
)
def test_damaged_weights_are_named_before_they_are_used(ckpt_dir, damage, said):
    path = damage(ckpt_dir)
    ended = ovi(
        "render", "a cat", "--variant", "720x720_5s", "--steps", "1", "--device", "cpu",
        folder=ckpt_dir.parent,
    )  # fmt: skip
    assert ended.returncode == 1
    (failed,) = (line for line in ended.stderr.splitlines() if " failed: " in line)
    assert str(path) in failed
    assert said in failed
    assert failed.endswith("Download it again.")
    assert "Traceback" not in ended.stderr
    assert ": denoise" not in ended.stderr
    assert list((ckpt_dir.parent / "renders").iterdir()) == []


# The disk.

IN_A_MOUNT_NAMESPACE = ("unshare", "--user", "--map-root-user", "--mount")
"""Runs what follows where it may mount things that nobody else sees, and that go with it."""


@pytest.fixture
def ovi_on_a_disk(tmp_path):
    """Runs `ovi` where the folder `clips` is a disk of its own; tells also what is on it then."""
    (tmp_path / "clips").mkdir()

    def run(*arguments, options):
        script = (
            f"mount -t tmpfs -o {options} none clips || exit\n"
            '"$@"; code=$?; ls -A clips >left; exit $code'
        )
        command = [*IN_A_MOUNT_NAMESPACE, "sh", "-c", script, "sh", *COMMAND, *arguments]
        ended = subprocess.run(
            command, cwd=tmp_path, env=environment(), text=True, capture_output=True, check=False
        )
        if not (tmp_path / "left").exists():
            pytest.skip(f"this system lets nobody mount a disk to test with: {ended.stderr}")
        return ended, (tmp_path / "left").read_text()

    if shutil.which("unshare") is None:
        pytest.skip("this system has no unshare, with which a disk is mounted to test with")
    return run


def test_a_full_disk_is_named_and_nothing_is_left_on_it(tmp_path, ovi_on_a_disk):
    """The sound fits on it beside the recipe, the picture does not."""
    ended, left = ovi_on_a_disk(
        "render", "a cat", "--steps", "1", "--device", "cpu", "-o", "clips", options="size=72k"
    )
    assert ended.returncode == 1
    assert f"Free some space on the disk that holds {tmp_path / 'clips'}." in ended.stderr
    assert "Traceback" not in ended.stderr
    assert ended.stdout == ""
    assert left == ""


def test_a_folder_that_may_only_be_read_is_found_out_first(tmp_path, ovi_on_a_disk):
    ended, left = ovi_on_a_disk("render", "a cat", "-o", "clips", options="ro")
    assert ended.returncode == 2
    last = ended.stderr.splitlines()[-1]
    assert str(tmp_path / "clips") in last
    assert "Choose an output folder that can be written to" in last
    assert "Traceback" not in ended.stderr
    assert left == ""
    assert not (tmp_path / ".ovi").exists(), "nothing was started"


def test_a_file_where_the_output_folder_should_be(tmp_path):
    (tmp_path / "clips").write_text("not a folder")
    ended = ovi("render", "a cat", "-o", "clips", folder=tmp_path)
    assert ended.returncode == 2
    assert "Choose an output folder that can be written to" in ended.stderr.splitlines()[-1]
    assert not (tmp_path / ".ovi").exists(), "nothing was started"
