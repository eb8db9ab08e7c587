"""Projects of sets: init, sets, stats, add, import and export, as processes of their own."""

import csv
import json
import subprocess

import pytest

from .command import COMMAND, ROOT
from .projects import clean_environment, files_in, modules_after, run

HEAVY = {"torch", "numpy", "pandas", "pydantic", "rich", "textual"}
PNG = b"\x89PNG\r\n\x1a\n" + bytes(64)


@pytest.fixture
def project(tmp_path):
    assert run("init", folder=tmp_path).returncode == 0
    (tmp_path / "prompts" / "example.csv").unlink()
    (tmp_path / "prompts" / "a.csv").write_text(
        "text_prompt,image_path,repeats\n"
        "A man says <S>Hello there.<E> Audio: A low voice in rain.,,2\n"
        "A dog runs over the sand. Audio: Paws on wet sand and wind.,none.png,\n"
    )
    return tmp_path


def set_texts(project, name):
    with (project / "prompts" / f"{name}.csv").open(newline="", encoding="utf-8") as stream:
        return [row["text_prompt"] for row in csv.DictReader(stream)]


# init, sets, stats


def test_init_makes_a_project_that_is_clean_and_renders(tmp_path):
    ended = run("init", "new", folder=tmp_path)
    assert ended.returncode == 0
    assert ended.stdout.split() == [
        "prompts/", "images/", "templates/", "renders/", ".gitignore", "prompts/example.csv",
        "ovi.toml",
    ]  # fmt: skip
    new = tmp_path / "new"
    assert json.loads(run("sets", "--json", folder=new).stdout)["sets"][0]["findings"] == {
        "error": 0, "warning": 0, "info": 0,
    }  # fmt: skip
    assert run("fmt", "--check", folder=new).returncode == 0
    plan = run("render", "prompts/example.csv", "--dry-run", folder=new)
    assert (plan.returncode, len(plan.stdout.splitlines())) == (0, 2)


def test_init_again_changes_nothing(project):
    before = files_in(project)
    ended = run("init", "--json", folder=project)
    assert json.loads(ended.stdout)["made"] == []
    assert files_in(project) == before


def test_sets_are_listed_with_what_they_hold(project):
    (project / "prompts" / "broken.csv").write_text("colour\nred\n")
    ended = run("sets", folder=project)
    lines = [line.split() for line in ended.stdout.splitlines()]
    assert lines[0] == ["set", "rows", "clips", "speech", "errors", "warnings"]
    assert lines[1][:3] == ["a", "2", "3"]
    assert ended.returncode == 1
    assert "has no column 'text_prompt'" in ended.stderr
    document = json.loads(run("sets", "--json", "--no-lint", folder=project).stdout)
    assert document["sets"][0]["findings"] is None
    assert len(document["unreadable"]) == 1


def test_stats_count_words_speech_and_pictures(project):
    (found,) = json.loads(run("stats", "a", "--json", folder=project).stdout)["sets"]
    assert (found["rows"], found["clips"], found["images"], found["missing_images"]) == (2, 3, 1, 1)
    assert found["words"] == {"total": 22, "least": 10, "median": 11, "most": 12}
    assert found["spoken_words"] == {"total": 2, "least": 0, "median": 1, "most": 2}
    assert found["caption_words"]["total"] == 11
    assert found["without_speech"] == 1
    assert found["findings"]["error"] == 1, "the picture is missing"
    text = run("stats", folder=project).stdout
    assert "a: 2 rows, 3 clips" in text
    assert "first frames: 1 named, 1 missing" in text


def test_no_sets_are_no_error(tmp_path):
    ended = run("sets", folder=tmp_path)
    assert (ended.returncode, ended.stdout) == (0, "")
    assert json.loads(run("sets", "--json", folder=tmp_path).stdout) == {
        "sets": [], "unreadable": [],
    }  # fmt: skip


# add


def test_a_prompt_is_added_with_its_cells(project):
    (project / "images" / "x.png").write_bytes(PNG)
    ended = run(
        "add", "a", "A cat. Audio: Purr.", "--image", "images/x.png", "--set", "seed=7",
        folder=project,
    )  # fmt: skip
    assert (ended.returncode, ended.stdout) == (0, "prompts/a.csv:3\n")
    lines = (project / "prompts" / "a.csv").read_text().splitlines()
    assert lines[0] == "text_prompt,image_path,repeats,seed"
    assert lines[3] == "A cat. Audio: Purr.,../images/x.png,,7"
    assert "no-speech" in ended.stderr


def test_a_new_set_is_made_only_when_asked_for(project):
    refused = run("add", "b", "A cat", folder=project)
    assert refused.returncode == 2
    assert "--new makes it" in refused.stderr
    ended = run("add", "b", "-", "--new", folder=project, stdin='A "cat",\nold\n')
    assert ended.stdout == "prompts/b.csv:1\n"
    assert (project / "prompts" / "b.csv").read_bytes() == b'text_prompt\n"A ""cat"",\nold"\n'
    assert run("add", "b", "A cat", "--new", folder=project).returncode == 2


@pytest.mark.parametrize(("arguments", "said"), [
    (["a", " "], "The prompt is empty"),
    (["a", "A cat", "--set", "sead=7"], "Did you mean seed?"),
    (["a", "A cat", "--set", "seed"], "write COLUMN=VALUE"),
    (["a", "A cat", "--set", "text_prompt=x"], "not in --set"),
    (["a", "A cat", "--image", "none.png"], "There is no picture none.png"),
    (["a", "A cat", "--image", "../outside.png"], "lies outside the project"),
    (["../x", "A cat", "--new"], "no name for a set"),
])  # fmt: skip
def test_what_cannot_be_added_is_said_and_nothing_written(project, arguments, said):
    (project.parent / "outside.png").write_bytes(PNG)
    before = files_in(project)
    ended = run("add", *arguments, folder=project)
    assert ended.returncode == 2
    assert said in ended.stderr
    assert files_in(project) == before


def test_an_id_that_is_taken_is_refused(project):
    path = project / "prompts" / "b.csv"
    path.write_text("id,text_prompt\nx,A\n")
    assert run("add", "b", "A cat", "--set", "id=x", folder=project).returncode == 2
    assert run("add", "b", "A cat", "--set", "id=y", folder=project).stdout.endswith(":y\n")
    assert path.read_text() == "id,text_prompt\nx,A\ny,A cat\n"


def test_processes_that_add_to_one_set_at_once_lose_no_row(project):
    wanted = [f"{letter} {number}" for letter in "xyz" for number in range(6)]
    processes = [
        subprocess.Popen(
            [*COMMAND, "add", "a", text], cwd=project, env=clean_environment(project),
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        )
        for text in wanted
    ]  # fmt: skip
    said = [process.communicate()[0].strip() for process in processes]
    assert [process.returncode for process in processes] == [0] * len(wanted)
    texts = set_texts(project, "a")
    assert sorted(texts[2:]) == sorted(wanted)
    rows = dict(zip(said, wanted, strict=True))
    assert [rows[f"prompts/a.csv:{n}"] for n in range(3, 21)] == texts[2:], "each said its own row"


# import and export


def test_files_become_sets(project):
    (project / "list.txt").write_text("A man\nA dog\n")
    (project / "more.jsonl").write_text('{"prompt": "A cat", "seed": 3, "id": 9}\n{}\n')
    ended = run("import", "list.txt", "more.jsonl", folder=project)
    assert ended.returncode == 0
    assert "list.txt (text, one prompt a line): 2 rows into new prompts/list.csv." in ended.stdout
    assert "left out: line 1: the key id, which sets know nothing of" in ended.stdout
    assert "left out: line 2: neither a text nor an object" in ended.stdout
    assert (project / "prompts" / "more.csv").read_text() == "text_prompt,seed\nA cat,3\n"
    refused = run("import", "list.txt", folder=project)
    assert refused.returncode == 2
    assert "--into list" in refused.stderr


def test_rows_join_a_set_once(project):
    (project / "new.csv").write_text(
        "id,text_prompt,mood,seed\n7,A cat,sad,1\n8,A fox,,2\n9,A cat,glad,3\n"
    )
    before = (project / "prompts" / "a.csv").read_bytes()
    ended = run("import", "new.csv", "--into", "a", "--json", folder=project)
    (found,) = json.loads(ended.stdout)["files"]
    assert (found["rows"], found["is_new"]) == (3, False)
    reasons = {one["reason"]: one["first"] for one in found["left_out"]}
    assert reasons == {"ids, which would not be unique": "id", "unknown columns": "mood"}
    after = (project / "prompts" / "a.csv").read_bytes()
    header, *rest = before.splitlines()
    assert after == header + b",seed\n" + b"".join(row + b",\n" for row in rest) + (
        b"A cat,,,1\nA fox,,,2\nA cat,,,3\n"
    )
    again = run("import", "new.csv", "--into", "a", folder=project)
    assert again.returncode == 1
    assert "in the set already" in again.stdout
    assert (project / "prompts" / "a.csv").read_bytes() == after


def test_pictures_come_along_when_asked_for(project):
    other = project.parent / "other"
    other.mkdir()
    (other / "x.png").write_bytes(PNG)
    (other / "set.csv").write_text(
        "text_prompt,image_path\nA man,x.png\nA dog,../project/none.png\nA cat,/etc/passwd\n"
    )
    ended = run("import", "../other/set.csv", folder=project)
    assert ended.stdout.count("(--copy-images brings them in)") == 1
    with (project / "prompts" / "set.csv").open() as stream:
        assert [row["image_path"] for row in csv.DictReader(stream)] == ["", "", ""]
    (project / "prompts" / "set.csv").unlink()
    ended = run("import", "../other/set.csv", "--copy-images", folder=project)
    with (project / "prompts" / "set.csv").open() as stream:
        rows = [row["image_path"] for row in csv.DictReader(stream)]
    assert rows == ["../images/set/x.png", "", ""]
    assert (project / "images" / "set" / "x.png").read_bytes() == PNG
    assert "passwd" in ended.stdout
    assert not list(project.rglob("passwd"))


def test_one_bad_file_does_not_stop_the_others(project):
    (project / "good.txt").write_text("A man\n")
    (project / "deep.json").write_text("[" * 100_000)
    ended = run("import", "deep.json", "good.txt", folder=project)
    assert ended.returncode == 1
    assert "nested too deeply" in ended.stderr
    assert set_texts(project, "good") == ["A man"]


def test_the_published_sets_go_in_and_out(project):
    run("import", ROOT / "prompts" / "five-seconds.csv", folder=project)
    texts = set_texts(project, "five-seconds")
    assert len(texts) > 5
    out = run(
        "export", "five-seconds", "--to", "published", "--variant", "960x960_5s", "-o", "out.csv",
        folder=project,
    )  # fmt: skip
    assert out.returncode == 0, out.stderr
    with (project / "out.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert set(rows[0]) <= {"text_prompt", "image_path"}
    assert all("<AUDCAP>" not in row["text_prompt"] for row in rows)
    again = run("import", "out.csv", "--into", "five-seconds", folder=project)
    assert f"1 and {len(texts) - 1} more" in again.stdout or "row" in again.stdout


def test_exports_go_to_stdout_and_never_over_a_file(project):
    for name, beginning in (
        ("csv", "text_prompt,"),
        ("tsv", "text_prompt\t"),
        ("json", "["),
        ("jsonl", "{"),
        ("txt", "A man"),
        ("published", "text_prompt,i"),
    ):
        ended = run("export", "a", "--to", name, folder=project)
        assert ended.returncode == 0
        assert ended.stdout.startswith(beginning)
    (project / "out.csv").write_text("mine")
    refused = run("export", "a", "--to", "csv", "-o", "out.csv", folder=project)
    assert (refused.returncode, (project / "out.csv").read_text()) == (2, "mine")
    assert (
        run("export", "a", "--to", "csv", "-o", "out.csv", "--force", folder=project).returncode
        == 0
    )
    assert (project / "out.csv").read_text().startswith("text_prompt,")
    assert "no format 'xml'" in run("export", "a", "--to", "xml", folder=project).stderr


def test_exported_pictures_are_found_from_the_new_place(project):
    (project / "images" / "x.png").write_bytes(PNG)
    (project / "prompts" / "b.csv").write_text("text_prompt,image_path\nA man,../images/x.png\n")
    run("export", "b", "--to", "jsonl", "-o", "deep/er/b.jsonl", folder=project)
    row = json.loads((project / "deep" / "er" / "b.jsonl").read_text())
    assert row["image_path"] == "../../images/x.png"
    run("export", "b", "--to", "published", "-o", "deep/b.csv", folder=project)
    assert (project / "deep" / "b.csv").read_text().splitlines()[1] == "A man,images/x.png"


@pytest.mark.parametrize("arguments", [
    ["sets"], ["stats"], ["add", "a", "A cat"], ["export", "a", "--to", "json"],
    ["import", "list.txt"], ["init"],
])  # fmt: skip
def test_nothing_heavy_is_imported(project, arguments):
    (project / "list.txt").write_text("A man\n")
    code, modules = modules_after(*arguments, folder=project)
    assert code == 0
    assert not modules & HEAVY
