"""`ovi queue`, `ovi history`, and rendering in the background, as a user types them."""

import json
import time

import pytest

from ovi_studio.cli.history import history
from ovi_studio.project.layout import ProjectLayout
from ovi_studio.render.queue import RenderQueue
from tests.studio.render.tasks import make_task

from .command import ovi

FAST = ("--variant", "nano", "--steps", "2", "--device", "cpu", "--size", "32x32")


@pytest.fixture
def project(tmp_path):
    """Four jobs: done, failed, and two that wait in a paused queue."""
    with RenderQueue(ProjectLayout(tmp_path).state.queue_path) as queue:
        queue.add([make_task(tmp_path, seed=seed) for seed in (1, 2, 3, 4)])
        queue.settle(1, "the clip was there already")
        queue.fail(2, "The latents are not finite.", traceback="Traceback: here", log_tail="last")
        queue.pause()
    return tmp_path


def statuses(folder):
    jobs = json.loads(ovi("queue", "list", "--json", folder=folder).stdout)["jobs"]
    return {job["id"]: (job["status"], job["place"]) for job in jobs}


def test_the_queue_is_listed_in_the_order_of_rendering(project):
    ended = ovi("queue", "move", "4", "--to", "before", "3", folder=project)
    assert ended.returncode == 0, ended.stderr
    listed = ovi("queue", "list", folder=project)
    assert [line.split()[0] for line in listed.stdout.splitlines()] == ["job", "1", "2", "4", "3"]
    assert "paused since" in listed.stderr
    document = json.loads(ovi("queue", "list", "--json", folder=project).stdout)
    assert document["paused_since"]
    assert [job["place"] for job in document["jobs"]] == [None, None, 1, 2]
    assert ovi("queue", "move", "4", "--to", "middle", folder=project).returncode == 2


def test_one_job_is_shown_with_all_that_is_known(project):
    shown = ovi("queue", "show", "2", folder=project).stdout
    for part in ("Job 2: FAILED", "added", "PENDING", "not finite", "Traceback: here", "  last"):
        assert part in shown
    document = json.loads(ovi("queue", "show", "2", "--json", folder=project).stdout)
    assert [event["status"] for event in document["events"]] == ["PENDING", "FAILED"]
    missing = ovi("queue", "show", "9", folder=project)
    assert (missing.returncode, "no job 9" in missing.stderr) == (2, True)


@pytest.mark.parametrize("words", [("show",), ("cancel",), ("retry",), ("log",), ("clear",)])
def test_a_job_that_does_not_exist_is_wrong_use_for_every_command(project, words):
    ended = ovi("queue", *words, "9", folder=project)
    assert (ended.returncode, "There is no job 9" in ended.stderr) == (2, True)


def test_jobs_are_cancelled_tried_again_and_forgotten(project):
    assert "1 cancelled" in ovi("queue", "cancel", "4", folder=project).stderr
    assert "1 put back" in ovi("queue", "retry", "failed", folder=project).stderr
    assert statuses(project) == {
        1: ("DONE", None), 4: ("CANCELLED", None), 3: ("PENDING", 1), 2: ("PENDING", 2)
    }  # fmt: skip
    unasked = ovi("queue", "clear", folder=project)
    assert (unasked.returncode, "--yes" in unasked.stderr) == (2, True)
    assert "2 forgotten" in ovi("queue", "clear", "--yes", folder=project).stderr
    assert set(statuses(project)) == {2, 3}
    assert ovi("queue", "cancel", "7", folder=project).returncode == 2


def test_history_tells_when_where_and_why(project, monkeypatch, capsys):
    monkeypatch.chdir(project)
    assert history() == 0
    lines = capsys.readouterr().out.splitlines()
    assert "FAILED" in lines[1]
    assert lines[1].endswith("The latents are not finite.")
    assert lines[2].endswith("set-1-s1.mp4")
    assert history("set.csv", limit=1, json=True) == 0
    (clip,) = json.loads(capsys.readouterr().out)["clips"]
    assert (clip["id"], clip["seconds"]) == (2, None)
    assert history("other") == 0
    assert capsys.readouterr().out == ""


def test_a_clip_left_to_the_queue_is_rendered_and_the_rest_resumed(tmp_path):
    ended = ovi("render", "a ball", *FAST, "--repeats", "2", "--detach", folder=tmp_path)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.split() == ["1", "2"]
    assert ovi("render", "--resume", "x", folder=tmp_path).returncode == 2
    assert ovi("render", "--resume", "--seed", "3", folder=tmp_path).returncode == 2
    ended = ovi("render", "--resume", folder=tmp_path)
    assert ended.returncode == 0, ended.stderr
    while any(status != "DONE" for status, _ in statuses(tmp_path).values()):
        time.sleep(0.1)
    assert len(list((tmp_path / "renders").glob("*.mp4"))) == 2
    again = ovi("render", "--resume", folder=tmp_path)
    assert (again.returncode, again.stderr) == (0, "Nothing waits in the queue.\n")
    again = ovi("render", "--only-failed", folder=tmp_path)
    assert (again.returncode, again.stderr) == (0, "No clip has failed.\n")


def test_a_damaged_queue_is_replaced_and_that_is_said(project):
    path = ProjectLayout(project).state.queue_path
    path.write_bytes(b"this is no database " * 1000)
    ended = ovi("queue", "list", folder=project)
    assert ended.returncode == 0
    assert "queue-damaged-" in ended.stderr
    assert "empty" in ended.stderr
    assert json.loads(ovi("queue", "list", "--json", folder=project).stdout) == {"jobs": []}


def test_a_queue_is_watched_in_lines_and_as_documents(project):
    watched = ovi("queue", "watch", "--once", folder=project)
    assert "job 2 set/1 seed 2: failed, The latents are not finite." in watched.stdout
    assert "2 waits, 1 done, 1 failed, paused" in watched.stderr
    assert "RAM" in watched.stderr
    document = json.loads(ovi("queue", "watch", "--once", "--json", folder=project).stdout)
    assert [job["share"] for job in document["jobs"]] == [1.0, 0.0, 0.0, 0.0]
    assert document["meters"]["num_processors"] >= 1
    ovi("queue", "cancel", "waiting", folder=project)
    assert "2 cancelled" in ovi("queue", "watch", folder=project).stderr, "it ends by itself"


def test_a_log_is_shown_where_there_is_one(project):
    none = ovi("queue", "log", "3", folder=project)
    assert (none.returncode, none.stdout) == (0, "")
    assert "No worker" in none.stderr


def test_rows_and_seeds_are_picked(tmp_path):
    (tmp_path / "s.csv").write_text("text_prompt\nA cat\nA dog\nA cow\n")
    picked = ("s.csv", "--rows", "3,1", "--seeds", "4,8-9")
    planned = ovi("render", *picked, *FAST, "--dry-run", "--json", folder=tmp_path)
    clips = json.loads(planned.stdout)["clips"]
    assert [(clip["row"], clip["seed"]) for clip in clips] == [
        (row, seed) for row in ("1", "3") for seed in (4, 8, 9)
    ]
    wrong = ovi("render", "s.csv", "--rows", "7", "--dry-run", folder=tmp_path)
    assert (wrong.returncode, "has no row '7'" in wrong.stderr) == (2, True)
    bare = ovi("render", "A cat", "--rows", "1", "--dry-run", folder=tmp_path)
    assert (bare.returncode, "leave out --rows" in bare.stderr) == (2, True)
    forecast = ovi("plan", *picked, "--profile", "8gb", "--json", folder=tmp_path)
    document = json.loads(forecast.stdout)
    assert document["num_clips"] == 6
    assert document["as_planned"]["profiles"] == ["8gb"]
    assert document["as_planned"]["disk_bytes"] > 0
