"""`ovi queue preview` and `ovi preview calibrate`, as a user types them."""

import json
import os
import subprocess
import sys

import pytest
import torch

from ovi.errors import MediaError
from ovi.media.encoder import find_ffmpeg
from ovi.preview.calibrating import calibrate
from ovi.preview.latent_map import WEIGHTS, load_map
from ovi.preview.material import Sample
from ovi.spec.request import Precision
from ovi.spec.variants import NANO
from ovi.weights.store import weight_identities
from ovi_studio.actions.previewing import calibrate_command
from ovi_studio.cli.main import main
from ovi_studio.errors import UsageError
from ovi_studio.project.layout import ProjectLayout
from ovi_studio.render.preview_files import PreviewPaths, PreviewState
from ovi_studio.render.queue import RenderQueue
from tests.studio.render.tasks import make_task

from .command import environment


@pytest.fixture
def project(tmp_path, monkeypatch):
    """Job 1 is being denoised, job 2 waits, job 3 is done."""
    layout = ProjectLayout(tmp_path)
    with RenderQueue(layout.state.queue_path) as queue:
        queue.add([make_task(tmp_path, seed=seed) for seed in (1, 2, 3)])
        queue.settle(3, "the clip was there already")
    monkeypatch.chdir(tmp_path)
    show(layout, is_calibrated=True)
    return layout


def show(layout, *, is_calibrated):
    state = PreviewState(
        variant="nano", step=7, num_steps=20, is_calibrated=is_calibrated,
        fps=6.0, num_frames=12, height=64, width=64,
    )  # fmt: skip
    PreviewPaths(layout.state.preview_folder, 1).write(state, b"a picture", b"a sound")


def test_a_preview_is_told_of_and_saved(project, tmp_path, capsys):  # noqa: ARG001
    assert main(["queue", "preview", "1"]) == 0
    told = capsys.readouterr()
    assert "step 7 of 20" in told.out
    assert "previews/1.webp" in told.out.replace(os.sep, "/")
    assert told.err == ""
    assert main(["queue", "preview", "1", "--save", str(tmp_path / "look.webp")]) == 0
    assert (tmp_path / "look.webp").read_bytes() == b"a picture"
    assert (tmp_path / "look.mel.png").read_bytes() == b"a sound"


def test_a_preview_is_told_of_as_json(project, capsys):
    show(project, is_calibrated=False)
    assert main(["queue", "preview", "1", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["job"], document["step"], document["is_calibrated"]) == (1, 7, False)
    assert document["note"].endswith("ovi preview calibrate --variant nano")


def test_uncalibrated_is_said_plainly(project, capsys):
    show(project, is_calibrated=False)
    main(["queue", "preview", "1"])
    assert "Uncalibrated" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("job", "words"), [("2", "from its first denoising step on"), ("3", "is done: its clip is")]
)
def test_a_job_without_a_preview_says_why(project, capsys, job, words):  # noqa: ARG001
    assert main(["queue", "preview", job]) == 1
    assert words in capsys.readouterr().err


def test_a_job_that_does_not_exist_is_an_error(project, capsys):  # noqa: ARG001
    assert main(["queue", "preview", "99"]) != 0
    assert "no job 99" in capsys.readouterr().err


def test_calibrating_takes_what_the_configuration_says(tmp_path):
    (tmp_path / "ovi.toml").write_text('[render]\nvariant = "960x960_5s"\nckpt_dir = "w"\n')
    (tmp_path / "videos").mkdir()
    command = calibrate_command(tmp_path, {}, clips="videos", num_clips=5)
    assert command[1:4] == ["-m", "ovi.preview", "--variant"]
    said = dict(zip(command[3::2], command[4::2], strict=True))
    assert said == {
        "--variant": "960x960_5s", "--num-clips": "5",
        "--ckpt-dir": str(tmp_path / "w"), "--clips": str(tmp_path / "videos"),
    }  # fmt: skip
    with pytest.raises(UsageError, match="no such folder"):
        calibrate_command(tmp_path, {}, clips="nowhere")


def test_calibrating_needs_the_weights_and_says_how_to_get_them(tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", environment()["PYTHONPATH"])
    assert main(["preview", "calibrate", "--variant", "720x720_5s", "--device", "cpu"]) == 2
    assert "ovi weights download 720x720_5s" in capfd.readouterr().err


def test_calibrating_from_videos_fits_a_map_and_leaves_out_what_is_no_video(tmp_path):
    """One video with sound, one without, one file that is none; with nano's own VAEs."""
    videos = tmp_path / "videos"
    videos.mkdir()
    (videos / "b.mp4").write_text("no video")
    (videos / "notes.txt").write_text("no video either")
    source = [find_ffmpeg(), "-v", "error", "-f", "lavfi", "-i", "testsrc=duration=1:size=160x90"]
    sound = ["-f", "lavfi", "-i", "sine=frequency=400:duration=1"]
    subprocess.run([*source, *sound, videos / "a.mp4"], check=True)
    subprocess.run([*source, videos / "c.mov"], check=True)
    made = tmp_path / "preview.safetensors"
    command = [sys.executable, "-m", "ovi.preview", "--clips", videos, "--output", made]
    done = subprocess.run(
        [*command, "--device", "cpu"], env=environment(), capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{made}\n"
    assert "b.mp4" in done.stderr
    assert "notes.txt" not in done.stderr
    assert "2 of at most" in done.stderr
    identities = weight_identities(NANO, Precision(), None)
    found = load_map(made, identities)
    assert found.is_calibrated
    assert dict(found.weights) == {name: identities[name] for name in WEIGHTS}


def test_videos_without_sound_teach_nothing_of_it():
    silent = Sample(torch.zeros(3, 5, 32, 32), None)
    with pytest.raises(MediaError, match="none has sound"):
        calibrate(NANO, [silent], None, "cpu", {})
