"""`ovi clips`: everything the gallery can do, on the command line."""

import json
import sys
import time

import pytest

from ovi_studio.actions.clip_reseeding import reseed_clip
from ovi_studio.cli.main import main
from ovi_studio.render.naming import clip_name
from ovi_studio.render.queue import RenderQueue
from tests.studio.made_clips import PEOPLE, WEIGHTS, make_project


@pytest.fixture
def root(tmp_path, monkeypatch):
    root = make_project(tmp_path / "p")
    monkeypatch.chdir(root)
    return root


def listed(capsys, *words):
    assert main(["clips", "list", "--json", *words]) == 0
    return json.loads(capsys.readouterr().out)


@pytest.mark.usefixtures("root")
def test_list_filters_and_names_the_newest_first(capsys):
    clips = listed(capsys)
    assert [(clip["row"], clip["seed"]) for clip in clips] == [
        ("2", 9), ("2", 7), ("1", 8), ("1", 7),
    ]  # fmt: skip
    assert [clip["seed"] for clip in listed(capsys, "--", "dog", "-seed:9")] == [7]
    assert main(["clips", "list"]) == 0
    assert capsys.readouterr().out.splitlines()[1].split()[:4] == [
        clips[0]["identity"][:8], "people", "2", "9",
    ]  # fmt: skip


@pytest.mark.usefixtures("root")
def test_show_has_the_recipe_and_no_control_signs(capsys):
    assert main(["clips", "note", "latest", "\x1b[2J[red]"]) == 0
    assert main(["clips", "show", "latest"]) == 0
    out = capsys.readouterr().out
    assert "\\x1b[2J[red]" in out
    assert "A dog barks." in out
    assert "unipc" in out
    assert main(["clips", "show", "latest", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["recipe"]["request"]["sampling"]["seed"] == 9


@pytest.mark.usefixtures("root")
def test_stars_tags_and_notes(capsys):
    assert main(["clips", "star", "people:1"]) == 0
    assert main(["clips", "tag", "good", "latest", "people:1"]) == 0
    assert main(["clips", "untag", "good", "latest"]) == 0
    assert main(["clips", "unstar", f"people-1-s7-{listed(capsys)[3]['identity'][:8]}"]) == 0
    assert [(clip["starred"], clip["tags"]) for clip in listed(capsys)] == [
        (False, []), (False, []), (True, ["good"]), (False, ["good"]),
    ]  # fmt: skip
    assert len(listed(capsys, "--starred")) == 1
    assert main(["clips", "tag", " ", "latest"]) == 2


@pytest.mark.usefixtures("root")
def test_deleting_asks_and_can_be_taken_back(capsys):
    assert main(["clips", "trash", "latest"]) == 2  # nobody is here to answer
    assert len(listed(capsys)) == 4
    assert main(["clips", "trash", "people:2", "--yes"]) == 0
    assert len(listed(capsys)) == 2
    assert main(["clips", "list", "--trash", "--json"]) == 0
    names = [clip["name"] for clip in json.loads(capsys.readouterr().out)]
    assert main(["clips", "restore", names[0]]) == 0
    assert main(["clips", "empty-trash", "--yes"]) == 0
    assert len(listed(capsys)) == 3
    assert main(["clips", "restore"]) == 2


def test_use_writes_the_row_and_a_dry_run_nothing(root, capsys):
    people = root / "prompts" / "people.csv"
    assert main(["clips", "use", "latest", "--dry-run", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["cells"] == [{"column": "seed", "before": "", "after": "9"}]
    assert people.read_text() == PEOPLE
    assert main(["clips", "use", "latest"]) == 0
    assert "seed: empty -> 9" in capsys.readouterr().out
    assert people.read_text() == PEOPLE.replace('dog.",,', 'dog.",9,')
    assert main(["clips", "use", "people:1"]) == 2  # two clips have that row


@pytest.mark.usefixtures("root")
def test_compare_says_what_differs_by_its_exit_code_too(capsys):
    names = [clip["identity"][:8] for clip in listed(capsys)]
    assert main(["clips", "compare", names[0], names[1], "--json"]) == 1
    assert json.loads(capsys.readouterr().out) == [
        {"name": "seed", "first": "9", "second": "7", "decides": True}
    ]
    assert main(["clips", "compare", names[0], names[0]]) == 0


@pytest.mark.usefixtures("root")
def test_open_uses_the_player_that_is_named(capsys, monkeypatch, tmp_path):
    seen = tmp_path / "seen"
    script = tmp_path / "player.py"
    script.write_text(f"import sys; open({str(seen)!r}, 'w').write(sys.argv[1])")
    monkeypatch.setenv("OVI_PLAYER", f"'{sys.executable}' '{script}'")
    assert main(["clips", "open", "latest"]) == 0
    deadline = time.monotonic() + 30
    while not (seen.is_file() and seen.read_text()) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert seen.read_text() == listed(capsys)[0]["path"]
    monkeypatch.setenv("OVI_PLAYER", "no-such-player")
    assert main(["clips", "open", "latest"]) == 2
    assert "OVI_PLAYER" in capsys.readouterr().err


def test_reseed_puts_the_next_seed_into_the_queue(root, capsys, monkeypatch):
    assert main(["clips", "reseed", "latest"]) == 2
    assert "--anyway" in capsys.readouterr().err  # its weights are not ours
    monkeypatch.setattr(
        "ovi_studio.actions.reproducing.InputFiles.weights", lambda *_: dict(WEIGHTS)
    )
    kept = []
    defaults = {**reseed_clip.__kwdefaults__, "keep_queue": kept.append}
    monkeypatch.setattr(reseed_clip, "__kwdefaults__", defaults)
    assert main(["clips", "reseed", "latest"]) == 0
    assert main(["clips", "reseed", "latest", "--seed", "9"]) == 2
    queue_path = root / ".ovi" / "queue.sqlite3"
    assert kept == [queue_path]
    with RenderQueue(queue_path) as queue:
        (job,) = queue.jobs()
    assert job.task.request.sampling.seed == 10
    assert job.task.request.text == "A dog barks. Audio: A dog."
    assert job.task.output.name == clip_name(job.task.source, 10, job.task.identity)
    assert job.task.output.parent == root / "renders"
