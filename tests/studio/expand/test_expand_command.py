import csv
import io
import json
import sqlite3
import subprocess
import sys
from dataclasses import replace

import pytest

from ovi.errors import RequestError
from ovi_studio.actions import expanding
from ovi_studio.errors import UsageError
from ovi_studio.expand.errors import ExpansionError
from ovi_studio.project.prompt_file import read_prompt_set
from ovi_studio.render.queue import RenderQueue
from tests.studio.expand.commands import run
from tests.studio.render.tasks import make_task


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "ovi.toml").touch()
    return tmp_path


def rows_in(text):
    return list(csv.DictReader(io.StringIO(text)))


def write_set(path, header, *rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as stream:
        csv.writer(stream).writerows([header, *rows])
    return path


def test_rows_go_to_stdout_and_the_cost_to_stderr(capsys):
    assert run("expand", "a {red|blue} fox", "--seeds", "1-2", "--variants", "nano") == 0
    said = capsys.readouterr()
    assert rows_in(said.out) == [
        {"text_prompt": text, "seed": seed, "variant": "nano", "from": "prompt"}
        for text in ("a red fox", "a blue fox")
        for seed in ("1", "2")
    ]
    assert "4 rows: 4 clips, 80 steps." in said.err
    assert "how long a step takes here is not known" in said.err


def test_a_set_becomes_a_set(folder, capsys):
    write_set(
        folder / "ideas.csv",
        ("id", "text_prompt", "hero", "note"),
        ("k1", 'He says, "{{ hero }}"', "a fox", "x, y"),
        ("k2", "Rain in {{ place }}.\n<S>{Hi|Ho}<E>", "", ""),
    )
    assert run("expand", "ideas.csv", "--var", "place=Rome,Oslo", "-o", "new/out.csv", "-y") == 0
    written = read_prompt_set(folder / "new" / "out.csv")
    assert written.columns == ("text_prompt", "hero", "note", "seed", "variant", "from")
    assert [(row.text, row.values["from"]) for row in written] == [
        ('He says, "a fox"', "ideas:k1"),
        ("Rain in Rome.\n<S>Hi<E>", "ideas:k2 place=Rome"),
        ("Rain in Rome.\n<S>Ho<E>", "ideas:k2 place=Rome"),
        ("Rain in Oslo.\n<S>Hi<E>", "ideas:k2 place=Oslo"),
        ("Rain in Oslo.\n<S>Ho<E>", "ideas:k2 place=Oslo"),
    ]
    assert written.rows[0].values["note"] == "x, y"
    assert "5 rows written to new/out.csv" in capsys.readouterr().err
    assert sorted(path.name for path in (folder / "new").iterdir()) == ["out.csv"]


def test_captions_are_written_as_the_variant_wants_them(capsys):
    run("expand", "Rain. Audio: {rain|hail}", "--variants", "720x720_5s,960x960_5s")
    assert [row["text_prompt"] for row in rows_in(capsys.readouterr().out)] == [
        "Rain. <AUDCAP>rain<ENDAUDCAP>",
        "Rain. <AUDCAP>hail<ENDAUDCAP>",
        "Rain. Audio: rain",
        "Rain. Audio: hail",
    ]


def test_first_frames_are_found_from_the_new_file(folder):
    (folder / "sets" / "images").mkdir(parents=True)
    (folder / "sets" / "images" / "a.png").touch()
    source = write_set(
        folder / "sets" / "s.csv",
        ("text_prompt", "image_path"),
        ("a", "images/a.png"),
        ("b", "images/none.png"),
    )
    run("expand", source, "-o", "out/new.csv", "-y")
    written = read_prompt_set(folder / "out" / "new.csv")
    assert [row.image_path for row in written] == ["../sets/images/a.png", "images/none.png"]
    assert (folder / "out" / written.rows[0].image_path).is_file()


def test_rows_sets_and_standard_input_are_named_as_everywhere(folder, monkeypatch, capsys):
    write_set(folder / "prompts" / "ideas.csv", ("text_prompt",), ("a {x|y}",), ("b",), ("c",))
    typed = io.TextIOWrapper(io.BytesIO(b"d {1|2}\n"))
    monkeypatch.setattr(sys, "stdin", typed)
    run("expand", "ideas:1", "ideas:3", "-")
    assert [(row["text_prompt"], row["from"]) for row in rows_in(capsys.readouterr().out)] == [
        ("a x", "ideas:1"),
        ("a y", "ideas:1"),
        ("c", "ideas:3"),
        ("d 1", "prompt"),
        ("d 2", "prompt"),
    ]


def test_what_the_matrix_says_replaces_what_the_row_said(folder, capsys):
    write_set(
        folder / "s.csv",
        ("text_prompt", "model_name", "seed"),
        ("Rain. Audio: rain", "960x960_5s", "7"),
    )
    run("expand", "s.csv")
    assert rows_in(capsys.readouterr().out) == [
        {"text_prompt": "Rain. Audio: rain", "model_name": "960x960_5s", "seed": "7",
         "variant": "", "from": "s:1"}
    ]  # fmt: skip
    run("expand", "s.csv", "--variants", "720x720_5s", "--seeds", "8")
    said = capsys.readouterr()
    assert rows_in(said.out) == [
        {"text_prompt": "Rain. <AUDCAP>rain<ENDAUDCAP>", "model_name": "", "seed": "8",
         "variant": "720x720_5s", "from": "s:1"}
    ]  # fmt: skip
    assert "720x720_5s: 1 clip, 50 steps" in said.err


def test_the_estimate_knows_the_configuration(folder, capsys):
    (folder / "ovi.toml").write_text('[render]\nvariant = "960x960_10s"\nsteps = 30\nrepeats = 2\n')
    run("expand", "a {x|y}", "--dry-run")
    assert "960x960_10s: 4 clips, 120 steps" in capsys.readouterr().err


def test_project_wildcards_are_used_before_ours(folder, capsys):
    (folder / "wildcards").mkdir()
    (folder / "wildcards" / "light.txt").write_text("dark\n")
    run("expand", "__light__; __framing__", "--limit", "1")
    assert rows_in(capsys.readouterr().out)[0]["text_prompt"] == "dark; A close-up at eye level"


def test_cost_follows_the_rows(folder, capsys):
    write_set(
        folder / "s.csv",
        ("text_prompt", "variant", "steps", "repeats"),
        ("a {x|y}", "", "", ""),
        ("b", "960x960_5s", "", "3"),
        ("c", "960x960_5s", "4", ""),
    )
    assert run("expand", "s.csv", "--dry-run", "--json") == 0
    document = json.loads(capsys.readouterr().out)
    assert document["costs"] == [
        {"variant": "nano", "num_clips": 2, "num_steps": 40, "seconds": None, "num_timed": 0},
        {
            "variant": "960x960_5s",
            "num_clips": 4,
            "num_steps": 154,
            "seconds": None,
            "num_timed": 0,
        },
    ]
    assert (document["num_rows"], document["num_clips"], document["num_steps"]) == (4, 6, 194)
    assert document["seconds"] is None
    assert document["rows"] is None
    run(
        "expand",
        "s.csv",
        "--dry-run",
        "--json",
        "--variants",
        "nano",
        "--limit",
        "3",
        "--steps",
        "8",
    )
    document = json.loads(capsys.readouterr().out)
    assert (document["num_rows"], document["num_possible"]) == (3, 4)
    assert document["costs"][0]["num_steps"] == 2 * 8 + 3 * 8


def test_seconds_come_from_clips_rendered_here(folder, capsys):
    """Two clips of 4 steps took 10 s and 30 s, one was found finished: 5 s a step in the middle."""
    tasks = [make_task(folder, row=row) for row in ("1", "2", "3")]
    tasks = [replace(task, identity=f"id{task.source.row_id}") for task in tasks]
    (folder / ".ovi").mkdir()
    path = folder / ".ovi" / "queue.sqlite3"
    with RenderQueue(path) as queue:
        ids = [added.job_id for added in queue.add(tasks)]
    connection = sqlite3.connect(path)
    for job_id, seconds, stage in zip(ids, (10, 30, 0), ("video", "video", None), strict=True):
        times = ("2026-01-01T00:00:00+00:00", f"2026-01-01T00:00:{seconds:02}+00:00")
        connection.execute(
            "UPDATE jobs SET status = 'DONE', stage = ?, started = ?, finished = ? WHERE id = ?",
            (stage, *times, job_id),
        )
    connection.commit()
    connection.close()
    arguments = ["expand", "a {x|y} fox", "--variants", "nano", "--steps", "6", "--dry-run"]
    run(*arguments, "--json")
    said = capsys.readouterr()
    document = json.loads(said.out)
    assert document["costs"] == [
        {"variant": "nano", "num_clips": 2, "num_steps": 12, "seconds": 60.0, "num_timed": 2}
    ]
    assert document["seconds"] == 60.0
    assert "nano: 2 clips, 12 steps, about 1:00 on one worker, going by 2 clips" in said.err


def test_nothing_is_written_without_a_yes(folder):
    with pytest.raises(UsageError, match="give --yes"):
        run("expand", "a fox", "-o", "out.csv")
    assert not (folder / "out.csv").exists()


@pytest.mark.parametrize(("answer", "is_written"), [("y\n", True), ("n\n", False), ("\n", False)])
def test_the_user_is_asked_on_a_terminal(folder, monkeypatch, capsys, answer, is_written):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    monkeypatch.setattr(sys, "stdin", Terminal(answer))
    assert run("expand", "a fox", "-o", "out.csv") == (0 if is_written else 1)
    assert (folder / "out.csv").exists() is is_written
    assert capsys.readouterr().err.index("1 row:") == 0


def test_files_are_only_replaced_by_force(folder):
    target = folder / "out.csv"
    target.write_text("mine")
    with pytest.raises(UsageError, match=r"out.csv exists.*--force"):
        run("expand", "a fox", "-o", "out.csv", "-y")
    assert target.read_text() == "mine"
    assert run("expand", "a fox", "-o", "out.csv", "-y", "--force") == 0
    assert target.read_text() == "text_prompt,seed,variant,from\na fox,,,prompt\n"


def test_the_source_is_never_replaced(folder):
    source = write_set(folder / "s.csv", ("text_prompt",), ("fox",))
    with pytest.raises(UsageError, match="the set that is expanded"):
        run("expand", "s.csv", "-o", "s.csv", "-y", "--force")
    assert source.read_bytes() == b"text_prompt\r\nfox\r\n"


def test_a_failure_while_writing_leaves_nothing(folder, monkeypatch):
    def break_off(*_):
        yield b"text_prompt\n"
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(expanding, "expansion_csv", break_off)
    (folder / "out.csv").write_text("mine")
    with pytest.raises(Exception, match="No space left"):
        run("expand", "a fox", "-o", "out.csv", "-y", "--force")
    assert (folder / "out.csv").read_text() == "mine"
    assert sorted(path.name for path in folder.iterdir()) == ["out.csv", "ovi.toml"]


def test_huge_expansions_are_counted_and_not_written(capsys):
    text = "{0|1|2|3|4|5|6|7|8|9}" * 9
    assert run("expand", text, "--dry-run") == 0
    assert "1,000,000,000 rows" in capsys.readouterr().err
    with pytest.raises(UsageError, match="more than 1,000,000 rows"):
        run("expand", text, "-o", "out.csv", "-y")
    run("expand", text, "--limit", "3")
    said = capsys.readouterr()
    assert "The first 3 rows of 1,000,000,000: 3 clips" in said.err
    assert [row["text_prompt"] for row in rows_in(said.out)] == [
        "000000000",
        "000000001",
        "000000002",
    ]
    assert run("expand", "{a|b}" * 2000, "--dry-run", "--json") == 0
    said = capsys.readouterr()
    assert "more than 1,000,000,000,000,000 rows" in said.err
    assert json.loads(said.out)["num_rows"] > 1e15


def test_draws_are_the_same_every_time(capsys):
    outputs = []
    for seed in ("3", "3", "4"):
        run("expand", "{a|b|c|d} {e|f|g|h} {i|j|k|l}", "--n", "5", "--draw-seed", seed)
        outputs.append(capsys.readouterr().out)
    assert outputs[0] == outputs[1] != outputs[2]
    assert len(rows_in(outputs[0])) == 5


def test_rows_as_json(capsys):
    run("expand", "{a|b}", "--json")
    document = json.loads(capsys.readouterr().out)
    assert [row["text_prompt"] for row in document["rows"]] == ["a", "b"]
    assert document["output"] is None


@pytest.mark.parametrize(
    ("arguments", "error", "says"),
    [
        (["a fox", "--all", "--n", "3"], UsageError, "exclude each other"),
        (["a fox", "--limit", "0"], UsageError, "--limit 0"),
        (["a fox", "--seeds", "x"], UsageError, "'x' names no seeds"),
        (["a fox", "--variants", "720"], RequestError, "no variant '720'"),
        (["a {b"], ExpansionError, r'prompt "a {b": "{b" at character 3'),
        (["{{ a }}"], ExpansionError, "a has no value"),
        (["none.csv"], UsageError, "no set 'none.csv'"),
        (["a fox", "-o", "out.txt", "-y"], UsageError, "has to end in .csv"),
    ],
)
def test_mistakes_are_named(arguments, error, says):
    with pytest.raises(error, match=says):
        run("expand", *arguments)


def test_a_mistake_in_a_set_names_its_row(folder):
    write_set(folder / "s.csv", ("text_prompt", "steps"), ("fine", ""), ("{a", ""), ("b", "x"))
    with pytest.raises(ExpansionError, match=r"s.csv, line 3 \(row 2\): .*never closed"):
        run("expand", "s.csv")
    write_set(folder / "s.csv", ("text_prompt", "steps"), ("b", "x"))
    with pytest.raises(UsageError, match=r"s.csv, line 2 \(row 1\): column steps"):
        run("expand", "s.csv")


def test_the_commands_load_nothing_before_they_run():
    script = (
        "import sys; import ovi_studio.cli.expand, ovi_studio.cli.new; "
        "print(*[n for n in sys.modules if n.startswith('ovi') or n in "
        "('jinja2', 'torch', 'numpy', 'rich', 'sqlite3')])"
    )
    ended = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    loaded = set(ended.stdout.split())
    assert loaded == {
        "ovi_studio",
        "ovi_studio.cli",
        "ovi_studio.cli.expand",
        "ovi_studio.cli.new",
        "ovi_studio.cli.options",
    }
