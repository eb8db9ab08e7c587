"""From the command to the clip, through the real worker and the real engine on `nano`."""

import json
import os
import signal
import subprocess

import av
import pytest

from ovi.media import read_recipe

from .command import COMMAND, environment, ovi

FAST = ("--variant", "nano", "--steps", "2", "--device", "cpu", "--size", "32x32")


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A project in which one set was rendered, and how that command ended."""
    folder = tmp_path_factory.mktemp("project")
    (folder / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(40))
    (folder / "demo.csv").write_text(
        "text_prompt,image_path,seed\n"
        "A red ball. Audio: a hum,,1\n"
        "A cube,broken.png,1\n"
        "A blue ball. <AUDCAP>a hum<ENDAUDCAP>,,2\n"
    )
    ended = ovi("render", "demo.csv", *FAST, "--progress", "json", folder=folder)
    return folder, ended


def test_a_set_becomes_clips_and_a_bad_row_only_an_exit_code(project):
    folder, ended = project
    assert ended.returncode == 1
    clips = sorted((folder / "renders").glob("*.mp4"))
    assert [clip.name[:9] for clip in clips] == ["demo-1-s1", "demo-3-s2"]
    assert "broken.png" in ended.stderr
    with av.open(str(clips[0])) as media:
        video, audio = media.streams.video[0], media.streams.audio[0]
        assert (video.codec_context.name, float(video.average_rate)) == ("h264", 24.0)
        assert (audio.codec_context.name, audio.rate, audio.channels) == ("aac", 16_000, 1)
        assert sum(1 for _ in media.decode(video=0)) == 45
    recipe = read_recipe(clips[1])
    assert recipe["request"]["text"] == "A blue ball. Audio: a hum"
    assert set(recipe["versions"]) == {"ovi", "python", "torch"}


def test_progress_is_json_lines(project):
    _, ended = project
    events = [json.loads(line) for line in ended.stdout.splitlines()]
    assert (events[0]["event"], events[0]["num_clips"]) == ("plan", 2)
    assert events[-1] == {"event": "end", "done": 2, "failed": 0, "cancelled": 0, "rejected": 1}
    done = [event for event in events if event["event"] == "done"]
    assert [event["row"] for event in done] == ["1", "3"]
    assert all(os.path.isfile(event["output"]) for event in done)  # noqa: PTH113
    stages = {event["stage"] for event in events if event["event"] == "progress"}
    assert stages <= {"load", "text", "denoise", "audio", "video", "write"}
    assert stages


def test_rendering_it_again_is_a_lookup(project):
    folder, _ = project
    before = {clip: clip.stat().st_mtime_ns for clip in (folder / "renders").glob("*.mp4")}
    ended = ovi("render", "demo.csv", *FAST, folder=folder)
    assert ended.returncode == 1
    assert "rendered before" in ended.stderr
    assert sorted(ended.stdout.split()) == sorted(str(c.relative_to(folder)) for c in before)
    assert {clip: clip.stat().st_mtime_ns for clip in before} == before


def test_the_queue_lists_what_was_done(project):
    folder, _ = project
    jobs = json.loads(ovi("queue", "list", "--json", folder=folder).stdout)["jobs"]
    assert [(job["row"], job["status"]) for job in jobs] == [("1", "DONE"), ("3", "DONE")]
    assert ovi("queue", "list", folder=folder).stdout.count("DONE") == 2


def test_reproducing_gives_the_same_latents_beside_the_original(project):
    folder, _ = project
    (clip,) = (folder / "renders").glob("demo-1-*.mp4")
    before = clip.read_bytes()
    ended = ovi("reproduce", clip, "-o", "again", folder=folder)
    assert ended.returncode == 0, ended.stderr
    assert "bit for bit" in ended.stderr.splitlines()[-1]
    copy = folder / ended.stdout.strip()
    assert (copy.parent.name, copy.name) == ("again", clip.name)
    assert read_recipe(copy)["latents_sha256"] == read_recipe(clip)["latents_sha256"]
    assert clip.read_bytes() == before
    beside = ovi("reproduce", clip.with_suffix(".json"), folder=folder)
    assert beside.stdout.strip().endswith(f"{clip.stem}-again.mp4")


def test_other_weights_are_not_silently_taken(project):
    folder, _ = project
    (sidecar,) = (folder / "renders").glob("demo-3-*.json")
    recipe = json.loads(sidecar.read_text())
    recipe["weights"]["fusion"] = "sha256:0"
    other = folder / "other.json"
    other.write_text(json.dumps(recipe))
    ended = ovi("reproduce", other, folder=folder)
    assert ended.returncode == 2
    assert "fusion was sha256:0 and is" in ended.stderr
    assert "--anyway" in ended.stderr
    ended = ovi("reproduce", other, "--anyway", folder=folder)
    assert ended.returncode == 0
    assert (folder / "other-again.mp4").is_file()


def test_ctrl_c_cancels_and_leaves_nothing_half_written(tmp_path):
    process = subprocess.Popen(
        [*COMMAND, "render", "a ball", "--steps", "1000", "--progress", "json"],
        cwd=tmp_path, env=environment(), text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    for line in process.stdout:
        if json.loads(line)["event"] == "progress":
            process.send_signal(signal.SIGINT)
            break
    rest, talk = process.communicate()
    assert process.returncode == 130, talk
    assert json.loads(rest.splitlines()[-1])["cancelled"] == 1
    assert list((tmp_path / "renders").iterdir()) == []
