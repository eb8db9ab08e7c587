"""Previews come with the steps, are replaced whole, and go when their job ends; no clip minds."""

import io
import json
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ovi.spec.identity import clip_identity
from ovi.spec.request import Precision, Sampling, TransformerPrecision
from ovi.spec.variants import NANO
from ovi.weights.store import weight_identities
from ovi_studio.actions.cleaning import Remains, find_waste, remove_waste
from ovi_studio.actions.previewing import latest_preview, save_preview
from ovi_studio.errors import UsageError
from ovi_studio.project.layout import ProjectLayout
from ovi_studio.render import preview_files
from ovi_studio.render.disk_limits import disk_limits
from ovi_studio.render.job import Fallback, JobStatus
from ovi_studio.render.job_run import JobRunner
from ovi_studio.render.preview_files import PreviewPaths, PreviewState, stale_files
from ovi_studio.render.preview_writer import (
    preview_seconds,
    remove_stale,
    sound_picture,
    write_drawing,
)
from ovi_studio.render.queue import RenderQueue
from ovi_studio.render.record import read_clip_recipe
from ovi_studio.render.rows import new_worker
from ovi_studio.render.workbench import Workbench, open_engine
from ovi_studio.render.worker_lock import WorkerLock

from . import fake_worker
from .tasks import make_task

ROOT = Path(__file__).parents[3]


class Worker:
    """A worker within this process that looks at the preview at every step of its clip."""

    def __init__(self, folder, preview_seconds=0.5, bench=None):
        self.layout = ProjectLayout(folder)
        self.queue = RenderQueue(self.layout.state.queue_path)
        self.lock = WorkerLock(self.queue.lock_path("w1"))
        assert self.lock.acquire()
        log = self.queue.state.log_folder / "w1.log"
        assert self.queue.register(new_worker("w1", log))
        bench = bench or Workbench(fake_worker.open_engine)
        self.runner = JobRunner(self.queue, bench, log, preview_seconds=preview_seconds)

    def render(self, text, folder):
        """Renders a prompt's clip; the previews seen at each report, and the job."""
        return self.render_task(make_task(folder, text))

    def render_task(self, task):
        (added,) = self.queue.add([task])
        job_id = added.job_id
        seen, report = [], self.queue.report

        def look(*told):
            seen.append(latest_preview(self.layout, job_id))
            return report(*told)

        self.queue.report = look
        self.runner.run(self.queue.claim("w1"))
        self.runner.finish_writing()
        self.queue.report = report
        return seen, self.queue.job(job_id)


def fallback_of(task, folder):
    """A lighter clip for when memory runs out."""
    precision = Precision(transformer=TransformerPrecision.FP8)
    request = replace(task.request, precision=precision)
    return Fallback(
        profile="fp8", identity=clip_identity(request, {}), request=request,
        placement=task.placement, weights={}, output=folder / "lighter.mp4",
    )  # fmt: skip


@pytest.fixture
def worker(tmp_path):
    made = Worker(tmp_path)
    yield made
    made.lock.release()
    made.queue.close()


def drawing(step=1, frames=12, side=64):
    level = np.full((frames, side, side, 3), step, np.uint8)
    level += 10 * np.arange(frames, dtype=np.uint8)[:, None, None, None]  # equal ones are merged
    return fake_worker.FakeDrawing(step, 20, level, np.zeros((80, 118), np.uint8))


def test_a_job_shows_its_preview_until_it_is_done(worker, tmp_path):
    seen, job = worker.render("a cat shown brisk", tmp_path / "out")
    assert job.status is JobStatus.DONE
    assert seen[0] is None, "nothing to see before the first step"
    steps = [preview.step for preview in seen if preview is not None]
    assert steps == sorted(steps)
    assert steps[-1] == fake_worker.STEPS
    assert seen[-1].num_steps == fake_worker.STEPS
    assert seen[-1].note is None
    assert latest_preview(worker.layout, job.id) is None, "the clip is there now"
    assert list(worker.layout.state.preview_folder.iterdir()) == []


def test_a_failed_job_keeps_its_last_preview_until_it_is_tried_again(worker, tmp_path):
    _, job = worker.render("a cat shown fail", tmp_path / "out")
    assert job.status is JobStatus.FAILED
    assert latest_preview(worker.layout, job.id).step == 3
    remove_stale(worker.queue)
    assert latest_preview(worker.layout, job.id) is not None, "a worker that starts leaves it too"
    worker.queue.requeue([job.id], "again")
    worker.runner.run(worker.queue.claim("w1"))
    assert latest_preview(worker.layout, job.id).step == 3
    gone = remove_waste(found(worker.layout), worker.layout)
    assert {item.path.name for item in gone} == {"1.json", "1.webp", "1.mel.png"}
    assert latest_preview(worker.layout, job.id) is None


def found(layout):
    waste = find_waste(layout, disk_limits(layout.root, {}), on_rescue=pytest.fail)
    return [item for item in waste if item.kind is Remains.PREVIEW]


def test_a_cancelled_job_loses_its_preview(worker, tmp_path):
    report = worker.queue.report

    def cancel(job_id, stage, step, num_steps):
        if latest_preview(worker.layout, job_id) is not None:
            worker.queue.cancel([job_id], "by the test")
        return report(job_id, stage, step, num_steps)

    worker.queue.add([make_task(tmp_path / "out", "a cat shown slow")])
    job = worker.queue.claim("w1")
    worker.queue.report = cancel
    worker.runner.run(job)
    worker.queue.report = report
    assert worker.queue.job(job.id).status is JobStatus.CANCELLED
    assert latest_preview(worker.layout, job.id) is None


def test_a_job_that_waits_for_its_fallback_has_no_preview(worker, tmp_path):
    task = make_task(tmp_path / "out", "a cat shown hungry slow")
    task = replace(task, fallback=fallback_of(task, tmp_path / "out"))
    seen, job = worker.render_task(task)
    assert job.status is JobStatus.PENDING
    assert any(preview is not None for preview in seen)
    assert latest_preview(worker.layout, job.id) is None


def test_a_preview_that_cannot_begin_never_fails_the_clip(worker, tmp_path, monkeypatch, capsys):
    def refuse(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(fake_worker, "FakeWatch", refuse)
    _, job = worker.render("a cat", tmp_path / "out")
    assert job.status is JobStatus.DONE
    assert job.task.output.is_file()
    assert "No preview of job 1" in capsys.readouterr().err


def test_an_engine_without_previews_renders_all_the_same(worker, tmp_path, monkeypatch):
    monkeypatch.setattr(fake_worker, "FakeWatch", None)
    seen, job = worker.render("a cat", tmp_path / "out")
    assert job.status is JobStatus.DONE
    assert set(seen) == {None}


def test_nano_renders_the_same_clip_with_previews_without_and_when_they_fail(tmp_path, capsys):
    """The real engine, in this process: latents are equal bit for bit."""
    latents, bench = {}, Workbench(open_engine)
    fp32 = TransformerPrecision.FP32
    for case in ("shown", "off", "in the way"):
        folder = tmp_path / case
        if case == "in the way":
            folder.mkdir()
            state = ProjectLayout(folder).state
            state.create()
            state.preview_folder.write_text("a file where the folder should be")
        worker = Worker(folder, preview_seconds=0 if case == "off" else 0.001, bench=bench)
        task = make_task(folder / "out")
        request = replace(
            task.request, precision=Precision(fp32, fp32), sampling=Sampling(num_steps=2)
        )
        identities = weight_identities(NANO, request.precision, None)
        seen, job = worker.render_task(replace(task, request=request, weights=identities))
        assert job.status is JobStatus.DONE, job.error
        latents[case] = read_clip_recipe(job.task.output).latents_sha256
        previews = [preview for preview in seen if preview is not None]
        assert bool(previews) == (case == "shown")
        assert all(preview.is_calibrated for preview in previews)
        worker.lock.release()
        worker.queue.close()
    assert len(set(latents.values())) == 1
    assert "No preview of this clip: " in capsys.readouterr().err


def test_previews_can_be_switched_off(tmp_path):
    worker = Worker(tmp_path, preview_seconds=0)
    seen, job = worker.render("a cat", tmp_path / "out")
    assert job.status is JobStatus.DONE
    assert set(seen) == {None}
    worker.lock.release()
    worker.queue.close()


def test_the_setting_decides_how_often(tmp_path):
    assert preview_seconds(tmp_path, {}) == 0.5
    assert preview_seconds(tmp_path, {"OVI_PREVIEW_SECONDS": "0"}) == 0
    (tmp_path / "ovi.toml").write_text("[preview]\nseconds = 2\n")
    assert preview_seconds(tmp_path, {}) == 2
    (tmp_path / "ovi.toml").write_text("[preview]\nseconds = -1\n")
    assert preview_seconds(tmp_path, {}) == 0.5, "commands complain; a worker goes on"


def test_the_picture_plays_and_the_sound_is_the_right_way_up(tmp_path):
    paths = PreviewPaths(tmp_path, 7)
    frames = np.zeros((4, 16, 24, 3), np.uint8)
    frames[:, :, :, 0] = np.arange(0, 200, 50)[:, None, None]
    mel = np.zeros((80, 118), np.uint8)
    mel[:10] = 255  # the lowest bands
    write_drawing(fake_worker.FakeDrawing(5, 20, frames, mel), "nano", paths)
    picture = Image.open(paths.picture)
    assert (picture.format, picture.size, picture.n_frames) == ("WEBP", (24, 16), 4)
    levels, durations = [], []
    for index in range(4):
        picture.seek(index)
        levels.append(np.asarray(picture.convert("RGB"))[8, 12, 0])
        durations.append(picture.info["duration"])
    np.testing.assert_allclose(levels, [0, 50, 100, 150], atol=6)
    assert durations == [42, 167, 167, 167]
    assert picture.info["loop"] == 0
    sound = np.asarray(Image.open(paths.sound).convert("L"))
    assert sound.shape == (80, 118)
    assert sound[75, 50] > 200 > 60 > sound[5, 50]
    assert json.loads(paths.state.read_text())["step"] == 5


def test_louder_is_brighter_in_the_sounds_picture():
    ramp = np.arange(256, dtype=np.uint8)[None].repeat(4, 0)
    shown = np.asarray(Image.open(io.BytesIO(sound_picture(ramp))).convert("L")).astype(int)
    assert (np.diff(shown[0]) >= 0).all()
    assert shown[0, -1] - shown[0, 0] > 150


def test_a_reader_never_finds_half_a_preview(tmp_path):
    """While another thread replaces it all the time."""
    paths, over = PreviewPaths(tmp_path, 1), threading.Event()

    def write():
        step = 0
        while not over.is_set():
            step = step % 200 + 1
            write_drawing(drawing(step, frames=6, side=32), "nano", paths)

    thread = threading.Thread(target=write)
    thread.start()
    looks, deadline = 0, time.monotonic() + 1.5
    try:
        while time.monotonic() < deadline:
            state = paths.read_state()
            if state is None:
                assert looks == 0, "once there, it is never gone"
                continue
            looks += 1
            picture = Image.open(io.BytesIO(paths.picture.read_bytes()))
            picture.seek(5)
            picture.load()
            Image.open(io.BytesIO(paths.sound.read_bytes())).load()
    finally:
        over.set()
        thread.join()
    assert looks > 20


WRITER = """
import sys
from pathlib import Path
from tests.studio.render.test_previews import PreviewPaths, drawing, write_drawing
paths = PreviewPaths(Path(sys.argv[1]), 1)
write_drawing(drawing(), "nano", paths)
print("ready", flush=True)
while True:
    write_drawing(drawing(), "nano", paths)
"""


def test_a_killed_worker_leaves_whole_files_and_remains_that_go(tmp_path):
    command = [sys.executable, "-c", WRITER, str(tmp_path)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    for _ in range(2):
        process = subprocess.Popen(command, stdout=subprocess.PIPE, env=environment)
        assert process.stdout.readline() == b"ready\n"
        time.sleep(0.23)
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
        paths = PreviewPaths(tmp_path, 1)
        assert paths.read_state().step == 1
        Image.open(paths.picture).load()
        Image.open(paths.sound).load()
    (tmp_path / ".1.webp.4242-17.part").write_bytes(b"half")
    (tmp_path / "notes.txt").write_text("the user's")
    (tmp_path / "x.webp").write_text("the user's")
    assert stale_files(tmp_path, {1}) == []
    stale = {path.name for path in stale_files(tmp_path, set())}
    assert stale >= {"1.json", "1.webp", "1.mel.png", ".1.webp.4242-17.part"}
    assert not stale & {"notes.txt", "x.webp"}


def test_a_write_that_fails_leaves_what_was_there(tmp_path, monkeypatch):
    paths = PreviewPaths(tmp_path, 1)
    write_drawing(drawing(3), "nano", paths)
    replace = preview_files.Path.replace

    def fail(path, target):
        if target == paths.state:
            raise OSError(28, "No space left on device")
        return replace(path, target)

    monkeypatch.setattr(preview_files.Path, "replace", fail)
    with pytest.raises(OSError, match="No space"):
        write_drawing(drawing(4), "nano", paths)
    assert paths.read_state().step == 3
    assert sorted(path.name for path in tmp_path.iterdir()) == ["1.json", "1.mel.png", "1.webp"]


@pytest.mark.parametrize("text", ["", "{", "[]", '{"step": 1}', '{"surprise": 1}', "\x00\xff"])
def test_a_state_that_cannot_be_read_is_no_preview(tmp_path, text):
    layout = ProjectLayout(tmp_path)
    paths = PreviewPaths(layout.state.preview_folder, 1)
    write_drawing(drawing(), "nano", paths)
    assert latest_preview(layout, 1) is not None
    paths.state.write_text(text)
    assert latest_preview(layout, 1) is None


def test_an_uncalibrated_preview_names_the_command(tmp_path):
    layout = ProjectLayout(tmp_path)
    paths = PreviewPaths(layout.state.preview_folder, 1)
    shown = PreviewState(
        variant="960x960_10s", step=1, num_steps=50, is_calibrated=False,
        fps=6.0, num_frames=61, height=176, width=320,
    )  # fmt: skip
    paths.write(shown, b"webp", b"png")
    note = latest_preview(layout, 1).note
    assert note.startswith("Uncalibrated")
    assert "ovi preview calibrate --variant 960x960_10s" in note


def test_saving_a_preview_that_has_gone_says_why(tmp_path):
    layout = ProjectLayout(tmp_path)
    paths = PreviewPaths(layout.state.preview_folder, 1)
    write_drawing(drawing(), "nano", paths)
    preview = latest_preview(layout, 1)
    saved = save_preview(preview, tmp_path / "seen.webp")
    assert [path.name for path in saved] == ["seen.webp", "seen.mel.png"]
    assert (tmp_path / "seen.webp").read_bytes() == paths.picture.read_bytes()
    paths.remove()
    with pytest.raises(UsageError, match="just been finished"):
        save_preview(preview, tmp_path / "late.webp")
    with pytest.raises(FileNotFoundError):
        save_preview(preview, tmp_path / "nowhere" / "late.webp")
